"""The one family of errors that étude raises at its boundaries."""

from difflib import get_close_matches

AGREEMENT = 0.6  # share of two names' letters that must agree for one to be taken for the other


class EtudeError(ValueError):
    """Bad input: says what was expected, what came, and what to do about it.

    Parameters
    ----------
    expected, got : str
        What the caller should have passed and what was passed.
    remedy : str
        One sentence in the imperative.
    """

    def __init__(self, expected: str, got: str, remedy: str = ""):
        self.expected, self.got, self.remedy = expected, got, remedy
        super().__init__(expected, got, remedy)

    def __str__(self) -> str:
        return f"expected {self.expected}; got {self.got}." + (f" {self.remedy}" if self.remedy else "")


class SpaceMismatch(EtudeError):
    """A model and a representation (or an array) do not live in the same space."""


class MissingData(EtudeError):
    """A data set, a file or a trained model is not where it should be."""


class MissingPackage(EtudeError):
    """An optional package is not installed."""


class UnreadableFile(EtudeError):
    """A file could not be turned into music."""


class CorruptCheckpoint(EtudeError):
    """A saved model or checkpoint is damaged, or not one of ours."""


def unknown_name(kind: str, name: str, known) -> EtudeError:
    """Return the error for a name that is not among `known`, with the nearest one as its remedy."""
    known = sorted(known)
    near = nearest(str(name), known)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return EtudeError(f"the name of a {kind}", repr(name), f"{hint}Known: {', '.join(known)}.")


def nearest(name: str, known, most: int = 1) -> list[str]:
    """Return those of `known`, the likeliest first, that `name` may mean: by letters or as a beginning, in any case.

    Most letters must agree, in order; where none of `known` is near, there is nothing to suggest.
    """
    folded = {one.casefold(): one for one in sorted(known, reverse=True)}
    wanted = name.casefold()
    near = get_close_matches(wanted, folded, n=most, cutoff=AGREEMENT)
    near = near or [one for one in sorted(folded) if len(wanted) > 2 and one.startswith(wanted)]
    return [folded[one] for one in near[:most]]
