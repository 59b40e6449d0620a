"""What a cell shows besides figures: prose with numbers, tables, and definitions listed from the package."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

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
    where = f"`{_place(inspect.getsourcefile(thing))}`" + (f", line {first}" if first else "")
    code = inspect.cleandoc("\n" + "".join(lines)) if first else "".join(lines)
    return say(f"{where}\n\n```python\n{code.rstrip()}\n```")


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
        Show the row labels; by default where they are not just 0, 1, 2, ...
    """
    import pandas as pd

    frame = pd.DataFrame(frame)
    index = not isinstance(frame.index, pd.RangeIndex) if index is None else index
    cells = frame.astype(object).copy()
    for column in frame.columns:
        places = digits if isinstance(digits, int) else digits.get(column, 2)
        cells[column] = [_cell(value, places) for value in frame[column]]
    if bold:
        column = bold.removeprefix("-")
        best = frame[column].max() if bold.startswith("-") else frame[column].min()
        rows = frame[column] == best
        cells.loc[rows, column] = "<b>" + cells.loc[rows, column] + "</b>"
    cells.columns = [f"{c} ({units[c]})" if units and c in units else str(c) for c in frame.columns]
    html = cells.to_html(border=0, classes="etude-table", index=index, escape=False, justify="right")
    html = re.sub(r"<table ([^>]*)>", f"<table \\1>\n  <caption>{escape(caption)}</caption>", html, count=1)
    return Shown(
        html if caption else html.replace("\n  <caption></caption>", ""), f"{caption}\n{frame.to_string(index=index)}"
    )


def _cell(value, places: int) -> str:
    import pandas as pd

    if isinstance(value, str):
        return escape(value)
    if pd.isna(value):
        return "–"
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        return escape(str(value))
    return f"{value:,.{places}f}" if isinstance(value, float) else f"{value:,}"
