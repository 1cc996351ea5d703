"""One module per CLI command; each has a click command of its own."""
