"""`etude status`: how the committed chapters and all runs stand."""

from __future__ import annotations

import argparse
from pathlib import Path

from etude.cli.command import short

BRIEF = "say what is current, stale and why, failed where, running since when"
ABOUT = "Say how the committed chapters and the runs under reports/runs stand, from the files that they left."
EXAMPLES = """\
examples:
  etude status               the committed chapters, and every run: counts, and all that is not current
  etude status quick         one run, job by job
  etude status committed     the committed chapters, one by one

Status is 1 where something failed. What is stale, failed or was stopped comes with the command that runs just that."""
MARKS = {"current": "=", "stale": "~", "failed": "✗", "running": "▸", "waiting": "·", "stopped": "■", "missing": "?"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("names", nargs="*", metavar="RUN", help="a run, or `committed`; none: all of them")


def run(given: argparse.Namespace) -> int:
    """Show the batches; return 1 where something failed."""
    from etude.study.batches import chosen, committed_states, states

    failed = False
    for name, folder in chosen(given.names).items():
        found = committed_states() if folder is None else states(folder)
        failed |= any(state.state == "failed" for state in found)
        print(_head(name, folder, found))
        for state in found:
            if given.names or state.state != "current":
                print(_lines(state))
    return 1 if failed else 0


def _head(name: str, folder: Path | None, found: list) -> str:
    from etude.study.batches import STATES

    states = [state.state for state in found]
    counted = ", ".join(f"{states.count(state)} {state}" for state in STATES if state in states) or "nothing"
    return f"{name} ({short(folder) if folder else 'notebooks/, reports/summaries'}): {counted}"


def _lines(state) -> str:
    line = f"  {MARKS[state.state]} {state.job}  {state.state}{': ' if state.detail else ''}{state.detail}"
    log = f"\n      log: {short(state.log)}" if state.log and state.log.is_file() else ""
    return line + log + (f"\n      again: {state.again}" if state.again else "")
