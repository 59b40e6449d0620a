"""Models by energies of single frames: the restricted Boltzmann machine."""
