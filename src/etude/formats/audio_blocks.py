"""A sound that is written as it is made: block after block, so that hours need no more memory than a block."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from etude.formats.audio import sound_writer


def write_blocks(blocks: Iterable[np.ndarray], rate: int, path: Path | str) -> int:
    """Write a sound that comes in blocks; the file appears whole or not at all.

    Parameters
    ----------
    blocks : iterable of Float32[t]
        Samples in [-1, 1]; each block is asked for when the one before has been written.
    rate : int
        Samples per second.
    path : Path or str
        Its suffix names the format: .wav, .flac (16 bit), .ogg or .mp3.

    Returns
    -------
    int
        Samples written.

    Raises
    ------
    EtudeError
        Another format, or a rate that MP3 does not know.
    """
    written = 0
    with sound_writer(path, rate) as file:
        for block in blocks:
            file.write(block)
            written += len(block)
    return written
