"""Residents, relatives and staff: who they are, whom they may act for, how they can be reached."""
