"""Before kernels start: what all of them would otherwise make at the same moment, made once, where one can watch it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from etude import registry
from etude.study.notebook import Notebook, text_of

PREPARED = ("chorales", "tunes")  # corpora that are parsed once and then kept
EVERYTHING = re.compile(r"\boverview\(\)")


def prepare(notebooks: Iterable[Notebook]) -> list[str]:
    """Prepare the corpora that the code of these notebooks names, and return their names."""
    code = "\n".join(text_of(cell) for notebook in notebooks for cell in notebook.code)
    named = [name for name in PREPARED if EVERYTHING.search(code) or f'corpus("{name}"' in code]
    for name in named:
        registry.corpus(name).prepare()
    return named
