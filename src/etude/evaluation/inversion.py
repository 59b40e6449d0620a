"""What a spectrogram costs and what comes back from it: stft, mel and cqt side by side."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import numpy as np

from etude.representations.spectrogram import Spectrogram
from etude.types import Audio, Piece

CONFIGURATIONS = (  # from many entries a second to few, at 8 kHz
    {"scale": "cqt", "per_octave": 48, "hop": 64},
    {"scale": "cqt", "per_octave": 48, "hop": 128},
    {"scale": "stft", "n_fft": 1024, "hop": 256},
    {"scale": "stft", "n_fft": 512, "hop": 128},
    {"scale": "stft", "n_fft": 1024, "hop": 512},
    {"scale": "mel", "bins": 256, "hop": 256},
    {"scale": "cqt", "per_octave": 36, "hop": 256},
    {"scale": "mel", "bins": 256, "hop": 512},
    {"scale": "mel", "bins": 128, "hop": 256},
    {"scale": "mel", "bins": 128, "hop": 512},
    {"scale": "mel", "bins": 64, "hop": 256},
)


def compare_scales(audio: Audio | Sequence[Audio], configurations: Iterable[dict] = CONFIGURATIONS):
    """Return a table of what spectrograms keep of one sound or several.

    Parameters
    ----------
    audio : Audio or sequence of Audio
    configurations : iterable of dict
        Options of `Spectrogram`.

    Returns
    -------
    pandas.DataFrame
        A row for each configuration: `scale`, `n_fft` (0 for cqt), `hop`, `bins`; `entries_per_second`, and
        `kbit_per_second` if all levels were equally likely; `spectral_convergence`, `log_spectral_distance_db` and
        `quantisation_db` of `Spectrogram.loss`, means over the sounds; `round_trip_real_time`: seconds of
        sound encoded, decoded and compared in a second.
    """
    import pandas as pd

    sounds = [audio] if isinstance(audio, Audio) else list(audio)
    return pd.DataFrame([_row(Spectrogram(**options), sounds) for options in configurations])


def _row(spectrogram: Spectrogram, sounds: list[Audio]) -> dict:
    started = time.perf_counter()
    losses = [spectrogram.loss(Piece("sound", audio=sound)) for sound in sounds]
    seconds = time.perf_counter() - started
    entries = spectrogram.bins * spectrogram.space.rate
    return {
        "scale": spectrogram.scale,
        "n_fft": 0 if spectrogram.scale == "cqt" else spectrogram.options["n_fft"],
        "hop": spectrogram.hop,
        "bins": spectrogram.bins,
        "entries_per_second": entries,
        "kbit_per_second": entries * np.log2(spectrogram.levels) / 1000,
        **{
            measure: float(np.mean([loss[measure] for loss in losses]))
            for measure in ("spectral_convergence", "log_spectral_distance_db", "quantisation_db")
        },
        "round_trip_real_time": sum(sound.seconds for sound in sounds) / seconds,
    }
