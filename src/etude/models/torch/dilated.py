"""Linear maps, dilated causal convolutions and dropout in PyTorch.

Equations: `etude.models.sequence.dilated`.
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
    """A dilated causal convolution over (T, n, channels): time comes first.

    What a tap reads is then one block of memory, and a tap is one matrix product that copies nothing.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int):
        super().__init__(kernel * inputs, outputs)
        self.inputs, self.kernel, self.dilation = inputs, kernel, dilation

    def forward(self, x: Tensor, before: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return Float[T, n, outputs], and the inputs that the next call needs.

        Parameters
        ----------
        x : Float[T, n, inputs]
        before : Float[(kernel - 1) * dilation, n, inputs], optional
            The inputs before x, as the last call returned them; by default zeros, the start of the piece.
        """
        if before is None:
            before = x.new_zeros((self.kernel - 1) * self.dilation, *x.shape[1:])
        padded = torch.cat([before, x])
        return Taps.apply(padded, self.weight, self.bias, self.kernel, self.dilation), padded[len(x) :]


class Taps(torch.autograd.Function):
    """The sum over taps j of padded[j * dilation :][:T] @ W[j], plus a bias, added up in place, as is its gradient."""

    @staticmethod
    def forward(padded: Tensor, weight: Tensor, bias: Tensor, kernel: int, dilation: int) -> Tensor:
        """Return Float[T, n, outputs] of padded Float[(kernel - 1) * dilation + T, n, inputs]."""
        read = blocks(padded, kernel, dilation)
        y = padded.new_empty(len(padded) - (kernel - 1) * dilation, padded.shape[1], weight.shape[1])
        flat = torch.addmm(bias, read[0], weight.chunk(kernel)[0], out=y.flatten(0, 1))
        for part, tap in zip(read[1:], weight.chunk(kernel)[1:], strict=True):
            flat.addmm_(part, tap)
        return y

    @staticmethod
    def setup_context(ctx, inputs, output):
        padded, weight, _, ctx.kernel, ctx.dilation = inputs
        ctx.save_for_backward(padded, weight)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        """Return the gradients of padded, weight and bias."""
        padded, weight = ctx.saved_tensors
        gradient = gradient.flatten(0, 1)
        of_weight = [part.T @ gradient for part in blocks(padded, ctx.kernel, ctx.dilation)]
        of_padded = None
        if ctx.needs_input_grad[0]:
            of_padded = torch.zeros_like(padded)
            for part, tap in zip(blocks(of_padded, ctx.kernel, ctx.dilation), weight.chunk(ctx.kernel), strict=True):
                part.addmm_(gradient, tap.T)
        return of_padded, torch.cat(of_weight), gradient.sum(0), None, None


def blocks(padded: Tensor, kernel: int, dilation: int) -> list[Tensor]:
    """Return what each tap reads of padded Float[(kernel - 1) * dilation + T, n, C], Float[T * n, C], as views."""
    steps = len(padded) - (kernel - 1) * dilation
    return [padded[j * dilation : j * dilation + steps].flatten(0, 1) for j in range(kernel)]


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
