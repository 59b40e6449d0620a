"""What the runner costs over bare papermill: the same almost empty notebook run both ways, several times.

    python benchmarks/runner.py

A run plans, calls Snakemake, starts a process for the job, and keeps a record: papermill and the kernel are what both
have. Printed are medians over pairs taken in turn, and the least difference, which is what another load of the machine
changes least; a run may cost at most three seconds more.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

import etude

LIMIT = 3.0  # seconds
PAIRS = 5
HOME = Path(etude.__file__).parents[2]
CODE = 'from etude import study\nrun = study.start("01_empty", globals())\nrun.finish()'
BARE = "import sys, papermill\npapermill.execute_notebook(*sys.argv[1:], kernel_name='python3', progress_bar=False)"


def checkout(root: Path) -> Path:
    """Make a checkout with one notebook that does nothing but keep a summary; return the notebook."""
    shutil.copytree(HOME / "workflow", root / "workflow")
    shutil.copy(HOME / "pyproject.toml", root)
    (root / "notebooks").mkdir()
    cells = [nbformat.v4.new_code_cell("seed = 0", metadata={"tags": ["parameters"]}, id="parameters")]
    cells.append(nbformat.v4.new_code_cell(CODE, id="all"))
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), root / "notebooks/01_empty.ipynb")
    for profile in (root / "workflow/profiles").glob("*.yaml"):
        profile.write_text("cell_timeout: 60\n")
    return root / "notebooks/01_empty.ipynb"


def timed(command: list[str], root: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Return the seconds that a command takes: by the clock, and of all cores."""
    begin, used = time.perf_counter(), processor_seconds()
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return time.perf_counter() - begin, processor_seconds() - used


def processor_seconds() -> float:
    """Return the seconds that the ended children of this process have had of all cores."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Print both times and their difference; return 1 where that is above the limit in every pair."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        notebook = checkout(root)
        places = {"ETUDE_ROOT": str(root), "ETUDE_CACHE": str(root / "cache"), "ETUDE_FITS": str(root / "fits")}
        environment = {**os.environ, **places, "PYTHONPATH": str(HOME / "src")}
        environment.pop("ETUDE_RUNS", None)
        bare = [sys.executable, "-c", BARE, str(notebook), str(root / "bare.ipynb")]
        ours = [sys.executable, "-m", "etude.cli", "run", "01_empty", "--force", "--jobs", "1"]
        timed(ours, root, environment)  # digests of the package go into the cache once
        pairs = [(timed(bare, root, environment), timed(ours, root, environment)) for _ in range(PAIRS)]
        nothing = timed([argument for argument in ours if argument != "--force"], root, environment)[0]
    for kind, which in (("by the clock", 0), ("of the cores", 1)):
        one, other = ([run[which] for run in runs] for runs in zip(*pairs, strict=True))
        more = [b - a for a, b in zip(one, other, strict=True)]
        shown = f"papermill {statistics.median(one):5.2f} s   runner {statistics.median(other):5.2f} s"
        print(f"{kind}: {shown}   more {statistics.median(more):5.2f} s, least {min(more):5.2f} s")
    print(f"nothing to do: {nothing:.2f} s   (a run may cost {LIMIT:g} s more)")
    return int(min(b[0] - a[0] for a, b in pairs) > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
