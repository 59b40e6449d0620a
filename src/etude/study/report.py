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
MARKS = ("<!-- finding: made from the summaries by etude.study.report -->", "<!-- end of the finding -->")
COMPARISON = "30_comparison"
HEARD = {  # what the README offers to hear: words, file
    "Bach": "reports/audio/20_lesson/held-out.mp3",
    "a piece by the best single network (chapter 20, temperature 0.85)": "reports/audio/20_lesson/at-0-85.mp3",
    "a hymn that Bach did not set, harmonised": "reports/audio/31_together/chorale.mp3",
}
CHORALES = "chorales"  # the corpus that most chapters price


@dataclass(frozen=True)
class Lengths:
    """A table of the page: how it is headed, its unit, whose rows (None: of any music), and what is said of it."""

    heading: str
    unit: str
    column: str
    chorales: bool | None
    words: str


@dataclass(frozen=True)
class Told:
    """A chapter and the summary that its run wrote."""

    chapter: Chapter
    summary: Mapping


LENGTHS = (
    Lengths(
        "A second of an unseen chorale, as notes",
        "bits per second",
        "bits_per_second",
        True,
        "All rows write the same notes of the same test chorales, so their bits may be compared. Chapter 20 gave its\n"
        "models one lesson, except `rnn-recall`, which had a longer one; the mixtures hold its seeds, one also\n"
        "networks of the one lesson. Chapters 25 and 27 ask the same fits, 27 beside a table of the training music.\n"
        "The others had budgets of their own, so that their order says how far each chapter got.",
    ),
    Lengths(
        "A second of other pieces, as notes",
        "bits per second",
        "bits_per_second",
        False,
        "Other music, or a part of the test chorales: rows of one chapter that code as many pieces may be compared.",
    ),
    Lengths(
        "A second of unseen sound",
        "kbit per second",
        "kbit_per_second",
        None,
        "Rows of one chapter may be compared with each other: they code the same sounds with the same codes.\n"
        "Waveforms and spectrograms are different things, as are sounds of different chapters.",
    ),
)


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
    lengths = [part for one in LENGTHS if (part := _lengths(told, links, one))]
    answers = "\n\n".join(["## Chapter by chapter", *(_chapter(one, links) for one in told)])
    return "\n\n".join(["# Results", INTRO, *lengths, answers]) + "\n"


def write_report() -> Path:
    """Write `reports/README.md`, the page of results of what is committed, and return its path.

    The finding at the head of the README, between its two marks, is written anew too.
    """
    root = project_root()
    book, place, readme = chapters(root), root / "reports" / "README.md", root / "README.md"
    pages = {place: results_page(root, book, "../")}
    if readme.is_file() and (found := finding(root, book)):
        pages[readme] = with_finding(readme.read_text(encoding="utf-8"), found)
    for path, text in pages.items():
        with replacing(path) as new:
            new.write_text(text, encoding="utf-8")
    return place


def with_finding(text: str, found: str) -> str:
    """Return a README with `found` between its marks; unchanged where it has none."""
    begin, end = MARKS
    before, first, rest = text.partition(begin)
    _, last, after = rest.partition(end)
    return f"{before}{begin}\n\n{found}\n\n{end}{after}" if first and last else text


def finding(root: Path, book: list[Chapter]) -> str:
    """Return what the chapter that compares found: answer, table, figure, what to hear; "" before it ran."""
    told = {one.chapter.notebook.name: one.summary for one in _told(root, book)}
    if COMPARISON not in told:
        return ""
    shown = told[COMPARISON]
    rows = _shortest(shown)
    head = ["| code of a chorale | representation | bits per second | 95 % |", "|---|---|---:|---|"]
    lines = [
        f"| {cell(row['model'])} | {cell(row['representation'])} | {row['bits_per_second']:.2f} | {_interval(row)} |"
        for row in rows
    ]
    figure = shown["figures"]["line"]
    heard = [f"[{words}]({path})" for words, path in HEARD.items() if (root / path).is_file()]
    link = f"[Chapter 30](notebooks/{COMPARISON}.ipynb) puts the codes side by side."
    parts = [f"{shown['answer']} {link}", "\n".join([*head, *lines]), f"![{figure['alt']}]({figure['path']})"]
    return "\n\n".join([*parts, *([f"Listen: {', '.join(heard)}."] if heard else [])])


