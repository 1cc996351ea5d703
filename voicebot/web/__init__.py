"""The console and API of the bank's staff: what was said, decided and stored, and what is said now."""
