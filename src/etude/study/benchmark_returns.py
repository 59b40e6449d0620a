"""What of a benchmark piece has been heard before: earlier in the piece itself, or in a training piece.

A frame *returns* where the `RUN` frames before it stand once more, earlier in the piece, key for key: a model that
looks up its past then has something to find. A frame is *known* where they stand in a training piece, in any key. Both
are told from the past alone, never from the frame itself, so neither says that the frame is easy: what follows may be
new. A run in which fewer than half of the frames differ is a held chord or a rest, and counts as neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from etude.errors import EtudeError

RUN = 8  # frames


def returning(pieces: Sequence[np.ndarray], run: int = RUN) -> list[np.ndarray]:
    """Return, for each piece Int[T, 88], which of its frames return, Bool[T]."""
    return [_in_piece(roll, run) for roll in pieces]


def known(pieces: Sequence[np.ndarray], train: Sequence[np.ndarray], run: int = RUN) -> list[np.ndarray]:
    """Return, for each piece Int[T, 88], before which of its frames a run of a training piece stands, Bool[T]."""
    heard = {found for roll in train for _, found in _runs(roll, run, any_key=True)}
    marks = []
    for roll in pieces:
        marks.append(np.zeros(len(roll), bool))
        for t, found in _runs(roll, run, any_key=True):
            marks[-1][t] = found in heard
    return marks


def music_table(data: Mapping[str, Mapping[str, Sequence[np.ndarray]]], splits: Sequence[str] = ("valid", "test")):
    """Return what the pieces of several sets are like, one row a set and split.

    Columns: set, split, pieces, frames, longest (frames of the longest piece), keys (that sound at once), moves (share
    of frames unlike the one before), new (share of frames whose set of keys is in no training frame), returns and
    known (shares of frames).
    """
    import pandas as pd

    rows = []
    for name, of_split in data.items():
        chords = {frame.tobytes() for roll in of_split["train"] for frame in _packed(roll)}
        for split in splits:
            pieces = of_split[split]
            frames = np.concatenate(pieces)
            moves = np.concatenate([(roll[1:] != roll[:-1]).any(axis=1) for roll in pieces])
            new = [frame.tobytes() not in chords for roll in pieces for frame in _packed(roll)]
            row = {"set": name, "split": split, "pieces": len(pieces), "frames": len(frames)}
            row |= {"longest": max(map(len, pieces)), "keys": frames.sum() / len(frames)}
            row |= {"moves": moves.mean() if len(moves) else np.nan, "new": np.mean(new)}
            row["returns"] = np.concatenate(returning(pieces)).mean()
            rows.append(row | {"known": np.concatenate(known(pieces, of_split["train"])).mean()})
    return pd.DataFrame(rows)


def returns_table(nats: Mapping[str, Sequence[np.ndarray]], pieces: Sequence[np.ndarray]):
    """Return the nats per frame of several models on the frames that return and on the others.

    Parameters
    ----------
    nats : mapping of model to a sequence of Float[T]
        Nats of every frame of every piece.
    pieces : sequence of Int[T, 88]

    Returns
    -------
    pandas.DataFrame
        One row a model: share (of frames that return), returning and others in nats per frame, NaN where there is no
        such frame.
    """
    import pandas as pd

    marks = np.concatenate(returning(pieces))
    rows = []
    for name, values in nats.items():
        if [len(some) for some in values] != [len(roll) for roll in pieces]:
            raise EtudeError("the nats of every frame of every piece", f"other lengths of {name!r}")
        joined = np.concatenate(values)
        parts = {"returning": joined[marks], "others": joined[~marks]}
        means = {part: some.mean() if len(some) else np.nan for part, some in parts.items()}
        rows.append({"row": name, "share": marks.mean(), **means})
    return pd.DataFrame(rows)


def _in_piece(roll: np.ndarray, run: int) -> np.ndarray:
    marks, heard = np.zeros(len(roll), bool), set()
    for t, found in _runs(roll, run, any_key=False):
        marks[t] = found in heard
        heard.add(found)
    return marks


def _runs(roll: np.ndarray, run: int, *, any_key: bool) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield (t, the run of frames before frame t), frames as numbers; in any key: counted from the run's highest."""
    frames = [int.from_bytes(frame.tobytes(), "big") for frame in _packed(roll)]
    for t in range(run, len(frames)):
        before = tuple(frames[t - run : t])
        if len(set(before)) >= run / 2:
            yield t, _from_highest(before) if any_key else before


def _from_highest(before: tuple[int, ...]) -> tuple[int, ...]:
    keys = 0
    for frame in before:
        keys |= frame
    unused = (keys & -keys).bit_length() - 1
    return tuple(frame >> unused for frame in before)


def _packed(roll: np.ndarray) -> np.ndarray:
    return np.packbits(np.asarray(roll, np.uint8), axis=1)
