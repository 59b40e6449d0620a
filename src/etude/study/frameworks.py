"""The framework of a run: a parameter of the notebooks that run on several, which no cell of theirs names.

A notebook says in its metadata, `etude.frameworks`, on which it runs. The one that a run asks for
(`-p framework=...`) is a part of the job like any other parameter; it reaches the kernel as `ETUDE_FRAMEWORK`, which
`etude.model` asks where it is told no framework.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass

from etude.errors import unknown_name
from etude.models.halves import CHOICE
from etude.study.parameters import Parameter, UnknownEntry

NAME = "framework"


@dataclass(frozen=True)
class Choice(Parameter):
    """A parameter that takes one of some names."""

    among: tuple[str, ...] = ()

    def check(self, value: object) -> object:
        """Return the value, or raise EtudeError."""
        if value not in self.among:
            raise UnknownEntry(*unknown_name(self.name, str(value), self.among).args)
        return value


def framework_parameter(names: Sequence[str]) -> Choice:
    """Return the parameter of a notebook that runs on these frameworks."""
    return Choice(NAME, names[0], "that computes the models", ("str",), tuple(names))


def tell(environment: MutableMapping[str, str], parameters: dict) -> None:
    """Name the framework of a job, if it has one, to the kernel; whatever the caller's shell says does not count."""
    environment.pop(CHOICE, None)
    if NAME in parameters:
        environment[CHOICE] = parameters[NAME]


def heard(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the framework that a kernel was told, for the record of its run; nothing where it was told none."""
    return {NAME: environment[CHOICE]} if CHOICE in environment else {}
