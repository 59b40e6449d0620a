"""`etude fetch`: get the data that the study may read but not pass on."""

from __future__ import annotations

import argparse

BRIEF = "download data that étude may not pass on"
ABOUT = "Download data into data/raw (or ETUDE_BENCHMARK), checked against its published digest. Needs a network."
EXAMPLES = """\
examples:
  etude fetch benchmark      the polyphonic sets of Boulanger-Lewandowski et al. (2012)"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("what", choices=["benchmark"], help="what to fetch")


def run(given: argparse.Namespace) -> int:
    """Fetch, and say what is there now."""
    import os

    from etude.corpora.fetch import fetch_benchmark
    from etude.files import from_checkout

    if not os.environ.get("ETUDE_BENCHMARK"):
        from_checkout("data")
    fetch_benchmark()
    return 0
