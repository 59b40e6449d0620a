"""How a command is added: what it does, help that teaches by example, and what runs it."""

from __future__ import annotations

import argparse
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
