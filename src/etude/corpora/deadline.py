"""A time by which something must be done: one thread waits for it, however often it is put off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from math import inf


class Deadline:
    """Calls `act` once when the time is over; `late` says whether it was.

    >>> deadline = Deadline(worker.kill)
    >>> deadline.within(60.0)  # from now on; again for the next piece of work
    >>> deadline.lift()
    """

    def __init__(self, act: Callable[[], None]):
        self.late, self._act, self._due, self._over = False, act, inf, False
        self._changed = threading.Condition()
        threading.Thread(target=self._wait, daemon=True).start()

    def within(self, seconds: float) -> None:
        """Let the time end so many seconds from now."""
        due = time.monotonic() + seconds
        if due >= self._due:  # the thread looks again when the old time is over
            self._due = due
            return
        with self._changed:
            self._due = due
            self._changed.notify()

    def lift(self) -> None:
        """Let there be no time to keep until `within` is called again."""
        self._due = inf

    def end(self) -> None:
        """End the thread."""
        with self._changed:
            self._over = True
            self._changed.notify()

    def _wait(self) -> None:
        with self._changed:
            while not self._over and not self.late:
                left = self._due - time.monotonic()
                if left > 0:
                    self._changed.wait(None if left == inf else left)
                else:
                    self.late = True
                    self._act()
