"""The recordings of a folder as codes of a waveform: each file is decoded, mixed, resampled and coded in blocks.

Workers make the codes of files side by side, each a minute of sound at a time; they end in one store, which is mapped
(`etude.corpora.code_store`). Neither a worker nor the caller ever holds a recording whole.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from etude.corpora.code_store import store_path, stored
from etude.corpora.folder_entries import Limits, Source
from etude.corpora.sandbox import in_order, read_all
from etude.files import cache_dir
from etude.representations.waveform import Waveform

CODER = "etude.corpora.folder_reader:code_sound"
BLOCK = 2**22  # codes that are copied at once

Recordings = dict[str, tuple[Source, float]]  # by sha256: the file and its seconds


def coded_recordings(
    recordings: Recordings, waveform: Waveform, limits: Limits, progress: Callable | None = None
) -> dict[str, np.ndarray]:
    """Return the codes UInt[T] of each recording by its sha256, mapped; the first call makes them.

    Parameters
    ----------
    recordings : dict of sha256 to (Source, seconds)
    waveform : Waveform
    limits : Limits
        Seconds of work count for each hour of the longest recording.
    progress : callable, optional
        Takes answers and their number, and gives the answers back.
    """
    recordings = dict(sorted(recordings.items()))
    folder = store_path("folder", f"{list(recordings)} {waveform.options}")
    return stored(folder, waveform.dtype, _made(recordings, waveform, limits, progress))


def _made(recordings: Recordings, waveform, limits: Limits, progress) -> Iterator[tuple[str, Iterator[np.ndarray]]]:
    hours = max((seconds for _, seconds in recordings.values()), default=0.0) / 3600
    with tempfile.TemporaryDirectory(prefix="codes-", dir=cache_dir()) as room:
        files = [Path(room, sha256) for sha256 in recordings]
        sources = [source for source, _ in recordings.values()]
        tasks = [(str(source.path), waveform.options, str(file)) for source, file in zip(sources, files, strict=True)]
        answers = read_all(CODER, tasks, limits.workers, limits.seconds * max(1.0, hours), limits.memory)
        answers = progress(answers, len(tasks)) if progress else answers
        for file, _ in zip(files, in_order(answers), strict=True):
            yield file.name, _blocks(file, waveform.dtype)
            file.unlink()


def _blocks(file: Path, dtype: np.dtype) -> Iterator[np.ndarray]:
    with file.open("rb") as codes:
        while len(block := np.fromfile(codes, dtype, BLOCK)):
            yield block
