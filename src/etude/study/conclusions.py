"""Cells that conclude: they know the parameters and what the run kept, and nothing else of it.

A cell tagged `conclusion` reads `run.results` and says something by `run.claim` or `run.answer`. Since it is a function
of the summary alone, it can be written anew, or sharpened, without a fit: `etude refresh` evaluates it on the
committed summary and puts what it says in its place, as prose is brought up to date. The tests do the same and compare.
"""

from __future__ import annotations

import ast
import builtins
import copy
from collections.abc import Iterable
from pathlib import Path

from etude.errors import EtudeError
from etude.files import replacing
from etude.study.cells import names_bound, names_read, parsed
from etude.study.claims import Claims
from etude.study.notebook import Notebook, concludes, read_notebook, tags, text_of, write_notebook
from etude.study.shapes import SUMMARY, read_shaped
from etude.study.summary import Summary, write_summary

RUN = "run"
ALLOWED = ("results", "claim", "answer")
MARKDOWN = "text/markdown"


class Recorded(Claims):
    """The `run` of a conclusion that is evaluated later: what a summary holds, and what is said of it."""

    def __init__(self, name: str, path: Path, data: dict):
        super().__init__()
        self._summary, self.shown = Summary(name, path, data), ""

    @property
    def results(self) -> Summary:
        return self._summary

    def show_answer(self, text: str) -> None:
        self.shown = text


def conclusions(notebook: Notebook) -> list[dict]:
    """Return the cells of a notebook that conclude."""
    return [cell for cell in notebook.code if concludes(cell)]


def check(notebook: Notebook) -> None:
    """Raise EtudeError where a conclusion knows more than it may, or another cell needs what one binds."""
    cells = conclusions(notebook)
    bound = {name for cell in cells for name in names_bound(_tree(cell, notebook))}
    known = bound | _imports(notebook).keys() | notebook.parameters.keys() | {RUN, *dir(builtins)}
    for cell in cells:
        tree = _tree(cell, notebook)
        strange = sorted(names_read(tree) - known)
        if strange:
            remedy = "Keep it with run.table or run.number and read it from run.results."
            raise EtudeError(f"conclusions of {notebook.name} from its results", f"the name {strange[0]}", remedy)
        uses = [n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and getattr(n.value, "id", "") == RUN]
        if set(uses) - set(ALLOWED):
            wrong = next(use for use in uses if use not in ALLOWED)
            raise EtudeError(f"run.results, run.claim or run.answer in a conclusion of {notebook.name}", f"run.{wrong}")
    _check_order(notebook)
    others = [tree for cell in notebook.code if not concludes(cell) and (tree := parsed(text_of(cell)))]
    needed = sorted(bound & {name for tree in others for name in names_read(tree)})
    if needed:
        remedy = "Call it otherwise in the conclusion."
        raise EtudeError(f"cells of {notebook.name} that need no conclusion", f"one that reads {needed[0]}", remedy)


def _check_order(notebook: Notebook) -> None:
    """Raise EtudeError where a conclusion reads what a later cell keeps: a run has no answer to it yet."""
    later = [_literal_names(cell, RUN) for cell in notebook.code if not concludes(cell)]
    for cell in notebook.code:
        if not concludes(cell):
            later.pop(0)
        elif early := sorted(_literal_names(cell, f"{RUN}.results") & set().union(*later)):
            raise EtudeError(
                f"conclusions of {notebook.name} after what they read", f"{early[0]!r}, kept later", "Move it."
            )


def _literal_names(cell: dict, owner: str) -> set[str]:
    """Return the tables and numbers that a cell names in calls such as `run.table("test", ...)`."""
    tree = parsed(text_of(cell))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)] if tree else []
    wanted = {f"{owner}.{part}" for part in ("table", "number")}
    named = [call.args[0] for call in calls if ast.unparse(call.func) in wanted and call.args]
    return {name.value for name in named if isinstance(name, ast.Constant) and isinstance(name.value, str)}


