r"""Gradients of the outputs of many networks at single inputs, in the form a backward pass leaves.

The gradient of a fully connected layer at one input is an outer product, s a delta^T, of what
enters the layer and of what comes back to it. Squares and products of gradients follow without the
gradients themselves:

    K = sum_l s_l^2 (a_l a_l^T) * (delta_l delta_l^T)       (elementwise product of Gram matrices),
    |grad f|^2 = sum_l s_l^2 |a_l|^2 |delta_l|^2.

Other networks have gradients of full size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import torch


class SampleGradients(Protocol):
    """Gradients grad f(x_b) of the outputs of replicas at their inputs, by all trained weights."""

    def dense(self) -> list[torch.Tensor]:
        """Gradients (replica, input, ...) by each tensor of trained weights, in their order."""

    def gram(self) -> torch.Tensor:
        """Products grad f(x_b) . grad f(x_c), (replica, input, input)."""

    def squares(self) -> torch.Tensor:
        """Squares |grad f(x_b)|^2, (replica, input)."""


class LayerFactors(NamedTuple):
    """The gradients of one layer as outer products: ``scale * entering^T delta`` at each input."""

    scale: float
    entering: torch.Tensor
    """(replica, input, neuron) what enters the layer."""
    delta: torch.Tensor
    """(replica, input, neuron) derivative of the output by what leaves it."""


class FactorisedGradients:
    """Gradients of fully connected layers.

    Parameters
    ----------
    backward
        Runs through the layers from the last to the first trained one; called for each question,
        so that only one layer is held at a time.
    """

    def __init__(self, backward: Callable[[], Iterator[LayerFactors]]) -> None:
        self._backward = backward

    def dense(self) -> list[torch.Tensor]:
        """As in `SampleGradients`."""
        gradients = [
            layer.scale * layer.entering.unsqueeze(3) * layer.delta.unsqueeze(2)
            for layer in self._backward()
        ]
        return gradients[::-1]

    def gram(self) -> torch.Tensor:
        """As in `SampleGradients`."""
        return _sum_of_layers(
            scale**2 * (entering @ entering.mT) * (delta @ delta.mT)
            for scale, entering, delta in self._backward()
        )

    def squares(self) -> torch.Tensor:
        """As in `SampleGradients`."""
        return _sum_of_layers(
            scale**2 * entering.square().sum(2) * delta.square().sum(2)
            for scale, entering, delta in self._backward()
        )


def _sum_of_layers(terms: Iterator[torch.Tensor]) -> torch.Tensor:
    """Sum tensors in their order, holding one term at a time."""
    first = next(terms)
    total = torch.zeros_like(first) + first
    for term in terms:
        total += term
    return total


class DenseGradients:
    """Gradients of full size.

    Parameters
    ----------
    gradients
        (replica, input, ...) by each tensor of trained weights.
    """

    def __init__(self, gradients: list[torch.Tensor]) -> None:
        self._gradients = gradients

    def dense(self) -> list[torch.Tensor]:
        """As in `SampleGradients`."""
        return self._gradients

    def gram(self) -> torch.Tensor:
        """As in `SampleGradients`."""
        rows = [gradient.flatten(2) for gradient in self._gradients]
        return torch.stack([row @ row.mT for row in rows], 1).sum(1)

    def squares(self) -> torch.Tensor:
        """As in `SampleGradients`."""
        squares = [gradient.square().flatten(2).sum(2) for gradient in self._gradients]
        return torch.stack(squares, 2).sum(2)
