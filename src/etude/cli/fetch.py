"""`etude fetch`: get the data that the study may read but not pass on."""

from __future__ import annotations

import argparse


def add(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "fetch",
        help="download data that étude may not pass on",
        description="Download data into data/raw (or ETUDE_BENCHMARK), checked against its digest. Needs a network.",
        epilog="examples:\n  etude fetch benchmark      the polyphonic sets of Boulanger-Lewandowski et al. (2012)",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=["benchmark"], help="what to fetch")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Fetch, and say what is there now."""
    import os

    from etude.corpora.fetch import fetch_benchmark
    from etude.files import from_checkout

    if not os.environ.get("ETUDE_BENCHMARK"):
        from_checkout("data")
    fetch_benchmark()
    return 0
