"""Models that are made from others whenever they are needed, and are neither fitted nor saved themselves."""

from __future__ import annotations

from etude.errors import EtudeError
from etude.models.base import Model


class Derived(Model):
    """Base of the models that hold fitted ones and learn nothing of their own."""

    def _fit(self, train, valid, budget, seed, checkpoint):
        raise EtudeError("a model to fit", f"{self.name}, made from others", "Fit those, then make it of them.")

    def _arrays(self):
        raise EtudeError("a model to save", f"{self.name}, made from others", "Save those, and make it of them again.")

    _restore = _arrays
