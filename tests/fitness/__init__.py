"""What keeps the tree as docs/design.md wants it."""
