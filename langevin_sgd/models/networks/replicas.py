r"""Many fully connected networks of one shape, side by side, with a backward pass written out.

The weights of each layer are one tensor (replica, inputs, outputs), so that a layer of all networks
is one batched matrix product. With c_b the factor of input b, one step adds sum_b c_b grad f(x_b)
to the weights of each network:

    delta_out = c,    delta_l = (delta_{l+1} W_{l+1}^T) s_{l+1} phi'(z_l),
    W_l <- W_l + s_l a_{l-1}^T delta_l

and the last product adds to the weights in place: gradients are never stored. It may add to other
tensors instead, with a factor on what they hold: a velocity, or a buffer of zeros that comes to
hold the sum itself. With c = 1 the same recursion gives the gradient at each input, one outer
product a layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple, Self

import torch

from langevin_sgd.kernels.products import add_product, product
from langevin_sgd.models.networks.interface import Capability, Factors
from langevin_sgd.models.networks.module import FullyConnectedModule
from langevin_sgd.models.networks.sample_gradients import FactorisedGradients, LayerFactors
from langevin_sgd.models.networks.vectorised import VectorisedReplicas


class Trace(NamedTuple):
    """What a forward pass leaves for the backward pass."""

    inputs: list[torch.Tensor]
    """(replica, input, neuron), what enters each layer."""
    before: list[torch.Tensor]
    """The same before the activation, for each hidden layer; for relu, which is its own
    derivative's sign, after it.
    """
    output: torch.Tensor
    """(replica, input)."""


class FullyConnectedReplicas:
    """Networks of one shape, each with weights of its own; see `Replicas`.

    Parameters
    ----------
    weights
        (replica, inputs, outputs) of each layer; changed in place.
    scales
        Factor of each layer, that of the activation below it included.
    activation
        ``relu``, ``gelu`` or ``linear``.
    frozen
        Layers, counted from the input, that are not trained.
    """

    can: frozenset[Capability] = frozenset({"factorised_gradients", "second_derivatives"})

    def __init__(
        self, weights: list[torch.Tensor], scales: Sequence[float], activation: str, frozen: int
    ) -> None:
        self.weights, self._scales = weights, list(scales)
        self._activation, self._frozen = activation, frozen

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (replica, input) at inputs (replica, input, dimension)."""
        return self._forward(x).output

    def step(
        self,
        x: torch.Tensor,
        factors: Factors,
        into: list[torch.Tensor] | None = None,
        keep: float = 1.0,
    ) -> None:
        """As in `Replicas`."""
        targets = self.weights if into is None else [*self.weights[: self._frozen], *into]
        trace = self._forward(x)
        for layer, entering, delta in self._backward(trace, factors(trace.output)):
            add_product(targets[layer], entering.mT, delta, self._scales[layer], keep)

    def gradients(self, x: torch.Tensor) -> FactorisedGradients:
        """As in `Replicas`."""
        trace = self._forward(x)
        return FactorisedGradients(partial(self._layer_factors, trace))

    def _layer_factors(self, trace: Trace) -> Iterator[LayerFactors]:
        """Yield the gradients of the layers at each input, from the top."""
        for layer, entering, delta in self._backward(trace, torch.ones_like(trace.output)):
            yield LayerFactors(self._scales[layer], entering, delta)

    def directional_derivatives(
        self, x: torch.Tensor, direction: list[torch.Tensor]
    ) -> torch.Tensor:
        """As in `Replicas`."""
        return self._vectorised().directional_derivatives(x, direction)

    def hessian_product(
        self, x: torch.Tensor, factors: torch.Tensor, direction: list[torch.Tensor]
    ) -> list[torch.Tensor]:
        """As in `Replicas`."""
        return self._vectorised().hessian_product(x, factors, direction)

    def _vectorised(self) -> VectorisedReplicas:
        """Return the same networks in the form that `torch.func` differentiates."""
        alone = [w[0] for w in self.weights]
        module = FullyConnectedModule(alone, self._scales, self._activation, self._frozen)
        names = [name for name, _ in module.named_parameters()]
        stacks = list(zip(names, self.weights, strict=True))
        return VectorisedReplicas(
            module, dict(stacks[self._frozen :]), dict(stacks[: self._frozen])
        )

    @property
    def trained(self) -> list[torch.Tensor]:
        """Weights that are trained."""
        return self.weights[self._frozen :]

    def select(self, places: torch.Tensor) -> Self:
        """Return the replicas at `places` alone, as copies."""
        chosen = [w[places] for w in self.weights]
        return type(self)(chosen, self._scales, self._activation, self._frozen)

    def _forward(self, x: torch.Tensor) -> Trace:
        inputs, before = [x], []
        for w, scale in zip(self.weights[:-1], self._scales[:-1], strict=True):
            z = product(inputs[-1], w, scale)
            before.append(z)
            inputs.append(self._activate(z))
        return Trace(
            inputs, before, product(inputs[-1], self.weights[-1], self._scales[-1]).squeeze(2)
        )

    def _backward(
        self, trace: Trace, factors: torch.Tensor
    ) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
        """Yield (layer, its input, delta) from the top; a layer may change once it was yielded."""
        delta = factors.unsqueeze(2)
        for layer in range(len(self.weights) - 1, self._frozen - 1, -1):
            if layer > self._frozen:
                below = product(delta, self.weights[layer].mT, self._scales[layer])
                yield layer, trace.inputs[layer], delta
                delta = self._through_activation(below, trace.before[layer - 1])
            else:
                yield layer, trace.inputs[layer], delta

    def _activate(self, z: torch.Tensor) -> torch.Tensor:
        if self._activation == "relu":
            return torch.relu_(z)
        return torch.nn.functional.gelu(z) if self._activation == "gelu" else z

    def _through_activation(self, delta: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        if self._activation == "relu":
            return torch.ops.aten.threshold_backward.grad_input(
                delta, before, 0.0, grad_input=delta
            )
        return torch.ops.aten.gelu_backward(delta, before) if self._activation == "gelu" else delta
