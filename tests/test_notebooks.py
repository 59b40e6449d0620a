"""The committed chapters: executed, clean, linked, of bounded size, and in agreement with their summaries."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from etude.study.book import Chapter, chapters
from etude.study.conclusions import with_conclusions
from etude.study.notebook import read_notebook, tags, text_of
from etude.study.report import finding, results_page, with_finding
from etude.study.summary import failed_claims, summary_path

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
SAID = re.compile(r'(?:display\.say|run\.claim|run\.answer)\(\s*f?""".*?"""', re.S)
DIMENSIONS = {"objective", "representation", "architecture", "challenge", "strategy"}


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def chapter(request):
    return read_notebook(request.param)


def cells(chapter, kind):
    return [cell for cell in chapter.content["cells"] if cell["cell_type"] == kind and text_of(cell).strip()]


def outputs(chapter):
    return [output for cell in cells(chapter, "code") for output in cell["outputs"]]


def without_pictures(output) -> dict:
    """Return an output without its pictures, whose letters spell anything."""
    data = {kind: value for kind, value in output.get("data", {}).items() if not kind.startswith("image/")}
    return {**output, "data": data}


def html(chapter) -> str:
    return "\n".join("".join(o.get("data", {}).get("text/html", "")) for o in outputs(chapter))


def test_the_page_of_results_is_that_of_the_summaries():
    said = (ROOT / "reports" / "README.md").read_text(encoding="utf-8")
    assert said == results_page(ROOT, chapters(ROOT), "../"), "write it anew: etude.study.report.write_report()"


def test_the_finding_in_the_readme_is_that_of_the_summaries():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text == with_finding(text, finding(ROOT, chapters(ROOT))), "write it anew: etude.study.report.write_report()"


def test_there_are_chapters():
    assert len(NOTEBOOKS) >= 7


def test_it_was_executed_from_top_to_bottom_without_noise(chapter):
    counts = [cell["execution_count"] for cell in cells(chapter, "code")]
    assert counts == list(range(1, len(counts) + 1))
    assert not [o for o in outputs(chapter) if o["output_type"] == "error" or o.get("name") == "stderr"]
    shown = json.dumps([without_pictures(output) for output in outputs(chapter)])
    assert "Warning" not in shown and "0x7f" not in shown


def words_of(statement: ast.stmt) -> Iterator[str]:
    """Yield what stands between the values in the text that a statement says, where it says one whatever happens."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(call, ast.Call) and getattr(call.func, "attr", "") in ("say", "claim"):
        text = call.args[0]
        parts = text.values if isinstance(text, ast.JoinedStr) else [text]
        yield from (str(part.value) for part in parts if isinstance(part, ast.Constant))


def one_spaced(text: str) -> str:
    return " ".join(text.split())


def test_every_cell_says_what_stands_in_it_and_nothing_else(chapter):
    """A page may be translated to changed code without a run: then no sentence of the old code may stay."""
    for cell in cells(chapter, "code"):
        told = ["".join(o.get("data", {}).get("text/markdown", "")) for o in cell["outputs"]]
        said, code = one_spaced(" ".join(told)), text_of(cell)
        for statement in ast.parse(code).body:
            for words in map(one_spaced, words_of(statement)):
                assert words in said, f"{words!r} is in the code, and not on the page"
        tells = any(word in code for word in ("say(", "claim(", "show_source(")) or "answer" in tags(cell)
        assert tells or not said, f"no code says {said!r}"


