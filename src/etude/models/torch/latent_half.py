"""What the PyTorch halves of the autoencoders share. torch is imported when it is used."""

from __future__ import annotations

from etude.models.sequence.sequence import SequenceModel
from etude.models.torch.half import TorchHalf


class TorchLatentHalf(TorchHalf):
    """Mixin in front of a `LatentModel`; a family gives `_network_class()`."""

    def _build(self):
        import torch

        with torch.random.fork_rng(devices=[]):  # layers draw weights, which `_initial` then replaces
            return self._network_class()(self.space, self.options)

    def _bits(self, xs):
        with self.network.on_fastest_device():
            return super()._bits(xs)

    def _parts(self):
        return super()._parts() | {SequenceModel}
