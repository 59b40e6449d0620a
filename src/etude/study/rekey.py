"""Committed pages keep their place through a change of the foundations, by proof: for maintainers.

    python -m etude.study.rekey --before OLD/reports/runs/smoke --after reports/runs/smoke

A page is committed with digests of the modules that made it. After a refactoring they are other ones, though the page
is what a new run of hours would give. Its digests are translated, and nothing is run, where all of this holds:

- it was current where the run `before` was made: its digests are those of the modules there;
- that run and the run `after`, which is of the code as it stands, gave equal results in profile `smoke`: numbers,
  tables, pictures, sounds, answer, corpora (see `etude.study.equality`);
- its code cells mean the same then and now, but for what only says something (a verdict by `display.say`,
  `run.answer` or `run.claim` that has become a conclusion, see `etude.study.conclusions`) and what was bound for it,
  and for what variables are called, and new parameters: with their defaults in their places, the cells are those that
  there were. Cells whose work has moved into the package are named (`--moved 11_rnn:4`, by the number that the page
  shows): for them the equal results stand in, as for any module;
- the probes leave the committed traces.

Where something fails, the page is refused and stays stale, with the reason.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from etude.errors import EtudeError, MissingData
from etude.files import project_root
from etude.renaming import rename_locals
from etude.study import summary as summaries
from etude.study.cells import cell_meanings, names_bound, names_read, parsed, scopes
from etude.study.conclusions import conclusions
from etude.study.equality import differences
from etude.study.listings import listings
from etude.study.notebook import Notebook, all_notebooks, concludes, read_notebook, tags, text_of
from etude.study.shapes import RESULTS, read_shaped
from etude.study.source import (
    data_digests,
    module_digests,
    modules_in_use,
    packages_in_use,
    read_package,
    text_digests,
)
from etude.study.summary import as_json, summary_path, write_summary

WORDS = ("display.say", "run.answer", "run.claim")


def main(arguments: Sequence[str] | None = None) -> int:
    """Translate what can be proven; return 1 where a page was refused."""
    parser = argparse.ArgumentParser(prog="python -m etude.study.rekey", description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, required=True, help="folder of a finished run where pages were current")
    parser.add_argument("--after", type=Path, required=True, help="folder of the same run of the code as it stands")
    parser.add_argument(
        "--moved", action="append", default=[], metavar="NAME:CELL", help="its work is the package's now"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be translated, and write nothing")
    given = parser.parse_args(arguments)
    proof = Proof(given.before.resolve(), given.after.resolve(), _moved(given.moved))
    moved = proof.probes_moved()
    refused = 0
    for name in all_notebooks():
        reasons = moved or proof.doubts(name)
        refused += bool(reasons)
        if not reasons and not given.dry_run:
            write_summary(summary_path(project_root(), name), proof.translated(name))
        print(f"{name}: {'refused: ' + '; '.join(reasons) if reasons else 'translated'}", flush=True)
    return 1 if refused else 0


class Proof:
    """Two runs, before and after a change, as evidence for the committed pages.

    Parameters
    ----------
    before, after : Path
        Folders of finished runs of one profile, each inside its checkout.
    moved : mapping of str to set of int
        Code cells of chapters, by their numbers from 1, whose work has moved into the package.
    """

    def __init__(self, before: Path, after: Path, moved: Mapping[str, set[int]] | None = None):
        self.before, self.after, self.moved = before, after, moved or {}

    @cached_property
    def old_texts(self) -> dict[str, str]:
        """The package's source where the pages were current."""
        return read_package(_package_of(self.before))

    @cached_property
    def texts(self) -> dict[str, str]:
        """The package's source as it stands."""
        return read_package()

    def probes_moved(self) -> list[str]:
        """Return which probes leave other traces than the committed ones."""
        from etude.study.probes import changes

        return [f"the probe {change.probe} moved" for change in changes()]

    def doubts(self, name: str) -> list[str]:
        """Return why a page cannot be translated; [] where all is proven."""
        for folder in (self.before, self.after):
            if not summary_path(folder, name).is_file():
                return [f"{folder} has no finished run of it"]
        said = not conclusions(_ran(self.after, name))
        return [
            *self._not_current_before(name),
            *self._not_of_now(name),
            *self._other_code(name),
            *differences(self.before, self.after, name, said, self.added(name)),
        ]

    def added(self, name: str) -> dict[str, object]:
        """Return the parameters that the notebook has and the run before had not, with their defaults."""
        now, then = read_notebook(all_notebooks()[name]).declared, _ran(self.before, name).declared
        return {parameter: now[parameter].default for parameter in now.keys() - then.keys()}

    def _not_current_before(self, name: str) -> list[str]:
        page = _read(summary_path(project_root(), name))
        digests = page["source"]["modules"]
        known = text_digests if page["format"] == 1 else module_digests
        then = known(list(digests), self.old_texts)
        return [
            f"it was not current: {module} was another one" for module in digests if digests[module] != then[module]
        ]

    def _not_of_now(self, name: str) -> list[str]:
        made = _read(summary_path(self.after, name))
        if made["format"] != summaries.FORMAT:
            return [f"the run after is of format {made['format']}"]
        digests = made["source"]["modules"]
        now = module_digests(list(digests), self.texts)
        return [
            f"the run after is not of now: {module} has changed" for module in digests if digests[module] != now[module]
        ]

    def _other_code(self, name: str) -> list[str]:
        now = read_notebook(all_notebooks()[name])
        found = []
        for when, folder in (("before", self.before), ("after", self.after)):
            ran, new = _ran(folder, name), {}
            if when == "before":
                ran, new = with_cells_of(ran, now, self.moved.get(name, ())), self.added(name)
            same = ran.digest == now.digest or same_work(ran, now, new)
            found += [] if same else [f"its code cells are not those of the run {when}"]
        return found

    def translated(self, name: str) -> dict:
        """Return the committed summary with the keys of now, every result as it is.

        Its modules are those of the run after, and the heirs of those that the page itself used: a full run may use
        more than a small one.
        """
        page, made = (_read(summary_path(folder, name)) for folder in (project_root(), self.after))
        notebook = read_notebook(all_notebooks()[name])
        heirs = {heir for module in page["source"]["modules"] for heir in self.heirs(module)}
        modules = modules_in_use({*made["source"]["modules"], *heirs}, self.texts)
        digests = module_digests(modules, self.texts)
        versions = packages_in_use(modules, self.texts, notebook.imports)
        return {
            **page,
            "format": summaries.FORMAT,
            "parameters": {**as_json(self.added(name)), **page["parameters"]},
            "versions": {package: page["versions"].get(package, version) for package, version in versions.items()},
            "source": {"code": notebook.digest, "modules": digests, "data": data_digests(modules)},
            "listings": listings(notebook),
        }

    def heirs(self, module: str) -> set[str]:
        """Return where the definitions of a module lie now: itself, or the modules that define most of its names."""
        if module in self.texts or module not in self.old_texts:
            return {module} & self.texts.keys()
        names, area = _defined(self.old_texts[module]), module.split(".")[1]
        near = {other: text for other, text in self.texts.items() if other.split(".")[1:2] == [area]}
        shared = {other: len(names & _defined(text)) for other, text in near.items()}
        most = max(shared.values(), default=0)
        return {other for other, count in shared.items() if count and count == most}


