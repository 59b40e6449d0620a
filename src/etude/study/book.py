"""Executed notebooks as chapters of a book: what they are called, what they answer, and pages without dead ends."""

from __future__ import annotations

import base64
import copy
import posixpath
import re
from dataclasses import dataclass
from functools import cached_property
from html import escape
from io import BytesIO
from pathlib import Path, PurePosixPath

from etude.study.api_reference import module_page
from etude.study.notebook import Notebook, concludes, read_notebook, tags, text_of

SCRAPS = re.compile(
    r"\s*(<Axes|<Figure size|\[<matplotlib|Text\(|<matplotlib|<seaborn|<contextlib)"
)  # echoes of figures
CODE_OR_LINK = re.compile(
    r"(?P<code>```.*?```|`[^`\n]*`)|(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)", re.S
)
PAGES = {
    "README.md": "index.md",
    "data/README.md": "corpora.md",
    "workflow/BATCHES.md": "batches.md",
    "CONTRIBUTING.md": "contributing.md",
}
BESIDE = re.compile(r"(^|/)reports/(audio|figures)/")  # what lies beside the pages
UNANSWERED = "*The answer appears here"  # the box of a notebook that has not run to its end
DIMENSIONS = ("objective", "representation", "architecture", "challenge", "strategy")  # of Briot et al.
THUMBNAIL = (480, 300)  # pixels at most


@dataclass(frozen=True)
class Chapter:
    """A notebook at `place` (its path inside the run, `notebooks/01_midi.ipynb`)."""

    notebook: Notebook
    place: str

    @cached_property
    def title(self) -> str:
        """Its first heading, without the hash."""
        for line in self._prose.split("\n"):
            if line.startswith("# "):
                return line[2:].strip()
        return self.notebook.name.replace("_", " ")

    @property
    def label(self) -> str:
        """Its number and short name, "12 Convolutions", as its metadata give it; else the name of its file."""
        number, _, rest = self.notebook.name.partition("_")
        short = self.notebook.content["metadata"].get("etude", {}).get("short") or rest.replace("_", " ")
        return f"{number} {short}".strip()

    @cached_property
    def answer(self) -> str:
        """What it found, as Markdown: what the cell tagged `answer` shows, else the paragraph under the title."""
        for cell in self.notebook.content["cells"]:
            if "answer" in tags(cell):
                said = " ".join((text_of(cell) if cell["cell_type"] == "markdown" else _said(cell)).split())
                if said and not said.startswith(UNANSWERED):
                    return said
        after = self._prose.partition(f"# {self.title}")[2]
        prose = [p for p in re.split(r"\n\s*\n", after) if p.strip() and not _only_links(p) and not p.startswith("#")]
        return " ".join(prose[0].split()) if prose else ""

    @property
    def dimensions(self) -> dict[str, str]:
        """Its place in the five dimensions of Briot, Hadjeres and Pachet, as far as its metadata state it."""
        said = self.notebook.content["metadata"].get("etude", {})
        return {name: str(said[name]) for name in DIMENSIONS if said.get(name)}

    @cached_property
    def _prose(self) -> str:
        cells = [text_of(cell) for cell in self.notebook.content["cells"] if cell["cell_type"] == "markdown"]
        return "\n\n".join(cells[:3])

    def thumbnail(self) -> bytes | None:
        """Its first figure as a small PNG, or None where it has none."""
        for cell in self.notebook.content["cells"]:
            for output in cell.get("outputs", []):
                image = output.get("data", {}).get("image/png")
                if image:
                    return _shrunk(base64.b64decode("".join(image)))
        return None


def chapters(root: Path) -> list[Chapter]:
    """Return the executed notebooks under `root` and its parts (the runs of a sweep), in reading order."""
    found = sorted(root.glob("notebooks/*.ipynb")) + sorted(root.glob("*/notebooks/*.ipynb"))
    return [Chapter(read_notebook(path), path.relative_to(root).as_posix()) for path in found]


