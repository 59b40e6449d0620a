"""The one family of errors that étude raises at its boundaries."""

import unicodedata
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
        said = f"expected {one_line(self.expected)}; got {one_line(self.got)}."
        return said + (f" {self.remedy}" if self.remedy else "")


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


class Unwritable(EtudeError):
    """A file or folder cannot be written: read-only, full, or not there."""


class ForeignFiles(EtudeError):
    """A folder that is to be replaced holds files that étude did not write."""


UNPRINTED = ("Cc", "Cs", "Zl", "Zp")  # categories of Unicode: controls, halves of characters, ends of lines


def one_line(text: str) -> str:
    """Return a text that may hold the name of a file, with what would break its line, or its printing, escaped."""
    if str(text).isprintable():
        return str(text)
    return "".join(ascii(c)[1:-1] if unicodedata.category(c) in UNPRINTED else c for c in str(text))


LISTED = 40  # names that an error tells one by one
NEAR = 5  # of more than that, so many that are like the one that came
LONGEST = 80  # letters of a wrong name that an error repeats


def unknown_name(kind: str, name: str, known) -> EtudeError:
    """Return the error for a name that is not among `known`, with the nearest one as its remedy.

    Few names are listed; of many, those that are most like the one that came, and how many there are.
    """
    known, said = sorted(map(str, known)), repr(name)
    near = nearest(str(name), known, NEAR)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    article = "an" if kind[:1] in "aeio" else "a"
    shown = f"Known: {', '.join(known) or 'none'}." if len(known) <= LISTED else _among(known, near)
    said = said if len(said) <= LONGEST else f"{said[:LONGEST]}..."
    return EtudeError(f"the name of {article} {kind}", said, f"{hint}{shown}")


def nearest(name: str, known, most: int = 1) -> list[str]:
    """Return those of `known`, the likeliest first, that `name` may mean: by letters or as a beginning, in any case.

    Most letters must agree, in order; where none of `known` is near, there is nothing to suggest.
    """
    folded = {one.casefold(): one for one in sorted(known, reverse=True)}
    wanted = name.casefold()
    begun = [one for one in sorted(folded) if len(wanted) > 2 and one.startswith(wanted)]
    near = dict.fromkeys([*begun, *get_close_matches(wanted, folded, n=most, cutoff=AGREEMENT)])
    return [folded[one] for one in near][:most]


def _among(known: list[str], near: list[str]) -> str:
    like = f"Alike: {', '.join(near)}. " if len(near) > 1 else ""
    return f"{like}There are {len(known)}, from {known[0]} to {known[-1]}."
