"""The PyTorch halves of the models: networks and their steps, NumPy in and out."""
