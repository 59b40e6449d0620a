"""`etude harmonise`: three voices for a melody, which stays as it is."""

from __future__ import annotations

import argparse
from pathlib import Path

from etude.cli import composing

BRIEF = "set a melody in four voices"
ABOUT = "Set a melody in four voices. It stays note for note, in its own key, tempo and metre, above all that is added."
EXAMPLES = """\
examples:
  etude harmonise melody.mid --out chorale.mid
  etude harmonise hymn.abc --out chorale.svg --seed 3 --among 5
  etude harmonise bass.mid --melody bass --out chorale.mp3
  etude harmonise choir.musicxml --track 0 --out another.musicxml

In Python: etude.harmonise(score)."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("file", type=Path, metavar="MELODY", help="a file of notes, one at a time")
    parser.add_argument("--melody", default="soprano", metavar="VOICE", help="soprano (default), alto, tenor or bass")
    parser.add_argument("--track", type=int, help="which track is the melody (from 0); the others are left out")
    composing.arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Read, harmonise, write."""
    from etude import harmonise

    composing.checked(given)
    score = composing.read_score(given.file)
    own = score if given.track is None else score.part(given.track)
    options = composing.settings(given, "melody")
    return composing.answered(given, lambda: harmonise(own, **options), own)
