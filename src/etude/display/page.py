"""What a cell shows besides figures: prose with numbers, tables, and definitions listed from the package."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from numbers import Integral, Number
from pathlib import Path

import numpy as np

import etude
from etude.errors import EtudeError


@dataclass(frozen=True)
class Shown:
    """Something that a page shows as HTML and a terminal as text; `path` is the file behind it, where there is one."""

    html: str
    text: str
    path: Path | None = None

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


def say(text: str):
    """Show Markdown: prose whose numbers come from variables.

    >>> say(f"The model needs **{bits:.1f} bits a second**, xz needs {floor:.1f}.")
    """
    from IPython.display import Markdown

    return Markdown(inspect.cleandoc(text))


def show_source(thing):
    """List a definition of the package: the one definition, with where it stands, highlighted.

    Parameters
    ----------
    thing : class, function, method or module
        Raises EtudeError for an object that has no source.
    """
    thing = inspect.unwrap(thing) if callable(thing) else thing
    try:
        lines, first = inspect.getsourcelines(thing)
    except (TypeError, OSError):
        raise EtudeError(
            "a class, function or module with source", repr(type(thing)), "Pass the object itself."
        ) from None
    code = "".join(lines)
    return say(listed(inspect.getsourcefile(thing), inspect.cleandoc("\n" + code) if first else code))


def listed(filename: str | None, code: str) -> str:
    """Return the Markdown that lists a definition of a file. It names no line, which any edit above would move."""
    return f"`{_place(filename)}`\n\n```python\n{code.rstrip()}\n```"


def _place(filename: str | None) -> str:
    """`filename` as a reader of the repository knows it: never with a folder of this machine."""
    path, package = Path(filename or "source"), Path(etude.__file__).parent
    return f"src/etude/{path.relative_to(package).as_posix()}" if path.is_relative_to(package) else path.name


def plain_table(
    frame,
    caption: str = "",
    digits: int | Mapping[str, int] = 2,
    units: Mapping[str, str] | None = None,
    bold: str | None = None,
    index: bool | None = None,
) -> Shown:
    """Return a small table that reads well on light and dark pages.

    Parameters
    ----------
    frame : DataFrame, or a list of dicts
    caption : str
    digits : int, or {column: int}
        Decimals of floating-point columns.
    units : {column: unit}, optional
        Written after the column's name.
    bold : str, optional
        Column whose smallest value is set in bold; "-name" for the largest.
    index : bool, optional
        Show the row labels; by default where they are names, not row numbers.
    """
    import pandas as pd

    frame = pd.DataFrame(frame)
    numbered = pd.api.types.is_integer_dtype(frame.index) and frame.index.name is None
    index = not numbered if index is None else index
    text = frame.to_string(index=index)
    if index:
        frame = frame.reset_index(names=frame.index.name or "")
    places = {c: digits if isinstance(digits, int) else digits.get(c, 2) for c in frame.columns}
    cells = {c: [_cell(value, places[c]) for value in frame[c]] for c in frame.columns}
    if bold:
        column = bold.removeprefix("-")
        best = frame[column].max() if bold.startswith("-") else frame[column].min()
        cells[column] = [f"<b>{t}</b>" if v == best else t for t, v in zip(cells[column], frame[column], strict=True)]
    align = {c: "right" if _is_number(frame[c]) else "left" for c in frame.columns}
    head = "".join(f'<th align="{align[c]}">{_heading(c, units or {})}</th>' for c in frame.columns)
    rows = [
        "<tr>" + "".join(f'<td align="{align[c]}">{cells[c][i]}</td>' for c in frame.columns) + "</tr>"
        for i in range(len(frame))
    ]
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return Shown(f'<table class="etude-table">{title}{body}</table>', f"{caption}\n{text}".lstrip())


def _heading(column, units: Mapping[str, str]) -> str:
    name = escape(str(column).replace("_", " "))
    return f"{name} ({escape(units[column])})" if column in units else name


def _is_number(column) -> bool:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return is_numeric_dtype(column) and not is_bool_dtype(column)


def _cell(value, places: int) -> str:
    import pandas as pd

    if value is None or (np.ndim(value) == 0 and pd.isna(value)):
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if not isinstance(value, Number):
        return escape(str(value))
    return f"{value:,}" if isinstance(value, Integral) else f"{value:,.{places}f}"
