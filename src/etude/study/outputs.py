"""Outputs fit to be committed: no machine's paths, no log noise, no dead widgets, no three-megabyte pages."""

from __future__ import annotations

import json
import re
from contextlib import suppress

from etude.errors import EtudeError
from etude.files import expanded, project_root

LARGEST = 3_000_000  # bytes of a notebook
WIDGET = "application/vnd.jupyter.widget-view+json"
ADDRESS = re.compile(r" at 0x[0-9a-f]{6,}")
BINARY = ("image/png", "image/jpeg", "image/gif", "application/pdf")
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def clean(executed: dict) -> list[str]:
    """Strip from an executed notebook, in place, what a reader should not see; return the texts that were noise.

    Standard error (warnings, native libraries) goes to the log; bars that drew over themselves keep their last state;
    widgets, which are dead on a page, go; metadata of papermill and of the machine go.
    """
    noise = []
    for cell in executed["cells"]:
        cell["metadata"] = {k: v for k, v in cell["metadata"].items() if k not in ("papermill", "execution")}
        if cell["cell_type"] == "code":
            noise += ["".join(o["text"]) for o in cell["outputs"] if o.get("name") == "stderr"]
            cell["outputs"] = _joined([o for o in cell["outputs"] if o.get("name") != "stderr" and not _is_widget(o)])
            noise += [f"an address in an output: {hit}" for hit in ADDRESS.findall(_text(cell["outputs"]))]
    language = executed["metadata"].get("language_info", {})
    version = ".".join(str(language.get("version", "")).split(".")[:2])
    executed["metadata"]["language_info"] = {**language, "version": version}
    return noise


def check(executed: dict) -> None:
    """Raise EtudeError where outputs name a folder of this machine or the notebook is too large to commit."""
    homes = _homes()
    for number, cell in enumerate(executed["cells"], 1):
        text = _text(cell.get("outputs", []))
        for home in homes:
            if home in text:
                place = text.index(home)
                got = f"{text[place : place + 80]!r} in the output of cell {number}"
                raise EtudeError("outputs without paths of this machine", got, "Show paths relative to the project.")
    size = {number: len(json.dumps(cell)) for number, cell in enumerate(executed["cells"], 1)}
    if sum(size.values()) > LARGEST:
        most = max(size, key=size.get)
        got = f"{sum(size.values()) / 1e6:.1f} MB, {size[most] / 1e6:.1f} of it in cell {most}"
        raise EtudeError(
            f"a notebook under {LARGEST / 1e6:.0f} MB", got, "Save figures smaller; link sound, do not embed it."
        )


def _homes() -> list[str]:
    """Return the folders of this machine that no output may name: the project, and the reader's home if he has one."""
    places = {str(project_root())}
    with suppress(EtudeError):
        places.add(str(expanded("~")))
    return [f"{place}/" for place in places if place.count("/") and len(place) > 3]


def _is_widget(output: dict) -> bool:
    return WIDGET in output.get("data", {})


def _joined(outputs: list[dict]) -> list[dict]:
    """Join neighbouring stdout outputs, and keep of a line that was drawn over only what was seen last."""
    kept = []
    for output in outputs:
        if output["output_type"] == "stream":
            text = "".join(output["text"])
            if kept and kept[-1]["output_type"] == "stream":
                text = kept.pop()["text"] + text
            output = {**output, "text": text}
        kept.append(output)
    for output in kept:
        if output["output_type"] == "stream":
            output["text"] = "\n".join(line.rstrip("\r").split("\r")[-1] for line in output["text"].split("\n"))
    return kept


def _text(outputs: list[dict]) -> str:
    """Return the readable text of outputs (pictures left out)."""
    parts = []
    for output in outputs:
        parts.append("".join(output.get("text", "")))
        for kind, value in output.get("data", {}).items():
            if kind not in BINARY:
                parts.append("".join(value) if isinstance(value, str | list) else json.dumps(value))
    return "\n".join(parts)
