"""Windows that follow each other through whole pieces, as truncated back-propagation through time asks for.

Williams & Peng (1990) follow a sequence that never ends with a state that is carried along, and let the gradient go
back a bounded number of steps. A batch here has B rows, each of which walks through a piece, window after window, then
through the next: row b of a batch begins where row b of the batch before it ended, or with a piece. The last window of
a piece is as short as what is left; none holds steps of two pieces. A piece is taken by the row that is free first, in
an order that is drawn anew whenever all pieces were taken, so that every step is seen once before any is seen twice.

Whether the state is carried as well is the engine's affair: with `Budget.cuts` "carried" it is, as in Mehri et al.
(2017); with "consecutive" every window begins with a fresh one, and only the order is that of "carried".
What both cost is variety: the B windows of a batch come from B pieces, and so do those of the next hundred batches.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from etude.training.windows import Batch, Cuts, pad


class Consecutive(Cuts):
    """Batches of windows each of which begins where its row's last one ended; a function of (seed, step) alone."""

    def __init__(self, pieces, window, batch_size, seed=0):
        super().__init__(pieces, window, batch_size, seed)
        self._begins: list[list[int]] = [[] for _ in range(batch_size)]  # of each row, the steps at which pieces begin
        self._taken: list[list[int]] = [[] for _ in range(batch_size)]  # and which pieces they are
        self._free = [0] * batch_size  # the step at which each row will have come to the end of its last piece
        self._waiting: list[int] = []
        self._rounds = 0

    def batch(self, step: int) -> Batch:
        """Return the batch of optimiser step `step`."""
        while min(self._free) <= step:
            self._take(int(np.argmin(self._free)))
        return pad([self._cut(row, step) for row in range(self.batch_size)])

    def _take(self, row: int) -> None:
        """Give a row its next piece."""
        if not self._waiting:
            order = np.random.default_rng([self.seed, self._rounds]).permutation(len(self.pieces))
            self._waiting, self._rounds = order.tolist(), self._rounds + 1
        piece = self._waiting.pop(0)
        self._begins[row].append(self._free[row])
        self._taken[row].append(piece)
        self._free[row] += -(-len(self.pieces[piece]) // self.window)

    def _cut(self, row: int, step: int) -> tuple[np.ndarray, bool]:
        at = bisect_right(self._begins[row], step) - 1
        x, start = self.pieces[self._taken[row][at]], (step - self._begins[row][at]) * self.window
        return x[max(start - 1, 0) : start + self.window], start == 0
