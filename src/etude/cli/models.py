"""`etude models`: which trained models there are, what each learnt from, and what it costs a second of music."""

from __future__ import annotations

import argparse

from etude.cli.saved_models import Saved, saved_models

BRIEF = "list the trained models: data, steps, bits, size"
ABOUT = "List the trained models that `etude generate` can use, as they describe themselves."
EXAMPLES = """\
examples:
  etude models                what comes with the study, and what your runs have saved
  etude models --from quick   those of one run"""
HEADS = ("model", "reads and writes", "learnt from", "steps", "bits", "size", "chapter", "where")
UNITS = {"bits_per_second": "a second", "bits_per_sample": "a sample"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("--from", dest="source", metavar="RUN", help="a run's name or a folder (default: all)")


def run(given: argparse.Namespace) -> int:
    """Print the table."""
    there = saved_models(given.source)
    if not there:
        print("None yet: etude run 11_rnn trains some.")
        return 0
    rows = [HEADS, *(_row(one) for one in there)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    for row in rows:
        print("  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _row(one: Saved) -> tuple[str, ...]:
    made = one.made_by
    size = sum(path.stat().st_size for path in one.folder.iterdir() if path.is_file())
    return (
        one.name,
        one.representation or "?",
        ", ".join(made.get("corpora", {})) or "?",
        _steps(made),
        bits_of(one),
        f"{size / 1e6:.1f} MB",
        str(made.get("notebook", "?")),
        one.home,
    )


def _steps(made: dict) -> str:
    for fact, unit in (("steps", ""), ("samples_seen", " samples")):
        if isinstance(made.get(fact), int):
            return f"{made[fact]:,}{unit}"
    return ""


def bits_of(one: Saved) -> str:
    """Return what the model was measured to need, as it or the summary of its run says; "" if unknown."""
    said = {unit: one.made_by.get(unit) for unit in UNITS} | _in_summary(one)
    told = [f"{value:.2f} {UNITS[unit]}" for unit, value in said.items() if isinstance(value, int | float)]
    return told[0] if told else ""


def _in_summary(one: Saved) -> dict:
    """Return the rates of the model's row in its chapter's summary, that of the table `test` first."""
    from etude.files import project_root
    from etude.study.shapes import ANY, Of, read_if_sound
    from etude.study.summary import summary_path

    root = project_root() if one.shipped else one.folder.parent.parent
    summary = read_if_sound(summary_path(root, str(one.made_by.get("notebook"))), {"tables": Of([ANY])})
    tables = sorted(summary["tables"].items(), key=lambda table: table[0] != "test") if summary else []
    rows = [row for _, rows in tables for row in rows]
    ours = {"model": one.label, "representation": one.representation}
    found = [row for row in rows if isinstance(row, dict) and ours.items() <= row.items() and UNITS.keys() & row.keys()]
    return {unit: found[0].get(unit) for unit in UNITS} if found else {}
