"""Sound of any length as codes: what streaming a file costs in memory, beside reading it whole.

Memory is the peak of what Python and NumPy allocate (`tracemalloc`), in megabytes of 10^6 bytes; what libsndfile and
libsoxr hold besides is a few blocks, whatever the file.
"""

from __future__ import annotations

import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np

from etude.errors import EtudeError
from etude.formats.audio import read_audio, write_audio
from etude.types import Audio, Piece


def streaming_table(representation, audio: Audio, minutes: Iterable[float], whole_up_to: float = 10.0):
    """Return what it takes to encode files of growing length, streamed and read whole.

    Parameters
    ----------
    representation : Waveform or Spectrogram
        Anything with `stream(path)`.
    audio : Audio
        Written over and over, as FLAC, to make up each length.
    minutes : iterable of float
    whole_up_to : float
        Longest file, in minutes, that is also read whole.

    Returns
    -------
    pandas.DataFrame
        `minutes`; `steps`; `streamed` and `whole`, the peaks of memory in megabytes; `equal`, whether both ways give
        the same codes (`whole` and `equal` are missing for files that were not read whole); `real_time`, seconds of
        sound encoded in a second, streamed, while memory is not watched.
    """
    import pandas as pd

    if not len(audio):
        raise EtudeError("a sound of at least one sample", "none")
    rows = []
    with tempfile.TemporaryDirectory(prefix="etude-") as room:
        for length in minutes:
            path = write_audio(_repeated(audio, round(60 * length * audio.rate)), Path(room, "long.flac"))
            rows.append({"minutes": length, **_row(representation, path, length <= whole_up_to)})
            rows[-1]["real_time"] = 60 * length / rows[-1].pop("seconds")
    return pd.DataFrame(rows)


def _row(representation, path: Path, whole: bool) -> dict:
    steps, streamed = _peak(lambda: sum(len(codes) for codes in representation.stream(path)))
    started = time.perf_counter()
    for _ in representation.stream(path):
        pass
    row = {"steps": steps, "seconds": time.perf_counter() - started, "streamed": streamed}
    if not whole:
        return {**row, "whole": np.nan, "equal": None}
    x, at_once = _peak(lambda: representation.encode(Piece("long", audio=read_audio(path))))
    ends = np.cumsum([0, *(len(codes) for codes in representation.stream(path))])
    blocks = zip(pairwise(ends), representation.stream(path), strict=True)
    return {**row, "whole": at_once, "equal": all(np.array_equal(x[a:b], codes) for (a, b), codes in blocks)}


def _repeated(audio: Audio, samples: int) -> Audio:
    return Audio(np.resize(audio.samples, samples), audio.rate)


def _peak(call: Callable):
    """Return what a call returns, and the most megabytes it held beyond those before."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        result = call()
        return result, (tracemalloc.get_traced_memory()[1] - before) / 1e6
    finally:
        tracemalloc.stop()
