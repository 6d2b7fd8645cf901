"""Receipts and other things WeChat tells us about what we sent."""
