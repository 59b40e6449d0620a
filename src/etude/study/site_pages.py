"""The pages that the site has besides the chapters: the front page, and the numbers that the runs kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from etude.files import project_root
from etude.study.book import DIMENSIONS, Chapter, part_of, relink
from etude.study.shapes import SUMMARY, read_shaped

INTRODUCTION = "A comparative study of deep learning for music generation: representations, models and one honest unit."


def picture_name(chapter: Chapter) -> str:
    """Return where a chapter's thumbnail lies, under `_static/`."""
    return f"thumbnails/{chapter.place.removesuffix('.ipynb')}.png"


def front_page(book: list[Chapter], places: set[str], study: list[str], reference: list[str]) -> str:
    """Return the front page: the README's opening, the chapters with their answers, where they stand.

    `study` and `reference` are the further pages that the site has.
    """
    readme = project_root() / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.is_file() else f"# étude\n\n{INTRODUCTION}\n"
    opening = relink(re.split(r"^## ", text, maxsplit=1, flags=re.M)[0], "", places)
    cards = '<div class="etude-cards">\n\n' + "\n\n".join(_card(chapter) for chapter in book) + "\n\n</div>"
    parts = [cards, _map(book), *_toctrees(book), _toctree("Study", study), _toctree("Reference", reference)]
    return "\n\n".join([opening, "## Chapters", *filter(None, parts)]) + "\n"


def _card(chapter: Chapter) -> str:
    link = chapter.place
    picture = f'<img src="_static/{picture_name(chapter)}" alt="" loading="lazy"/>' if chapter.thumbnail() else ""
    answer = relink(chapter.answer, str(Path(chapter.place).parent), set())
    return f'<div class="etude-card">{picture}<div>\n\n**[{chapter.title}]({link})**\n\n{answer}\n\n</div></div>'


def _map(book: list[Chapter]) -> str:
    """The chapters in the five dimensions of the field's textbook, as far as they state theirs."""
    rows = [(c, c.dimensions) for c in book if c.dimensions]
    if not rows:
        return ""
    source = "Briot, Hadjeres and Pachet, *Deep Learning Techniques for Music Generation* (2019)"
    lines = [f"| chapter | {' | '.join(DIMENSIONS)} |", "|---" * (1 + len(DIMENSIONS)) + "|"]
    for chapter, said in rows:
        cells = [cell(said.get(name, "")) for name in DIMENSIONS]
        lines.append(f"| [{chapter.notebook.name.partition('_')[0]}]({chapter.place}) | {' | '.join(cells)} |")
    return "\n".join(["## Where each chapter stands", "", f"The five dimensions of {source}.", "", *lines])


def _toctrees(book: list[Chapter]) -> list[str]:
    """One table of contents for the run, and one for each part of a sweep."""
    parts = dict.fromkeys(part_of(chapter.place) for chapter in book)
    return [_toctree(part or "Chapters", [c.place for c in book if part_of(c.place) == part]) for part in parts]


def _toctree(caption: str, pages: list[str]) -> str:
    if not pages:
        return ""
    names = "\n".join(re.sub(r"\.(ipynb|md|rst)$", "", page) for page in pages)
    return f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{names}\n```"


def numbers_page(root: Path, book: list[Chapter]) -> str:
    """Return the page of numbers that the runs of these chapters kept, with how they were made; "" without any."""
    parts = []
    for chapter in book:
        path = root / part_of(chapter.place) / "reports" / "summaries" / f"{chapter.notebook.name}.json"
        if path.is_file():
            remedy = f"Run it again: etude run {chapter.notebook.name}."
            parts.append(_summary(chapter, read_shaped(path, SUMMARY, f"a summary of {chapter.notebook.name}", remedy)))
    intro = "What each chapter's run measured and kept in its summary (`reports/summaries`), with how it was made."
    return "\n\n".join(["# Numbers", intro, *parts]) + "\n" if parts else ""


def _summary(chapter: Chapter, summary: Mapping) -> str:
    parameters = ", ".join(f"`{name} = {value!r}`" for name, value in summary.get("parameters", {}).items()) or "none"
    rows = [
        f"| {cell(name)} | {_number(one.get('value'))} | {cell(one.get('unit', ''))} |"
        for name, one in summary.get("numbers", {}).items()
    ]
    table = ["| measure | value | unit |", "|---|---:|---|", *rows] if rows else ["No single numbers; see its tables."]
    profile, seconds = summary.get("profile", "unknown"), summary.get("wall_seconds", 0)
    made = f"Profile {profile}, {seconds:.0f} s. Parameters: {parameters}."
    return "\n".join([f"## [{chapter.title}]({chapter.place})", "", made, "", *table])


def cell(text) -> str:
    """Return text that may stand in a cell of a Markdown table."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def _number(value) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return cell(value)
