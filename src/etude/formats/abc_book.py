"""Tune books: the bytes of a file as text, and a text as its tunes (standard 2.1, sections 2 and 3).

What stands before the first tune is the file's header: its fields and directives hold for every tune until the tune
states its own. It may hold what table 1 of the standard allows there: no key, tempo, part or voice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from etude.errors import UnreadableFile
from etude.formats.abc_doubts import quoted
from etude.formats.abc_grammar import TOKEN, lines, scan, stray
from etude.formats.abc_tune import counts

_START = re.compile(r"^(?:%%\s*begin(\w+)[\s\S]*?(?:^%%\s*end\1|\Z)|X:)", re.MULTILINE)  # no tune begins in a text
_LINE_END = re.compile(r"\r\n?")
_KEY_LINE = re.compile(r"^[ \t]*K:", re.MULTILINE)
_LONGEST_HEADER = 4096  # characters: every tune carries it
_OF_A_FILE = {"L", "M", "U", "m", "I"}  # what a file's header says about notes


def split_tunes(text: str) -> list[str]:
    """Return the tunes of a tune book, each from its `X:` to the next one's, with what the file's header says."""
    return list(_sections(text)[1])


def read_book(text: str) -> Iterator[str | UnreadableFile]:
    """Yield each tune of a tune book as `split_tunes` does, or why it cannot be told what it is.

    Raises
    ------
    UnreadableFile
        Where the text has no tune.
    """
    preamble, tunes = _sections(text)
    if not tunes:
        got = "a key (K:) but no X:" if _KEY_LINE.search(text) else "no line that begins with X:"
        raise UnreadableFile("a tune that begins with X:", got, "Put X:1 on a line before each tune.")
    doubt = _doubt_about(_header(preamble), "QPV", "a file's header without tempo, parts and voices")
    if _KEY_LINE.search(preamble):
        yield _without_number("before the first X:")
    for tune in tunes:
        rest = [(letter, value) for letter, value, in_tune in scan(tune) if not in_tune]
        music = next((value for letter, value in rest if letter is None and _is_music(value)), "")
        without_number = any(letter == "K" or (letter is None and _KEY_LINE.match(value)) for letter, value in rest)
        if music and not without_number:
            got = f"music after one: {quoted(music.strip())}"
            yield UnreadableFile("a tune without empty lines", got, "Take the empty line away, or begin with X:.")
        else:
            yield doubt or tune
        if without_number:
            yield _without_number("after an empty line")
        else:
            doubt = doubt or _doubt_about(rest, "LMQ", "fields of a tune or of the file's header")


def _sections(text: str) -> tuple[str, list[str]]:
    """Return what stands before the first tune, and the tunes."""
    text = _LINE_END.sub("\n", text)
    starts = [match.start() for match in _START.finditer(text) if match[0] == "X:"]
    preamble = text[: starts[0]] if starts else text
    header = "".join(_header_lines(preamble)) if starts else ""
    if len(header) > _LONGEST_HEADER:
        got = f"{len(header)} characters of fields and directives"
        raise UnreadableFile(f"a file's header of at most {_LONGEST_HEADER}", got, "Write them into the tunes.")
    parts = [text[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=False)]
    if not header:
        return preamble, [part + "\n" for part in parts]
    numbered = (part.partition("\n") for part in parts)
    return preamble, [f"{number}\n{header}{rest}\n" for number, _, rest in numbered]


def _header(preamble: str) -> Iterator[tuple[str | None, str]]:
    """Yield the lines of the file's header: of a preamble, but for a tune in it that has no `X:`."""
    key = _KEY_LINE.search(preamble)
    return lines(preamble if key is None else preamble[: preamble.rfind("\n\n", 0, key.start()) + 1])


def _header_lines(preamble: str) -> Iterator[str]:
    """Yield the lines of the file's header that say something about notes."""
    for letter, value in _header(preamble):
        if letter in _OF_A_FILE and (letter != "I" or counts(value)):
            yield f"{letter}:{value}\n"


def _doubt_about(header: Iterable[tuple[str | None, str]], letters: str, expected: str) -> UnreadableFile | None:
    """Return the error for fields that do not belong where they stand, so that programs differ about their tunes."""
    odd = next((f"{letter}:{value}" for letter, value in header if letter and letter in letters), "")
    return UnreadableFile(expected, quoted(odd), "Write it into each tune that it holds for.") if odd else None


def _without_number(where: str) -> UnreadableFile:
    return UnreadableFile("a tune that begins with X:", f"one without X:, {where}", "Put X:1 before it.")


def _is_music(line: str) -> bool:
    tokens = list(TOKEN.finditer(line)) if "|" in line else []
    return any(token.lastgroup == "note" for token in tokens) and not stray(line, tokens)
