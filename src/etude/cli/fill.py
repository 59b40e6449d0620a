"""`etude fill`: some bars, or some voices, of a piece written anew."""

from __future__ import annotations

import argparse
from pathlib import Path

from etude.cli import composing
from etude.errors import EtudeError

BRIEF = "write some bars or voices of a piece anew"
ABOUT = "Write some bars of a piece anew, or some voices, or both. All that begins outside of the hole stays as it is."
EXAMPLES = """\
examples:
  etude fill piece.mid --from 8 --to 16 --out filled.mid
  etude fill chorale.mid --voice alto --out other_alto.svg
  etude fill chorale.mid --from 5 --to 6 --keep soprano --among 5 --out filled.mp3
  etude fill waltz.mid --from 3 --to 4 --meter 3/4 --pickup 1 --out filled.musicxml

Voices are tracks, counted from 0, or of four voices soprano, alto, tenor and bass. In Python:
etude.fill(score, bars=(8, 16))."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("file", type=Path, metavar="PIECE", help="a file of notes")
    parser.add_argument("--from", dest="first", type=int, metavar="BAR", help="first bar of the hole, counted from 1")
    parser.add_argument("--to", dest="last", type=int, metavar="BAR", help="its last bar (default: the first)")
    parser.add_argument("--voice", dest="voices", action="append", default=[], help="written anew; may be repeated")
    parser.add_argument("--keep", action="append", default=[], metavar="VOICE", help="stays; may be repeated")
    parser.add_argument("--meter", default="", help="such as 3/4 (default: the file's own, else 4/4)")
    upbeat = "an upbeat before bar 1 (default: the file's own)"
    parser.add_argument("--pickup", type=float, metavar="QUARTERS", help=upbeat)
    composing.arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Read, fill, write."""
    from etude import fill

    composing.checked(given)
    composing.check("--pickup of 0 to 16 quarters", 0 <= (given.pickup or 0) <= 16, given.pickup)
    if given.first is None and (given.last is not None or not (given.voices or given.keep)):
        raise EtudeError("a hole", "none", "Name its bars (--from 8 --to 16), its voices (--voice alto), or both.")
    bars = None if given.first is None else (given.first, given.first if given.last is None else given.last)
    score = composing.read_score(given.file)
    options = composing.settings(given, "voices", "keep", "meter", "pickup")
    return composing.answered(given, lambda: fill(score, bars, **options), score)
