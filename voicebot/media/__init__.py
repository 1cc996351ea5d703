"""Sound on its way: what is sent, what is kept."""
