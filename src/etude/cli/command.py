"""How a command is added: what it does, help that teaches by example, and what runs it."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def command(
    commands, name: str, run: Callable[[argparse.Namespace], int], brief: str, about: str, examples: str
) -> argparse.ArgumentParser:
    """Add a command and return its parser, for its arguments.

    Parameters
    ----------
    commands
        The subparsers of `etude`.
    name : str
    run : callable
        Given the parsed arguments, returns the exit status.
    brief, about, examples : str
        A line in the list of commands; the opening of the command's help; its end, which begins with "examples:".
    """
    raw = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(name, help=brief, description=about, epilog=examples, formatter_class=raw)
    parser.set_defaults(run=run)
    return parser
