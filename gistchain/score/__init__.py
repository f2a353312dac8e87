"""Images and texts -> numbers."""
