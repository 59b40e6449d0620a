"""`etude probes`: does the code still compute the results that it did? Fits of seconds against committed traces."""

from __future__ import annotations

import argparse
import os

BRIEF = "check that no result moved, by fits of seconds"
ABOUT = "Run small fits of every family, variant and option and compare them with tests/traces.json."
EXAMPLES = """\
examples:
  etude probes                  half a minute; 1 where a result moved, with what to do
  etude probes "rnn lstm"
  etude probes --update         commit the traces of a meant change, its revision raised"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("names", nargs="*", metavar="PROBE", help="none: all of them, half a minute")
    parser.add_argument("--update", action="store_true", help="commit the traces as they are now")


def run(given: argparse.Namespace) -> int:
    """Check or update; return 1 where traces differ."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy loads: the fits are too small to share
    from etude.errors import unknown_name
    from etude.study.probes import PROBES, changes, explain, update

    if given.update:
        written = update()
        print(f"{len(written)} traces written: {', '.join(written) or 'none differ'}")
        return 0
    for name in given.names:
        if name not in PROBES:
            raise unknown_name("probe", name, PROBES)
    changed = list(changes(given.names or None))
    print(explain(changed) if changed else f"{len(given.names or PROBES)} probes: no result moved")
    return 1 if changed else 0
