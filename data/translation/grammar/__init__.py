"""The synchronous grammar: what a sentence means is drawn once, and each language says it in its own way."""
