"""How a command is added, and what several of them take and show alike."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import ModuleType


def command(commands, name: str, module: ModuleType) -> None:
    """Add a command.

    Parameters
    ----------
    commands
        The subparsers of `etude`.
    name : str
    module : module
        With `BRIEF`, a line in the list of commands; `ABOUT`, the opening of the command's help; `EXAMPLES`, its end,
        which begins with "examples:"; `arguments`, given the command's parser; and `run`, which is given the parsed
        arguments and returns the exit status.
    """
    parser = commands.add_parser(
        name,
        help=module.BRIEF,
        description=module.ABOUT,
        epilog=module.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.arguments(parser)
    parser.set_defaults(run=module.run)


def positive(text: str) -> int:
    """Return a whole number of at least 1, as the `type` of an argument."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1, not {text!r}")
    return int(text)


def short(path: Path) -> str:
    """Return a path as it is seen from where the command runs, if it lies there."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
