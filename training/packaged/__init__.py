"""What is built on networks that others have trained: their graphs, and heads on their features."""
