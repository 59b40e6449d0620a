"""Linear maps, dilated causal convolutions and dropout over (n, T, channels) in PyTorch.

Equations: `etude.models.dilated`.
"""

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


class Dropout(nn.Module):
    """Dropout (Srivastava et al. 2014) whose coins are the bytes of random 64-bit numbers: one draw for eight channels.

    `nn.Dropout` draws them one by one, which takes a sixth of a TCN's training time. The share is rounded to 1 / 256.
    """

    def __init__(self, share: float):
        super().__init__()
        self.dropped = min(round(256 * share), 255)

    def forward(self, x: Tensor) -> Tensor:
        """Return x with some entries zero and the others enlarged to keep the mean; x itself outside training."""
        if not self.training or not self.dropped:
            return x
        coins = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        kept = coins.view(torch.uint8)[: x.numel()].view(x.shape) >= self.dropped
        return x * (kept * (256 / (256 - self.dropped)))
