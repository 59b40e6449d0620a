"""What every PyTorch half of a sequence model shares: its engine and its device. torch is imported when it is used."""

from __future__ import annotations


class TorchHalf:
    """Mixin in front of a `SequenceModel`: trains through Lightning, scores on the GPU where there is one.

    A family gives `_context()`: the module between embedding and output.
    """

    framework = "torch"

    def _build(self):
        import torch

        from etude.models.torch.network import Network

        with torch.random.fork_rng(devices=[]):  # layers draw weights, which `_initial` then replaces
            options = self.options
            size = options.get("embedding", 0)  # 0: the context reads nothing
            return Network(self.space, size, self._context(), options["output"], options["output_hidden"])

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
