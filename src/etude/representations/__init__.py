"""Ways to turn a piece into an integer array and back: one representation, one file. They know no models."""
