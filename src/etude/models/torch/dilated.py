"""Linear maps and dilated causal convolutions over (n, T, channels) in PyTorch. Equations: `etude.models.dilated`."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Linear(nn.Module):
    """y = x @ weight + bias: a convolution of width 1."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Return Float[..., outputs] of x Float[..., inputs]."""
        return nn.functional.linear(x, self.weight.T, self.bias)

    def views(self) -> dict[str, Tensor]:
        """Return weight and bias, by name."""
        return {"weight": self.weight, "bias": self.bias}


class CausalConvolution(Linear):
    """A dilated causal convolution as one matrix product over its taps side by side."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int):
        super().__init__(kernel * inputs, outputs)
        self.inputs, self.kernel, self.dilation = inputs, kernel, dilation

    def forward(self, x: Tensor, before: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return Float[n, T, outputs], and the inputs that the next call needs.

        Parameters
        ----------
        x : Float[n, T, inputs]
        before : Float[n, (kernel - 1) * dilation, inputs], optional
            The inputs before x, as the last call returned them; by default zeros, the start of the piece.
        """
        if before is None:
            before = x.new_zeros(len(x), (self.kernel - 1) * self.dilation, self.inputs)
        steps, padded = x.shape[1], torch.cat([before, x], dim=1)
        taps = [padded[:, j * self.dilation :][:, :steps] for j in range(self.kernel)]
        return super().forward(torch.cat(taps, dim=-1)), padded[:, steps:]