def test_cells_are_short_and_prose_is_not_scarce(chapter):
    lengths = sorted(len(text_of(cell).splitlines()) for cell in cells(chapter, "code"))
    live = chapter.content["metadata"]["etude"].get("live", False)  # definitions are written in the chapter itself
    assert lengths[-1] <= (60 if live else 20) and lengths[len(lengths) // 2] <= 10
    code = "\n".join(text_of(cell) for cell in cells(chapter, "code"))
    said = [match[0] for match in SAID.finditer(code)]  # prose with numbers
    words = sum(len(text.split()) for text in [*map(text_of, cells(chapter, "markdown")), *said])
    assert words >= (3 if live else 4) * (sum(lengths) - sum(len(text.splitlines()) for text in said))
    for cell in cells(chapter, "code"):
        assert live or not re.search(r"^\s*class ", text_of(cell), flags=re.M)


def test_no_equation_holds_a_line_break_before_a_word(chapter):
    """Two backslashes break a line: of one too many before a name, the name itself is left as letters."""
    for cell in cells(chapter, "markdown"):
        assert not re.search(r"\\\\[a-zA-Z]", text_of(cell))


def test_it_says_where_it_stands(chapter):
    assert chapter.content["metadata"]["etude"].keys() >= DIMENSIONS
    first = text_of(cells(chapter, "markdown")[0]).splitlines()[0]
    assert first.startswith("# ") and first.endswith("?")
    assert chapter.parameters
    assert [cell for cell in cells(chapter, "code") if "answer" in tags(cell)]


def test_the_chapters_form_one_chain(chapter):
    here = NOTEBOOKS.index(chapter.path)
    around = [("previous", NOTEBOOKS[here - 1])] if here else []
    around += [("next", NOTEBOOKS[here + 1])] if here + 1 < len(NOTEBOOKS) else []
    line = " | ".join(f"{word}: [{Chapter(read_notebook(path), '').label}]({path.name})" for word, path in around)
    prose = [text_of(cell) for cell in cells(chapter, "markdown")]
    assert prose[0].endswith(f"?\n\n{line}") and sum(text.endswith(f"---\n{line}") for text in prose) == 1


def test_links_and_players_lead_to_files(chapter):
    links = re.findall(r"\]\(([\w./-]+\.ipynb)\)", "\n".join(text_of(c) for c in cells(chapter, "markdown")))
    targets = [*links, *re.findall(r'(?:src|href)="(\.\./[^"]+)"', html(chapter))]
    assert links
    for target in targets:
        assert (chapter.path.parent / target).is_file(), target
    assert "data:audio" not in html(chapter)


def test_every_sound_and_picture_is_of_one_cell(chapter):
    """A second cell that takes the name writes over the first one's file, which then stands under both."""
    files = re.compile(r'(?:src|href)="(\.\./reports/[^"]+)"')
    figures = re.compile(r"run\.figure\(\s*[\"']([^\"']+)")
    code = cells(chapter, "code")
    shown = [
        {*files.findall(html(replace(chapter, content={"cells": [c]}))), *figures.findall(text_of(c))} for c in code
    ]
    for place, here in enumerate(shown):
        assert not here & set().union(*shown[:place]), "written by two cells"


def test_every_claim_of_a_committed_chapter_holds(chapter):
    summary = json.loads((ROOT / "reports" / "summaries" / f"{chapter.name}.json").read_text(encoding="utf-8"))
    assert failed_claims(summary) == []


def test_conclusions_say_what_the_committed_summary_answers(chapter):
    path = summary_path(ROOT, chapter.name)
    said = json.loads(path.read_text(encoding="utf-8"))
    assert with_conclusions(chapter, said, path) == (chapter.content, said), "etude refresh"


def test_numbers_come_from_the_run_that_the_summary_describes(chapter):
    summary = json.loads((ROOT / "reports" / "summaries" / f"{chapter.name}.json").read_text(encoding="utf-8"))
    assert summary["profile"] == "full"
    assert summary["parameters"] == {name: p.default for name, p in chapter.declared.items()}
    assert len(summary["answer"]) > 40
    said = ["".join(o.get("data", {}).get("text/markdown", "")) for o in outputs(chapter)]
    assert summary["answer"] in [" ".join(text.split()) for text in said]
    for figure in summary["figures"].values():
        assert (ROOT / figure["path"]).is_file()
