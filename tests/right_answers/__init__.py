"""Right answers in several styles; every check must accept all of them."""
