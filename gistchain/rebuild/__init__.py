"""Gist -> image."""
