"""The API reference, read from the source: one page a layer, every public module, nothing imported.

Parsing instead of importing keeps the reference independent of what is installed (no framework is loaded to document
a model) and takes a second. Docstrings are NumPy form; napoleon turns their sections into Sphinx fields.
"""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path

LAYERS = (
    *("cli", "study", "display", "evaluation", "registry", "models", "corpora", "representations", "synthesis"),
    *("training", "formats", "types", "files", "errors"),
)  # from the top down

SECTIONS = {
    "Parameters",
    "Returns",
    "Raises",
    "Yields",
    "Notes",
    "Examples",
    "References",
    "Attributes",
    "Warns",
    "See Also",
}
LINKED = re.compile(r"`([A-Z]\w+(\.\w+)*|etude(\.\w+)+)`")  # what a single backtick may lead to; the rest is code


def reference_pages(package: Path) -> dict[str, str]:
    """Return the pages of a package as reStructuredText, by file name; `index.rst` lists them."""
    layers: dict[str, list[Path]] = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        private = any(part.startswith("_") and part != "__init__" for part in parts) or "site_templates" in parts
        if not private and parts != ("__init__",):
            layers.setdefault(parts[0], []).append(path)
    order = sorted(layers, key=lambda name: (LAYERS.index(name) if name in LAYERS else len(LAYERS), name))
    pages = {f"{name}.rst": _layer_page(name, layers[name], package) for name in order}
    lines = [f"- :doc:`{name}`: {_summary(_parsed(layers[name][0]))}" for name in order]
    toctree = [".. toctree::", "   :hidden:", "", *(f"   {name}" for name in order)]
    intro = "Layers from the top down; each imports only from those below it."
    pages["index.rst"] = "\n".join([*_heading("API reference", "="), intro, "", *lines, "", *toctree, ""])
    return pages


def module_page(module_path: str) -> str:
    """Return the page that documents `src/etude/...py`, relative to the site's root: `api/display.rst`."""
    return f"api/{Path(module_path).relative_to('src/etude').parts[0].removesuffix('.py')}.rst"


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _summary(tree: ast.Module) -> str:
    return _plain((ast.get_docstring(tree) or "").partition("\n\n")[0].replace("\n", " "))


def _layer_page(name: str, paths: list[Path], package: Path) -> str:
    lines = _heading(f"etude.{name}", "=")
    for path in paths:
        parts = path.relative_to(package.parent).with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        tree = _parsed(path)
        documented = [node for node in tree.body if _is_public(node)]
        if not documented and not ast.get_docstring(tree):
            continue
        lines += _heading(module, "-") if module != f"etude.{name}" else []
        lines += [f".. py:module:: {module}", "", *_docstring(tree, "module"), ""]
        for node in documented:
            lines += _entry(node, "")
    return "\n".join(lines) + "\n"


def _heading(text: str, line: str) -> list[str]:
    return [text, line * len(text), ""]


def _is_public(node: ast.AST) -> bool:
    if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or node.name.startswith("_"):
        return False
    return not any(getattr(decorator, "attr", "") in ("setter", "deleter") for decorator in node.decorator_list)


def _entry(node: ast.AST, indent: str, owner: bool = False) -> list[str]:
    """Lines of a class with its methods, of a function or of a method."""
    inner = indent + "   "
    if isinstance(node, ast.ClassDef):
        head = [f"{indent}.. py:class:: {node.name}{_class_signature(node)}"]
        members = [line for part in node.body if _is_public(part) for line in _entry(part, inner, owner=True)]
        return [*head, "", *(inner + line for line in _docstring(node, "class")), "", *members]
    kinds = {name for d in node.decorator_list if (name := getattr(d, "id", getattr(d, "attr", None)))}
    kind = "property" if kinds & {"property", "cached_property"} else "method" if owner else "function"
    options = [f"{inner}:{option}:" for option in ("classmethod", "staticmethod") if option in kinds]
    signature = "" if kind == "property" else _signature(node, skip_first=owner and "staticmethod" not in kinds)
    if kind == "property" and node.returns:
        options.append(f"{inner}:type: {ast.unparse(node.returns)}")
    return [
        f"{indent}.. py:{kind}:: {node.name}{signature}",
        *options,
        "",
        *(inner + line for line in _docstring(node, kind)),
        "",
    ]


def _signature(node: ast.FunctionDef, skip_first: bool) -> str:
    arguments = node.args
    if skip_first and (arguments.posonlyargs or arguments.args):
        (arguments.posonlyargs or arguments.args).pop(0)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(arguments)}){returns}"


def _class_signature(node: ast.ClassDef) -> str:
    """The constructor's arguments, or a dataclass's fields."""
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            return _signature(part, skip_first=True)
    if any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
        fields = [part for part in node.body if isinstance(part, ast.AnnAssign) and "ClassVar" not in ast.unparse(part)]
        return f"({', '.join(ast.unparse(part).replace(' = ', '=') for part in fields)})" if fields else ""
    return ""


def _docstring(node: ast.AST, kind: str) -> list[str]:
    from sphinx.ext.napoleon import Config
    from sphinx.ext.napoleon.docstring import NumpyDocstring

    lines = escaped((ast.get_docstring(node) or "").split("\n"))
    own = {above for above, line in pairwise(lines) if re.fullmatch(r"-{3,}", line)} - SECTIONS
    config = Config(napoleon_use_rtype=False, napoleon_custom_sections=[(name, "params_style") for name in sorted(own)])
    return [line for text in NumpyDocstring(lines, config, what=kind).lines() for line in text.split("\n")]


def escaped(lines: list[str]) -> list[str]:
    """Return docstring lines whose prose holds no accidental markup: `*E`, `|x|` and `open_` mean themselves.

    Examples (`>>>` up to a blank line) and indented blocks after `::` are left as they are.
    """
    out, example, literal = [], False, None
    for line in lines:
        depth = len(line) - len(line.lstrip())
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if literal is not None and line.strip() and depth <= literal:
            literal = None
        out.append(line if example or literal is not None else _plain(line))
        if line.rstrip().endswith("::"):
            literal = depth
    return out


def _plain(line: str) -> str:
    parts = re.split(r"(``[^`]+``|`[^`]+`)", line)
    parts[1::2] = [code if LINKED.fullmatch(code) else f"``{code.strip('`')}``" for code in parts[1::2]]
    parts[::2] = [re.sub(r"(?<!\\)[*|]|(?<=\w)_(?!\w)", r"\\\g<0>", part) for part in parts[::2]]
    return "".join(parts)
