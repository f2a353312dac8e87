"""Image -> how rare it is, with the evidence."""
