"""The site opens from the disk: nothing is fetched, every link leads somewhere, equations are MathML."""

import base64
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlparse

import matplotlib
import numpy as np
import pytest

import etude
from etude import display
from etude.errors import EtudeError, ForeignFiles, MissingData
from etude.files import project_root
from etude.study.api_reference import escaped, reference_pages
from etude.study.book import chapters, relink
from etude.study.mathml import to_mathml
from etude.study.site import build_site
from etude.types import Audio, Score

matplotlib.use("agg")
LOADED = {
    "script": "src",
    "link": "href",
    "img": "src",
    "audio": "src",
    "source": "src",
    "iframe": "src",
    "video": "src",
}


# A run of two chapters, as the runner leaves it ---------------------------------------------------------------------


def markdown(text, *tags):
    return {"cell_type": "markdown", "id": f"m{len(text)}", "metadata": {"tags": list(tags)}, "source": text}


def code(source, *outputs, tags=()):
    metadata = {"tags": list(tags)}
    return {
        "cell_type": "code",
        "id": f"c{len(source)}",
        "metadata": metadata,
        "source": source,
        "outputs": list(outputs),
        "execution_count": 1,
    }


def shown(data, metadata=None):
    return {"output_type": "display_data", "data": data, "metadata": metadata or {}}


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def notebook(path, *cells, **place):
    metadata = {"kernelspec": {"name": "python3", "display_name": "P"}, "etude": place}
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**content, "cells": list(cells)}), encoding="utf-8")


def first_chapter(run):
    score = Score(np.array([(4 * i, 4, 60 + i, 80, 0) for i in range(8)]), 4)
    audio = Audio(np.sin(np.arange(8000) / 5).astype(np.float32) / 2, 8000)
    figure = display.plot_piano_roll(score, title="A scale").figure
    from etude.display.house_style import png

    image = shown(
        {"image/png": base64.b64encode(png(figure)).decode(), "text/plain": "<Figure size 720x256>"},
        {"image/png": {"alt": display.describe(figure), "width": 720}},
    )
    scrap = {
        **shown({"text/plain": "<Axes: xlabel='time (s)'>"}),
        "output_type": "execute_result",
        "execution_count": 1,
    }
    table = display.plain_table([{f"column {i}": i for i in range(30)}], "A wide table")
    answer = shown({"text/markdown": "It costs **11.2 bits** a second, or $\\log_2 3$ a step.", "text/plain": ""})
    notebook(
        run / "notebooks" / "00_question.ipynb",
        markdown("# What is a scale?\n\n[next](01_midi.ipynb) · [later](30_comparison.ipynb)"),
        code("seed = 0", tags=["parameters"]),
        code("say(answer)", answer, tags=["answer"]),
        markdown(
            "## Sound\n\nSee [the data](../data/README.md), "
            "[the roll](../src/etude/representations/pianoroll.py#L3), "
            "[a file](../reports/audio/00_question/tone.mp3) and [no page](../tests/conftest.py). "
            "`a[i](x.ipynb)`"
        ),
        code("plot(score)", scrap, image),
        code("player(audio)", shown(display.player(audio, "tone")._repr_mimebundle_())),
        code("engrave(score)", shown(display.engrave(score, "scale")._repr_mimebundle_())),
        code("table", shown(table._repr_mimebundle_())),
        code(
            'run.claim("It is said.", True)',
            shown({"text/markdown": "It is said.", "text/plain": ""}),
            tags=["conclusion"],
        ),
        code("print()", stream("a line of output\n"), stream("a warning of a library\n", "stderr")),
        markdown(r"""
$$
\begin{aligned} L(x) &= \sum_{t=1}^T -\log_2 p(x_t \mid x_{<t}) \\ &\ge 0 \end{aligned}
$$
"""),
        short="Scales",
    )


