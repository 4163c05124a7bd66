"""A residual network of eighteen layers for small images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from langevin_sgd.models.networks.convolutional import ConvolutionalNetwork

if TYPE_CHECKING:
    import torch

_STAGES = (1, 2, 4, 8)
"""Channels of each stage, in units of h; all but the first halve the sides of the image."""
_MOST_GROUPS = 32


@dataclass(frozen=True, kw_only=True)
class ResNet18(ConvolutionalNetwork):
    """A 3 by 3 convolution, four stages of two residual blocks, the mean over pixels, the output.

    A block is a convolution of 3 by 3 pixels, normalisation, activation, a second convolution and
    normalisation, to which the block's input is added; the sum over sqrt(2) is activated. Where a
    stage has more channels and fewer pixels than the one before, the input comes through a
    convolution of a single pixel and stride 2, normalised. As usual for small images the first
    convolution has 3 by 3 pixels and no pooling.

    Normalisation is by groups of channels of each input alone (Wu and He), not over a batch: there
    an output would depend on the other inputs that happen to be in the batch, f(w, x) - f(w0, x)
    would be no function of x, and the gradients of the points of a minibatch would not be
    independent draws, on which all theory of its noise rests. There are 32 groups, or the largest
    common divisor of 32 and h, and no scales or shifts are trained. Convolutions have no biases,
    nor has the output.

    Parameters
    ----------
    image, width, activation
        As in `ConvolutionalNetwork`; sides of at least 8 pixels. h = 64 channels in the first stage
        by default.

    References
    ----------
    He, Zhang, Ren and Sun, *Deep residual learning for image recognition*, arXiv 1512.03385 (with 7
    by 7 pixels and pooling first, batch normalisation, and sums without sqrt(2)); Wu and He, *Group
    normalization*, arXiv 1803.08494.

    Examples
    --------
    >>> ResNet18(image=(3, 32, 32)).parameters
    11159744
    """

    depth: ClassVar[int] = 17
    reduction: ClassVar[int] = 8

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """As in `ConvolutionalNetwork`."""
        before = self.width
        shapes: dict[str, tuple[int, ...]] = {"stem": (before, self.image[0], 3, 3)}
        for block, after, _ in self._blocks():
            shapes[block + "first"] = (after, before, 3, 3)
            shapes[block + "second"] = (after, after, 3, 3)
            if after != before:
                shapes[block + "shortcut"] = (after, before, 1, 1)
            before = after
        return {**shapes, "output": (1, before)}

    def _blocks(self) -> list[tuple[str, int, int]]:
        """Name, channels and stride of each block."""
        blocks = []
        for stage, multiple in enumerate(_STAGES, 1):
            stride = 1 if stage == 1 else 2
            blocks += [
                (f"stage_{stage}_block_{b}_", multiple * self.width, stride if b == 1 else 1)
                for b in (1, 2)
            ]
        return blocks

    def forward(self, weights: Mapping[str, torch.Tensor], images: torch.Tensor) -> torch.Tensor:
        """As in `ConvolutionalNetwork`."""
        from langevin_sgd.models.networks.image_layers import (
            activate,
            convolution,
            normalised,
            output,
        )

        groups = math.gcd(_MOST_GROUPS, self.width)
        x = activate(normalised(convolution(images, weights["stem"]), groups), self.activation)
        for block, _, stride in self._blocks():
            z = normalised(convolution(x, weights[block + "first"], stride=stride), groups)
            z = convolution(activate(z, self.activation), weights[block + "second"])
            if block + "shortcut" in weights:
                x = normalised(convolution(x, weights[block + "shortcut"], stride=stride), groups)
            x = activate((x + normalised(z, groups)) / math.sqrt(2), self.activation)
        return output(x.mean((2, 3)), weights["output"])
