"""`etude corpora`: what there is to learn from, with sources, licences, counts and digests."""

from __future__ import annotations

import argparse


def add(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "corpora",
        help="list the corpora: source, licence, counts, digest",
        description="List the corpora of the study. The first call parses them (a minute); later ones are quick.",
        epilog="examples:\n  etude corpora\n  etude corpora chorales",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="CORPUS", help="only these")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Print a block for each corpus."""
    from etude.corpora import overview
    from etude.errors import unknown_name

    rows = {row["name"]: row for row in overview()}
    for name in given.names:
        if name not in rows:
            raise unknown_name("corpus", name, rows)
    print("\n\n".join(_block(row) for name, row in rows.items() if not given.names or name in given.names))
    return 0


def _block(row: dict) -> str:
    facts = {key: value for key, value in row.items() if key not in ("name", "title") and value not in (None, "", {})}
    width = max(map(len, facts), default=0)
    title = f"{row['name']}: {row['title']}" if row.get("title") else row["name"]
    return "\n".join([title, *(f"  {key:<{width}}  {_said(value)}" for key, value in facts.items())])


def _said(value) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_said(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_said, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
