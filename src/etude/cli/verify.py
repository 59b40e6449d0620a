"""`etude verify`: do the committed numbers hold? From shipped weights, and by running short chapters again."""

from __future__ import annotations

import argparse
import sys

from etude.cli.command import positive

BRIEF = "recompute the committed numbers and compare them one by one"
ABOUT = "Recompute the committed numbers from shipped weights, by counting, and by running short chapters again."
EXAMPLES = """\
examples:
  etude verify                    the whole committed study: minutes, printed part by part
  etude verify 11_rnn 12          what can be recomputed of these chapters
  etude verify --weights          shipped models and floors only
  etude verify 11_rnn --rerun     run a chapter again with its own budget, however long its fits take

A part that was verified is kept under reports/runs/verify while code, packages, weights and committed numbers stay the
same: a second call goes on where the first one stopped (--again recomputes all). What may differ: timings, memory and
speeds, which are left out by their names; a number that is the mean of several seeds, of which one ships, has to lie
within the spread that its row states; and the last digits where another processor or thread count adds in another
order, so numbers are compared to one part in a million. Status is 1 where a number differs."""
SHOWN = 10  # of a part's numbers that differ


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="11_rnn, 11 or rnn; none: all of them")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--weights", action="store_true", help="only what shipped models and counting give")
    how.add_argument("--rerun", action="store_true", help="only by running chapters again")
    parser.add_argument("--jobs", type=positive, metavar="N", help="parts at once (default: one a core)")
    parser.add_argument("--again", action="store_true", help="recompute what was verified before, too")


def run(given: argparse.Namespace) -> int:
    """Verify, part by part; return 1 where something differs."""
    from etude.errors import MissingData
    from etude.study import verify
    from etude.study.environment import cores
    from etude.study.notebook import all_notebooks, find_notebook
    from etude.study.verdicts import citation
    from etude.study.weights import committed

    named = sorted({find_notebook(name).stem for name in given.notebooks})
    chapters = [name for name in named or all_notebooks() if name in committed()]
    if not chapters:
        raise MissingData("committed summaries to verify", f"none of {', '.join(named) or 'any chapter'}")
    verdicts = []
    if not given.rerun:
        some = verify.parts(chapters)
        verdicts += [_told(verdict) for verdict in verify.recomputed(some, given.jobs or cores(), given.again)]
    if not given.weights:
        again = chapters if given.rerun and named else verify.short_chapters(chapters)
        verdicts += [_told(verdict) for verdict in verify.rerun(again, given.jobs, given.again)] if again else []
    if not verdicts:
        raise MissingData(
            "something to recompute", f"no shipped model of {', '.join(chapters)}, and long fits", "Add --rerun."
        )
    print("Left out: timings, memory, speeds. Of several seeds one ships: its number lies within their spread.")
    print(citation(chapters, verdicts))
    return 1 if any(verdict.differing for verdict in verdicts) else 0


def _told(verdict):
    print(verdict, flush=True)
    for line in verdict.differing[:SHOWN]:
        print(f"  {line}", flush=True)
    if len(verdict.differing) > SHOWN:
        print(f"  ... and {len(verdict.differing) - SHOWN} more", flush=True)
    if verdict.notes:
        print(f"  seen or heard otherwise: {'; '.join(verdict.notes[:SHOWN])}", file=sys.stderr, flush=True)
    return verdict
