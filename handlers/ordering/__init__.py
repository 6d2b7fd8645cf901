"""Ordering services and answering offers."""
