"""`etude corpora`: what there is to learn from, with sources, licences, counts and digests."""

from __future__ import annotations

import argparse
from itertools import groupby
from textwrap import fill

BRIEF = "list the corpora: source, licence, counts, digest"
ABOUT = "List the corpora of the study. The first call parses them (a minute); later ones are quick."
EXAMPLES = """\
examples:
  etude corpora
  etude corpora chorales"""

SPLITS = ("train", "valid", "test", "reserve")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("names", nargs="*", metavar="CORPUS", help="only these")


def run(given: argparse.Namespace) -> int:
    """Print the table of counts, then what each corpus is."""
    from etude.corpora import overview
    from etude.errors import unknown_name
    from etude.files import from_checkout
    from etude.registry import CORPORA

    known = sorted(CORPORA.keys() - {"folder"})
    for name in given.names:
        if name not in known:
            raise unknown_name("corpus", name, known)
    from_checkout("data/splits")
    rows = overview(given.names or known).to_dict("records")
    print(_counts(rows))
    for title, group in groupby(rows, key=lambda row: row["title"]):
        print("\n" + _block(title, list(group)))
    return 0


def _counts(rows: list[dict]) -> str:
    width = max(len(row["name"]) for row in rows)
    lines = [f"{'corpus':<{width}}" + "".join(f"{split:>9}" for split in SPLITS) + "  state"]
    for row in rows:
        counts = "".join(f"{_count(row[split]):>9}" for split in SPLITS)
        lines.append(f"{row['name']:<{width}}{counts}  {row['state']}")
    return "\n".join(lines)


def _count(value) -> str:
    return f"{int(value):,}" if isinstance(value, int) else ""


def _block(title: str, rows: list[dict]) -> str:
    digests = [f"{row['name']} {row['digest']}" for row in rows if isinstance(row["digest"], str)]
    facts = [("source", rows[0]["source"]), ("licence", rows[0]["licence"]), *(("sha256", text) for text in digests)]
    return "\n".join([title, *(_fact(name, text) for name, text in facts)])


def _fact(name: str, text: str) -> str:
    return fill(text, 110, initial_indent=f"  {name:<8}", subsequent_indent=" " * 10, break_on_hyphens=False)
