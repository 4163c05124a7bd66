"""A network as a plain torch module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from langevin_sgd.models.networks.convolutional import ConvolutionalNetwork
    from langevin_sgd.models.networks.fully_connected import FullyConnected


class FullyConnectedModule(torch.nn.Module):
    """One network with given weights; frozen ones need no gradient.

    Parameters
    ----------
    network
        What it is.
    weights
        (inputs, outputs) of each layer.
    """

    def __init__(self, network: FullyConnected, weights: list[torch.Tensor]) -> None:
        super().__init__()
        self.network = network
        self.weights = torch.nn.ParameterList(
            [
                torch.nn.Parameter(w, requires_grad=layer >= network.frozen)
                for layer, w in enumerate(weights)
            ]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map inputs (..., dimension) to outputs (...)."""
        *hidden, output = zip(self.weights, self.network.scales, strict=True)
        for w, scale in hidden:
            x = self._activation(scale * (x @ w))
        return output[1] * (x @ output[0]).squeeze(-1)

    def _activation(self, z: torch.Tensor) -> torch.Tensor:
        # The factor that gives it a mean square of one stands in the scale of the layer above.
        name = self.network.activation
        return z if name == "linear" else getattr(torch.nn.functional, name)(z)


class ConvolutionalModule(torch.nn.Module):
    """One convolutional network with given weights.

    Parameters
    ----------
    network
        What it is.
    weights
        Layer -> weights.
    """

    def __init__(self, network: ConvolutionalNetwork, weights: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self.network = network
        for name, w in weights.items():
            self.register_parameter(name, torch.nn.Parameter(w))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map inputs (..., dimension) to outputs (...)."""
        images = x.reshape(-1, *self.network.image)
        return self.network.forward(dict(self.named_parameters()), images).reshape(x.shape[:-1])
