"""Which tone is a spectrum? A tone's partials lie at whole multiples of its fundamental.

The comb of a pitch is 1 in the bands that hold its first partials and 0 elsewhere; a spectrum's match with it is their
correlation. The best of many combs always matches somewhat, so the match is shown beside that of the same numbers in
bands shuffled by chance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

PARTIALS = 6
PITCHES = range(43, 85)  # G2, below which mel bands cannot tell semitones apart, to C6


def partials_table(spectra: np.ndarray, frequencies: np.ndarray, pitches: Sequence[int] = PITCHES, seed: int = 0):
    """Return the pitch whose partials each spectrum matches best, one row a spectrum.

    Parameters
    ----------
    spectra : Float[F, U]
        U spectra over F bands.
    frequencies : Float[F]
        Centre of each band in hertz, rising.
    pitches : sequence of int
        MIDI pitches to choose from.
    seed : int
        Of the shuffled bands.

    Returns
    -------
    pandas.DataFrame
        `unit`, `pitch` (MIDI), `match` (correlation with the comb, 1 at most), `by_chance` (the best match of the
        spectrum with its bands shuffled).
    """
    import pandas as pd

    combs = _unit_length(np.stack([comb(pitch, frequencies) for pitch in pitches], axis=1))
    shuffled = np.random.default_rng(seed).permuted(spectra, axis=0)
    matches, chance = (combs.T @ _unit_length(some) for some in (spectra, shuffled))  # (pitches, U)
    best = matches.argmax(axis=0)
    return pd.DataFrame(
        {
            "unit": np.arange(spectra.shape[1]),
            "pitch": np.asarray(pitches)[best],
            "match": matches.max(axis=0),
            "by_chance": chance.max(axis=0),
        }
    )


def comb(pitch: int, frequencies: np.ndarray) -> np.ndarray:
    """Return 1.0 in the bands Float64[F] nearest to the first partials of a MIDI pitch, as far as there are bands."""
    partials = 440 * 2 ** ((pitch - 69) / 12) * np.arange(1, PARTIALS + 1)
    partials = partials[partials <= frequencies[-1]]
    teeth = np.zeros(len(frequencies))
    teeth[np.abs(frequencies[:, None] - partials).argmin(axis=0)] = 1
    return teeth


def _unit_length(columns: np.ndarray) -> np.ndarray:
    """Return the columns less their means, of length 1; a constant one becomes zero."""
    centred = columns - columns.mean(axis=0)
    return centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-12)
