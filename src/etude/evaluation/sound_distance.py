"""How far sounds are from their originals, between a ceiling and a floor.

Each sound stands for one original. Beside the sets that are asked about stands white noise as loud and as long as the
originals: a distance in decibels says little until one knows what no knowledge at all would get.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from etude.errors import EtudeError
from etude.evaluation.audio_quality import log_spectral_distance, peaks_to_tempered_grid, spectral_convergence
from etude.evaluation.sounds import NOISE, _noises
from etude.types import Audio


def distance_table(
    originals: Sequence[Audio], sounds: Mapping[str, Sequence[Audio]], floor_db: float = -80.0, seed: int = 0
):
    """Return how far each set of sounds is from the originals, one row a set and one for white noise.

    Parameters
    ----------
    originals : sequence of Audio
    sounds : mapping of name to as many Audio
        The sound at place k is held against original k, over the shorter of the two lengths.
    floor_db : float
        Of the log-spectral distance: what lies lower under an original's maximum is not compared. A spectrogram that
        has a floor of its own knows nothing below it.
    seed : int
        Of the noise.

    Returns
    -------
    pandas.DataFrame
        `sound`; the means over the set of `log_spectral_distance` (dB), of `spectral_convergence` and of `cents`
        (`peaks_to_tempered_grid` of the sound itself; a sound without peaks is left out).

    Raises
    ------
    EtudeError
        A set has another number of sounds than there are originals, or there are none.
    """
    import pandas as pd

    if not len(originals):
        raise EtudeError("at least one original", "none")
    for name, those in sounds.items():
        if len(those) != len(originals):
            raise EtudeError(f"a sound for each of {len(originals)} originals", f"{len(those)} in {name!r}")
    sets = {**sounds, NOISE: _noises(originals, seed)}
    return pd.DataFrame([{"sound": name, **_distances(originals, those, floor_db)} for name, those in sets.items()])


def _distances(originals: Sequence[Audio], those: Sequence[Audio], floor_db: float) -> dict[str, float]:
    pairs = list(zip(originals, those, strict=True))
    cents = np.array([peaks_to_tempered_grid(sound) for sound in those])
    known = cents[np.isfinite(cents)]
    return {
        "log_spectral_distance": float(np.mean([log_spectral_distance(*pair, floor_db) for pair in pairs])),
        "spectral_convergence": float(np.mean([spectral_convergence(*pair) for pair in pairs])),
        "cents": float(known.mean()) if len(known) else float("nan"),
    }
