"""What calls leave behind: SQLite through sqlite-utils, one writer, and the imported portfolio (docs/database.md)."""