def with_cells_of(before: Notebook, after: Notebook, numbers: Iterable[int]) -> Notebook:
    """Return a notebook with code cells of another, by their numbers from 1; as it is where it has more or fewer."""
    cells = [dict(cell) for cell in before.content["cells"]]
    taken = Notebook(before.path, {**before.content, "cells": cells})
    if len(taken.code) != len(after.code):
        return before
    for number in numbers:
        taken.code[number - 1]["source"] = after.code[number - 1]["source"]
    return taken


def same_work(before: Notebook, after: Notebook, added: Mapping[str, object]) -> bool:
    """Say whether the cells of two notebooks do the same: the second has new parameters, and its variables other names.

    Parameters
    ----------
    before, after : Notebook
    added : mapping of str to object
        The new parameters, with their defaults.
    """
    cells, kept = (working_cells(before), working_cells(after, added)), before.declared.keys()
    return cells[0] == cells[1] or _in_one_function(cells[0], kept) == _in_one_function(cells[1], kept)


def _in_one_function(cells: Sequence[str], kept: Iterable[str]) -> str | Sequence[str]:
    """Return cells as the text of one function whose locals, but for those kept, are called by their place.

    As they are where one is not plain Python.
    """
    trees = [parsed(cell) for cell in cells]
    if not all(trees):
        return cells
    page = ast.parse(f"def page({', '.join(sorted(kept))}): pass")
    page.body[0].body = [part for tree in trees for part in (ast.Expr(ast.Constant("a cell")), *tree.body)]
    rename_locals(page)
    return ast.unparse(page)


def working_cells(notebook: Notebook, constants: Mapping[str, object] | None = None) -> list[str]:
    """Return what the cells of a notebook mean, without what only says something of its results.

    That is: cells that speak and call nothing else of the run; the words of others; and then assignments and functions
    of names that nothing reads. Names among `constants` are read as these values.
    """
    cells = [cell for cell in notebook.code if not concludes(cell)]
    meanings = cell_meanings([text_of(cell) for cell in cells])
    trees = [parsed(text) for text in meanings]
    if constants and constants.keys().isdisjoint(_bound_elsewhere(cells, trees)):
        trees = [tree and Filled(constants).visit(tree) for tree in trees]
    working = [tree for tree in trees if tree and not _only_speaks(tree, trees)]
    while any(Silenced(_reads(working)).changes(tree) for tree in working):
        pass
    texts = [text if tree is None else ast.unparse(tree) for text, tree in zip(meanings, trees, strict=True)]
    return [text for text, tree in zip(texts, trees, strict=True) if text and (tree is None or tree in working)]


