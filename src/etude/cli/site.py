"""`etude site`: a run, or the committed study, as a book of static pages."""

from __future__ import annotations

import argparse
from pathlib import Path

BRIEF = "build the book of a run or of the committed study"
ABOUT = "Build a book of static pages that opens from the disk, without server and network."
EXAMPLES = """\
examples:
  etude site --open                 the committed study, as reports/site/index.html
  etude site --name quick --open    what the last `etude run` made"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("--name", help="a run under reports/runs (default: what is committed)")
    parser.add_argument("--open", action="store_true", help="show it in a browser")


def run(given: argparse.Namespace) -> int:
    """Build the site and say where it is."""
    from etude.study.site import build_site

    folder = named_run(given.name) if given.name is not None else None
    index = build_site(folder)
    print(index)
    if given.open:
        import webbrowser

        webbrowser.open(index.resolve().as_uri())
    return 0


def named_run(name: str) -> Path:
    """Return the folder of a run by its name, which is no path; raises an error that names the nearest."""
    from etude.errors import unknown_name
    from etude.files import runs_dir

    runs = {path.name: path for path in runs_dir().glob("*") if path.is_dir() and not path.name.startswith(".")}
    if name not in runs:
        raise unknown_name("run", name, runs)
    return runs[name]


def run_folder(name: str) -> Path:
    """Return the folder of a run by name or path, or raise an error that names the nearest."""
    from etude.errors import unknown_name
    from etude.files import runs_dir

    runs = runs_dir()
    for folder in (runs / name, Path(name)):
        if folder.is_dir():
            return folder
    raise unknown_name("run", name, [path.name for path in runs.glob("*") if path.is_dir()])