def with_conclusions(notebook: Notebook, summary: dict, path: Path) -> tuple[dict, dict]:
    """Return a notebook's JSON and its summary's, with what its conclusions say of the summary.

    Raises
    ------
    EtudeError
        A conclusion knows more than it may (see `check`), fails, or shows something else than text; or verdicts stand
        in other cells too.
    """
    if not conclusions(notebook):
        return notebook.content, summary
    check(notebook)
    content, run = copy.deepcopy(notebook.content), Recorded(notebook.name, path, summary)
    scope = {**_imports_run(notebook), **summary.get("parameters", {}), RUN: run}
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    counted = all(cell["execution_count"] for cell in cells if not concludes(cell))
    for number, cell in enumerate(cells, 1):
        cell["execution_count"] = number if counted else cell["execution_count"]
        for output in cell["outputs"]:
            output |= {"execution_count": number} if counted and output["output_type"] == "execute_result" else {}
        if concludes(cell):
            said = _evaluated(text_of(cell), scope, notebook.name)
            cell["outputs"] = [] if said is None else [_output(said, cell["execution_count"])]
    if run.said:
        _fill_box(cells, run.shown, notebook.name)
    told = {"answer": run.said} if run.said else {}
    return content, {**summary, **told, "claims": run.claims}


def refresh_conclusions(notebook: Path, summary: Path) -> bool:
    """Evaluate the conclusions of an executed notebook anew, in it and in its summary; say whether either changed."""
    read = read_notebook(notebook)
    if not conclusions(read) or not summary.is_file():
        return False
    said = read_shaped(summary, SUMMARY, f"a summary of {read.name}")
    content, told = with_conclusions(read, said, summary)
    if content != read.content:
        with replacing(notebook) as new:
            write_notebook(content, new)
    if told != said:
        write_summary(summary, told)
    return content != read.content or told != said


def _evaluated(source: str, scope: dict, name: str):
    """Run a cell and return the text of its last line, None where that shows nothing."""
    tree, last = ast.parse(source), None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    try:
        exec(compile(tree, f"a conclusion of {name}", "exec"), scope)
        value = eval(compile(last, f"a conclusion of {name}", "eval"), scope) if last else None
    except EtudeError:
        raise
    except Exception as error:  # whatever a cell may do
        got = f"{type(error).__name__}: {error} in\n{source}"
        raise EtudeError(f"a conclusion of {name} that its summary answers", got) from error
    if value is not None and not isinstance(getattr(value, "data", None), str):
        raise EtudeError(f"text as the last line of a conclusion of {name}", type(value).__name__, "run.claim(...)")
    return None if value is None else value.data


def _output(text: str, count: int | None) -> dict:
    data = {MARKDOWN: text.splitlines(keepends=True), "text/plain": ["<IPython.core.display.Markdown object>"]}
    return {"data": data, "execution_count": count, "metadata": {}, "output_type": "execute_result"}


def _fill_box(cells: Iterable[dict], text: str, name: str) -> None:
    boxes = [output for cell in cells if "answer" in tags(cell) for output in cell["outputs"] if "data" in output]
    if len(boxes) != 1:
        raise EtudeError(f"one cell of {name} tagged `answer` with a box", f"{len(boxes)}", "Run the notebook again.")
    boxes[0]["data"][MARKDOWN] = text.splitlines(keepends=True)


def _tree(cell: dict, notebook: Notebook) -> ast.Module:
    tree = parsed(text_of(cell))
    if tree is None:
        raise EtudeError(f"plain Python in a conclusion of {notebook.name}", text_of(cell)[:80])
    return tree


def _imports(notebook: Notebook) -> dict[str, str]:
    """Return the statement that binds each name that the notebook imports."""
    found = {}
    for statement in ast.parse(notebook.imports).body:
        for alias in statement.names:
            one = copy.copy(statement)
            one.names = [alias]
            found[alias.asname or alias.name.partition(".")[0]] = ast.unparse(one)
    return found


def _imports_run(notebook: Notebook) -> dict:
    """Return the imported names that conclusions use, bound."""
    used = {name for cell in conclusions(notebook) for name in names_read(_tree(cell, notebook))}
    scope: dict = {}
    for name, statement in _imports(notebook).items():
        if name in used:
            exec(statement, scope)
    return scope
