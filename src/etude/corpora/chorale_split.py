"""How the chorales were divided: a chorale takes the side of the published benchmark piece that it is.

1. A work that rows of the benchmark's concordance name takes their split. Where rows disagree, test beats valid, and
   valid beats train.
2. Harmonisations that are 70 % equal or more stay on one side, by the same order; a work outside the benchmark joins
   its sibling. Equal means: the same pitches together on a quarter, after the best shift in time and transposition.
3. Every other work is `reserve`.

`derive_split` states the rules; the table it gave is kept in ``data/splits/chorales.csv``.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path

import numpy as np

from etude.corpora.csv_table import read_table
from etude.errors import MissingData, UnreadableFile
from etude.files import replacing
from etude.types import DURATION, ONSET, PITCH, Score

ORDER = ("test", "valid", "train", "reserve")  # the first beats the rest
SIBLINGS = 0.70
COLUMNS = ("bwv", "split", "why")
_Frame = tuple[tuple[int, ...], int]  # (pitches above the lowest, the lowest)


def read_split(path: Path) -> list[dict[str, str]]:
    """Return the rows {bwv, split, why} of a split table; raises MissingData, or UnreadableFile where it is damaged."""
    if not path.is_file():
        raise MissingData(
            "the split table of the chorales",
            f"none at {path}",
            "Run from a checkout of the project, or set ETUDE_ROOT to one.",
        )
    rows = read_table(path, COLUMNS)
    odd = next((row["split"] for row in rows if row["split"] not in ORDER), None)
    if odd is not None:
        raise UnreadableFile(f"sides among {', '.join(ORDER)} in {path}", repr(odd)[:80], "Restore it as it was.")
    return rows


def write_split(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Write a split table."""
    with replacing(path) as new, new.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def derive_split(
    works: Iterable[str], concordance: Iterable[Mapping[str, str]], siblings: Iterable[tuple[str, str, float]]
) -> list[dict[str, str]]:
    """Return the split table of `works`.

    Parameters
    ----------
    works : names of chorales
    concordance : rows with `split`, `index`, `bwv` (empty where unknown) and `match`
        One per benchmark sequence.
    siblings : triples (work, work, share of equal frames)
        Those below 70 % are ignored.
    """
    rows = {work: {"bwv": work, "split": "reserve", "why": "in no benchmark piece"} for work in works}
    for piece in sorted(concordance, key=lambda piece: ORDER.index(piece["split"]), reverse=True):
        if piece["bwv"] in rows:
            why = f"benchmark {piece['split']} {piece['index']} ({piece['match']})"
            rows[piece["bwv"]].update(split=piece["split"], why=why)
    close = sorted(
        ((a, b, s) for a, b, s in siblings if s >= SIBLINGS and a in rows and b in rows), key=lambda t: -t[2]
    )
    moved = True
    while moved:  # along chains of siblings, until every group is on one side
        moved = False
        for a, b, share in close:
            winner, loser = sorted((a, b), key=lambda work: ORDER.index(rows[work]["split"]))
            if rows[winner]["split"] != rows[loser]["split"]:
                rows[loser].update(split=rows[winner]["split"], why=f"{share:.0%} equal to {winner}")
                moved = True
    return list(rows.values())


def find_siblings(scores: Mapping[str, Score], least: float = SIBLINGS) -> list[tuple[str, str, float]]:
    """Return the pairs of scores that are at least `least` equal, with the share of equal frames."""
    frames = {name: quarter_frames(score) for name, score in scores.items()}
    places = defaultdict(list)  # chord shape -> where it stands
    for name, sequence in frames.items():
        for time, (shape, lowest) in enumerate(sequence):
            if shape:
                places[shape].append((name, time, lowest))
    votes: dict[tuple[str, str], Counter] = defaultdict(Counter)
    for found in places.values():
        for (a, i, low_a), (b, j, low_b) in combinations(found, 2):
            if a != b:
                votes[a, b][j - i, low_b - low_a] += 1
    pairs = []
    for (a, b), counts in votes.items():
        share = similarity(frames[a], frames[b], counts)
        if share >= least:
            pairs.append((a, b, share))
    return pairs


def similarity(a: list[_Frame], b: list[_Frame], counts: Counter) -> float:
    """Return the larger of: equal frames at the best shift over the shorter length, 1 - edit distance over the longer.

    `counts` holds the equal frames for each (shift in time, transposition).
    """
    (_, transposition), equal = counts.most_common(1)[0]
    share = equal / min(len(a), len(b))
    if share < 0.3:  # too little in line for an edit distance to bring it past 70 %
        return share
    moved = [(shape, lowest + transposition) for shape, lowest in a]
    return max(share, 1 - edit_distance(moved, b) / max(len(a), len(b)))


def edit_distance(a: list, b: list) -> int:
    """Return how many insertions, deletions and substitutions turn `a` into `b`."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def quarter_frames(score: Score) -> list[_Frame]:
    """Return the pitches that sound at each quarter, as (intervals above the lowest, the lowest)."""
    beats = np.arange(0, score.length, score.ticks_per_quarter)
    onset, end = score.notes[:, ONSET], score.notes[:, ONSET] + score.notes[:, DURATION]
    frames = []
    for beat in beats:
        pitches = np.unique(score.notes[(onset <= beat) & (beat < end), PITCH])
        lowest = int(pitches[0]) if len(pitches) else 0
        frames.append((tuple(int(pitch) - lowest for pitch in pitches), lowest))
    return frames
