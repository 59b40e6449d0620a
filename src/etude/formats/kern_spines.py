"""The columns of a Humdrum file: which spine each field of a line belongs to (D. Huron, "The Humdrum Toolkit", 1995).

Spines are split (`*^`), joined (`*v`), exchanged (`*x`), added (`*+`) and ended (`*-`) while a file runs. A line has
as many fields as there are spines then: a line that has not is refused, so that no field is read for another.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby

from etude.errors import UnreadableFile

_MANIPULATORS = {"*^", "*v", "*x", "*+", "*-"}
MOST_SPINES = 1000
LINE_END = re.compile(r"\r\n?|\n")


@dataclass
class Spine:
    """A column: what it represents, of which original spine it is a part, and until when its last event lasts.

    A spine that is fresh has had no event of its own, so its first may begin while its parent's last one lasts.
    """

    kind: str
    track: int
    until: Fraction = Fraction(0)
    fresh: bool = False


def lines(text: str) -> Iterator[tuple[int, list[Spine], list[str]]]:
    """Yield (number of the line, spines, their fields) of the data and interpretation lines; raises UnreadableFile."""
    spines: list[Spine] | None = None
    tracks = 0
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        if not line.strip() or line.startswith("!"):
            continue
        fields = line.removesuffix("\n").split("\t")
        if spines is None:
            spines, tracks = [Spine(field, k) for k, field in enumerate(fields)], len(fields)
            _check_opening(fields, number)
            continue
        if not spines:
            raise UnreadableFile(
                "one piece in a kern file", f"another after its end, in line {number}", "Split the file."
            )
        if len(fields) != len(spines):
            got = f"{len(fields)} fields for {len(spines)} spines in line {number}"
            raise UnreadableFile("a field for each spine", got, "Mend the line, or export the piece as MusicXML.")
        if _MANIPULATORS & set(fields):
            spines, tracks = _moved(spines, fields, tracks, number)
            continue
        if len({field[:1] in "*=" and field[:1] for field in fields}) > 1:
            raise UnreadableFile(
                "a line of one sort", f"others beside {fields[0][:40]!r} in line {number}", "Mend the line."
            )
        for spine, field in zip(spines, fields, strict=True):
            spine.kind = field if field.startswith("**") else spine.kind
        yield number, spines, fields
    if spines is None:
        raise UnreadableFile("a kern file, whose first line names its spines", "none", "Export it as MusicXML.")
    if spines:
        got = f"{len(spines)} that go on where it is cut off"
        raise UnreadableFile("a kern file whose spines all end, by *-", got, "Copy it again.")


def _check_opening(fields: list[str], number: int) -> None:
    if not all(field.startswith("**") for field in fields) or len(fields) > MOST_SPINES:
        raise UnreadableFile("a line that names the spines, as **kern", f"{fields[0][:40]!r} in line {number}")
    if "**kern" not in fields:
        got = ", ".join(sorted(set(fields)))[:80]
        raise UnreadableFile("a spine of **kern", got, "Export the piece as MusicXML.")


def _moved(spines: list[Spine], fields: list[str], tracks: int, number: int) -> tuple[list[Spine], int]:
    """Return the spines after a line of manipulators, and how many tracks there have been."""
    after: list[Spine] = []
    pairs = list(zip(spines, fields, strict=True))
    exchanged = [k for k, field in enumerate(fields) if field == "*x"]
    if len(exchanged) not in (0, 2):
        raise UnreadableFile("two spines that change places", f"{len(exchanged)} *x in line {number}", "Mend the line.")
    if exchanged:
        first, second = exchanged
        pairs[first], pairs[second] = pairs[second], pairs[first]
    for joined, group in groupby(pairs, key=lambda pair: pair[1] == "*v"):
        if joined:
            after += _joined([spine for spine, _ in group], number)
            continue
        for spine, field in group:
            copies = {"*^": 2, "*-": 0}.get(field, 1)
            after += [replace(spine, fresh=spine.fresh or copy > 0) for copy in range(copies)]
            if field == "*+":
                after.append(Spine("", tracks, spine.until, fresh=True))
                tracks += 1
    if len(after) > MOST_SPINES:
        raise UnreadableFile(f"at most {MOST_SPINES} spines", f"{len(after)} in line {number}")
    return after, tracks


def _joined(spines: list[Spine], number: int) -> list[Spine]:
    """Join neighbours that are parts of one spine; where some spine would be left alone, all of them."""
    groups = [list(group) for _, group in groupby(spines, key=lambda spine: spine.track)]
    if any(len(group) == 1 for group in groups):
        groups = [spines]
    if any(len(group) == 1 for group in groups) or len({spine.kind for spine in spines}) > 1:
        raise UnreadableFile("spines of one kind side by side that join", f"others in line {number}", "Mend the line.")
    latest = [max(group, key=lambda spine: (not spine.fresh, spine.until)) for group in groups]
    return [replace(spine, track=group[0].track) for group, spine in zip(groups, latest, strict=True)]
