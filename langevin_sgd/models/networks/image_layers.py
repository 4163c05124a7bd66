"""Layers of convolutional networks as functions of their weights, divided by sqrt(fan-in).

Images are (input, channel, height, width). Every function treats the inputs one by one and works
under ``torch.func.vmap``.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from langevin_sgd.models.networks.activations import MEAN_SQUARE


def activate(z: torch.Tensor, name: str) -> torch.Tensor:
    """Activation of mean square one at a standard normal."""
    if name == "linear":
        return z
    a: torch.Tensor = getattr(functional, name)(z)
    return a * (1 / math.sqrt(MEAN_SQUARE[name]))


def convolution(
    x: torch.Tensor, w: torch.Tensor, bias: torch.Tensor | None = None, *, stride: int = 1
) -> torch.Tensor:
    """Convolve with w (outputs, inputs, height, width) and add a bias (outputs,)."""
    return _convolution(x, w, bias, stride, 1)


def depthwise(x: torch.Tensor, w: torch.Tensor, *, stride: int = 1) -> torch.Tensor:
    """Convolve each channel with a kernel of its own, w (channels, 1, height, width)."""
    return _convolution(x, w, None, stride, x.shape[1])


def _convolution(
    x: torch.Tensor, w: torch.Tensor, bias: torch.Tensor | None, stride: int, groups: int
) -> torch.Tensor:
    padding = [
        _padding(size, kernel, stride)
        for size, kernel in zip(x.shape[2:], w.shape[2:], strict=True)
    ]
    both = [total // 2 for total in padding]
    if any(total % 2 for total in padding):
        # The side that comes last has one zero more.
        x = functional.pad(x, (both[1], padding[1] - both[1], both[0], padding[0] - both[0]))
        both = [0, 0]
    w, bias = _scaled(w, bias)
    return functional.conv2d(x, w, bias, stride, both, groups=groups)


def _padding(size: int, kernel: int, stride: int) -> int:
    """Number of zeros, on both sides together, with which there are ceil(size/stride) outputs."""
    return max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)


def _scaled(w: torch.Tensor, bias: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Weights and biases over the square root of what one output sums over."""
    scale = 1 / math.sqrt(math.prod(w.shape[1:]) + (bias is not None))
    return w * scale, None if bias is None else bias * scale


def dense(x: torch.Tensor, w: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Sum over all numbers (input, number) with w (outputs, numbers) and add a bias (outputs,)."""
    return functional.linear(x, *_scaled(w, bias))


def output(x: torch.Tensor, w: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Sum over numbers (input, number) with w (1, numbers), divided by their number: (input,)."""
    return functional.linear(x, w, bias).squeeze(1) / x.shape[1]


def largest_of_four(x: torch.Tensor) -> torch.Tensor:
    """Largest number of each square of two by two pixels; an odd side counts a half square."""
    return functional.max_pool2d(x, 2, ceil_mode=True)


def normalised(x: torch.Tensor, groups: int) -> torch.Tensor:
    """Normalise each input over the pixels and channels of each group to mean 0, variance 1."""
    return functional.group_norm(x, groups)
