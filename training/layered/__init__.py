"""Models of collections as layers, fitted without a neural network."""