SCORES = [
    {
        "model": name,
        "representation": "midi",
        "bits_per_second": bits,
        "low": low,
        "high": high,
        "kind": kind,
        "seeds": n,
    }
    for name, bits, low, high, kind, n in (("ppmd", 29.7, 27, 32, "bound", 1), ("rnn", 16.22, 15.1, 17.4, "exact", 3))
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ETUDE_RUN_DIR", str(folder))
        patch.setenv("ETUDE_NOTEBOOK", "00_question")
        patch.setenv("ETUDE_CACHE", str(folder / "cache"))
        first_chapter(folder)
        text = "# And how is it played?\n\nWith $x_t$ fingers. [before](00_question.ipynb)\n\n## More\n\nText."
        notebook(folder / "notebooks" / "01_midi.ipynb", markdown(text), representation="none | no", strategy="play")
        summary = {
            "profile": "quick",
            "wall_seconds": 3.2,
            "parameters": {"seed": 0},
            "numbers": {"bits": {"value": 11.25, "unit": "bits/s"}},
            "tables": {"test": SCORES, "again": SCORES[:1], "frames": [SCORES[0] | {"sees": "one frame"}], "x": [1]},
        }
        place = folder / "reports" / "summaries" / "00_question.json"
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps(summary), encoding="utf-8")
        yield folder


@pytest.fixture(scope="module")
def site(run):
    return build_site(run, strict=True).parent


# Pages ---------------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Tags with their attributes, ids, and the text outside scripts."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.ids, self.text, self._skip = [], set(), "", 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        self.ids |= {attributes.get("id"), attributes.get("name")} - {None}
        self._skip += tag in ("script", "style")

    def handle_endtag(self, tag):
        self._skip -= tag in ("script", "style")

    def handle_data(self, data):
        self.text += "" if self._skip else data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def pages(site):
    return {path.relative_to(site).as_posix(): Page(path) for path in site.rglob("*.html")}


@pytest.mark.slow
def test_the_site_has_its_pages(pages):
    wanted = {"index.html", "search.html", "notebooks/00_question.html", "notebooks/01_midi.html", "results.html"}
    assert wanted | {"api/index.html", "api/types.html", "contributing.html"} <= set(pages)


@pytest.mark.slow
def test_no_page_loads_anything_from_a_network(site, pages):
    for name, page in pages.items():
        for tag, attributes in page.tags:
            target = attributes.get(LOADED.get(tag, ""), "") or ""
            assert not target.startswith(("http:", "https:", "//", "file:", "/")), f"{name}: <{tag}> loads {target}"
    for path in site.rglob("*.css"):
        loaded = re.findall(r"(?:url\(|@import)\s*[\"']?(https?:|//)", path.read_text(encoding="utf-8"))
        assert not loaded, path
    scripts = "".join(p.read_text(encoding="utf-8") for p in site.rglob("*.html"))
    assert not re.search(r"cdn|unpkg|jsdelivr|requirejs|require\.js|mathjax", scripts, re.I)


@pytest.mark.slow
def test_every_local_link_leads_to_a_file_and_a_place_in_it(site, pages):
    checked = 0
    for name, page in pages.items():
        for _, attributes in page.tags:
            for target in filter(None, (attributes.get("href"), attributes.get("src"))):
                parts = urlparse(target)
                if parts.scheme or parts.netloc:
                    continue
                path = (site / name).parent / unquote(parts.path) if parts.path else site / name
                assert path.is_file(), f"{name} -> {target}"
                there = pages.get(Path(os.path.relpath(path, site)).as_posix())
                if parts.fragment and there:
                    assert unquote(parts.fragment) in there.ids, f"{name} -> {target}"
                checked += 1
    assert checked > 300


@pytest.mark.slow
def test_equations_are_mathml(pages):
    page = pages["notebooks/00_question.html"]
    assert len(page.all("math")) == 2 and page.all("mtable")
    assert "$" not in page.text and "\\log" not in page.text
    assert any(math["alttext"] == r"\log_2 3" for math in page.all("math"))
    assert len(pages["index.html"].all("math")) == 2  # of the two answers


@pytest.mark.slow
def test_players_and_scores_are_files_beside_the_pages(site, pages):
    page = pages["notebooks/00_question.html"]
    assert [audio["src"] for audio in page.all("audio")] == ["../reports/audio/00_question/tone.mp3"]
    assert [p.relative_to(site).as_posix() for p in site.rglob("*.mp3")] == ["reports/audio/00_question/tone.mp3"]
    assert (site / "reports/figures/00_question/scale.svg").is_file()
    assert not any("data:audio" in path.read_text(encoding="utf-8") for path in site.rglob("*.html"))