def page_of(chapter: Chapter, places: set[str]) -> dict:
    """Return the notebook as the site shows it: alternatives for figures, no echoes, links that lead somewhere.

    Of a conclusion only what it says is shown.

    Parameters
    ----------
    chapter : Chapter
    places : set of str
        Files of the project that the site has a page of.
    """
    content, folder = copy.deepcopy(chapter.notebook.content), posixpath.dirname(chapter.place)
    content["metadata"].setdefault("language_info", {"name": "python", "pygments_lexer": "ipython3"})
    for cell in content["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = relink(text_of(cell), folder, places)
        if cell["cell_type"] == "code":
            if concludes(cell):  # what it says is prose; how that is put together is in the notebook
                cell["metadata"]["tags"] = [*tags(cell), "remove-input"]
            cell["outputs"] = [output for output in cell["outputs"] if not _is_scrap(output)]
            for output in cell["outputs"]:
                data = output.get("data", {})
                if "text/markdown" in data:
                    data["text/markdown"] = relink("".join(data["text/markdown"]), folder, places)
            _describe_images(cell)
    return content


def relink(markdown: str, folder: str, places: set[str]) -> str:
    """Return Markdown whose links to files of the project lead to pages of the site, or become plain text.

    Parameters
    ----------
    markdown : str
    folder : str
        Folder of the page inside the project, "notebooks" for a chapter.
    places : set of str
        Files of the project that the site has a page of.
    """

    def replaced(match: re.Match) -> str:
        if match["code"] or re.match(r"[a-z]+:|#", match["target"]):
            return match[0]
        target, _, anchor = match["target"].partition("#")
        there = posixpath.normpath(posixpath.join(folder, target))
        if BESIDE.search(there):
            return _raw_link(match)
        page = PAGES.get(there, there) if there in places else None
        if there.startswith("src/etude/") and there.endswith(".py"):
            page, anchor = module_page(there), ""
        if page is None:
            return match["text"]
        return f"[{match['text']}]({posixpath.relpath(page, folder or '.')}{'#' + anchor if anchor else ''})"

    return CODE_OR_LINK.sub(replaced, markdown)


def _raw_link(match: re.Match) -> str:
    """A link to a file that lies beside the pages: HTML, which Sphinx leaves alone."""
    if match["image"]:
        return f'<img src="{escape(match["target"])}" alt="{escape(match["text"])}"/>'
    return f'<a href="{escape(match["target"])}">{match["text"]}</a>'


def _said(cell: dict) -> str:
    """The Markdown that a code cell displayed."""
    shown = [output.get("data", {}).get("text/markdown", "") for output in cell["outputs"]]
    return "\n\n".join("".join(text) for text in shown if text)


def _only_links(paragraph: str) -> bool:
    return not re.sub(r"\[[^\]]*\]\([^)]*\)|[\s|·:←→*_—–-]|previous|next", "", paragraph, flags=re.I)


def _is_scrap(output: dict) -> bool:
    """True for what a plotting call returns, echoed as text under its figure."""
    data = output.get("data", {})
    return set(data) == {"text/plain"} and bool(SCRAPS.match("".join(data["text/plain"])))


def _describe_images(cell: dict) -> None:
    """Hand the figures' text alternatives and widths to MyST-NB, which takes them from the cell."""
    kept = [
        output["metadata"].get("image/png", {}) for output in cell["outputs"] if "image/png" in output.get("data", {})
    ]
    words = ". ".join(dict.fromkeys(meta["alt"] for meta in kept if meta.get("alt")))
    widths = {meta["width"] for meta in kept if meta.get("width")}
    image = {"alt": words} if words else {}
    if len(widths) == 1:
        image["width"] = f"{widths.pop()}px"
    if image:
        cell["metadata"] = {**cell["metadata"], "mystnb": {**cell["metadata"].get("mystnb", {}), "image": image}}


def _shrunk(png: bytes) -> bytes:
    from PIL import Image

    image = Image.open(BytesIO(png)).convert("RGB")
    image.thumbnail(THUMBNAIL)
    buffer = BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def part_of(place: str) -> str:
    """Return the part of the run that a notebook's place lies in ("" for the run itself)."""
    part = PurePosixPath(place).parent.parent.as_posix()
    return "" if part == "." else part


def cell(text) -> str:
    """Return text that may stand in a cell of a Markdown table."""
    return str(text).replace("|", "\\|").replace("\n", " ")
