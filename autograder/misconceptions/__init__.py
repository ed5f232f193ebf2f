"""What goes wrong: one module per lesson, of named wrong answers, each with a hint that points and does not tell."""
