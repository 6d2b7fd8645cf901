"""Claims about this floor."""
