"""The demo: an invented county on real place names, three processes in one command, and the main story."""
