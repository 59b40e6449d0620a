"""Models that read from left to right: a context and an output distribution."""
