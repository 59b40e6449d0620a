"""The tokens of ABC music code (standard 2.1, section 4) and the lines of a tune (sections 2, 3 and 11.4.5).

Every character of a text belongs to some token. Repetitions are bounded, so that a hostile line costs time in
proportion to its length. Digits are those of ASCII: others are no lengths.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_NOTE = r"(?:\^{1,2}|_{1,2}|=)?[A-Ga-g][,']{0,8}"
_LENGTH = r"\d{0,4}/{0,4}\d{0,4}"
TOKEN = re.compile(
    rf"""(?P<note>{_NOTE}{_LENGTH})
    |(?P<space>[ \t]+)
    |(?P<skip>"[^"\n]{{0,200}}"|![^!|\s]{{1,32}}!|\+[a-z]{{2,32}}\+|y\d{{0,4}})
    |(?P<grace>\{{[^}}|\n]{{0,200}}\}})
    |(?P<field>\[[A-Za-z]:[^\]\n]{{0,200}}\])
    |(?P<chord>\[(?![|\d])[^\]|\n]{{1,200}}\]{_LENGTH})
    |(?P<rest>[zxZX]{_LENGTH})
    |(?P<tie>-)
    |(?P<bar>(?:\[\||\|\]?|:)[|:]{{0,4}}\]?(?:\[?\d(?:[,.-]?\d){{0,4}})?|\[\d(?:[,.-]?\d){{0,4}})
    |(?P<broken>>{{1,3}}|<{{1,3}})
    |(?P<tuplet>\([2-9](?::\d{{0,2}})?(?::\d{{0,2}})?)
    |(?P<open>\(&)
    |(?P<close>&\))
    |(?P<overlay>&{{1,8}})
    |.""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
NOTE = re.compile(rf"(\^{{1,2}}|_{{1,2}}|=)?([A-Ga-g])([,']{{0,8}})({_LENGTH})", re.ASCII)
IN_CHORD = re.compile(
    rf"(?P<skip>\"[^\"]*\"|![^!]*!)|(?P<note>{_NOTE}{_LENGTH})(?P<tie>\s?-)?|(?P<rest>z{_LENGTH})", re.ASCII
)
MICROTONE = re.compile(r"[_^]\d{0,4}(?:/{1,4}\d{0,4}|\d)[A-Ga-g]", re.ASCII)
LENGTH = re.compile(r"(\d{0,4})(/{0,4})(\d{0,4})", re.ASCII)
FIELD = re.compile(r"([A-Zmrsw]):(?![|:])(.*)")
LONGEST_FIELD = 400  # characters of a value that are looked at
HARMLESS = frozenset("()`*;?@$!\\.~HJKLMORPSTuvk") | {"\ufeff"}  # stray characters that change no note
_COMMENT = re.compile(r"(?<!\\)%.*")
_BLOCK = re.compile(r"%%\s*begin(\w+)")
_LINE_END = re.compile(r"\r\n?|\n")
_NOTES_ONLY = re.compile(r"(?=.*[A-Ga-g])[A-Ga-gzx0-9/,'^_=<>-]+")
_DYNAMICS = re.compile(r"f{1,4}|D\.?C\.?")
_SHIFTS = re.compile(r"(?:8|15|22)(?:va|vb|ma|mb)?")  # an octave's bracket, which programs play or do not


def lines(text: str) -> Iterator[tuple[str | None, str]]:
    """Yield (letter, value) for each field line and (None, line) for each other line, without comments.

    A directive ``%%name value`` comes as the field ``I``, which means the same; lines that begin with ``+:`` belong to
    the field before them; blocks of text (``%%begintext`` to ``%%endtext``, and their like) are left out, and one that
    is not closed comes as ``I`` too.
    """
    pending: list[str] = []  # a field's letter and the parts of its value
    block = ""
    for line in _LINE_END.split(text):
        if block:
            block = "" if line.replace(" ", "").startswith("%%end" + block) else block
            continue
        code = _COMMENT.sub("", line) if "%" in line else line
        if not code.strip() and line.strip() and not line.startswith("%%"):
            continue  # a comment, which is no empty line
        if code.startswith("+:") and pending:
            pending.append(code[2:].strip())
            continue
        if pending:
            yield _field(pending)
            pending = []
        if line.startswith("%%"):
            begin = _BLOCK.match(line)
            block = begin[1] if begin else ""
            pending = [] if begin else ["I", line[2:].partition("%")[0].strip()]
        elif match := FIELD.match(code):
            pending = [match[1], match[2].strip()]
        else:
            yield None, code
    if pending:
        yield _field(pending)
    if block:
        yield "I", "begin" + block


def _field(parts: list[str]) -> tuple[str, str]:
    return parts[0], " ".join(parts[1:])[: LONGEST_FIELD + 1]


def scan(text: str) -> Iterator[tuple[str | None, str, bool]]:
    """Yield (letter, value, whether the line belongs to the first tune) for each line of a text.

    The tune's body begins after the first `K:` (at once where there is none); lines before it that are no fields are
    left out. The tune ends at the next `X:`, or at an empty line after its first line of music.
    """
    in_body = re.search(r"^K:", text, re.MULTILINE) is None
    in_tune = in_music = ended = False
    for letter, value in lines(text):
        filled = letter is not None or bool(value.strip())
        ended |= (letter == "X" and in_tune) or (in_music and not filled)
        in_tune |= letter in ("X", "K")
        in_music |= letter is None and in_body and filled
        if filled and (letter or in_body):
            yield letter, value, not ended
        in_body |= letter == "K"


def tune_lines(text: str) -> Iterator[tuple[str | None, str]]:
    """Yield the lines of the first tune: the fields of its header, then its body; see `scan`."""
    for letter, value, in_tune in scan(text):
        if not in_tune:
            return
        yield letter, value


def stray(line: str, tokens: Iterable[re.Match], symbols: Iterable[str] = ()) -> str:
    """Return the first of a line's tokens that is no music code, or that programs read differently; else ""."""
    for token in tokens:
        kind, text = token.lastgroup, token[0]
        if kind in ("note", "space"):
            continue
        if kind is None:
            opens_text = text == "[" and line.startswith('"', token.end())  # an ending with words: ["last time"
            if not (text in HARMLESS or text in symbols or text.isspace() or opens_text):
                return line[token.start() : token.start() + 12]
        elif (kind == "skip" and swallows(text)) or text == ":" or (kind == "chord" and _odd_in_chord(text, symbols)):
            return text
    return ""


def swallows(text: str) -> bool:
    """Say whether a decoration's marks may be something else around notes: a line's end, an old chord."""
    inside = text[1:-1]
    if text[0] not in "!+":
        return False
    return bool((_NOTES_ONLY.fullmatch(inside) and not _DYNAMICS.fullmatch(inside)) or _SHIFTS.match(inside))


def in_chord(token: str) -> list[re.Match]:
    """Return the notes and rests of a chord's token, as matches of `IN_CHORD`."""
    return [match for match in IN_CHORD.finditer(token[1:].partition("]")[0]) if match.lastgroup != "skip"]


def _odd_in_chord(text: str, symbols: Iterable[str]) -> bool:
    inside = text[1:].partition("]")[0]
    left = IN_CHORD.sub("", inside)
    odd = [sign for sign in left if not (sign in HARMLESS or sign in symbols or sign.isspace())]
    return bool(odd) or not in_chord(text)
