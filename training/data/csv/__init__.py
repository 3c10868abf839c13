"""CSV: its delimiter and header, its numbers, and what is wrong in which cell."""
