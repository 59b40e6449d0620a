"""Generation as machine code, made by numba: no Python between two samples of sound. Imported when it is used."""
