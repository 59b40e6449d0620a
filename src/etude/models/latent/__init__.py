"""Models that give each segment of a piece a latent: the autoencoders."""
