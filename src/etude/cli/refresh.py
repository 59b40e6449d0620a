"""`etude refresh`: bring what the committed chapters list and conclude up to date, as one does with prose."""

from __future__ import annotations

import argparse
from pathlib import Path

BRIEF = "show definitions and conclusions in the chapters as they are now"
ABOUT = "Bring the listings and conclusions of committed notebooks up to date. No notebook runs."
EXAMPLES = """\
examples:
  etude refresh                all chapters, in seconds
  etude refresh 11_rnn
  etude refresh --check        say which are old, and change nothing"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="11_rnn, 11 or rnn; none: all of them")
    parser.add_argument("--check", action="store_true", help="change nothing, return 1 where something is old")


def run(given: argparse.Namespace) -> int:
    """Refresh or check; return the exit status."""
    from etude.study.conclusions import refresh_conclusions
    from etude.study.listings import refresh_listings
    from etude.study.notebook import all_notebooks, find_notebook

    paths = [find_notebook(name) for name in given.notebooks] or list(all_notebooks().values())
    if given.check:
        old = [path.stem for path in paths if _is_old(path)]
        print(f"old in: {', '.join(old)}" if old else f"{len(paths)} notebooks are current")
        return 1 if old else 0
    changed = []
    for path in paths:
        done = [refresh(path, _summary(path)) for refresh in (refresh_listings, refresh_conclusions)]
        changed += [path.stem] if any(done) else []
    print(f"{len(paths)} notebooks: refreshed {', '.join(changed) or 'none, all were current'}")
    return 0


def _summary(path: Path) -> Path:
    from etude.files import project_root
    from etude.study.summary import summary_path

    return summary_path(project_root(), path.stem)


def _is_old(path: Path) -> bool:
    from etude.study.conclusions import conclusions, with_conclusions
    from etude.study.listings import with_listings
    from etude.study.notebook import read_notebook
    from etude.study.shapes import SUMMARY, read_shaped

    notebook = read_notebook(path)
    if with_listings(notebook.content) != notebook.content:
        return True
    if not conclusions(notebook):
        return False
    said = read_shaped(_summary(path), SUMMARY, f"a summary of {notebook.name}")
    return with_conclusions(notebook, said, _summary(path)) != (notebook.content, said)
