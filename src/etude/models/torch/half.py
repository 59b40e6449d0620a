"""What every PyTorch half of a sequence model shares: its engine and its device. torch is imported when it is used."""

from __future__ import annotations


class TorchHalf:
    """Mixin in front of a `SequenceModel`: trains through Lightning, scores on the GPU where there is one."""

    framework = "torch"

    def _train(self, task, checkpoint):
        from etude.training.lightning import fit

        return fit(self.network, task, checkpoint)

    def _step_bits(self, xs):
        with self.network.on_fastest_device():
            return super()._step_bits(xs)

    def _identity(self, *what):
        import torch

        return {**super()._identity(*what), "torch": torch.__version__}

    def _parts(self):
        return {type(part) for part in self.network.modules()}
