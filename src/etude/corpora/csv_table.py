"""Tables that lie beside a corpus as CSV: which piece is on which side, which are alike."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from etude.errors import UnreadableFile

_AGAIN = "Copy it again from where it came from, as it was."


def read_table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of a table that has these columns, and perhaps others.

    Raises
    ------
    UnreadableFile
        It cannot be read, is no CSV, lacks a column, or has a row with more or fewer fields than its head.
    """
    expected = f"a table with the columns {', '.join(columns)}"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows, head = list(reader), reader.fieldnames or ()
    except (OSError, ValueError, csv.Error) as error:
        raise UnreadableFile(expected, f"{path} ({str(error)[:200]})", _AGAIN) from error
    odd = next((row for row in rows if None in row or None in row.values()), None)
    if odd is not None or not set(columns) <= set(head):
        got = f"{path}, whose head is {', '.join(head)[:80]!r}" if odd is None else f"a row of another length in {path}"
        raise UnreadableFile(expected, got, _AGAIN)
    return rows
