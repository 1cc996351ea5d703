"""Email and short messages: adapters of the ports EmailSender and SmsSender."""
