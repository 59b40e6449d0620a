"""Who executed a job, when and where: a line is added for each begin and each end, and none is ever changed.

The last entry of a job that ended carries its record, so that a process that comes to the same plan later (a machine
of a cluster was taken for dead, a job was queued again) finds it done and does nothing twice.
"""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

from etude.files import replacing
from etude.kept import holds
from etude.study.shapes import RECORD, read_if_sound

DONE = {"id": str, "record": RECORD}


class Ledger:
    """The executions of a job of a run, written by the one process that holds the job's lock.

    Parameters
    ----------
    folder : Path
        Of the run.
    job_id : str
    """

    def __init__(self, folder: Path, job_id: str):
        self.lines = folder / "logs" / f"{job_id}.ledger"
        self.last = folder / "plan" / f"{job_id}.done.json"

    def begin(self, plan_id: str) -> None:
        """Note that this process executes a plan."""
        self._add("begun", plan_id)

    def end(self, plan_id: str, record: dict) -> None:
        """Note that this process has put the results of a plan in their places, and keep its sealed record."""
        with replacing(self.last) as new:
            new.write_text(json.dumps({"id": plan_id, "record": record}), encoding="utf-8")
        self._add("done", plan_id)

    def done(self, plan_id: str) -> dict | None:
        """Return the record of a plan that has been done, None where it has not."""
        last = read_if_sound(self.last, DONE)
        return last["record"] if last and last["id"] == plan_id and holds(last["record"]) else None

    def entries(self) -> list[dict]:
        """Return what was noted, in order: `what` ("begun", "done"), `plan`, `at`, `host`, `node`, `process`."""
        if not self.lines.is_file():
            return []
        lines = self.lines.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]  # one that a kill cut short counts for none

    def _add(self, what: str, plan_id: str) -> None:
        node = os.environ.get("SLURMD_NODENAME", socket.gethostname())
        said = {"what": what, "plan": plan_id, "at": time.time(), "host": socket.gethostname(), "node": node}
        cut = self.lines.is_file() and not self.lines.read_bytes().endswith(b"\n")
        with self.lines.open("a", encoding="utf-8") as file:
            file.write("\n" * cut + json.dumps(said | {"process": os.getpid()}) + "\n")
            file.flush()
            os.fsync(file.fileno())
