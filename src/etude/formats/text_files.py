"""The text of a file whose encoding is told by its first bytes, by what it declares, or not at all."""

from __future__ import annotations

import codecs
import re

from etude.errors import UnreadableFile

_WIDE = ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
          (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))  # fmt: skip
_DECLARED = re.compile(rb"^\s*<\?xml[^>]{0,200}encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")


def decoded(data: bytes) -> str:
    """Return `data` as text: by its byte order mark, as UTF-16 where every other byte of its beginning is 0, by an XML
    declaration that holds, as UTF-8, or at last as Latin-1, in which any bytes are a text."""
    wide, mark = _wide(data)
    if wide:
        return data[mark:].decode(wide, "replace")
    if data.startswith(codecs.BOM_UTF8):
        return data[len(codecs.BOM_UTF8) :].decode("utf-8", "replace")
    declared = _DECLARED.match(data)
    for encoding in ([declared[1].decode()] if declared else []) + ["utf-8"]:
        try:
            return data.decode(encoding)
        except (LookupError, UnicodeError):
            continue
    return data.decode("latin-1")


def decoded_tunes(data: bytes) -> str:
    """Return the text of a tune book: UTF-8, or else Latin-1, as old books have it; notes are ASCII in both.

    Raises
    ------
    UnreadableFile
        For UTF-16 and UTF-32, which ABC does not know, and for what is no text.
    """
    wide, _ = _wide(data)
    if wide or b"\0" in data:
        got = f"text in {wide[:6].upper()}" if wide else "bytes of zero, as no text has them"
        raise UnreadableFile("text in UTF-8", got, "Save it as UTF-8.")
    data = data.replace(codecs.BOM_UTF8, b"")  # at the start, and between books that were joined
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _wide(data: bytes) -> tuple[str, int]:
    """Return the encoding of a text whose characters have two bytes or four, "" of another, and the bytes of its mark.

    It is told by a byte order mark, or by every other byte of the beginning, which is 0.
    """
    for mark, encoding in _WIDE:
        if data.startswith(mark):
            return encoding, len(mark)
    for place, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(data) >= 4 and not any(data[place:64:2]) and all(data[1 - place : 4 : 2]):
            return encoding, 0
    return "", 0
