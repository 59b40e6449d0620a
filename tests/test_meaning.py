"""What source text means: what may be rewritten freely, and what may not."""

from pathlib import Path

import pytest

import etude
from etude.meaning import meaning

TEXT = '''
"""A module."""
import b
import a
from etude.models.rnn import RNN

BLOCK = 3
TABLE = {"rnn": "etude.models.rnn:RNN"}


def walk(x, block: int = BLOCK, *, deep=True) -> list:
    """Walk."""
    y: int = x + block  # how far
    try:
        near = [y * z for z in range(y) if z]
    except ValueError as error:
        raise KeyError(y) from error
    return near if deep else sorted(near, key=lambda n: n - y)


class Counter:
    """Counts."""

    size: int = 4
    name = "counter"

    def __init__(self, start):
        total = start

        def add(by):
            nonlocal total
            total += by
            return total

        self.add = add

    @property
    def first(self) -> int:
        return self.add(0)


START = walk(1)
'''
NEUTRAL = {
    "a comment": ("return near if", "# which?\n    return near if"),
    "a docstring": ('"""Walk."""', '"""Go on."""'),
    "no docstring": ('    """Counts."""\n\n', ""),
    "layout": ("BLOCK = 3", "BLOCK = (\n    3\n)"),
    "order of imports": ("import b\nimport a", "import a, b"),
    "a module that moved": ("from etude.models.rnn import", "from etude.models.sequence.rnn import"),
    "annotations of a function": ("block: int = BLOCK, *, deep=True) -> list", "block=BLOCK, *, deep: bool = True)"),
    "annotation of a local": ("y: int = x", "y = x"),
    "a local": ("near", "close_by"),
    "an exception": ("error", "trouble"),
    "a local that an inner function changes": ("total", "sum_"),
    "the variable of a comprehension": ("y * z for z in range(y) if z", "y * v for v in range(y) if v"),
    "pass": ("        self.add = add\n", "        self.add = add\n        pass\n"),
}
BEHAVIOURAL = {
    "a constant": ("BLOCK = 3", "BLOCK = 4"),
    "an operator": ("x + block", "x - block"),
    "another local": ("y * z", "z * z"),
    "swapped": ("y * z", "z * y"),
    "a default": ("deep=True", "deep=False"),
    "the name of a parameter": ("block", "width"),
    "a local that becomes an outer name": ("nonlocal total", "global total"),
    "a decorator": ("    @property\n", ""),
    "an attribute": ("self.add = add", "self.plus = add"),
    "a field's annotation": ("size: int = 4", "size: float = 4"),
    "the order of fields": ('size: int = 4\n    name = "counter"', 'name = "counter"\n    size: int = 4'),
    "a dropped statement": ("total += by\n            return", "return"),
    "a call at import": ("START = walk(1)", "START = walk(2)"),
    "an alias": ("import b\n", "import c as b\n"),
}


def changed(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new)


@pytest.mark.parametrize("edit", NEUTRAL)
def test_how_it_is_written_means_nothing(edit):
    assert meaning(changed(*NEUTRAL[edit])) == meaning(TEXT)


@pytest.mark.parametrize("edit", BEHAVIOURAL)
def test_what_it_does_means_something(edit):
    assert meaning(changed(*BEHAVIOURAL[edit])) != meaning(TEXT)


def test_definitions_may_stand_in_any_order_where_that_changes_nothing():
    walk, counter = (
        TEXT[TEXT.index("def walk") : TEXT.index("class C")],
        TEXT[TEXT.index("class C") : TEXT.index("STA")],
    )
    assert meaning(TEXT.replace(walk + counter, counter + walk)) == meaning(TEXT)
    method = TEXT[TEXT.index("    @property") : TEXT.index("\n\nSTART")]
    moved = TEXT.replace(method, "").replace("    def __init__", f"{method}\n    def __init__")
    assert meaning(moved) == meaning(TEXT)
    for early, late in [  # where it may change something, the order counts
        ("x = 1\ndef f(a=x): pass\nx = 2", "x = 1\nx = 2\ndef f(a=x): pass"),
        ("@register\ndef f(): pass\n@register\ndef g(): pass", "@register\ndef g(): pass\n@register\ndef f(): pass"),
        ("def f(): return 1\ndef f(): return 2", "def f(): return 2\ndef f(): return 1"),
        ("class A:\n x = count()\nclass B:\n x = count()", "class B:\n x = count()\nclass A:\n x = count()"),
    ]:
        assert meaning(early) != meaning(late)


def test_names_that_something_else_reads_are_kept():
    for reads in ("return locals()", 'return frame.query("n > @low")', "return eval(text)"):
        text = f"def f(frame, text):\n    low = 3\n    {reads}"
        assert meaning(text) != meaning(text.replace("low = 3", "least = 3"))
    assert meaning("def f():\n    def inner(): pass") != meaning("def f():\n    def other(): pass")
    assert meaning("def f():\n    x = 1\n    return f'{x=}'") != meaning("def f():\n    y = 1\n    return f'{y=}'")


def test_of_tables_those_entries_count_that_lead_to_modules_in_use():
    used = {"etude.models.rnn"}.__contains__
    more = changed('"etude.models.rnn:RNN"}', '"etude.models.rnn:RNN", "new": {"torch": "etude.models.new:New"}}')
    assert meaning(more, used) == meaning(TEXT, used) != meaning(more)
    other = changed("rnn:RNN", "rnn:LSTM")
    assert meaning(other, used) != meaning(TEXT, used)
    framework = 'M = {"rnn": {"torch": "etude.models.rnn:RNN"%s}}'
    second = framework % ', "keras": "etude.models.keras.rnn:RNN"'
    assert meaning(framework % "", used) == meaning(second, used)
    places = '_PLACES = {"rnn": ("a",)%s}\n__all__ = ["a"%s]\nfrom etude.models.rnn import a%s'
    listed = places % (', "new": ("b",)', ', "b"', "\nfrom etude.models.new import b")
    assert meaning(places % ("", "", ""), used, "etude.models") == meaning(listed, used, "etude.models")


def test_modules_have_a_meaning_that_parsing_them_again_keeps():
    import ast

    for path in sorted(Path(etude.__file__).parent.rglob("*.py"))[::4]:
        text = path.read_text(encoding="utf-8")
        assert meaning(ast.unparse(ast.parse(text))) == meaning(text), path
