"""One job in a process of its own: ``python -m etude.study.execute plan/JOB.json --threads 1``.

Snakemake starts it. papermill runs the notebook in a kernel of *this* interpreter (whatever kernels a machine has
installed under the same name), with bounded threads, a time limit for each cell and a second try where a kernel does
not start. The executed notebook, its summary and, last, the job's record appear whole or not at all; a failed
notebook is kept in `logs/`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

from etude.errors import EtudeError
from etude.files import fits_dir, made_folder, project_root, replacing
from etude.kept import sealed
from etude.locks import alone
from etude.memory import peak_memory_mb
from etude.study import frameworks, outputs, placing
from etude.study.conductor import follow_runner
from etude.study.environment import kernel_environment
from etude.study.ledger import Ledger
from etude.study.notebook import (
    Notebook,
    code_cell,
    load_nbformat,
    read_notebook,
    tags,
    text_of,
    with_outputs,
    with_parameters,
)
from etude.study.parameters import brought_paths
from etude.study.shapes import PLAN, TRACED, read_shaped
from etude.study.source import (
    data_digests,
    file_digests,
    module_digests,
    modules_in_use,
    packages_in_use,
    read_package,
    shipped_files,
)
from etude.study.staleness import FORMAT, record_path

START_SECONDS, START_TRIES = 120, 3
TRACE = "etude-trace"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Failed(Exception):
    """A job failed; the terminal gets `where` and `what`, the log the rest."""

    def __init__(self, where: str, what: str):
        super().__init__(f"{where}: {what}")
        self.where, self.what = where, what


def main(arguments: list[str] | None = None) -> int:
    """Run the job; return 0, 1 where it failed, 130 where it was stopped."""
    parser = argparse.ArgumentParser(prog="python -m etude.study.execute", description=__doc__.splitlines()[0])
    parser.add_argument("plan", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    threading.Thread(target=follow_runner, args=(_end,), daemon=True).start()
    try:
        job = Execution(given.plan.resolve(), given.threads)
    except EtudeError as error:
        print(error)
        _tell(given.plan.resolve().parents[1], given.plan.stem, Failed("its plan", str(error)))
        return 1
    try:
        from etude.study.kernel import folder_for_sockets

        with job.alone(), tempfile.TemporaryDirectory(prefix="etude-", dir=folder_for_sockets()) as sockets:
            os.environ["JUPYTER_RUNTIME_DIR"] = sockets
            if not job.found_done():
                job.run()
    except KeyboardInterrupt:
        print("stopped; what has a checkpoint goes on from there at the next run")
        return 130
    except Exception as error:  # whatever it is, the terminal gets a line and the log the rest
        if not isinstance(error, Failed | EtudeError):
            traceback.print_exc()
        job.report(error)
        return 1
    return 0


class Execution:
    """The files of one job, and its course."""

    def __init__(self, plan: Path, threads: int):
        self.plan, self.threads = read_shaped(plan, PLAN, "the plan of a job", "Run it by `etude run`."), threads
        self.id, self.run_folder = plan.stem, plan.parent.parent
        self.folder = self.run_folder / self.plan["part"]  # of this job's results, laid out like the checkout
        self.partial = plan.with_suffix(".partial.ipynb")
        self.trace = plan.with_suffix(".trace")
        self.progress = plan.with_suffix(".progress")
        self.refit = plan.with_suffix(".refit")  # fits that are learnt anew, until the notebook has finished
        self.fits = fits_dir()
        self.logs, self.ledger = self.run_folder / "logs", Ledger(self.run_folder, self.id)
        self.cell, self.cells, self.started = None, 0, time.time()

    def alone(self):
        """Hold the job's lock: who works on it elsewhere, or is left of a killed run, must end first."""
        return alone(self.run_folder / "plan" / self.id)

    def found_done(self) -> bool:
        """Say whether another process has done this very plan already; its record is then put back in place."""
        record = self.ledger.done(self.plan["id"])
        if record is not None:
            print("done already, by another process")
            self._settle(record)
        return record is not None

    def run(self) -> None:
        """Execute, clean, check, and put the results in place."""
        self.ledger.begin(self.plan["id"])
        texts = read_package()  # as it is before the kernel imports anything: a later edit makes the result stale
        notebook = read_notebook(project_root() / self.plan["source"])
        for old in (self.logs / f"{self.id}.failed.ipynb", self.logs / f"{self.id}.failure.json", self.trace):
            old.unlink(missing_ok=True)
        may_read = [*brought_paths(self._parameters(notebook)), *shipped_files()]
        before = file_digests(may_read)  # as they are now: another chapter may publish meanwhile
        self._prepare(notebook)
        executed = self._execute(notebook)
        noise = outputs.clean(executed)
        print("".join(f"\nleft out of the notebook:\n{text}" for text in noise))
        executed["cells"] = [cell for cell in executed["cells"] if TRACE not in tags(cell)]
        final = with_outputs(notebook.content, executed)
        final["metadata"] |= {"kernelspec": outputs.KERNELSPEC, "language_info": executed["metadata"]["language_info"]}
        try:
            outputs.check(final)
        except EtudeError as error:
            raise Failed("the check of its outputs", str(error)) from error
        self._finish(notebook, final, texts, before, len(noise))

    def _finish(self, notebook: Notebook, final: dict, texts: dict[str, str], before: dict, noise: int) -> None:
        """Put the results in place, and last the record, which says that the job is done."""
        traced = read_shaped(self.trace, TRACED, "the trace of a run")
        read = [*traced["inputs"], *brought_paths(self._parameters(notebook))]
        digests = before | file_digests(path for path in read if path not in before)
        modules = modules_in_use(traced["modules"], texts)
        record = {
            "format": FORMAT,
            "notebook": notebook.name,
            "profile": self.plan["profile"],
            "parameters": {name: repr(value) for name, value in self._parameters(notebook).items()},
            "code": notebook.digest,
            "modules": module_digests(modules, texts),
            "packages": packages_in_use(modules, texts, notebook.imports),
            "data": data_digests(modules),
            "inputs": {path: digests[path] for path in read},
            "noise": noise,
        }
        written = placing.install(self.folder, notebook.name, final, record, self.started)
        seconds, peak = round(time.time() - self.started, 1), peak_memory_mb(of_children=True)
        record |= {"outputs": written, "seconds": seconds, "peak_memory_mb": peak}
        self.ledger.end(self.plan["id"], sealed(record))
        self._settle(sealed(record))
        print(f"{seconds:7.1f} s  done, {peak} MB at most", flush=True)

    def _settle(self, record: dict) -> None:
        """Do what remains once the ledger has the record; safe to do twice."""
        if self.refit.is_dir():
            for path in sorted(self.refit.iterdir()):
                with replacing(self.fits / path.name) as new:  # the store may lie on another file system
                    shutil.copyfile(path, new)
                path.unlink()
            self.refit.rmdir()
        with replacing(record_path(self.run_folder, self.id)) as new:
            new.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        self.partial.unlink(missing_ok=True)

    def _parameters(self, notebook: Notebook) -> dict:
        """Return the job's parameters with their types (JSON knows no tuples)."""
        return {name: notebook.parameters[name].check(value) for name, value in self.plan["parameters"].items()}

    def _prepare(self, notebook: Notebook) -> None:
        for part in ("notebooks", "reports/summaries", "plan/ipython"):
            made_folder(self.folder / part)
        os.environ.update(kernel_environment(self.folder, notebook.name, self.plan["profile"], self.threads))
        os.environ["ETUDE_ROOT"] = str(project_root())
        if self.plan.get("refit"):
            os.environ["ETUDE_FITS"] = str(self.refit)
        frameworks.tell(os.environ, self._parameters(notebook))
        os.chdir(self.folder / "notebooks")  # of this process, so that no two kernels share a change of folder

    def _execute(self, notebook: Notebook) -> dict:
        """Return the executed notebook as JSON; try again where the kernel does not even start."""
        for attempt in range(1, START_TRIES + 1):
            try:
                return self._papermill(notebook)
            except RuntimeError as error:  # "Kernel died before replying", "Kernel didn't respond in 120 seconds"
                if self.cell is not None:
                    raise self._failure(f"the kernel died ({error}); short of memory?") from error
                if attempt == START_TRIES:
                    raise Failed("before the first cell", f"no kernel started in {attempt} tries ({error})") from error
                print(f"the kernel did not start ({error}); once more", flush=True)
        raise AssertionError

    def _papermill(self, notebook: Notebook) -> dict:
        nbformat = load_nbformat()  # before what imports it too
        import papermill
        from nbclient.exceptions import CellTimeoutError
        from papermill.exceptions import PapermillExecutionError

        from etude.study.kernel import ThisInterpreter

        self.cell = None
        values = {name: value for name, value in self._parameters(notebook).items() if name in notebook.declared}
        source = with_parameters(notebook.content, values)
        self.cells = sum(cell["cell_type"] == "code" for cell in source["cells"])
        node = nbformat.from_dict({**source, "cells": [*map(_blank, source["cells"]), _trace_cell(self.trace)]})
        try:
            executed = papermill.execute_notebook(
                node,
                str(self.partial).replace("{", "{{").replace("}", "}}"),  # papermill fills in what stands in braces
                kernel_name="python3",
                progress_bar=False,
                start_timeout=START_SECONDS,
                execution_timeout=self.plan["cell_timeout"],
                kernel_manager_class=ThisInterpreter,
                shutdown_kernel="immediate",
                store_widget_state=False,
                on_cell_start=self._at_cell,
            )
        except PapermillExecutionError as error:
            print(ANSI.sub("", "\n".join(error.traceback)))
            raise self._failure(ANSI.sub("", f"{error.ename}: {error.evalue}")) from None
        except CellTimeoutError as error:
            raise self._failure(
                f"took longer than {self.plan['cell_timeout']} s (`cell_timeout` of the profile)"
            ) from error
        return json.loads(nbformat.writes(executed))

    def _at_cell(self, cell, cell_index: int) -> None:
        if cell.cell_type == "code" and TRACE not in tags(cell):
            first = next((line for line in cell.source.splitlines() if line.strip()), "")
            number = 1 + (self.cell["number"] if self.cell else 0)
            self.cell = {"number": number, "of": self.cells, "line": first[:80], "started": self.started}
            print(f"{time.time() - self.started:7.1f} s  cell {number}: {first}", flush=True)
            with replacing(self.progress) as new:
                new.write_text(json.dumps(self.cell), encoding="utf-8")

    def _failure(self, what: str) -> Failed:
        return Failed(f"cell {self.cell['number']} (`{self.cell['line']}`)", what)

    def report(self, error: Exception) -> None:
        """Keep the failed notebook and say in two lines what happened, for the terminal."""
        print(f"\nFAILED {error}", flush=True)
        failed = self.logs / f"{self.id}.failed.ipynb"
        if self.partial.is_file():
            self.partial.replace(failed)
        where = "what follows its cells" if self.cell else "its preparation"
        said = {"where": where, "what": str(error) if isinstance(error, EtudeError) else repr(error)}
        _tell(self.run_folder, self.id, error if isinstance(error, Failed) else Failed(**said))


def _tell(run_folder: Path, job_id: str, failure: Failed) -> None:
    """Leave for the runner where a job failed, and with what."""
    with replacing(run_folder / "logs" / f"{job_id}.failure.json") as new:
        new.write_text(json.dumps({"where": failure.where, "what": failure.what}), encoding="utf-8")


def _blank(cell: dict) -> dict:
    """Return the cell without outputs, its source as one string."""
    blank = {**cell, "source": text_of(cell), "metadata": dict(cell.get("metadata", {}))}
    return {**blank, "outputs": [], "execution_count": None} if cell["cell_type"] == "code" else blank


def _trace_cell(path: Path) -> dict:
    source = f"__import__('etude.study.trace').study.trace.write_trace({str(path)!r})"
    return code_cell(source, TRACE)


def _interrupt(_signal, _frame) -> None:
    raise KeyboardInterrupt


def _end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
