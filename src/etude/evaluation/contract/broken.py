"""How a check says that a promise is not kept."""

from etude.errors import EtudeError


class BrokenContract(EtudeError, AssertionError):
    """What a representation, a model or a corpus does is not what the contract of all of them says."""


def hold(condition, expected: str, got="something else") -> None:
    """Raise BrokenContract unless `condition` holds."""
    if not condition:
        raise BrokenContract(expected, str(got)[:200])
