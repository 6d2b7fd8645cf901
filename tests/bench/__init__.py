"""Ratios against named peers in one run: never a bare number, always with its spread."""