class Filled(ast.NodeTransformer):
    """Puts values in the places of names, and leaves out the choices and cuts that then do nothing.

    That is: `0 or a` is `a`, `a if b else a` is `a` where `b` calls nothing, and `a[:None]` is `a`.
    """

    def __init__(self, values: Mapping[str, object]):
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        known = node.id in self.values and isinstance(node.ctx, ast.Load)
        return ast.parse(repr(self.values[node.id]), mode="eval").body if known else node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        first, *rest = node.values
        if not isinstance(node.op, ast.Or) or not isinstance(first, ast.Constant) or first.value:
            return node
        return ast.BoolOp(node.op, rest) if len(rest) > 1 else rest[0]

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        same = ast.unparse(node.body) == ast.unparse(node.orelse)
        return node.body if same and not _calls(node.test) else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        cut = node.slice
        ends = (cut.lower, cut.upper, cut.step) if isinstance(cut, ast.Slice) else (cut,)
        nothing = all(end is None or (isinstance(end, ast.Constant) and end.value is None) for end in ends)
        return node.value if nothing and isinstance(cut, ast.Slice) and isinstance(node.ctx, ast.Load) else node


class Silenced(ast.NodeTransformer):
    """Takes from a cell its words, and assignments and functions of names that are not among those read."""

    def __init__(self, read: set[str]):
        self.read = read

    def changes(self, tree: ast.Module) -> bool:
        """Change a tree in its place and say whether anything was taken."""
        before = ast.unparse(tree)
        return ast.unparse(self.visit(tree)) != before

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        words = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) in WORDS
        return None if words and not _works(node) else node

    def visit_Assign(self, node: ast.Assign) -> ast.Assign | None:
        inner = [part for target in node.targets for part in ast.walk(target)]
        plain = all(isinstance(part, ast.Name | ast.Tuple | ast.expr_context) for part in inner)
        return None if plain and not _works(node) and not names_bound(node) & self.read else node

    def visit_If(self, node: ast.If) -> ast.If | None:
        self.generic_visit(node)
        if not node.body and not node.orelse:
            return None
        node.body = node.body or [ast.Pass()]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef | None:
        return node if node.name in self.read or node.decorator_list or _works(node) else None

    def generic_visit(self, node: ast.AST) -> ast.AST:
        return super().generic_visit(node) if isinstance(node, ast.Module | ast.If) else node


def _bound_elsewhere(cells: Sequence[dict], trees: Sequence[ast.Module | None]) -> set[str]:
    """Return the names that other cells than that of the parameters bind, in inner scopes too."""
    others = [tree for cell, tree in zip(cells, trees, strict=True) if tree and "parameters" not in tags(cell)]
    symbols = [symbol for tree in others for scope in scopes(tree) for symbol in scope.get_symbols()]
    return {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_parameter()}


def _only_speaks(tree: ast.Module, trees: list[ast.Module | None]) -> bool:
    """Say whether a cell calls nothing of a run but its words, and binds nothing that another cell reads."""
    if any(isinstance(statement, ast.Import | ast.ImportFrom) for statement in tree.body):
        return False
    others = [other for other in trees if other and other is not tree]
    return any(call in WORDS for call in _calls(tree)) and not _works(tree) and not names_bound(tree) & _reads(others)


def _works(tree: ast.AST) -> bool:
    return any(call.startswith(("run.", "display.", "study.")) and call not in WORDS for call in _calls(tree))


def _calls(tree: ast.AST) -> list[str]:
    return [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def _reads(trees: Iterable[ast.Module]) -> set[str]:
    """Return the names that trees read and that one may have bound for another.

    What an assignment reads of the very names that it binds is no use of them (`a = b if c else a`).
    """
    found = set()
    for statement in (statement for tree in trees for statement in tree.body):
        own = names_bound(statement) if isinstance(statement, ast.Assign) else set()
        found |= names_read(statement) - own
    return found


def _moved(named: Iterable[str]) -> dict[str, set[int]]:
    """Return the numbers of cells by chapter; raises EtudeError where there is no such cell."""
    found: dict[str, set[int]] = {}
    for one in named:
        name, _, number = one.partition(":")
        if name not in all_notebooks() or not number.isdecimal():
            raise EtudeError("a chapter and the number of a cell, such as 11_rnn:4", one)
        code = read_notebook(all_notebooks()[name]).code
        if not 1 <= int(number) <= len(code) or "parameters" in tags(code[int(number) - 1]):
            raise EtudeError(f"a code cell of {name} that is not that of its parameters", number)
        found.setdefault(name, set()).add(int(number))
    return found


def _ran(folder: Path, name: str) -> Notebook:
    return read_notebook(folder / "notebooks" / f"{name}.ipynb")


def _defined(text: str) -> set[str]:
    body = ast.parse(text).body
    return {s.name for s in body if isinstance(s, ast.FunctionDef | ast.ClassDef) and not s.name.startswith("_")}


def _package_of(folder: Path) -> Path:
    for place in folder.parents:
        if (place / "src" / "etude" / "__init__.py").is_file():
            return place / "src" / "etude"
    raise MissingData("a run inside its checkout", f"no src/etude above {folder}", "Run it there.")


def _read(path: Path) -> dict:
    return read_shaped(path, RESULTS, "a summary")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except EtudeError as error:
        print(f"rekey: {error}", file=sys.stderr)
        sys.exit(2)
