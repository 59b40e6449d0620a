"""What an edit makes old: under the keying of now, and under the one that étude had before it.

Before: a page was keyed by the text of the modules that it had loaded; a fit by the syntax trees, without docstrings,
of the modules that define the classes of its model and network, and of the engine's folder.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence

from edits import Edit


def pages() -> dict[str, list[str]]:
    """Return the modules that the committed chapters use, as their summaries say or, where those are old, by name."""
    from etude.files import project_root
    from etude.study.source import modules_in_use, read_package

    texts, found = read_package(), {}
    last = {name.rpartition(".")[2]: name for name in sorted(texts)}
    for path in sorted((project_root() / "reports" / "summaries").glob("*.json")):
        said = json.loads(path.read_text(encoding="utf-8"))["source"]["modules"]
        names = [name if name in texts else last.get(name.rpartition(".")[2], "") for name in said]
        found[path.stem] = modules_in_use(names, texts)
    return found


def stale(edits: Sequence[Edit], texts: Mapping[str, str]) -> list[tuple[int, int]]:
    """Return for each edit how many pages it makes old, now and before."""
    from etude.study.source import meaning_of

    used, counts = pages(), []
    for edit in edits:
        concerned = [names for names in used.values() if edit.module in names]
        edited = {**texts, edit.module: edit.text}
        now = sum(meaning_of(edit.module, edited, n) != meaning_of(edit.module, dict(texts), n) for n in concerned)
        before = sum(_text(edit.module, edited, n) != _text(edit.module, texts, n) for n in concerned)
        counts.append((now, before))
    return counts


def _text(module: str, texts: Mapping[str, str], used: Sequence[str]) -> str:
    from etude.study.source import text_digests

    return text_digests([module, *used], {module: texts[module]})[module]


def modules_of_fits() -> dict[str, list[str]]:
    """Return for every probe the modules whose text its fit was keyed by before."""
    from etude import registry
    from etude.study.probe_music import SPACES
    from etude.study.probe_table import FITS
    from etude.study.probes import PROBES

    found = {}
    for name, probe in PROBES.items():
        plain = FITS.get(name)
        family, space = (plain.family, plain.space) if plain else (probe.family or "rnn", "sound")
        model = registry.model(family, SPACES["keys" if family == "rbm" else space], **(plain.options if plain else {}))
        classes = {*type(model).__mro__, *type(getattr(model, "network", None)).__mro__}
        found[name] = sorted({c.__module__ for c in classes if c.__module__.startswith("etude.")})
    return found


def refits_before(edit: Edit, texts: Mapping[str, str], keyed: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the probes whose fits an edit made other ones before."""
    if edit.module.startswith("etude.training"):
        concerned = set(keyed)
    else:
        concerned = {name for name, modules in keyed.items() if edit.module in modules}
    return concerned if _tree(edit.text) != _tree(texts.get(edit.module, "")) else set()


def _tree(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        if isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
