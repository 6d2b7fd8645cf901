"""Where services are given: the centres, and when they are open."""
