"""Wrong answers beyond the named misconceptions; every check must reject all of them."""