def _shortest(summary: Mapping) -> list[dict]:
    """Return the shortest code of each representation, and the shortest of those that learn nothing by gradient."""
    tables, rows = summary["tables"], {}
    for row in sorted(tables["models"], key=lambda row: row["bits_per_second"]):
        rows.setdefault(row["representation"], row)
    floors = sorted(tables["floors"], key=lambda row: row["bits_per_second"])
    return sorted([*rows.values(), *floors[:1]], key=lambda row: row["bits_per_second"])


def _told(root: Path, book: list[Chapter]) -> Iterator[Told]:
    for chapter in book:
        name = chapter.notebook.name
        path = summary_path(root / part_of(chapter.place), name)
        if path.is_file():
            yield Told(chapter, read_shaped(path, SUMMARY, f"a summary of {name}", f"Run it again: etude run {name}."))


def _lengths(told: list[Told], links: str, table: Lengths) -> str:
    """Return a table of all models that chapters scored in one unit, the shortest code first; "" without any."""
    rows = sorted(_rows(told, table), key=lambda row: row[0])
    lines = [
        f"| {cell(row['model'])} | {cell(row.get('representation', ''))} | {value:.2f} | {_interval(row)} "
        f"| {row.get('kind', '')} | {row.get('seeds', '')} | {row.get('pieces', '')} | {_link(one.chapter, links)} |"
        for value, row, one in rows
    ]
    columns = ["code", "of", table.unit, "95 %", "kind", "seeds", "pieces", "chapter"]
    head = [f"| {' | '.join(columns)} |", "|---|---|---:|---|---|---:|---:|---|"]
    return "\n".join([f"## {table.heading}", "", table.words, "", *head, *lines]) if lines else ""


def _rows(told: Iterable[Told], of: Lengths) -> Iterator[tuple[float, dict, Told]]:
    """Yield what `evaluation.score_table` measured, each code once: floors stand in many chapters.

    The chapter that compares measures nothing; its rows are those of others.
    """
    seen = set()
    for one in (one for one in told if one.chapter.notebook.name != COMPARISON):
        for table in one.summary.get("tables", {}).values():
            for row in table if isinstance(table, list) else []:
                wanted = _is_score(row, of.column) and of.chorales in (None, _is_of_chorales(row, one.summary))
                if wanted and (key := _key(row, of.column)) not in seen:
                    seen.add(key)
                    yield row[of.column], row, one


def _is_of_chorales(row: Mapping, summary: Mapping) -> bool:
    """Say whether a row is of all test chorales: its chapter learns from them, and it codes as many pieces."""
    counts = summary.get("corpora", {}).get(CHORALES, {}).get("pieces", {})
    return "test" in counts and row.get("pieces") == counts["test"]


def _is_score(row: object, column: str) -> bool:
    """Of whole pieces, with an interval; a table that says what a model `sees` codes something else."""
    return (
        isinstance(row, dict)
        and {"model", "low", "high", column} <= row.keys()
        and "sees" not in row
        and isinstance(row[column], int | float)
    )


def _key(row: Mapping, column: str) -> tuple:
    """One code may have two names; two codes hardly have equal numbers, intervals and pieces."""
    numbers = (None if row[name] is None else round(row[name], 6) for name in (column, "low", "high"))
    return row.get("representation"), row.get("pieces"), *numbers


def _interval(row: Mapping) -> str:
    return f"{row['low']:.2f} to {row['high']:.2f}" if row["low"] is not None else ""


def _link(chapter: Chapter, links: str) -> str:
    return f"[{chapter.label}]({links}{chapter.place})"


def _chapter(one: Told, links: str) -> str:
    summary, cost = one.summary, one.summary.get("cost", {})
    facts = [f"Profile {summary.get('profile', 'unknown')}, {summary.get('wall_seconds', 0):.0f} s of wall"]
    if cost:
        minutes = sum(fit.get("train_seconds", 0) for fit in cost.values()) / 60
        facts.append(f"{_counted(len(cost), 'fit')}, {_counted(round(minutes), 'minute')} of learning")
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


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"


def _number(value) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return cell(value)
