"""Leakage: pieces that are scored although their melody was learnt, in another setting.

A hymn that Bach set twice may have one setting in train and one in test. The two differ in their harmony, so a split
by pieces keeps them apart, but the melody of the second is no longer new. Here the melody of a held-out piece is the
highest sounding pitch class at every step: of the soprano at every quarter of a chorale, of all keys in every frame of
the benchmark. Its *share* is the part of it that stands in one training piece, in any key and after the best alignment
(`etude.evaluation.melody_alignment`). A piece *leaks* where its share is `THRESHOLD` or more. That is above chance: the
same melodies played backwards, which nobody set, reach a share of .69 at most in the chorales and the four sets of the
benchmark. `data/README.md` has the counts.

The marked pieces stay in the test split. What is claimed of the whole split stands beside the same number on the pieces
that do not leak, the *clean* subset.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from etude.corpora.base import Corpus
from etude.evaluation.intervals import Interval, rate_interval, unpaired_difference
from etude.evaluation.melody_alignment import found_again, top_pitch_classes
from etude.files import cache_dir
from etude.kept import kept, read_arrays, write_arrays
from etude.types import Piece

THRESHOLD = 0.75
THRESHOLDS = (0.75, 0.8, 0.9)
VOICE = {"chorales": 0}  # corpora whose melody has a track of its own
STEPS = {"polyphonic": 1}  # ticks from step to step where it is not a quarter


class Shares(NamedTuple):
    """How much of each piece's melody one training piece holds, and which: the first of those that hold most."""

    names: tuple[str, ...]
    sources: tuple[str, ...]
    shares: np.ndarray  # Float64[N]


class Gap(NamedTuple):
    """A rate on the clean pieces, on those that leak, and the first minus the second, each with its interval."""

    clean: Interval
    leaked: Interval
    difference: Interval


def melody_shares(corpus: Corpus, split: str = "test") -> Shares:
    """Return, for each piece of a split, the training piece that holds most of its melody; kept once computed."""
    pieces, train = corpus.load(split), corpus.load("train")
    found = _kept_shares(_melodies(corpus, pieces), _melodies(corpus, train))
    sources = tuple(train[nearest].name for nearest in found.argmax(axis=1))
    return Shares(tuple(piece.name for piece in pieces), sources, found.max(axis=1))


def leaked(corpus: Corpus, split: str = "test", threshold: float = THRESHOLD) -> np.ndarray:
    """Return which pieces of a split leak, Bool[N], in the order in which the corpus gives them."""
    return melody_shares(corpus, split).shares >= threshold


def clean(corpus: Corpus, split: str = "test", threshold: float = THRESHOLD) -> tuple[Piece, ...]:
    """Return the pieces of a split that do not leak."""
    pairs = zip(corpus.load(split), leaked(corpus, split, threshold), strict=True)
    return tuple(piece for piece, leaks in pairs if not leaks)


def clean_gap(bits: Sequence[float], amounts: Sequence[float], leaks: np.ndarray) -> Gap:
    """Return the rate sum(bits) / sum(amounts) on the clean pieces and on the leaking ones, and how far apart they are.

    Parameters
    ----------
    bits, amounts : Float[N]
        One of each per piece, as for `rate_interval`.
    leaks : Bool[N]
        From `leaked`. A difference whose interval lies above 0 says that the melodies heard before were easier; one
        that holds 0 does not tell the two parts apart. Both must hold a piece.
    """
    bits, amounts = np.asarray(bits, float), np.asarray(amounts, float)
    parts = [(bits[marks], amounts[marks]) for marks in (~np.asarray(leaks), np.asarray(leaks))]
    return Gap(*(rate_interval(*part) for part in parts), unpaired_difference(*parts[0], *parts[1]))


