"""The SIP simulator: customers' phones and the carrier between them and the bot (docs/testers-guide.md)."""
