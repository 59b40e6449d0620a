"""The study as a book of static pages: executed notebooks, corpora, numbers and the API, for a browser and a disk.

Sphinx with MyST-NB makes the pages and Furo their light and dark look. Nothing is fetched when a page is read:
equations are MathML, sound and scores lie beside the pages, links to the network are only ever links. The sources
are laid out in the cache, where an unchanged page is not built again; the site then takes the old one's place whole.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import etude
from etude.errors import EtudeError, MissingData
from etude.files import cache_dir, from_checkout, project_root, replacing, replacing_folder
from etude.places import refuse_foreign
from etude.study.api_reference import reference_pages
from etude.study.book import PAGES, Chapter, chapters, page_of, part_of, relink
from etude.study.report import finding, results_page
from etude.study.site_pages import front_page, picture_name

TEMPLATES = Path(__file__).parent / "site_templates"
TEMPLATE_FILES = ("conf.py", "search_order.js", "_static/etude.css")
COPIED = ("audio", "figures")  # under reports/


def build_site(run_folder: Path | None = None, out: Path | None = None, strict: bool = False) -> Path:
    """Build the site and return its `index.html`.

    Parameters
    ----------
    run_folder : Path, optional
        A run's folder; by default what is committed.
    out : Path, optional
        By default `site/` in the run's folder, or `reports/site`.
    strict : bool
        Raise EtudeError where Sphinx warns (a broken reference, an unknown equation).
    """
    root = Path(run_folder).resolve() if run_folder else from_checkout("notebooks").parent
    out = Path(out) if out else (root / "site" if run_folder else root / "reports" / "site")
    book = chapters(root)
    if not book:
        raise MissingData("executed notebooks to make pages of", "none here", "Run them first: etude run.")
    refuse_foreign(out)
    workshop = cache_dir() / "site" / hashlib.sha256(str(root).encode()).hexdigest()[:12]
    _lay_out(workshop / "source", sources(root, book))
    said = _sphinx(workshop, afresh=strict)
    if strict and said:
        raise EtudeError("a site without warnings", said[:2000])
    _put(workshop / "html", root, book, out)
    return out / "index.html"


def sources(root: Path, book: list[Chapter]) -> dict[str, bytes]:
    """Return the files that Sphinx is given, by their place in its source folder."""
    places = {chapter.place for chapter in book} | {page for page in PAGES if (project_root() / page).is_file()}
    files: dict[str, str | bytes] = {name: (TEMPLATES / name).read_bytes() for name in TEMPLATE_FILES}
    files |= _math_font()
    for chapter in book:
        files[chapter.place] = json.dumps(page_of(chapter, places), ensure_ascii=False, indent=1)
        picture = chapter.thumbnail()
        if picture:
            files[f"_static/{picture_name(chapter)}"] = picture
    files |= {f"api/{name}": text for name, text in reference_pages(Path(etude.__file__).parent).items()}
    for source, page in PAGES.items():
        if page != "index.md" and (project_root() / source).is_file():
            text = (project_root() / source).read_text(encoding="utf-8")
            files[page] = relink(text, Path(source).parent.as_posix().replace(".", ""), places)
    if results := results_page(root, book):
        files["results.md"] = results
    files["index.md"] = front_page(
        book,
        places,
        finding(root, book),
        [name for name in ("results.md", "corpora.md", "batches.md") if name in files],
        [name for name in ("api/index.rst", "contributing.md") if name in files],
    )
    return {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}


def _math_font() -> dict[str, bytes]:
    """STIX Two Math (SIL Open Font License 1.1), which ziamath ships; without it browsers use a font of their own."""
    ziamath = find_spec("ziamath")
    font = Path(ziamath.origin).parent / "fonts" / "STIXTwoMath-Regular.ttf" if ziamath else None
    return {f"_static/{font.name}": font.read_bytes()} if font and font.is_file() else {}


def _lay_out(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` under `folder` and nothing else; what has not changed keeps its date, so Sphinx skips it."""
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, content in files.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            with replacing(path) as new:
                new.write_bytes(content)


def _sphinx(workshop: Path, afresh: bool) -> str:
    """Build the pages in a process of its own; return the warnings: all of them, where it builds afresh."""
    warnings = workshop / "warnings.txt"
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "--no-color", "-w", str(warnings)]
    command += ["-E", "-a"] if afresh else []
    command += ["-d", str(workshop / "doctrees"), str(workshop / "source"), str(workshop / "html")]
    done = subprocess.run(command, capture_output=True, text=True)
    said = warnings.read_text(encoding="utf-8", errors="replace") if warnings.is_file() else ""
    said = said.replace(f"{workshop / 'source'}/", "")
    if done.returncode:
        raise EtudeError("pages", "an error of Sphinx", (said + done.stderr)[-1500:])
    return said


def _put(html: Path, root: Path, book: list[Chapter], out: Path) -> None:
    """Copy the pages and what they link to; the new site takes the old one's place whole."""
    with replacing_folder(out) as new:
        shutil.copytree(
            html, new, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".buildinfo*", "objects.inv", "_sources")
        )
        for part in {part_of(chapter.place) for chapter in book}:
            for kind in COPIED:
                source = root / part / "reports" / kind
                if source.is_dir():
                    shutil.copytree(source, new / part / "reports" / kind, dirs_exist_ok=True)
