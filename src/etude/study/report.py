"""The study's results on one page, made from the summaries: what music costs, what each chapter found, what it took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from etude.files import project_root, replacing
from etude.study.book import Chapter, cell, chapters, part_of
from etude.study.shapes import SUMMARY, read_shaped
from etude.study.summary import summary_path

INTRO = "Made from the summaries that the runs wrote (`reports/summaries`); no number here is typed by hand."
LENGTHS = (  # heading, unit, column of a `score_table`, what the table says
    (
        "A second of an unseen chorale, as notes",
        "bits a second",
        "bits_per_second",
        "All rows write the same notes of the same test chorales, so their bits may be compared. The chapters trained\n"
        "them on different budgets, so the order says how far each chapter got, not yet which family is best.",
    ),
    (
        "A second of unseen sound",
        "kbit a second",
        "kbit_per_second",
        "Rows of one chapter may be compared with each other: they code the same sounds with the same codes.\n"
        "Waveforms and spectrograms are different things, as are sounds of different chapters.",
    ),
)


@dataclass(frozen=True)
class Told:
    """A chapter and the summary that its run wrote."""

    chapter: Chapter
    summary: Mapping


def results_page(root: Path, book: list[Chapter], links: str = "") -> str:
    """Return the page of results of the chapters under `root` as Markdown; "" where none has a summary.

    Parameters
    ----------
    root : Path
        The checkout, or a run's folder.
    book : list of Chapter
    links : str
        How to reach the root from where the page will stand, "../" from a folder of it.
    """
    told = list(_told(root, book))
    if not told:
        return ""
    lengths = [part for one in LENGTHS if (part := _lengths(told, links, *one))]
    answers = "\n\n".join(["## Chapter by chapter", *(_chapter(one, links) for one in told)])
    return "\n\n".join(["# Results", INTRO, *lengths, answers]) + "\n"


def write_report() -> Path:
    """Write `reports/README.md`, the page of results of what is committed, and return its path."""
    root = project_root()
    place = root / "reports" / "README.md"
    with replacing(place) as new:
        new.write_text(results_page(root, chapters(root), "../"), encoding="utf-8")
    return place


def _told(root: Path, book: list[Chapter]) -> Iterator[Told]:
    for chapter in book:
        name = chapter.notebook.name
        path = summary_path(root / part_of(chapter.place), name)
        if path.is_file():
            yield Told(chapter, read_shaped(path, SUMMARY, f"a summary of {name}", f"Run it again: etude run {name}."))


def _lengths(told: list[Told], links: str, heading: str, unit: str, column: str, words: str) -> str:
    """Return a table of all models that chapters scored in one unit, the shortest code first; "" without any."""
    rows = sorted(_rows(told, column), key=lambda row: row[0])
    lines = [
        f"| {cell(row['model'])} | {cell(row.get('representation', ''))} | {value:.2f} | {_interval(row)} "
        f"| {row.get('kind', '')} | {row.get('seeds', '')} | {_link(one.chapter, links)} |"
        for value, row, one in rows
    ]
    head = [f"| code | of | {unit} | 95 % | kind | seeds | chapter |", "|---|---|---:|---|---|---:|---|"]
    return "\n".join([f"## {heading}", "", words, "", *head, *lines]) if lines else ""


def _rows(told: Iterable[Told], column: str) -> Iterator[tuple[float, dict, Told]]:
    """Yield what `evaluation.score_table` measured, each code once: floors stand in many chapters."""
    seen = set()
    for one in told:
        for table in one.summary.get("tables", {}).values():
            for row in table if isinstance(table, list) else []:
                if _is_score(row, column) and (key := _key(row, column)) not in seen:
                    seen.add(key)
                    yield row[column], row, one


def _is_score(row: object, column: str) -> bool:
    """Of whole pieces, with an interval; a table that says what a model `sees` codes something else."""
    return (
        isinstance(row, dict)
        and {"model", "low", "high", column} <= row.keys()
        and "sees" not in row
        and isinstance(row[column], int | float)
    )


def _key(row: Mapping, column: str) -> tuple:
    return row["model"], row.get("representation"), round(row[column], 6)


def _interval(row: Mapping) -> str:
    return f"{row['low']:.2f} to {row['high']:.2f}" if row["low"] is not None else ""


def _link(chapter: Chapter, links: str) -> str:
    return f"[{chapter.label}]({links}{chapter.place})"


def _chapter(one: Told, links: str) -> str:
    summary, cost = one.summary, one.summary.get("cost", {})
    facts = [f"Profile {summary.get('profile', 'unknown')}, {summary.get('wall_seconds', 0):.0f} s of wall"]
    if cost:
        minutes = sum(fit.get("train_seconds", 0) for fit in cost.values()) / 60
        facts.append(f"{len(cost)} fits, {minutes:.0f} minutes of learning")
    claims = summary.get("claims", [])
    if claims:
        facts.append(f"{sum(claim['holds'] for claim in claims)} of {len(claims)} guarded claims hold")
    parts = [f"### {one.chapter.label}: {one.chapter.title}", f"[Read it]({links}{one.chapter.place})."]
    return "\n\n".join([*parts, one.chapter.answer, *_numbers(summary), f"*{'; '.join(facts)}.*"])


def _numbers(summary: Mapping) -> list[str]:
    rows = [
        f"| {cell(name).replace('_', ' ')} | {_number(one.get('value'))} | {cell(one.get('unit', ''))} |"
        for name, one in summary.get("numbers", {}).items()
    ]
    return ["\n".join(["| measure | value | unit |", "|---|---:|---|", *rows])] if rows else []


def _number(value) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return cell(value)