@pytest.mark.slow
def test_pictures_have_text_alternatives_and_outputs_no_noise(pages):
    page = pages["notebooks/00_question.html"]
    words = [image.get("alt") for image in page.all("img")]
    assert "A scale (x: time (s); y: pitch)" in words and all(words)
    assert "<Axes" not in page.text and "warning of a library" not in page.text and "a line of output" in page.text
    assert "It is said." in page.text and "run.claim(" not in page.text


@pytest.mark.slow
def test_links_of_the_project_become_links_of_the_site(pages):
    page = pages["notebooks/00_question.html"]
    links = {link["href"] for link in page.all("a") if "href" in link}
    assert {"01_midi.html", "../corpora.html", "../api/representations.html"} <= links
    assert "later" in page.text and "no page" in page.text and "a[i](x.ipynb)" in page.text
    assert not [link for link in links if re.search(r"\.(ipynb|py|md)(#|$)", link)]


@pytest.mark.slow
def test_the_front_page_asks_and_answers(pages):
    text = " ".join(pages["index.html"].text.split())
    assert "What is a scale? It costs 11.2 bits a second" in text and "And how is it played? With" in text
    assert [image["src"] for image in pages["index.html"].all("img")] == [
        "_static/thumbnails/notebooks/00_question.png"
    ]
    assert "none | no" in text and "strategy" in text  # where the chapters stand
    said = " ".join(pages["results.html"].text.split())
    assert "11.25" in said and "Profile quick, 3 s" in said and "00 Scales: What is a scale?" in said
    assert "rnn midi 16.22 15.10 to 17.40 exact 3 00 Scales" in said and "one frame" not in said
    assert said.index("16.22") < said.index("29.70")  # the shortest code first
    side = [link.get("href") for link in pages["index.html"].all("a") if "reference internal" in link.get("class", "")]
    assert "notebooks/00_question.html" in side and "00 Scales" in text and "01 midi" in text


@pytest.mark.slow
def test_one_can_search_and_go_on(site, pages):
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert "notebooks/00_question" in index and "notebooks/01_midi" in index
    classes = [link.get("class", "") for link in pages["notebooks/00_question.html"].all("a")]
    assert any("next-page" in c for c in classes) and any("prev-page" in c for c in classes)


@pytest.mark.slow
def test_no_page_names_a_folder_of_this_machine(run, site):
    for path in site.rglob("*"):
        if path.suffix in (".html", ".js", ".css"):
            text = path.read_text(encoding="utf-8")
            for folder in (str(run), f"{project_root()}/", f"{Path.home()}/"):
                assert folder not in text, f"{path.name}: {folder}"


@pytest.mark.slow
def test_every_public_module_and_its_definitions_are_in_the_reference(pages):
    ids = set().union(*(page.ids for name, page in pages.items() if name.startswith("api/")))
    assert {
        "etude.types.Score",
        "etude.types.Score.common",
        "etude.types.Score.seconds",
        "etude.errors.EtudeError",
    } <= ids
    for path in Path(etude.__file__).parent.rglob("*.py"):
        parts = path.relative_to(Path(etude.__file__).parents[1]).with_suffix("").parts
        if not any(part.startswith("_") for part in parts) and "site_templates" not in parts:
            assert f"module-{'.'.join(parts)}" in ids, path


@pytest.mark.slow
def test_a_second_build_replaces_the_first_whole(run, site):
    (site / "mine.txt").write_text("the reader's own")
    with pytest.raises(ForeignFiles, match=r"mine\.txt"):
        build_site(run)
    (site / "mine.txt").unlink()
    pages = {path: path.read_bytes() for path in site.rglob("notebooks/*.html")}
    assert build_site(run).parent == site
    assert not (site / "mine.txt").exists()
    assert {path: path.read_bytes() for path in site.rglob("notebooks/*.html")} == pages


