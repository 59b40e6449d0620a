"""How a run looks in a terminal: a line for each job, redrawn in place; in a log file, a line for each change."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TextIO

MARKS = {"waiting": "·", "running": "▸", "done": "✓", "current": "=", "failed": "✗", "stopped": "■"}
COLOURS = {"running": "36", "done": "32", "failed": "31", "stopped": "33", "waiting": "2", "current": "2"}
LONGEST = 200  # letters of a line in a log
HEARTBEAT = 60.0  # seconds between lines of a long job in a log


@dataclass(frozen=True)
class Status:
    """What a job does just now: `state` is a key of MARKS, `detail` what to say beside it."""

    state: str
    detail: str = ""


class Display:
    """Shows the jobs of a run on `stream`, live where that is a terminal."""

    def __init__(self, jobs: list[str], stream: TextIO):
        self.stream, self.live = stream, stream.isatty()
        self.width, self.drawn = max(map(len, jobs), default=0), 0
        self.shown: dict[str, tuple[str, float]] = {}

    def show(self, statuses: dict[str, Status]) -> None:
        """Draw the statuses, all of them or, in a log, those that changed."""
        if self.live:
            self._redraw([self._line(job, status) for job, status in statuses.items()])
            return
        for job, status in statuses.items():
            state, when = self.shown.get(job, ("waiting", time.monotonic()))
            beat = status.state == "running" and time.monotonic() - when > HEARTBEAT
            if status.state != state or beat:
                print(self._line(job, status), file=self.stream, flush=True)
                self.shown[job] = (status.state, time.monotonic())

    def _line(self, job: str, status: Status) -> str:
        line = f" {MARKS[status.state]} {job:<{self.width}}  {status.state:<8} {status.detail}".rstrip()
        if not self.live:
            return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."
        columns = shutil.get_terminal_size().columns - 1
        return f"\x1b[{COLOURS[status.state]}m{line[:columns]}\x1b[0m"

    def _redraw(self, lines: list[str]) -> None:
        up = f"\x1b[{self.drawn}A" if self.drawn else ""
        self.stream.write(up + "".join(f"\x1b[2K{line}\n" for line in lines))
        self.stream.flush()
        self.drawn = len(lines)


def duration(seconds: float) -> str:
    """Return seconds for a reader: `4.2 s`, `3 min 12 s`, `2 h 05 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
