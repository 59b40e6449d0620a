"""`etude listening`: a blind listening test as a page, and the analysis of what listeners answered."""

from __future__ import annotations

import argparse
from pathlib import Path

from etude.cli.generate_checks import check, writing
from etude.errors import EtudeError

BRIEF = "make a blind listening test, or analyse its answers"
ABOUT = "Make a blind listening test: Bach, models, counts and chance, at one loudness and length, in random order."
EXAMPLES = """\
examples:
  etude listening --out test                 a folder: open test/index.html in any browser, no server needed
  etude listening --out test --each 6 --seconds 15 --seed 1
  etude listening --key test/key.json answers-anna.json answers-ben.json

Keep key.json from those who listen. Each listener saves a file of answers; the table says, source by source, how often
it was taken for Bach, and d' with its interval."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("answers", nargs="*", type=Path, metavar="ANSWERS", help="files that listeners saved")
    parser.add_argument("--out", type=Path, metavar="DIR", help="a new folder for the test")
    parser.add_argument("--key", type=Path, metavar="FILE", help="key.json of the test that was answered")
    parser.add_argument(
        "--each", type=int, default=4, help="excerpts of each source, twice as many of Bach (default 4)"
    )
    parser.add_argument("--seconds", type=float, default=12.0, help="of an excerpt (default 12)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another test (default 0)")


def run(given: argparse.Namespace) -> int:
    """Make a test, or analyse one."""
    if (given.out is None) == (given.key is None) or bool(given.answers) != (given.key is not None):
        raise EtudeError("--out DIR, or --key FILE with answers", "neither or both", "See etude listening --help.")
    return _analyse(given) if given.key else _make(given)


def _make(given: argparse.Namespace) -> int:
    from etude.study.listening import excerpts, write_test

    check("--each of 1 to 20", 1 <= given.each <= 20, given.each)
    check("--seconds of 2 to 60", 2 <= given.seconds <= 60, given.seconds)
    check("--seed of at least 0, below 2^63", 0 <= given.seed < 2**63, given.seed)
    with writing(given.out):
        given.out.parent.mkdir(parents=True, exist_ok=True)
        sources = excerpts(given.each, given.seconds, given.seed)
        page = write_test(given.out, sources, given.seconds, given.seed)
    print(
        f"{page}: {sum(map(len, sources.values()))} excerpts of {', '.join(sources)}; the key is in key.json beside it"
    )
    return 0


def _analyse(given: argparse.Namespace) -> int:
    from etude.evaluation.listening import listening_table, read_answers

    print(listening_table(read_answers(given.key, given.answers)).round(3).to_string())
    return 0
