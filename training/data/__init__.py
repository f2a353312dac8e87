"""Tokens, photos and drawings that may be trained on; what docs/data.md holds out never comes from here by accident."""
