"""Claims about this quarter."""
