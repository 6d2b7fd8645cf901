"""Centres as people see them: where they are, when they are open."""
