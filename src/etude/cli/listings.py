"""`etude listings`: bring what the committed chapters list of the package up to date, as one does with prose."""

from __future__ import annotations

import argparse

BRIEF = "show definitions in the chapters as they are now"
ABOUT = "Bring the listings of committed notebooks up to date. No notebook runs."
EXAMPLES = """\
examples:
  etude listings                all chapters, in seconds
  etude listings 11_rnn
  etude listings --check        say which are old, and change nothing"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="11_rnn, 11 or rnn; none: all of them")
    parser.add_argument("--check", action="store_true", help="change nothing, return 1 where a listing is old")


def run(given: argparse.Namespace) -> int:
    """Refresh or check; return the exit status."""
    from etude.files import project_root
    from etude.study.listings import refresh_listings, with_listings
    from etude.study.notebook import all_notebooks, find_notebook, read_notebook
    from etude.study.summary import summary_path

    paths = [find_notebook(name) for name in given.notebooks] or list(all_notebooks().values())
    if given.check:
        old = [path.stem for path in paths if with_listings(content := read_notebook(path).content) != content]
        print(f"old listings in: {', '.join(old)}" if old else f"{len(paths)} notebooks: listings are current")
        return 1 if old else 0
    changed = [path.stem for path in paths if refresh_listings(path, summary_path(project_root(), path.stem))]
    print(f"{len(paths)} notebooks: listings refreshed in {', '.join(changed) or 'none, all were current'}")
    return 0
