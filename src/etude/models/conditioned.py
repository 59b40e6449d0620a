"""What a model given some entries is not: fitted, saved. It is made from another, whenever it is needed."""

from __future__ import annotations

import numpy as np

from etude.errors import EtudeError
from etude.models.base import Model
from etude.models.derived import Derived
from etude.types import Evidence


class Conditioned(Derived):
    """A model made from another by evidence; a family gives its `_bits` and `_sample`.

    Parameters
    ----------
    model : Model
        The one without evidence. Other evidence takes the place of this one's: it is given to that model.
    """

    def __init__(self, model: Model):
        super().__init__(model.space)
        self.model, self.window, self.kind = model, model.window, model.kind

    def _made_from(self):
        return [self.model]

    def _about(self) -> str:
        return f"of {self.model!r}"

    def _condition(self, evidence: Evidence) -> Model:
        return self.model._condition(evidence)


class Masked(Conditioned):
    """A model given any entries of a piece: `values` Int[T, entries] where `known` Bool[T, entries]."""

    def __init__(self, model: Model, evidence: Evidence):
        super().__init__(model)
        self.evidence, shape = evidence, (len(evidence.known), model.space.entries)
        self.values, self.known = evidence.values.reshape(shape), evidence.known.reshape(shape)

    @property
    def _begun(self) -> int:
        return len(self.known)


def check_beginnings(xs, prefix: np.ndarray) -> None:
    """Raise EtudeError unless all pieces begin with `prefix` Int[P, *E]."""
    for x in xs:
        if not np.array_equal(x[: len(prefix)], prefix):
            raise EtudeError("pieces that begin with the given prefix", "another beginning")
