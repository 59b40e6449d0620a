"""Drawing frames from a restricted Boltzmann machine, freely or with some entries held fast.

Given entries only shift the biases of the hidden units (`Machine.given`), so what remains is a smaller machine over the
unknown entries, with its own log Z: p(unknown | known) = exp(-F') / Z'.
"""

from __future__ import annotations

import numpy as np

from etude.errors import EtudeError
from etude.models.conditioned import Masked
from etude.models.energy.boltzmann import Machine, draw_hidden, draw_visible
from etude.models.energy.partition import annealed, can_enumerate, draw_exactly, enumerated, likeliest
from etude.types import Bits

TEMPERATURES = 500  # of annealing before frames are drawn
SWEEPS = 100  # of Gibbs sampling after it
AT_ONCE = 2**11  # chains side by side


class Clamped(Masked):
    """A machine given some entries of some frames: `bits` are those of the rest, samples keep what is known.

    Parameters
    ----------
    model : RBM
    evidence : Evidence
        Any mask. Frames after its last one are free.
    """

    name = "clamped"

    def _bits(self, xs):
        given = len(self.values)
        values = np.array([self._given_bits(x.reshape(len(x), self.space.entries)) for x in xs], np.float64)
        if all(len(x) == given for x in xs):
            return Bits(values)
        free = self.model.bits([x[given:] for x in xs])
        return Bits(values + free.values, free.kind, free.stderr)

    def _given_bits(self, x: np.ndarray) -> float:
        given = len(self.values)
        if len(x) < given or (x[:given] != self.values)[self.known].any():
            raise EtudeError("pieces that hold what is known", "one that differs or ends before")
        return sum(self._frame_bits(*frame) for frame in zip(x, self.values, self.known, strict=False))

    def _frame_bits(self, x: np.ndarray, values: np.ndarray, known: np.ndarray) -> float:
        rest, _ = self.model.machine.given(values, known)
        if not can_enumerate(rest):
            got = f"{len(rest.hidden)} hidden units and {len(rest.visible)} unknown entries in a frame"
            remedy = "Its log Z would have to be estimated anew for every frame: sample, or give more entries."
            raise EtudeError("few enough hidden units or unknown entries to sum over", got, remedy)
        return float(rest.free_energy(x[None, ~known])[0] + enumerated(rest)) / np.log(2)

    def _sample(self, n, steps, rng, temperature, top_p=1.0):
        given, machine, base = len(self.values), self.model.machine, self.model.base
        x = np.zeros((n, max(steps, given), self.space.entries), np.int64)
        x[:, :given] = self.values
        for t in range(given):
            unknown = ~self.known[t]
            rest, _ = machine.given(self.values[t], self.known[t])
            x[:, t, unknown] = draw_frames(rest, base[unknown], n, rng, temperature, top_p)
        free = n * (x.shape[1] - given)
        x[:, given:] = draw_frames(machine, base, free, rng, temperature, top_p).reshape(n, -1, self.space.entries)
        return list(x.reshape(n, -1, *self.space.event_shape))


def draw_frames(
    machine: Machine, base: np.ndarray, n: int, rng: np.random.Generator, temperature: float = 1.0, top_p: float = 1.0
) -> np.ndarray:
    """Draw n frames Int64[n, E].

    Independent and exact where a layer can be summed over; else from n Gibbs chains, each annealed from `base`.

    Parameters
    ----------
    machine : Machine
    base : Float64[E, L - 1]
        Visible biases of a machine without coupling.
    n : int
    rng : Generator
    temperature : float
        Divides the energy of entries and hidden units; at 0 every frame is the one of least energy, or where that
        cannot be found by enumeration, the nearest below silence.
    top_p : float
        Below 1, the entries are drawn a last time given the hidden units, each from its likeliest codes alone.
    """
    entries = len(machine.visible)
    if temperature == 0:
        silence = np.zeros((1, entries), np.int64)
        lowest = likeliest(machine)[None] if can_enumerate(machine) else machine.descend(silence)
        return np.repeat(lowest, n, axis=0)
    scaled, parts = machine.scaled(1 / temperature), []
    for begin in range(0, n, AT_ONCE):
        parts.append(_draw(scaled, base, min(AT_ONCE, n - begin), rng, top_p))
    return np.concatenate(parts) if parts else np.zeros((0, entries), np.int64)


def _draw(machine: Machine, base: np.ndarray, n: int, rng: np.random.Generator, top_p: float) -> np.ndarray:
    if can_enumerate(machine):
        x = draw_exactly(machine, n, rng)
    else:
        x = machine.gibbs(annealed(machine, base, rng, n, TEMPERATURES)[1], rng, SWEEPS)
    if top_p == 1:
        return x
    return draw_visible(machine.visible_input(draw_hidden(machine.hidden_input(x), rng)), rng, top_p)
