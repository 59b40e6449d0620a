"""`etude study DIR`: chapter 41 on a folder of one's own, in one word."""

from __future__ import annotations

import argparse
from pathlib import Path

BRIEF = "the study of a folder of your own music"
ABOUT = (
    "Study a folder of your own music, of notes or of sound: what it is, what machines learn from it, what they write."
)
EXAMPLES = """\
examples:
  etude study ~/music/mine
  etude study recordings --profile full
  etude study tunes -p steps=1000 -p families=rnn,tcn
  etude run 41_your_music --parameters          what can be set after -p

It is `etude run 41_your_music -p path=DIR`: only what is stale runs, and what the folder holds counts, too."""

CHAPTER = "41_your_music"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("folder", metavar="DIR", help="a folder of MIDI, ABC, MusicXML, kern or recordings")
    parser.add_argument("--profile", default="quick", help="smoke, quick (default) or full")
    parser.add_argument(
        "-p", dest="settings", action="append", default=[], metavar="NAME=VALUE", help="another parameter"
    )
    parser.add_argument("--name", help="name of the run's folder (default: made of profile and parameters)")
    parser.add_argument("--force", action="store_true", help="run even if it is current")
    parser.add_argument("--dry-run", action="store_true", help="say whether it would run and why, and run nothing")


def run(given: argparse.Namespace) -> int:
    """Run the chapter on the folder: what `etude run` does when it is asked for that."""
    from etude.cli import run as runs
    from etude.errors import MissingData
    from etude.files import expanded, is_there

    if not is_there(expanded(given.folder), Path.is_dir):
        raise MissingData("a folder of music", f"no folder at {given.folder}", "Check the path.")
    parser = argparse.ArgumentParser()
    runs.arguments(parser)
    settings = [f"path={given.folder}", *given.settings]
    asked = {"notebooks": [CHAPTER], "settings": settings, "jobs": 1}
    return runs.run(argparse.Namespace(**{**vars(parser.parse_args([])), **vars(given), **asked}))
