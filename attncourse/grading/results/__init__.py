"""What is made of records: journal and gradebook, and what people read."""
