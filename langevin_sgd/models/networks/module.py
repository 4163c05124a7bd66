"""Networks of the package as plain torch modules, made of weights and of what is done with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

ImageNetwork = Callable[[Mapping[str, torch.Tensor], torch.Tensor], torch.Tensor]
"""Outputs (input,) of weights by layer, at images (input, channels, height, width)."""


class FullyConnectedModule(torch.nn.Module):
    """One fully connected network with given weights; frozen ones need no gradient.

    Parameters
    ----------
    weights
        (inputs, outputs) of each layer.
    scales
        Factor of each layer, that of the activation below it included.
    activation
        ``relu``, ``gelu`` or ``linear``.
    frozen
        Layers, counted from the input, that are not trained.
    """

    def __init__(
        self, weights: list[torch.Tensor], scales: Sequence[float], activation: str, frozen: int
    ) -> None:
        super().__init__()
        self._scales, self._activation = list(scales), activation
        self.weights = torch.nn.ParameterList(
            [
                torch.nn.Parameter(w, requires_grad=layer >= frozen)
                for layer, w in enumerate(weights)
            ]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map inputs (..., dimension) to outputs (...)."""
        *hidden, output = zip(self.weights, self._scales, strict=True)
        for w, scale in hidden:
            x = self._activate(scale * (x @ w))
        return output[1] * (x @ output[0]).squeeze(-1)

    def _activate(self, z: torch.Tensor) -> torch.Tensor:
        # The factor that gives it a mean square of one stands in the scale of the layer above.
        name = self._activation
        return z if name == "linear" else getattr(torch.nn.functional, name)(z)


class ConvolutionalModule(torch.nn.Module):
    """One convolutional network with given weights.

    Parameters
    ----------
    network
        What it does with its weights and images.
    weights
        Layer -> weights.
    image
        Channels, height and width of an input.
    """

    def __init__(
        self,
        network: ImageNetwork,
        weights: Mapping[str, torch.Tensor],
        image: tuple[int, int, int],
    ) -> None:
        super().__init__()
        self._network, self._image = network, image
        for name, w in weights.items():
            self.register_parameter(name, torch.nn.Parameter(w))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map inputs (..., dimension) to outputs (...)."""
        images = x.reshape(-1, *self._image)
        return self._network(dict(self.named_parameters()), images).reshape(x.shape[:-1])
