"""Named wrong answers to lesson 04, each with a hint that points and does not tell."""
