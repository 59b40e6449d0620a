"""The front page of the site: the README's opening, the chapters with their answers, where they stand."""

from __future__ import annotations

import re
from pathlib import Path

from etude.files import project_root
from etude.study.book import DIMENSIONS, Chapter, cell, part_of, relink
from etude.study.report import with_finding

INTRODUCTION = "A comparative study of deep learning for music generation: representations, models and one honest unit."


def picture_name(chapter: Chapter) -> str:
    """Return where a chapter's thumbnail lies, under `_static/`."""
    return f"thumbnails/{chapter.place.removesuffix('.ipynb')}.png"


def front_page(book: list[Chapter], places: set[str], found: str, study: list[str], reference: list[str]) -> str:
    """Return the front page: the README's opening, the chapters with their answers, where they stand.

    `found` is the finding of these chapters, which takes the place of the committed study's; `study` and `reference`
    are the further pages that the site has.
    """
    readme = project_root() / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.is_file() else f"# étude\n\n{INTRODUCTION}\n"
    opening = relink(re.split(r"^## ", with_finding(text, found), maxsplit=1, flags=re.M)[0], "", places)
    cards = '<div class="etude-cards">\n\n' + "\n\n".join(_card(chapter) for chapter in book) + "\n\n</div>"
    parts = [cards, _map(book), *_toctrees(book), _toctree("Study", study), _toctree("Reference", reference)]
    return "\n\n".join([opening, "## Chapters", *filter(None, parts)]) + "\n"


def _card(chapter: Chapter) -> str:
    link = chapter.place
    picture = f'<img src="_static/{picture_name(chapter)}" alt="" loading="lazy"/>' if chapter.thumbnail() else ""
    answer = relink(chapter.answer, str(Path(chapter.place).parent), set())
    said = f"{chapter.label}\n\n**[{chapter.title}]({link})**\n\n{answer}"
    return f'<div class="etude-card">{picture}<div>\n\n{said}\n\n</div></div>'


def _map(book: list[Chapter]) -> str:
    """The chapters in the five dimensions of the field's textbook, as far as they state theirs."""
    rows = [(c, c.dimensions) for c in book if c.dimensions]
    if not rows:
        return ""
    source = "Briot, Hadjeres and Pachet, *Deep Learning Techniques for Music Generation* (2019)"
    lines = [f"| chapter | {' | '.join(DIMENSIONS)} |", "|---" * (1 + len(DIMENSIONS)) + "|"]
    for chapter, said in rows:
        cells = [cell(said.get(name, "")) for name in DIMENSIONS]
        lines.append(f"| [{chapter.label}]({chapter.place}) | {' | '.join(cells)} |")
    return "\n".join(["## Where each chapter stands", "", f"The five dimensions of {source}.", "", *lines])


def _toctrees(book: list[Chapter]) -> list[str]:
    """One table of contents for the run, and one for each part of a sweep."""
    parts = dict.fromkeys(part_of(chapter.place) for chapter in book)
    return [_toctree(part or "Chapters", [_named(c) for c in book if part_of(c.place) == part]) for part in parts]


def _named(chapter: Chapter) -> str:
    """An entry of a table of contents: number and short name; the page itself is headed by its question."""
    return f"{chapter.label} </{chapter.place.removesuffix('.ipynb')}>"


def _toctree(caption: str, pages: list[str]) -> str:
    if not pages:
        return ""
    names = "\n".join(re.sub(r"\.(ipynb|md|rst)$", "", page) for page in pages)
    return f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{names}\n```"
