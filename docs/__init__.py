"""What is drawn and written for those who work on the course; see `architecture.md`."""
