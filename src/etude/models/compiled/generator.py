"""The face of the compiled kernels: streams of codes, written block by block."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from etude.errors import EtudeError
from etude.lookup import resolve
from etude.models.base import total_steps

FAMILIES = ("wavenet", "samplernn", "rnn")  # with a kernel in a module of that name, and its packing beside it


class Generator:
    """n streams that grow together, each with the codes that `sample` would draw.

    Parameters
    ----------
    model : SequenceModel
        Of a family in `FAMILIES`, with scalar steps and a categorical output; its weights are copied.
    n : int
        Streams.

    Raises
    ------
    EtudeError
        Another family, space or output.
    """

    family: str | None = None  # whose kernel writes; by default the model's own

    def __init__(self, model, n: int = 1):
        if model.space.event_shape or model.options["output"] != "categorical":
            got = f"steps of shape {model.space.event_shape}, output {model.options['output']}"
            raise EtudeError("scalar steps and a categorical output", got, "Use `sample`, which takes any model.")
        family = self.family or model.name
        if family not in FAMILIES:
            raise EtudeError(f"one of {', '.join(FAMILIES)}", family, "Use `sample`, which takes any model.")
        self.n, self.space = n, model.space
        packed, fresh = (resolve(f"etude.models.compiled.{family}_packing:{name}") for name in ("packed", "fresh"))
        self._weights = packed(model)
        self._state = fresh(self._weights, n)
        self._write = resolve("etude.models.compiled.writing:write")

    def write(self, known, uniforms, temperature: float = 1.0, top_p: float = 1.0) -> np.ndarray:
        """Append codes to every stream: those that are `known`, then one for each uniform number.

        Parameters
        ----------
        known : Int[K, n]
        uniforms : Float64[U, n]
            In [0, 1), in the order in which `models.autoregressive.draw` takes them.
        temperature, top_p : float
            See `etude.models.base.Model.sample`.

        Returns
        -------
        Int64[K + U, n]
        """
        codes = np.empty((len(known) + len(uniforms), self.n), np.int64)
        nothing = np.empty((0, self.n, self.space.levels), np.float32)
        known = np.ascontiguousarray(known, np.int64)
        self._write(
            self._weights_of(len(codes)), self._state, known, uniforms, float(temperature), float(top_p), codes, nothing
        )
        return codes

    def read(self, x) -> np.ndarray:
        """Append known codes Int[T, n] to the streams and return the logits before each, Float32[T, n, levels]."""
        x = np.ascontiguousarray(x, np.int64)
        codes, logits = np.empty_like(x), np.empty((*x.shape, self.space.levels), np.float32)
        self._write(self._weights_of(len(x)), self._state, x, np.empty((0, self.n)), 1.0, 1.0, codes, logits)
        return logits

    def _weights_of(self, steps: int):
        """Return the weights of the next `steps` steps: the same for all."""
        return self._weights


def stream(
    model, n=1, steps=None, seed=0, temperature=1.0, top_p=1.0, prefix=None, block=4096, new=None
) -> Iterator[np.ndarray]:
    """Check what is asked of a stream (see `models.sequence.streams`), at once, and return its blocks."""
    prefix = model.space.check([] if prefix is None else prefix)
    steps = total_steps(steps, new, len(prefix))
    if n < 1 or block < 1 or (steps is not None and steps < 0) or not temperature >= 0 or not 0 < top_p <= 1:
        got = f"n={n}, steps={steps}, block={block}, temperature={temperature}, top_p={top_p}"
        raise EtudeError("n, block >= 1, steps >= 0 or None, temperature >= 0, top_p in (0, 1]", got)
    steps = None if steps is None else max(steps, len(prefix))
    longest = getattr(model, "longest", None)
    steps = min((most for most in (steps, longest) if most is not None), default=None)
    generator = resolve(model.generator) if hasattr(model, "generator") else Generator
    return _blocks(generator(model, n), steps, np.random.default_rng(seed), temperature, top_p, prefix, block)


def _blocks(generator: Generator, steps, rng, temperature, top_p, prefix, block) -> Iterator[np.ndarray]:
    done, going = 0, np.ones(generator.n, bool)
    while going.any() and (steps is None or done < steps):
        size = block if steps is None else min(block, steps - done)
        known = np.repeat(prefix[done : done + size, None], generator.n, axis=1)
        codes = generator.write(known, rng.random((size - len(known), generator.n)), temperature, top_p).T
        yield codes
        done += size
        if generator.space.end is not None:
            going &= (codes != generator.space.end).all(axis=1)