def clean_table(lengths: Mapping[str, Sequence[float]], amounts: Sequence[float], leaks: np.ndarray):
    """Return the rates of several models on all pieces and on the clean ones, with the interval of the gap.

    Parameters
    ----------
    lengths : mapping of model to Float[N]
        A code length per piece, in bits or nats.
    amounts : Float[N]
        Seconds, notes or frames of each piece.
    leaks : Bool[N]

    Returns
    -------
    pandas.DataFrame
        One row a model: all, low, high; clean, clean_low, clean_high; leaked; gap (clean minus leaked), gap_low,
        gap_high; clean_pieces. What cannot be told, because no piece leaks or all do, is NaN.
    """
    import pandas as pd

    rows, amounts, leaks = {}, np.asarray(amounts, float), np.asarray(leaks, bool)
    for name, values in lengths.items():
        row = {**_columns("all", rate_interval(values, amounts)), "clean_pieces": int((~leaks).sum())}
        if not leaks.any():
            row |= _columns("clean", rate_interval(values, amounts))
        elif not leaks.all():
            gap = clean_gap(values, amounts, leaks)
            row |= _columns("clean", gap.clean) | {"leaked": gap.leaked.value} | _columns("gap", gap.difference)
        rows[name] = row
    order = ["all", "low", "high", "clean", "clean_low", "clean_high", "leaked", "gap", "gap_low", "gap_high"]
    return pd.DataFrame.from_dict(rows, orient="index").reindex(columns=[*order, "clean_pieces"])


def leakage_table(corpora: Mapping[str, Corpus], split: str = "test", thresholds: Sequence[float] = THRESHOLDS):
    """Return how many pieces leak, one row per corpus.

    Columns: pieces, chance (the largest share that any of the melodies reaches when played backwards), then at each
    threshold the pieces that leak (`leak_at_0.75`), and share, of all pieces, at the lowest of them.
    """
    import pandas as pd

    rows = {}
    for name, corpus in corpora.items():
        held_out, train = (_melodies(corpus, corpus.load(part)) for part in (split, "train"))
        shares = _kept_shares(held_out, train).max(axis=1)
        backwards = _kept_shares([melody[::-1] for melody in held_out], train).max()
        counts = {f"leak_at_{threshold:g}": int((shares >= threshold).sum()) for threshold in sorted(thresholds)}
        share = float((shares >= min(thresholds)).mean())
        rows[name] = {"pieces": len(shares), "chance": float(backwards), **counts, "share": share}
    return pd.DataFrame.from_dict(rows, orient="index")


def shares_frame(corpus: Corpus, splits: Sequence[str] = ("valid", "test")):
    """Return name, split, nearest training piece and share of every held-out piece: `data/splits/*_melodies.csv`."""
    import pandas as pd

    parts = []
    for split in splits:
        names, sources, shares = melody_shares(corpus, split)
        parts.append(pd.DataFrame({"name": names, "split": split, "nearest": sources, "share": shares.round(3)}))
    return pd.concat(parts, ignore_index=True)


def _columns(name: str, rate: Interval) -> dict[str, float]:
    before = "" if name == "all" else f"{name}_"
    return {name: rate.value, f"{before}low": rate.low, f"{before}high": rate.high}


def _melodies(corpus: Corpus, pieces: Sequence[Piece]) -> list[np.ndarray]:
    track = VOICE.get(corpus.name)
    return [
        top_pitch_classes(piece.score, STEPS.get(corpus.name, piece.score.ticks_per_quarter), track) for piece in pieces
    ]


def _kept_shares(melodies: list[np.ndarray], train: list[np.ndarray]) -> np.ndarray:
    digest = hashlib.sha256()
    for part in (melodies, train):
        for melody in part:
            digest.update(f"{len(melody)}|".encode() + np.ascontiguousarray(melody).tobytes())
        digest.update(b"||")
    path = cache_dir() / f"melody-shares-{digest.hexdigest()[:16]}.npz"
    return kept(path, _read, partial(_write, melodies=melodies, train=train))


def _read(path: Path) -> np.ndarray | None:
    arrays = read_arrays(path)
    return None if arrays is None else arrays["shares"]


def _write(path: Path, melodies: list[np.ndarray], train: list[np.ndarray]) -> None:
    write_arrays(path, {"shares": found_again(melodies, train)})
