"""Data for finding near-duplicates: registered pictures, their copies, and what only looks like a copy."""
