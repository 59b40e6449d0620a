"""Equations as MathML, made while the site is built: no script, no font and no network when a page is read.

A Sphinx extension. LaTeX is converted by latex2mathml; what browsers' MathML Core lacks is put in another way
(alignment of cells as a class, bold letters as Unicode's mathematical alphabet), and a command that the converter does
not know is a warning, where it would otherwise stand on the page as text.
"""

from __future__ import annotations

import re
from html import escape
from itertools import pairwise
from xml.etree import ElementTree

ElementTree.register_namespace("", "http://www.w3.org/1998/Math/MathML")
ENVIRONMENTS = re.compile(r"\\(begin|end)\{(?:aligned|align|split|gathered|gather\*?|equation\*?)\}")
MATHML = "{http://www.w3.org/1998/Math/MathML}"
SCRIPTS = ("msub", "msup", "msubsup", "munder", "mover", "munderover")
ROWS = ("math", "mrow", "mtd", "msqrt", "mstyle")
BOLD = {"bold": (0x1D400, 0x1D6A8), "bold-italic": (0x1D468, 0x1D71C)}  # code points of A and of Alpha


def to_mathml(tex: str, display: str = "inline") -> str:
    """Return LaTeX as a `<math>` element.

    Parameters
    ----------
    tex : str
        Without dollar signs.
    display : "inline" or "block"

    Raises
    ------
    ValueError
        Where a command is unknown or braces do not match.
    """
    from latex2mathml.converter import convert

    braces = re.sub(r"\\[{}]", "", tex)
    if braces.count("{") != braces.count("}"):
        raise ValueError("braces do not match")
    one_line = " ".join(tex.split())
    aligned = ENVIRONMENTS.sub(lambda m: "" if "equation" in m[0] else rf"\{m[1]}{{align*}}", one_line)
    if r"\\" in aligned and r"\begin{" not in aligned:
        aligned = rf"\begin{{align*}}{aligned}\end{{align*}}"
    math = re.sub(r"&(?!#?\w+;)", "&amp;", convert(aligned, display=display))
    unknown = re.findall(r"\\[A-Za-z]+", math)
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}")
    return _for_browsers(math, one_line)


def _for_browsers(math: str, tex: str) -> str:
    """What MathML Core (2023) lacks, or spaces otherwise than TeX, said so that browsers draw it."""
    root = ElementTree.fromstring(math)
    root.set("alttext", tex)
    for element in root.iter():
        _align(element)
        _embolden(element)
        _space(element)
    return ElementTree.tostring(root, encoding="unicode")


def _align(element) -> None:
    side = element.attrib.pop("columnalign", None)
    if side:
        element.set("class", f"to-{side}")


def _embolden(element) -> None:
    variant = element.get("mathvariant")
    if variant in BOLD and (element.text or "").isalpha():
        del element.attrib["mathvariant"]
        element.text = "".join(_bold(character, *BOLD[variant]) for character in element.text)


def _bold(character: str, latin: int, greek: int) -> str:
    """The letter of Unicode's mathematical alphabets; what they lack stays as it is."""
    for first, last, start in (("A", "Z", latin), ("a", "z", latin + 26), ("Α", "Ω", greek), ("α", "ω", greek + 26)):
        if first <= character <= last:
            return chr(start + ord(character) - ord(first))
    return character


def _space(element) -> None:
    """No space around signs in a subscript or a bar; a thin one between a function and what it applies to."""
    name = element.tag.rpartition("}")[2]
    if name in SCRIPTS:
        for sign in (sign for script in element[1:] for sign in script.iter(f"{MATHML}mo")):
            sign.attrib.update(lspace="0", rspace="0")
    if name == "mo" and element.text == "mod":
        element.attrib.update(lspace="0.3em", rspace="0.3em")
    if name == "mo" and element.text == "|":
        element.attrib.update(lspace="0", rspace="0")
    children = list(element) if name in ROWS else []
    for place, (one, following) in reversed(list(enumerate(pairwise(children), 1))):
        if _is_function(one) and following.tag not in (f"{MATHML}mo", f"{MATHML}mspace"):
            element.insert(place, ElementTree.Element(f"{MATHML}mspace", width="0.167em"))


def _is_function(element) -> bool:
    """True for a name such as log, with or without a subscript."""
    if element.tag.rpartition("}")[2] in SCRIPTS:
        return _is_function(element[0])
    name = element.text or ""
    if element.tag == f"{MATHML}mo" and name.isalpha() and len(name) > 1 and name != "mod":
        element.tag = f"{MATHML}mi"  # what \\operatorname made
    return element.tag == f"{MATHML}mi" and len(element.text or "") > 1 and element.text.isalpha()


def _html(self, node, display: str) -> str:
    from sphinx.util import logging

    tex = node.astext()
    try:
        return to_mathml(tex, display)
    except Exception as error:  # the converter raises many kinds
        message = "equation %r: %s"
        logging.getLogger(__name__).warning(message, tex, error, location=node, type="etude", subtype="math")
        return f"<code>{escape(tex)}</code>"


def visit_math(self, node) -> None:
    """Write an equation of a line of text."""
    from docutils import nodes

    self.body.append(_html(self, node, "inline"))
    raise nodes.SkipNode


def visit_math_block(self, node) -> None:
    """Write a displayed equation, with its number where it has one."""
    from docutils import nodes

    number = f'<span class="eqno">({node["number"]})</span>' if node.get("number") else ""
    ids = f' id="{node["ids"][0]}"' if node.get("ids") else ""
    self.body.append(f'<div class="math"{ids}>{number}{_html(self, node, "block")}</div>\n')
    raise nodes.SkipNode


def setup(app) -> dict:
    """Register the renderer (`html_math_renderer = "mathml"`)."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
