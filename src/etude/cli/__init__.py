"""The command `etude`: run the study, generate music, read the pages.

What a reader can mend (a name, a value, a missing file) is one clear line and exit status 2, never a traceback; a
notebook that failed is status 1; Ctrl-C is 130 and says how to go on.
"""

from __future__ import annotations

import argparse
import io
import sys
from importlib import import_module

from etude import __version__
from etude.cli.command import command
from etude.errors import EtudeError
from etude.places import unwritable

# a module each, imported for its arguments only
COMMANDS = (
    "run",
    "study",
    "generate",
    "harmonise",
    "fill",
    "continue",
    "morph",
    "listening",
    "models",
    "corpora",
    "fetch",
    "site",
    "fits",
    "refresh",
    "probes",
    "status",
    "results",
    "verify",
)
EXAMPLES = """\
examples:
  etude run                                   the whole study, 10 to 20 minutes (profile quick)
  etude run 11_rnn -p representation=text -p steps=50
  etude study ~/music/mine                    the same for a folder of your own, of notes or of sound
  etude generate rnn --representation midi --out song.mid --seed 3
  etude generate wavenet --out sound.wav      samples of sound, written as they are made
  etude harmonise melody.mid --out chorale.svg    a chorale for your melody, which stays as it is
  etude models                                the trained models, what each learnt from and needs
  etude corpora                               what there is to learn from
  etude site --open                           the committed study as a book

`etude COMMAND --help` shows each command by example."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files are bytes, and not every terminal has every letter
        sys.stdout.reconfigure(errors="backslashreplace")
    given = _parser().parse_args(arguments)
    try:
        return given.run(given) or 0
    except EtudeError as error:
        print(f"etude: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("etude: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `etude corpora | head`
        sys.stderr.close()
        return 0
    except OSError as error:  # a full disk, a folder that is not ours: what no part of étude could say better
        print(f"etude: {unwritable(error)}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="etude",
        description="A comparative study of deep learning for music generation.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"etude {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for name in COMMANDS:
        command(commands, name, import_module(f"etude.cli.{name}"))
    return parser


class Parser(argparse.ArgumentParser):
    """An argument parser that takes no shortened options, and complains in one line that says where to find help."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **{**options, "allow_abbrev": False})

    def error(self, message: str):
        self.exit(2, f"{self.prog}: {message}. See `{self.prog} --help`.\n")
