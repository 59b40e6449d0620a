"""Models that are made from others whenever they are needed, and are neither fitted nor saved themselves."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from etude.errors import EtudeError
from etude.models.base import Model


class Derived(Model):
    """Base of the models that hold fitted ones and learn nothing of their own."""

    @abstractmethod
    def _made_from(self) -> Sequence[Model]:
        """Return the models that this one asks, fitted or made themselves."""

    @property
    def fits(self) -> list[Model]:
        """The fitted models behind it, each once, however many of its parts ask it."""
        found = [fit for one in self._made_from() for fit in (one.fits if isinstance(one, Derived) else [one])]
        return list({id(fit): fit for fit in found}.values())

    @property
    def framework(self) -> str:
        """That of its fits; several are named one after the other."""
        return ", ".join(sorted({fit.framework for fit in self.fits}))

    @property
    def parameters(self) -> int:
        """Numbers that were learnt: those of its fits."""
        return sum(fit.parameters for fit in self.fits)

    def _fit(self, train, valid, budget, seed, checkpoint):
        raise EtudeError("a model to fit", f"{self.name}, made from others", "Fit those, then make it of them.")

    def _arrays(self):
        raise EtudeError("a model to save", f"{self.name}, made from others", "Save those, and make it of them again.")

    def _restore(self, arrays):
        raise EtudeError(
            "a model with weights of its own", f"{self.name}, made from others", "Set those of its `fits`."
        )
