"""The mechanisms, a file each: fast, documented, and silent about teaching."""
