"""Booking, moving and cancelling family calls."""
