"""Which side each piece of a folder stands on: by content, by rank where there are few, in time where there is one.

A draw by content sends every file where its digest says, so that copies stay together and a new file moves no old one.
Of ten files it leaves a side empty in half of all draws; then the files are ranked by their digests, and each side gets
its share, one at least. Fewer files than sides are cut: a score by sections of bars, a recording in time, with a gap
between the sides, so that nothing that is tested was heard in passing. What was done is said in words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np

from etude.corpora.folder_entries import Entry
from etude.types import ONSET, Score

SECTIONS = 40  # into which a long score is cut
SHORTEST, LONGEST = 4, 16  # bars of a section, where there are enough
FEWEST = 12  # bars of a score that is cut
GAP = 0.02  # of a recording between two sides, `GAP_SECONDS` at most
GAP_SECONDS = 2.0
CUTS, SHORTEST_CUT, LONGEST_CUT = 4, 2.0, 60.0  # pieces of each side of a recording, and their seconds


class Division(NamedTuple):
    """The entries, some of them cut; the side of each by its name; and what was done, in a sentence or two."""

    entries: list[Entry]
    side: dict[str, str]
    words: str


def divided(
    entries: list[Entry], shares: Sequence[float], sides: Sequence[str], score_of: Callable[[Entry], Score]
) -> Division:
    """Return the division of entries; of equal entries and shares the same, whatever the files are called.

    Parameters
    ----------
    shares, sides : sequences of float, str
        How much of the music each side gets, and its name.
    score_of : callable
        Reads an entry's score, of those few that are cut.
    """
    wanted = [side for side, share in zip(sides, shares, strict=True) if share > 0]
    contents = sorted({entry.content for entry in entries})
    if contents and len(contents) < len(wanted):
        return _cut_in_time(entries, shares, sides, score_of)
    drawn = {content: _drawn(content, shares, sides) for content in contents}
    words = "Split by content: copies stay together, and a new file moves no old one."
    counts = {side: list(drawn.values()).count(side) for side in sides}
    fair = {side: max(1, round(0.6 * share * len(contents))) for side, share in zip(sides, shares, strict=True)}
    if contents and any(counts[side] < fair[side] for side in wanted):
        drawn = dict(zip(contents, _ranked(len(contents), shares, sides), strict=True))
        words = "Split by rank of content, since a draw leaves one side too little; new files may move old ones."
    return Division(entries, {entry.name: drawn[entry.content] for entry in entries}, words)


def _drawn(content: str, shares: Sequence[float], sides: Sequence[str]) -> str:
    place = int(content[:13], 16) / 16**13  # uniform in [0, 1)
    return next((side for side, edge in zip(sides, accumulate(shares), strict=True) if place < edge), sides[-1])


def _ranked(n: int, shares: Sequence[float], sides: Sequence[str]) -> list[str]:
    """Return a side for each of n places, at least one for each that has a share; the largest share takes the rest."""
    counts = [max(1, round(share * n)) if share > 0 else 0 for share in shares]
    largest = int(np.argmax(shares))
    counts[largest] = n - sum(counts) + counts[largest]
    while counts[largest] < 1:  # few places, even shares
        counts[int(np.argmax(counts))] -= 1
        counts[largest] += 1
    return [side for side, count in zip(sides, counts, strict=True) for _ in range(count)]


def _cut_in_time(entries, shares, sides, score_of) -> Division:
    found, side, said = [], {}, set()
    for entry in entries:
        if entry.parts > 1 and entry.part:  # of a recording that was cut for its length: the first stands for all
            continue
        sound = entry.source.kind == "audio"
        cuts = _recording(entry, shares, sides) if sound else _score(entry, score_of(entry), shares, sides)
        said.add("short" if not cuts else "sound" if sound else "score")
        found += [one for one, _ in cuts] or [entry]
        side |= {one.name: where for one, where in cuts} or {entry.name: sides[int(np.argmax(shares))]}
    words = {
        "score": "Each score was cut by bars: its sections stand on the sides in the order of time, a bar apart.",
        "sound": "Each recording was cut in time: first what is learnt from, then the other sides, with gaps.",
        "short": "Too little music for all sides: what is too short to be cut stands on one, and others may be empty.",
    }
    return Division(sorted(found), side, " ".join(words[one] for one in sorted(said)))


def _recording(entry: Entry, shares, sides) -> list[tuple[Entry, str]]:
    """Return the cuts of a recording, each with its side."""
    seconds, cuts, begin = entry.seconds * entry.parts, [], 0.0
    gap = min(GAP * seconds, GAP_SECONDS)
    for side, end in zip(sides, accumulate(share * seconds for share in shares), strict=True):
        start, begin = begin + (gap if begin else 0.0), end
        if end - start < SHORTEST_CUT / 2:
            continue
        n = max(1, round((end - start) / np.clip((end - start) / CUTS, SHORTEST_CUT, LONGEST_CUT)))
        edges = np.linspace(start, end, n + 1)
        cuts += [(_spanned(entry, f"@{a:.0f}-{b:.0f}s", a, b, b - a), side) for a, b in pairwise(edges.tolist())]
    return cuts if _on_all(cuts, shares) else []


def _score(entry: Entry, score: Score, shares, sides) -> list[tuple[Entry, str]]:
    """Return the sections of a score that hold notes, each with its side."""
    bar, upbeat = score.ticks_of_a_bar, score.ticks_of_the_pickup  # an upbeat belongs to the first section
    bars = -(-(score.length - upbeat) // bar)
    size = int(np.clip(round(bars / SECTIONS), SHORTEST, LONGEST)) if bars >= 10 * SHORTEST else max(2, bars // 10)
    heard = np.unique((score.notes[:, ONSET] - upbeat).clip(min=0) // (bar * size))
    if bars < FEWEST or len(heard) < sum(share > 0 for share in shares):
        return []
    cuts, before = [], None
    for k, side in zip(heard.tolist(), _ranked(len(heard), shares, sides), strict=True):
        first = k * size + (before not in (None, side) and size > 1)  # the bar between two sides is left out
        last, before = min((k + 1) * size, bars), side
        begin, end = upbeat + first * bar if first else 0, upbeat + last * bar
        if len(score.excerpt(begin, end)):
            seconds = (end - begin) / score.ticks_per_quarter * 60 / score.bpm
            cuts.append((_spanned(entry, f"@bars{first + 1}-{last}", begin, end, seconds), side))
    return cuts if _on_all(cuts, shares) else []


def _on_all(cuts, shares) -> bool:
    return len({side for _, side in cuts}) == sum(share > 0 for share in shares)


def _spanned(entry: Entry, name: str, begin: float, end: float, seconds: float) -> Entry:
    whole = entry.name.rpartition("#")[0] if entry.parts > 1 else entry.name
    return entry._replace(name=whole + name, span=(begin, end), seconds=seconds, parts=1)