@pytest.mark.slow
def test_an_equation_that_cannot_be_set_is_reported(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("etude.study.site.reference_pages", lambda package: {})
    notebook(tmp_path / "notebooks" / "00_question.ipynb", markdown("# Title\n\n$\\nonsense{x}$"))
    with pytest.raises(EtudeError, match="nonsense"):
        build_site(tmp_path, strict=True)
    with pytest.raises(EtudeError, match="nonsense"):  # again, though Sphinx has read the page
        build_site(tmp_path, strict=True)
    assert not (tmp_path / "site").exists()


# Parts ---------------------------------------------------------------------------------------------------------------


def test_a_run_without_notebooks_says_what_to_do(tmp_path):
    with pytest.raises(MissingData, match="etude run"):
        build_site(tmp_path)


def test_chapters_know_their_title_and_answer(run):
    first, second = chapters(run)
    assert (first.title, second.title) == ("What is a scale?", "And how is it played?")
    assert (
        first.answer.startswith("It costs **11.2")
        and second.answer == "With $x_t$ fingers. [before](00_question.ipynb)"
    )
    assert first.thumbnail()[:4] == b"\x89PNG" and second.thumbnail() is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](01_midi.ipynb#Part)", "[a](01_midi.ipynb#Part)"),
        ("[a](02_gone.ipynb)", "a"),
        ("[a](https://example.org/x.py)", "[a](https://example.org/x.py)"),
        ("[a](#here)", "[a](#here)"),
        ("[a](../README.md)", "[a](../index.md)"),
        ("[a](../src/etude/types.py#L3)", "[a](../api/types.rst)"),
        ("![a](../reports/figures/x.svg)", '<img src="../reports/figures/x.svg" alt="a"/>'),
        ("```\n[a](02_gone.ipynb)\n```", "```\n[a](02_gone.ipynb)\n```"),
    ],
)
def test_links_are_led_to_pages(text, expected):
    assert relink(text, "notebooks", {"notebooks/01_midi.ipynb", "README.md"}) == expected


@pytest.mark.parametrize(
    ("tex", "part"),
    [
        ("x_t", "<msub><mi>x</mi><mi>t</mi></msub>"),
        (r"\log p", '<mi>log</mi><mspace width="0.167em" /><mi>p</mi>'),
        (r"\log_2 (p)", "</msub><mo"),
        (r"\operatorname{sgn}(x)", "<mi>sgn</mi><mo"),
        (r"x_{<t}", '<mo lspace="0" rspace="0">&lt;</mo>'),
        (r"\mathbf{W}", "<mi>𝐖</mi>"),
        (r"\boldsymbol{\theta}", "<mi>𝜽</mi>"),
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", '<mtd class="to-right"><mi>c</mi></mtd>'),
        (r"a = b \\ c = d", "<mtable"),
        (r"\text{a & b}", "a &amp; b"),
    ],
)
def test_latex_becomes_mathml(tex, part):
    from xml.etree import ElementTree

    math = to_mathml(tex)
    assert part in math
    assert ElementTree.fromstring(math).get("alttext") == tex


@pytest.mark.parametrize("tex", [r"\foo x", r"\frac{1", "{"])
def test_latex_that_is_not_understood_is_refused(tex):
    with pytest.raises(ValueError, match=r"unknown|braces"):
        to_mathml(tex)


def test_docstrings_mean_themselves():
    assert escaped(["Int[T, *E], |x|, open_ and `name`, `Score`."]) == [
        r"Int[T, \*E], \|x\|, open\_ and ``name``, `Score`."
    ]
    assert escaped([">>> f(*a)", "x_", "", "a*b"]) == [">>> f(*a)", "x_", "", r"a\*b"]
    assert escaped(["As in::", "", "    a*b", "a*b"]) == ["As in::", "", "    a*b", r"a\*b"]


def test_the_reference_is_read_and_not_imported(tmp_path):
    (tmp_path / "models").mkdir()
    text = '"""Doc *E.\n\nMore."""\nimport missing_package\n\n'
    text += 'class A:\n    """An A."""\n    def __init__(self, x: int = 3): ...\n'
    text += '    @property\n    def size(self) -> int:\n        """Its size."""\n    def _hidden(self): ...\n'
    (tmp_path / "models" / "a.py").write_text(text)
    (tmp_path / "models" / "_private.py").write_text("def f(): ...")
    pages = reference_pages(tmp_path)
    assert set(pages) == {"index.rst", "models.rst"}
    assert ".. py:class:: A(x: int=3)" in pages["models.rst"] and ".. py:property:: size" in pages["models.rst"]
    assert "hidden" not in pages["models.rst"] and "private" not in pages["models.rst"]
    assert r"Doc \*E." in pages["index.rst"]
