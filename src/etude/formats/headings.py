"""What a text of music says at its head: its title and its first metre. ABC, MusicXML and kern; total.

Neither moves a note, so both are looked up in the text and never doubted: what cannot be read is not there.
"""

from __future__ import annotations

import re
from html import unescape
from typing import NamedTuple

_TITLE = re.compile(
    r"^T:[ \t]*(?P<abc>.+?)[ \t]*$"
    r"|<(?:work-title|movement-title)>\s*(?P<xml>[^<]+?)\s*</"
    r"|^!!!OTL[^:\n]*:[ \t]*(?P<kern>.+?)[ \t]*$",
    re.MULTILINE,
)
_METRE = re.compile(
    r"^M:[ \t]*(?P<abc>C\||C|\d{1,2}[ \t]*/[ \t]*\d{1,2})[ \t]*(?:%.*)?$"
    r"|<beats>\s*(?P<beats>\d{1,2})\s*</beats>\s*<beat-type>\s*(?P<unit>\d{1,2})\s*</beat-type>"
    r"|^(?:[^\t\n]*\t)*\*M(?P<kern>\d{1,2}/\d{1,2})(?=[\t\r\n]|$)",
    re.MULTILINE,
)
_SIGNS = {"C": "4/4", "C|": "2/2"}
LONGEST_TITLE = 200
READ = 2**20  # characters in which a heading is looked for


class Heading(NamedTuple):
    """A title, "" where there is none, and (beats, unit) of a metre."""

    title: str
    meter: tuple[int, int] | None


def heading(text: str) -> Heading:
    """Return title and metre of a text of ABC (its first tune), MusicXML or kern.

    >>> heading("X:1\\nT:The Kid on the Mountain\\nM:9/8\\nK:Em\\n")
    Heading(title='The Kid on the Mountain', meter=(9, 8))
    """
    title, metre = _TITLE.search(text[:READ]), _METRE.search(text[:READ])
    named = next(filter(None, title.groups()), "") if title else ""
    return Heading(" ".join(unescape(named).split())[:LONGEST_TITLE], _meter(metre) if metre else None)


def _meter(found: re.Match) -> tuple[int, int] | None:
    stated = found["abc"] or found["kern"] or f"{found['beats']}/{found['unit']}"
    beats, unit = (int(part) for part in _SIGNS.get(stated, stated).split("/"))
    return (beats, unit) if beats and unit in (1, 2, 4, 8, 16, 32) else None
