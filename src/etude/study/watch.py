"""How far each job of a run is, read from the files that its process leaves in the run's folder."""

from __future__ import annotations

import time

from etude.study.plan import Job, Plan
from etude.study.progress import Display, Status, duration
from etude.study.shapes import FAILURE, PROGRESS, read_if_sound
from etude.study.staleness import read_record, record_path


class Watch:
    """Reads from the run's folder how far each job is."""

    def __init__(self, plan: Plan, reasons: dict[str, list[str]], started: float, display: Display):
        self.plan, self.reasons, self.started, self.display = plan, reasons, started, display
        self.look()

    def look(self, final: bool = False) -> None:
        """Show how far the jobs are."""
        self.display.show(self.statuses(final))

    def statuses(self, final: bool = False) -> dict[str, Status]:
        """Return the status of each job; `final` once nothing runs any more."""
        return {job.id: self._status(job, final) for job in self.plan.jobs}

    def _status(self, job: Job, final: bool) -> Status:
        if not self.reasons[job.id]:
            return Status("current")
        folder = self.plan.folder
        failure = read_if_sound(folder / "logs" / f"{job.id}.failure.json", FAILURE)
        if failure:
            return Status("failed", f"{failure['where']}: {failure['what'].strip().partition(chr(10))[0]}")
        place = record_path(folder, job.id)
        record = read_record(folder, job.id) if place.is_file() and place.stat().st_mtime >= self.started - 1 else None
        if record:
            noise = f", {record['noise']} warnings in its log" if record.get("noise") else ""
            return Status("done", duration(record.get("seconds", 0.0)) + noise)
        cell = read_if_sound(folder / "plan" / f"{job.id}.progress", PROGRESS)
        if cell and not final:
            past = duration(time.time() - cell["started"])
            return Status("running", f"cell {cell['number']} of {cell['of']}, {past}")
        return Status("stopped" if final else "waiting")
