"""A PyTorch module whose weights travel as named NumPy arrays in the layout that the frameworks share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from etude.models.halves import check_names


class Weights(nn.Module):
    """Base of networks: a subclass names its weights in `views`, and learns by its `loss`."""

    counted = True  # whether the loss is the mean nats per step, or a number whose gradient alone means something

    def views(self) -> dict[str, Tensor]:
        """Return all weights in the shared layout, as views of the parameters: by default under their own names."""
        return dict(self.named_parameters())

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all weights in the shared layout, as Float32 copies."""
        return {name: view.detach().cpu().numpy().copy() for name, view in self.views().items()}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take on weights; raises CorruptCheckpoint where names or shapes differ."""
        views = self.views()
        check_names(views, arrays)
        with torch.no_grad():
            for name, view in views.items():
                view.copy_(torch.from_numpy(np.ascontiguousarray(arrays[name], np.float32)))
        self.eval()

    def gradients(self, batch) -> tuple[float, dict[str, np.ndarray]]:
        """Return the loss of a batch of arrays without dropout, and its gradient by names of the shared layout."""
        learning = self.training
        self.eval()
        self.zero_grad()
        loss = self.loss(type(batch)(*map(self.tensor, batch)))
        loss.backward()
        held = {weight: weight.data for weight in self.parameters()}
        try:
            for weight in held:
                weight.data = torch.zeros_like(weight) if weight.grad is None else weight.grad
            learnt = {name: view for name, view in self.views().items() if view.requires_grad}
            return float(loss.detach()), {name: view.detach().cpu().numpy().copy() for name, view in learnt.items()}
        finally:
            for weight, data in held.items():
                weight.data = data
            self.zero_grad()
            self.train(learning)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @contextmanager
    def on_fastest_device(self) -> Iterator[None]:
        """Stay on the GPU, where there is one, for the time of the block."""
        before = self.device
        self.to("cuda" if torch.cuda.is_available() else before)
        try:
            yield
        finally:
            self.to(before)

    @contextmanager
    def still(self) -> Iterator[None]:
        """Neither dropout nor gradients; dropout stays away until an engine lets the network learn again."""
        self.eval()
        with torch.inference_mode():
            yield

    def tensor(self, array: np.ndarray) -> Tensor:
        """Return the array where the weights are."""
        return torch.as_tensor(np.ascontiguousarray(array), device=self.device)


def double(build: Callable[[], Weights]) -> Weights:
    """Return what `build` returns, in double precision."""
    return build().double()
