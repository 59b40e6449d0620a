"""Equations as MathML, made while the site is built: no script, no font and no network when a page is read.

A Sphinx extension. LaTeX is converted by latex2mathml; what browsers' MathML Core lacks is put in another way
(alignment of cells as a class, bold letters as Unicode's mathematical alphabet), and a command that the converter does
not know is a warning, where it would otherwise stand on the page as text.
"""

from __future__ import annotations

import re
from html import escape

ENVIRONMENTS = re.compile(r"\\(begin|end)\{(?:aligned|align|split|gathered|gather\*?|equation\*?)\}")
FUNCTION = r"<mi>(?:log|ln|lg|exp|sin|cos|tan|tanh|sinh|cosh|max|min|arg|det|dim|sup|inf|lim|gcd)</mi>"
APPLIED = re.compile(  # a function's name, with its subscript, before what it applies to, where that is no bracket
    rf"(<msub>{FUNCTION}(?:<m[in]>[^<]*</m[in]>|<mrow>(?:(?!<mrow>).)*?</mrow>)</msub>|(?<!<msub>)(?<!<msup>){FUNCTION})"
    r"(?=<m(?:i|n|sub|sup|subsup|frac|row)\b)"
)
BOLD = {"bold": (0x1D400, 0x1D7CE), "bold-italic": (0x1D468, None)}  # code points of A and of 0


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

    if tex.replace(r"\{", "").replace(r"\}", "").count("{") != tex.replace(r"\{", "").replace(r"\}", "").count("}"):
        raise ValueError("braces do not match")
    one_line = " ".join(tex.split())
    aligned = ENVIRONMENTS.sub(lambda m: "" if "equation" in m[0] else rf"\{m[1]}{{align*}}", one_line)
    if r"\\" in aligned and r"\begin{" not in aligned:
        aligned = rf"\begin{{align*}}{aligned}\end{{align*}}"
    math = convert(aligned, display=display)
    unknown = re.findall(r"\\[A-Za-z]+", math)
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}")
    return _for_browsers(math).replace("<math ", f'<math alttext="{escape(one_line)}" ', 1)


def _for_browsers(math: str) -> str:
    """What MathML Core (2023) lacks, said so that browsers draw it."""
    math = APPLIED.sub(r'\1<mspace width="0.167em"/>', math)
    math = re.sub(r'columnalign="(\w+)"', r'class="to-\1"', math)
    for variant, (letters, digits) in BOLD.items():
        math = re.sub(
            rf'<(m[in])([^>]*) mathvariant="{variant}">([A-Za-z0-9]+)</',
            lambda m, a=letters, d=digits: f"<{m[1]}{m[2]}>{''.join(_bold(c, a, d) for c in m[3])}</",
            math,
        )
    return math


def _bold(character: str, letters: int, digits: int | None) -> str:
    if character.isdigit():
        return chr(digits + int(character)) if digits else character
    return chr(letters + ord(character) - ord("A") - (6 if character.islower() else 0))


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
