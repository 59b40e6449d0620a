"""The process that a notebook runs in: how many threads, which kernel, what it is told."""

from __future__ import annotations

import os
from pathlib import Path

from etude.corpora.sandbox import cores
from etude.errors import EtudeError

THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "ETUDE_THREADS",
)
EXACTLY = {"OMP_DYNAMIC": "FALSE", "MKL_DYNAMIC": "FALSE"}  # so many threads, however busy the machine is
GIGABYTE = 2**30


def default_jobs() -> int:
    """Return how many notebooks run at once: one a core, as far as 2 GB of memory each allow, at most eight."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        memory = 8 * GIGABYTE
    return max(1, min(cores(), memory // (2 * GIGABYTE), 8))


def threads_each(jobs: int) -> int:
    """Return the threads of each of `jobs` notebooks that run at once: `ETUDE_THREADS`, else an equal share of cores.

    The last digits of a fit depend on it, for sums of parts are added in another order: equal numbers need one count.
    """
    asked = os.environ.get("ETUDE_THREADS", "")
    if asked and not (asked.isdigit() and int(asked)):
        raise EtudeError("a number of threads in ETUDE_THREADS", repr(asked), "For example: ETUDE_THREADS=1")
    return int(asked) if asked else max(1, cores() // jobs)


def kernel_environment(folder: Path, notebook: str, profile: str, threads: int) -> dict[str, str]:
    """Return the variables that a notebook's kernel gets beside the inherited ones.

    Bounded threads (parallel kernels would otherwise each take every core), a fixed hash seed, pictures inline, no
    progress bars in the log, and an IPython folder of its own, so that a reader's start-up files change no result.
    """
    return {
        "ETUDE_RUN_DIR": str(folder),
        "ETUDE_NOTEBOOK": notebook,
        "ETUDE_PROFILE": profile,
        "IPYTHONDIR": str(folder / "plan" / "ipython"),
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "TQDM_DISABLE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        **EXACTLY,
        **dict.fromkeys(THREADS, str(threads)),
    }
