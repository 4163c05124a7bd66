r"""Many fully connected networks of one shape, side by side, with a backward pass written out.

The weights of each layer are one tensor (replica, inputs, outputs), so that a layer of all networks
is one batched matrix product. With c_b the factor of input b, one step adds sum_b c_b grad f(x_b)
to the weights of each network:

    delta_out = c,    delta_l = (delta_{l+1} W_{l+1}^T) s_{l+1} phi'(z_l),
    W_l <- W_l + s_l a_{l-1}^T delta_l

and the last product adds to the weights in place: gradients are never stored. It may add to other
tensors instead, with a factor on what they hold: a velocity, or a buffer of zeros that comes to
hold the sum itself. The tangent kernel K_ij = grad f(x_i) . grad f(x_j) comes from the same
recursion, since the gradient of one layer is an outer product:

    K = sum_l s_l^2 (a_{l-1} a_{l-1}^T) * (delta_l delta_l^T)        (elementwise product, c = 1),

and its diagonal, without the rest, from sum_l s_l^2 |a_{l-1}|^2 |delta_l|^2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import torch

from langevin_sgd.kernels.products import add_product, product

if TYPE_CHECKING:
    from langevin_sgd.models.networks.fully_connected import FullyConnected


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
    """Networks of one shape, each with weights of its own.

    Parameters
    ----------
    network
        Their shape.
    weights
        (replica, inputs, outputs) of each layer; changed in place.
    """

    def __init__(self, network: FullyConnected, weights: list[torch.Tensor]) -> None:
        self.weights, self._network = weights, network
        self._scales, self._frozen, self._activation = (
            network.scales,
            network.frozen,
            network.activation,
        )

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (replica, input) at inputs (replica, input, dimension)."""
        return self._forward(x).output

    def step(
        self,
        x: torch.Tensor,
        factors: Callable[[torch.Tensor], torch.Tensor],
        into: list[torch.Tensor] | None = None,
        keep: float = 1.0,
    ) -> None:
        """Set ``into`` to ``keep * into + sum_b c_b grad f(x_b)``.

        Parameters
        ----------
        x
            (replica, input, dimension).
        factors
            Maps the outputs (replica, input) to the factors c of the same shape.
        into
            Tensors of the shapes of `trained`, changed in place; the weights themselves by default.
        keep
            Factor on what they hold.
        """
        targets = self.weights if into is None else [*self.weights[: self._frozen], *into]
        trace = self._forward(x)
        for layer, entering, delta in self._backward(trace, factors(trace.output)):
            add_product(targets[layer], entering.mT, delta, self._scales[layer], keep)

    def kernel(self, x: torch.Tensor) -> torch.Tensor:
        """Tangent kernel (replica, input, input) of the trained weights at inputs (replica, input,
        dimension).
        """
        trace = self._forward(x)
        total = torch.zeros((*x.shape[:2], x.shape[1]), dtype=x.dtype, device=x.device)
        for layer, entering, delta in self._backward(trace, torch.ones_like(trace.output)):
            total += self._scales[layer] ** 2 * (entering @ entering.mT) * (delta @ delta.mT)
        return total

    def squared_gradients(self, x: torch.Tensor) -> torch.Tensor:
        """|grad f|^2 (replica, input) by the trained weights, at inputs (replica, input,
        dimension).
        """
        trace = self._forward(x)
        total = torch.zeros(x.shape[:2], dtype=x.dtype, device=x.device)
        for layer, entering, delta in self._backward(trace, torch.ones_like(trace.output)):
            total += self._scales[layer] ** 2 * entering.square().sum(2) * delta.square().sum(2)
        return total

    @property
    def trained(self) -> list[torch.Tensor]:
        """Weights that are trained."""
        return self.weights[self._frozen :]

    def select(self, places: torch.Tensor) -> FullyConnectedReplicas:
        """Return the replicas at `places` alone, as copies."""
        return FullyConnectedReplicas(self._network, [w[places] for w in self.weights])

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
        """Yield (layer, what enters it, delta) from the top; a layer may be changed once it was
        yielded.
        """
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
