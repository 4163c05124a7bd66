"""A deep convolutional network of few weights: depthwise convolutions, inverted residuals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from langevin_sgd.models.networks.convolutional import ConvolutionalNetwork

if TYPE_CHECKING:
    import torch

_BLOCKS = ((1, 2), (1, 1), (3, 2), (3, 1))
"""Channels of each block, in units of h, and stride of each block."""
_EXPANSION = 3


@dataclass(frozen=True, kw_only=True)
class MobileCNN(ConvolutionalNetwork):
    """Sixteen convolutions, five of them depthwise, and the mean over all pixels.

    A convolution of 5 by 5 pixels and stride 2 to 4h channels, a depthwise one of 5 by 5, one of a
    single pixel to 2h; four inverted residual blocks to h (stride 2), h, 3h (stride 2) and 3h
    channels; a convolution of a single pixel to 20h; the mean over pixels; and the output, the only
    layer with a bias. An inverted residual block expands its channels threefold at single pixels,
    convolves each by 5 by 5 with its stride, and contracts them at single pixels without an
    activation; where its input has the shape of its output, their sum over sqrt(2) goes on.

    Zeros beyond the borders count in the fan-in, as in the reference, so layers are weaker where an
    image is no larger than a kernel: at the start the mean of 20h f^2 is 0.2 to 0.4 at 28 or 32
    pixels on a side, and 0.02 at 8.

    Parameters
    ----------
    image, width, activation
        As in `ConvolutionalNetwork`; sides of at least 8 pixels. The reference has h = 64 and 32.

    References
    ----------
    The network ``mnas`` of the code published with Sclocchi, Geiger and Wyart, arXiv 2301.13703;
    blocks after Tan et al., *MnasNet*, arXiv 1807.11626.

    Examples
    --------
    >>> MobileCNN(image=(3, 32, 32), width=32).parameters
    192033
    """

    depth: ClassVar[int] = 16
    reduction: ClassVar[int] = 8

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """As in `ConvolutionalNetwork`."""
        h, before = self.width, 2 * self.width
        shapes: dict[str, tuple[int, ...]] = {
            "convolution": (4 * h, self.image[0], 5, 5),
            "depthwise": (4 * h, 1, 5, 5),
            "contraction": (before, 4 * h, 1, 1),
        }
        for number, (multiple, _) in enumerate(_BLOCKS, 1):
            wide, after = _EXPANSION * before, multiple * h
            shapes[f"block_{number}_expansion"] = (wide, before, 1, 1)
            shapes[f"block_{number}_depthwise"] = (wide, 1, 5, 5)
            shapes[f"block_{number}_contraction"] = (after, wide, 1, 1)
            before = after
        return {**shapes, "expansion": (20 * h, before, 1, 1), "output": (1, 20 * h), "bias": (1,)}

    def forward(self, weights: Mapping[str, torch.Tensor], images: torch.Tensor) -> torch.Tensor:
        """As in `ConvolutionalNetwork`."""
        from langevin_sgd.models.networks.image_layers import (
            activate,
            convolution,
            depthwise,
            output,
        )

        x = activate(convolution(images, weights["convolution"], stride=2), self.activation)
        x = activate(depthwise(x, weights["depthwise"]), self.activation)
        x = activate(convolution(x, weights["contraction"]), self.activation)
        for number, (_, stride) in enumerate(_BLOCKS, 1):
            before, block = x, f"block_{number}_"
            x = activate(convolution(x, weights[block + "expansion"]), self.activation)
            x = activate(depthwise(x, weights[block + "depthwise"], stride=stride), self.activation)
            x = convolution(x, weights[block + "contraction"])
            if x.shape == before.shape:
                x = (x + before) / math.sqrt(2)
        x = activate(convolution(x, weights["expansion"]), self.activation)
        return output(x.mean((2, 3)), weights["output"], weights["bias"])
