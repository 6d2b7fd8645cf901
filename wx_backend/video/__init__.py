"""Carrying a family call, where WeChat does not."""
