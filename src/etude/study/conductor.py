"""Snakemake, in a process that ends with the run that wanted it: ``python -m etude.study.conductor RUN ARGUMENTS...``.

Snakemake would outlive a killed `etude run`, start the next jobs, and remove what it takes for outputs of failed ones.
Here it is interrupted, which also takes its jobs out of the queue of a cluster; a new run of the same folder begins
its own once this process has ended.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from etude.locks import alone

GRACE = 15.0  # seconds that kernels, and the queue of a cluster, get to end
LOOK = 1.0  # seconds between two looks at the run


def main(arguments: list[str] | None = None) -> int:
    """Run Snakemake as the only one in the folder of a run; return its exit status."""
    folder, *ours = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
    threading.Thread(target=follow_runner, args=(_end_group,), daemon=True).start()
    with alone(Path(folder) / "plan" / "snakemake"):
        import snakemake.cli

        sys.argv = ["snakemake", *ours]
        return int(snakemake.cli.main(ours) or 0)


def follow_runner(end: Callable[[], None]) -> None:
    """Call `end` soon after the `etude run` that wanted this process is gone, even killed; on its machine only."""
    host, _, pid = os.environ.get("ETUDE_RUNNER", "").rpartition(":")
    while host == socket.gethostname() and pid:
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            end()
            return
        time.sleep(LOOK)


def _end_group() -> None:
    """Interrupt Snakemake, then end all of this session: the jobs below it, and itself."""
    os.kill(os.getpid(), signal.SIGINT)
    for how in (signal.SIGTERM, signal.SIGKILL):
        time.sleep(GRACE)
        os.killpg(0, how)


if __name__ == "__main__":
    sys.exit(main())
