"""A small convolutional network: two convolutions with pooling and a dense layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from langevin_sgd.models.networks.convolutional import ConvolutionalNetwork

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class SimpleCNN(ConvolutionalNetwork):
    """Two convolutions with pooling, a dense layer, and the output.

    The convolutions of 5 by 5 pixels to h and 2h channels are followed by an activation and by the
    largest of each square of four pixels, the 32h dense neurons by no activation. All layers but
    the output have biases, drawn like the weights. The largest of four pixels is kept as it is, so
    that its mean square exceeds one.

    Parameters
    ----------
    image, width, activation
        As in `ConvolutionalNetwork`; sides of at least 4 pixels.

    References
    ----------
    The network ``simple_cnn`` of the code published with Sclocchi, Geiger and Wyart, arXiv
    2301.13703.

    Examples
    --------
    >>> SimpleCNN(image=(1, 8, 8), width=8).layers
    ['convolution_1', 'bias_1', 'convolution_2', 'bias_2', 'dense', 'bias_3', 'output']
    """

    depth: ClassVar[int] = 3
    reduction: ClassVar[int] = 4

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """As in `ConvolutionalNetwork`."""
        h, (channels, height, width) = self.width, self.image
        pixels = -(-height // 4) * -(-width // 4)
        return {
            "convolution_1": (h, channels, 5, 5),
            "bias_1": (h,),
            "convolution_2": (2 * h, h, 5, 5),
            "bias_2": (2 * h,),
            "dense": (32 * h, 2 * h * pixels),
            "bias_3": (32 * h,),
            "output": (1, 32 * h),
        }

    def forward(self, weights: Mapping[str, torch.Tensor], images: torch.Tensor) -> torch.Tensor:
        """As in `ConvolutionalNetwork`."""
        from langevin_sgd.models.networks.image_layers import (
            activate,
            convolution,
            dense,
            largest_of_four,
            output,
        )

        x = images
        for number in (1, 2):
            z = convolution(x, weights[f"convolution_{number}"], weights[f"bias_{number}"])
            x = largest_of_four(activate(z, self.activation))
        return output(dense(x.flatten(1), weights["dense"], weights["bias_3"]), weights["output"])
