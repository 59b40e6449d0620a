"""Probabilities over the arrays of a `Space`: one family, one file. Models know no music."""
