"""`etude results`: what runs found and what they cost, a row per run; as a table by `--out`."""

from __future__ import annotations

import argparse
from pathlib import Path

BRIEF = "a row per run: parameters, headline numbers, cost; CSV"
ABOUT = "Show what the committed chapters and the runs under reports/runs found and what they cost, a row per run."
EXAMPLES = """\
examples:
  etude results                          all runs, the committed chapters first
  etude results quick                    one run
  etude results committed --out all.csv  as a table, a column for each parameter and number

A headline number is one that a chapter keeps by name, or a code length of its test split that is no floor's. In Python,
after `from etude import study`, `study.results("quick")` is the same table as a DataFrame."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("names", nargs="*", metavar="RUN", help="a run, or `committed`; none: all of them")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write the table here, and print nothing of it")


def run(given: argparse.Namespace) -> int:
    """Print or write the rows."""
    from etude.errors import EtudeError, MissingData
    from etude.files import replacing
    from etude.study.outcomes import results, rows_of, shown

    if given.out is not None and given.out.suffix.lower() != ".csv":
        raise EtudeError("the name of a table, for example results.csv", repr(str(given.out)), "Give it the end .csv.")
    rows = list(rows_of(*given.names))
    if not rows:
        raise MissingData("a finished run", f"none of {', '.join(given.names) or 'any name'}", "Run one: etude run 11.")
    if given.out is None:
        print("\n".join(shown(row) for row in rows))
        return 0
    table = results(*given.names)
    with replacing(given.out) as new:
        table.to_csv(new, index=False, errors="backslashreplace")
    print(f"{len(table)} runs, {len(table.columns)} columns: {given.out}")
    return 0
