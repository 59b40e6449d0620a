"""What pages list of the package with `display.show_source`: text, which is kept current as prose is.

A listing changes no result, so no chapter runs for it: the definition is looked up by the notebook's own imports of
étude, and the output is put in place. A summary keeps of every listing what was shown, as a digest.
"""

from __future__ import annotations

import ast
import copy
import hashlib
from collections.abc import Iterator
from pathlib import Path

from etude.display.page import listed
from etude.errors import EtudeError
from etude.files import replacing
from etude.study.cells import is_listing, ours, parsed
from etude.study.definitions import definition, imported
from etude.study.notebook import Notebook, read_notebook, text_of, write_notebook
from etude.study.shapes import SUMMARY, read_shaped
from etude.study.source import PACKAGE, read_package
from etude.study.summary import write_summary

MARKDOWN = "text/markdown"


def listings(notebook: Notebook) -> dict[str, str]:
    """Return what a notebook lists as it stands now, by qualified name: the sha256 of the text shown."""
    return {name: digest(text) for _, name, text in _shown(notebook)}


def digest(text: str) -> str:
    """Return the sha256 of a listing."""
    return hashlib.sha256(text.encode()).hexdigest()


def with_listings(content: dict) -> dict:
    """Return a notebook's JSON in which every listing that is no longer current shows the text of now."""
    new = copy.deepcopy(content)
    for cell, name, text in _shown(Notebook(Path("notebook"), new)):
        results = [output for output in cell["outputs"] if output["output_type"] == "execute_result"]
        if len(results) != 1 or MARKDOWN not in results[0].get("data", {}):
            raise EtudeError(f"one output that lists {name}", f"{len(results)}", "Run the notebook again.")
        if "".join(results[0]["data"][MARKDOWN]) != text:
            results[0]["data"][MARKDOWN] = text.splitlines(keepends=True)
    return new


def refresh_listings(notebook: Path, summary: Path) -> bool:
    """Bring the listings of an executed notebook up to date, and their digests in its summary; say whether any was old.

    Nothing runs: no kernel, no fit. A summary whose digests are old beside a notebook that is current is mended too.
    """
    read = read_notebook(notebook)
    newer, changed = with_listings(read.content), False
    if newer != read.content:
        with replacing(notebook) as new:
            write_notebook(newer, new)
        changed = True
    if summary.is_file():
        said, now = read_shaped(summary, SUMMARY, f"a summary of {read.name}"), listings(read)
        if said.get("listings", {}) != now:
            write_summary(summary, {**said, "listings": now})
            changed = True
    return changed


def _shown(notebook: Notebook) -> Iterator[tuple[dict, str, str]]:
    """Yield each cell that lists a definition, the qualified name of that, and the text that it shows now."""
    texts, scope = read_package(), {}
    for cell in notebook.code:
        tree = parsed(text_of(cell))
        for statement in tree.body if tree else []:
            if isinstance(statement, ast.Import | ast.ImportFrom) and ours(statement):
                scope |= imported(statement, texts)
            elif is_listing(statement):
                if statement is not tree.body[-1]:
                    raise EtudeError(
                        "a listing as the last line of its cell", f"`{ast.unparse(statement)}` before others"
                    )
                found = definition(statement.value.args[0], scope, texts)
                yield cell, found.name, listed(str(PACKAGE / found.file), found.code)
