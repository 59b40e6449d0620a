"""Scores as music notation: SVG by Verovio, in a process of its own.

Verovio is native code: an input that it cannot lay out may end the process that asked. `engrave_svg` therefore starts
it in a child with a time limit, and an engraving that fails is an `EtudeError`, never the end of a notebook.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from html import escape

from etude.display.mei import UNITS, write_mei
from etude.display.page import Shown
from etude.errors import EtudeError, MissingPackage
from etude.files import link_from_notebook, replacing
from etude.names import named_artefact
from etude.types import Piece, Score

OPTIONS = {
    "pageWidth": 2100,
    "pageHeight": 60000,  # one tall page, cut to its content
    "adjustPageHeight": True,
    "minLastJustification": 0.5,  # a last line that is half full is filled
    "scale": 40,
    "header": "encoded",
    "footer": "none",
    "svgViewBox": True,
    "removeIds": True,
    "svgFormatRaw": True,
    "svgRemoveXlink": True,
    "smuflTextFont": "none",
    "xmlIdSeed": 1,
    "pageMarginTop": 40,
    "pageMarginBottom": 40,
    "pageMarginLeft": 40,
    "pageMarginRight": 40,
}
ENGRAVER = """
import json, sys, verovio
mei, options = json.loads(sys.stdin.buffer.read())
verovio.enableLog(verovio.LOG_OFF)
toolkit = verovio.toolkit()
toolkit.setOptions(options)
if not toolkit.loadData(mei):
    sys.exit("Verovio cannot read the score")
if toolkit.getPageCount() != 1:
    sys.exit("the score is too long for one page")
sys.stdout.buffer.write(toolkit.renderToSVG(1).encode())
"""


def engrave_svg(score: Score, title: str = "", seconds: float = 60.0, **notation) -> str:
    """Return `score` as an SVG image of music notation: black on white.

    Parameters
    ----------
    title : str
    seconds : float
        How long the engraver may take.
    **notation
        `meter`, `pickup`, `bars`: see `etude.display.mei.write_mei`; by default the score's own metre and upbeat, where
        it states them.
    """
    if score.meter is not None and score.meter[1] in UNITS:
        notation = {"meter": score.meter, "pickup": score.pickup, **notation}
    mei = write_mei(score, title=title, **notation)
    try:
        done = subprocess.run(
            [sys.executable, "-c", ENGRAVER],
            input=json.dumps([mei, OPTIONS]).encode(),
            capture_output=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise EtudeError(f"an engraving within {seconds:g} s", "none yet", "Pass bars=8, or more seconds.") from None
    if done.returncode:
        _explain(done)
    return _on_white(done.stdout.decode())


def _explain(done: subprocess.CompletedProcess) -> None:
    said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    if "No module named" in said:
        raise MissingPackage("the package verovio", said, "Install it: pip install verovio.")
    raise EtudeError("a score that Verovio can engrave", said or f"exit {done.returncode}", "Pass bars=8, or simplify.")


def _on_white(svg: str) -> str:
    """The SVG with a white ground, so that it can be read on any page."""
    return re.sub(
        r"(<svg\b[^>]*>)", r'\1<rect width="100%" height="100%" style="fill:#fff;stroke:none"/>', svg, count=1
    )


def engrave(
    music: Score | Piece, name: str, title: str = "", bars: int | None = 8, caption: str = "", **notation
) -> Shown:
    """Engrave the beginning of a score, keep the SVG with the run's figures, and show it.

    Parameters
    ----------
    music : Score or Piece
    name : str
        Names the file, `reports/figures/NOTEBOOK/name.svg`: see `etude.names`. The same name again replaces it.
    title : str
        Set above the first system.
    bars : int, optional
        Full bars shown; None for all.
    caption : str
        Below the score; also its text alternative.
    **notation
        `meter`, `pickup`: see `etude.display.mei.write_mei`; by default the score's own metre and upbeat, where it
        states them.
    """
    score = music.score if isinstance(music, Piece) else music
    if score is None:
        raise EtudeError("a piece with a score", f"{music.name!r}, without", "Show its sound with player().")
    svg = engrave_svg(score, title=title, bars=bars, **notation)
    path = named_artefact("figures", name, ".svg", "engraving")
    with replacing(path) as new:
        new.write_text(svg, encoding="utf-8")
    words = caption or title or name.replace("-", " ")
    alt = f"Score: {words}" + (f", first {bars} bars" if bars else "")
    source = "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
    html = (
        f'<figure class="etude-score"><img alt="{escape(alt)}" src="{source}" style="width:100%;max-width:50em"/>'
        f'<figcaption>{escape(caption)} <a href="{escape(link_from_notebook(path))}">SVG</a></figcaption></figure>'
    )
    return Shown(html, f"{alt} ({link_from_notebook(path)})", path)
