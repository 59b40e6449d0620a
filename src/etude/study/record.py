"""What a notebook tells the study: `start`, what it measured, `finish`.

Every number that the study shows comes from a summary that such a run wrote, with all that is needed to judge it:
parameters, seeds, versions, digests of corpora and source, and the cost. Works the same under the runner and by
hand in JupyterLab (then under `reports/runs/lab`).
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from etude.errors import EtudeError
from etude.files import fits_dir, replacing, replacing_folder, run_dir
from etude.memory import peak_memory_mb
from etude.models.storage import FILES, write_made_by
from etude.names import forget, named_artefact, named_folder
from etude.places import plain_name
from etude.study.claims import Claims
from etude.study.fits import made_by
from etude.study.frameworks import told
from etude.study.listings import listings
from etude.study.notebook import Notebook, all_notebooks, find_notebook, read_notebook
from etude.study.source import data_digests, module_digests, modules_in_use, modules_loaded, packages_in_use
from etude.study.summary import FORMAT, Summary, as_json, summary_path, write_summary

PICTURES = ("png", "svg")


def start(name: str, namespace: Mapping | None = None, **parameters) -> Run:
    """Begin the record of notebook `name` with the parameters that it runs with.

    Parameters
    ----------
    name : str
    namespace : mapping, optional
        `globals()`: of it the names are kept that the notebook's cell of parameters assigns.
    **parameters
        Or the parameters by name, for code that is no notebook of the study.

    >>> run = study.start("11_rnn", globals())
    """
    if namespace is not None:
        declared = read_notebook(find_notebook(name)).declared
        parameters = {key: namespace[key] for key in declared} | told(os.environ) | parameters
    ours = os.environ.get("ETUDE_NOTEBOOK")
    if "ETUDE_RUN_DIR" in os.environ and ours not in (None, name):
        raise EtudeError(f"start({ours!r}, ...), the notebook's own name", repr(name))
    os.environ["ETUDE_NOTEBOOK"] = name  # by hand: artefacts then lie in this notebook's folders
    forget()
    return Run(name, parameters)


class Run(Claims):
    """The record of one run of a notebook; made by `start`."""

    def __init__(self, name: str, parameters: dict):
        super().__init__()
        self.name, self.parameters, self._started = plain_name("notebook", name), parameters, time.monotonic()
        self._parts = {part: {} for part in ("tables", "numbers", "figures", "models", "corpora", "cost")}
        self._box = _placeholder()

    @property
    def results(self) -> Summary:
        """What has been kept so far, as its summary will hold it."""
        return Summary(self.name, summary_path(run_dir(), self.name), {**self._parts, "parameters": self.parameters})

    def show_answer(self, text: str) -> None:
        from IPython.display import Markdown

        if self._box is not None:
            self._box.update(Markdown(text))

    def table(self, name: str, frame):
        """Keep a table (a pandas DataFrame or a list of dicts) and return it, for display.

        An index that has a name becomes a column of the rows kept.
        """
        rows = frame
        if hasattr(frame, "to_dict"):
            named = any(level is not None for level in frame.index.names)
            rows = (frame.reset_index() if named else frame).to_dict("records")
        self._keep("tables", name, rows)
        return frame

    def number(self, name: str, value, unit: str = ""):
        """Keep a number with its unit and return it."""
        self._keep("numbers", name, {"value": value, "unit": unit})
        return value

    def figure(self, name: str, fig, alt: str, kind: str = "png") -> None:
        """Save a matplotlib figure as `reports/figures/NOTEBOOK/name.png` (or svg); `alt` says what it shows."""
        if kind not in PICTURES or not alt.strip():
            raise EtudeError(f"a kind among {PICTURES} and a text for those who cannot see it", f"{kind!r}, {alt!r}")
        path = named_artefact("figures", name, f".{kind}", "figure")
        with replacing(path) as new:
            fig.savefig(
                new, format=kind, dpi=144, bbox_inches="tight", metadata={"Date": None} if kind == "svg" else {}
            )
        self._keep("figures", name, {"path": _from_run(path), "alt": alt})

    def checkpoint(self, name: str) -> Path:
        """Return the folder of the study's fits: pass it to `Model.fit(checkpoint=...)`.

        All chapters share it, for a fit is found by what was asked and by nothing else (see `etude.study.fits`): one
        that was cut short goes on, a finished one is read, `name` is for the reader. `etude run --refit` learns anew.
        """
        return fits_dir()

    def model(self, name: str, model, representation, *, publish: bool = False, **facts):
        """Save a model under `models/name` with the representation that reads it, and return the model.

        By convention `name` is `rnn-midi`: model, representation; `etude generate` finds it by that. `facts` (steps,
        bits, ...) are kept beside it. With `publish`, a `full` run also puts it into `data/pretrained`.
        """
        made_by = {"notebook": self.name, "parameters": self.parameters, "corpora": self._parts["corpora"], **facts}
        described = as_json({"representation": representation.describe(), **made_by})
        folder = named_folder(run_dir() / "models", name)
        with replacing_folder(folder, FILES) as new:
            model.save(new)
            write_made_by(new, described)
        self._keep("models", name, {"path": _from_run(folder), "publish": publish, **facts})
        return model

    def corpus(self, corpus):
        """Keep a corpus's source, licence, counts and digest, and return it."""
        counts = {split: corpus.count(split) for split in corpus.splits}
        kept = {"digest": corpus.digest(), "pieces": counts, "source": corpus.source, "licence": corpus.licence}
        self._keep("corpora", corpus.name, kept)
        return corpus

    def cost(self, name: str, history) -> None:
        """Keep what a fit cost: learnt parameters, seconds, best step, peak memory of the process so far.

        And which fit of the study's store it is, of what family.
        """
        kept = {"parameters": history.parameters, "train_seconds": round(history.seconds, 2)}
        kept |= {"best_step": history.best_step, "peak_memory_mb": peak_memory_mb(), **made_by(history)}
        self._keep("cost", name, kept)

    def finish(self) -> None:
        """Write `reports/summaries/NOTEBOOK.json`."""
        modules, page = modules_in_use(modules_loaded()), _page(self.name)
        summary = {
            "format": FORMAT,
            "notebook": self.name,
            "profile": os.environ.get("ETUDE_PROFILE", "by hand"),
            "answer": self.said,
            "parameters": self.parameters,
            "seeds": [v for key in ("seed", "seeds") if key in self.parameters for v in _many(self.parameters[key])],
            "versions": packages_in_use(modules, code=page.imports if page else ""),
            "source": {"code": None, "modules": module_digests(modules), "data": data_digests(modules)},
            "listings": listings(page) if page else {},
            "threads": int(os.environ.get("ETUDE_THREADS") or 0) or None,
            "wall_seconds": round(time.monotonic() - self._started, 1),
            "cpu_seconds": cpu_seconds(),
            "peak_memory_mb": peak_memory_mb(),
            "claims": self.claims,
            **self._parts,
        }
        write_summary(summary_path(run_dir(), self.name), summary)

    def _keep(self, part: str, name: str, value) -> None:
        self._parts[part][str(name)] = as_json(value)


def cpu_seconds() -> float:
    """Return the seconds of all cores that this process and its ended children have used so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return round(sum(one.ru_utime + one.ru_stime for one in used), 1)


def _placeholder():
    """Show, in a notebook, where the answer will stand; returns what updates it (None outside notebooks)."""
    if "IPython" not in sys.modules or sys.modules["IPython"].get_ipython() is None:
        return None
    from IPython.display import Markdown, display

    return display(Markdown("*The answer appears here when the notebook has run.*"), display_id=True)


def _page(name: str) -> Notebook | None:
    """Return the notebook that a run is of, None for code that is no notebook of the study."""
    path = all_notebooks().get(name)
    return read_notebook(path) if path else None


def _many(value) -> list:
    return list(value) if isinstance(value, list | tuple) else [value]


def _from_run(path: Path) -> str:
    return path.relative_to(run_dir()).as_posix()
