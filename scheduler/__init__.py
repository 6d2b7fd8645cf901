"""Time speaks: what the clock does, and nothing that people do."""
