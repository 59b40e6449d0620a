"""The tokens of ABC music code (standard 2.1, section 4). Every character of a text belongs to some token.

Repetitions are bounded, so that a hostile line costs time in proportion to its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_NOTE = r"(?:\^{1,2}|_{1,2}|=)?[A-Ga-g][,']{0,8}"
_LENGTH = r"\d{0,4}/{0,4}\d{0,4}"
TOKEN = re.compile(
    rf"""(?P<skip>"[^"\n]{{0,200}}"|![^!|\s]{{1,32}}!|\+[a-z]{{2,32}}\+|\{{[^}}|\n]{{0,200}}\}}|y\d{{0,4}})
    |(?P<field>\[[A-Za-z]:[^\]\n]{{0,200}}\])
    |(?P<chord>\[(?![|\d])[^\]|\n]{{1,200}}\]{_LENGTH})
    |(?P<note>{_NOTE}{_LENGTH})
    |(?P<rest>[zxZX]{_LENGTH})
    |(?P<tie>-)
    |(?P<bar>(?:\[\||\|\]?|:)[|:]{{0,4}}\]?(?:\[?\d(?:[,.-]?\d){{0,4}})?|\[\d(?:[,.-]?\d){{0,4}})
    |(?P<broken>>{{1,3}}|<{{1,3}})
    |(?P<tuplet>\([2-9](?::[1-9]?)?(?::[1-9]?)?)
    |(?P<overlay>&)
    |(?P<space>[ \t]+)
    |.""",
    re.VERBOSE | re.DOTALL,
)
NOTE = re.compile(rf"(\^{{1,2}}|_{{1,2}}|=)?([A-Ga-g])([,']{{0,8}})({_LENGTH})")
IN_CHORD = re.compile(rf"(?P<skip>\"[^\"]*\"|![^!]*!)|(?P<note>{_NOTE}{_LENGTH})(?P<tie>\s?-)?|(?P<rest>z{_LENGTH})")
LENGTH = re.compile(r"(\d{0,4})(/{0,4})(\d{0,4})")
FIELD = re.compile(r"([A-Zmrsw]):(?![|:])(.*)")
LONGEST_FIELD = 100  # characters of a value that are looked at


def lines(text: str) -> Iterator[tuple[str | None, str]]:
    """Yield (letter, value) for each field line and (None, line) for each other line, without comments."""
    for line in re.split(r"\r\n?|\n", text):
        code = re.sub(r"(?<!\\)%.*", "", line)
        if line.strip() and not code.strip():
            continue  # a comment, which is no empty line
        match = FIELD.match(code)
        if match:
            yield match[1], match[2][:LONGEST_FIELD].strip()
        else:
            yield None, code


def tune_lines(text: str) -> Iterator[tuple[str | None, str]]:
    """Yield the lines of the first tune: the fields of its header, then its body.

    The body begins after the first `K:` (at once where there is none); lines before it that are no fields are left
    out. The tune ends at the next `X:`, or at an empty line after its first line of music.
    """
    in_body = re.search(r"^K:", text, re.MULTILINE) is None
    in_tune = in_music = False
    for letter, value in lines(text):
        if (letter == "X" and in_tune) or (letter is None and in_music and not value.strip()):
            return
        in_tune |= letter in ("X", "K")
        in_music |= letter is None and in_body and bool(value.strip())
        if letter or (in_body and value.strip()):
            yield letter, value
        in_body |= letter == "K"
