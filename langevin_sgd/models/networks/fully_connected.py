r"""Fully connected networks with one output and no biases.

    a_0 = x,    z_l = W_l a_{l-1} / sqrt(fan_in),    a_l = phi(z_l) / sqrt(E phi(z)^2),
    f = w . a_D / h

with l = 1 ... D hidden layers of width h, z a standard normal, and all weights drawn from N(0, 1).
Every z_l is then of order one at the start for inputs with |x|^2 of order d. The output is divided
by h (mean field: features move at a rate that does not fade with the width), or by sqrt(h)
(`output_scaling` = "ntk": at large h the network stays linear in its weights).

The factors 1 / sqrt(E phi^2) are carried over to the layer above, which changes no output.

References
----------
Sclocchi, Geiger and Wyart, *Dissecting the effects of SGD noise in distinct regimes of deep
learning*, arXiv 2301.13703 (the parametrisation); Jacot, Gabriel and Hongler, arXiv 1806.07572 (the
scaling by sqrt(h)); Mei, Montanari and Nguyen, arXiv 1804.06561 (mean field).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from langevin_sgd.checks import as_choice, as_count, convert_fields, require, require_memory
from langevin_sgd.models.networks.activations import MEAN_SQUARE, Activation
from langevin_sgd.models.networks.initial import standard_normals
from langevin_sgd.models.networks.interface import Draw, require_dimension
from langevin_sgd.models.networks.torch_there import require_torch

if TYPE_CHECKING:
    import torch

    from langevin_sgd.models.networks.module import FullyConnectedModule
    from langevin_sgd.models.networks.replicas import FullyConnectedReplicas


MOST_LAYERS = 10_000
"""Bound on the depth: each layer is a matrix of its own and costs time beside the arithmetic."""


@dataclass(frozen=True, kw_only=True)
class FullyConnected:
    """A fully connected network.

    Parameters
    ----------
    dimension
        Inputs d, >= 1.
    width
        Neurons h of each hidden layer, >= 1; 128 by default, as in the reference.
    depth
        Hidden layers D, 1 ... 10,000; 5 by default, as in the reference.
    activation
        ``relu`` (default), ``gelu`` or ``linear``.
    output_scaling
        ``mean_field`` (default) divides the output by the width, ``ntk`` by its square root.
    frozen
        Hidden layers, counted from the input, that keep their initial weights; none by default.

    Raises
    ------
    InputError
        If a field lies outside its range.

    Examples
    --------
    >>> FullyConnected(dimension=784, width=128, depth=2).parameters
    116864
    """

    dimension: int
    width: int = 128
    depth: int = 5
    activation: Activation = "relu"
    output_scaling: Literal["mean_field", "ntk"] = "mean_field"
    frozen: int = 0

    def __post_init__(self) -> None:
        convert_fields(
            self,
            {
                "dimension": as_count,
                "width": as_count,
                "depth": lambda name, value: as_count(name, value, maximum=MOST_LAYERS),
                "activation": lambda name, value: as_choice(name, value, MEAN_SQUARE),
                "output_scaling": lambda name, value: as_choice(name, value, ("mean_field", "ntk")),
                "frozen": lambda name, value: as_count(name, value, minimum=0),
            },
        )
        require(
            self.frozen <= self.depth,
            "frozen",
            self.frozen,
            f"must be at most depth = {self.depth}",
        )

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(inputs, outputs) of the weights of each layer, the output layer last."""
        sizes = [self.dimension] + [self.width] * self.depth + [1]
        return list(itertools.pairwise(sizes))

    @property
    def scales(self) -> list[float]:
        """Factor of each layer, that of the activation below it included."""
        below = 1 / math.sqrt(MEAN_SQUARE[self.activation])
        output = self.width if self.output_scaling == "mean_field" else math.sqrt(self.width)
        hidden = [below / math.sqrt(self.width)] * (self.depth - 1)
        return [1 / math.sqrt(self.dimension), *hidden, below / output]

    @property
    def layers(self) -> list[str]:
        """Names of the layers whose weights are trained."""
        return [f"hidden_{number}" for number in range(self.frozen + 1, self.depth + 1)] + [
            "output"
        ]

    @property
    def parameters(self) -> int:
        """Number of weights, frozen ones included."""
        return sum(inputs * outputs for inputs, outputs in self.shapes)

    @property
    def widest(self) -> int:
        """Size of the largest layer for one input."""
        return max(self.dimension, self.width)

    @property
    def degree(self) -> int | None:
        """Degree L of f in its trained weights, D + 1 without frozen ones; ``None`` for gelu."""
        return None if self.activation == "gelu" else self.depth + 1 - self.frozen

    def describe(self) -> dict[str, Any]:
        """Return the fields as JSON types, for provenance."""
        return {"name": type(self).__name__, **asdict(self)}

    def initial_weights(self, seed: int, replica: int = 0) -> list[np.ndarray]:
        """Initial weights of one replica: a function of (seed, replica) alone.

        Parameters
        ----------
        seed
            0 ... 2**128 - 1.
        replica
            Number of the replica, >= 0.

        Returns
        -------
        list of (inputs, outputs) float64, one for each layer

        Examples
        --------
        >>> [w.shape for w in FullyConnected(dimension=3, width=4, depth=1).initial_weights(0)]
        [(3, 4), (4, 1)]
        """
        return standard_normals(self, self.shapes, seed, replica)

    def require_trainable(self, inputs: torch.Tensor) -> None:
        """Raise `InputError` unless inputs (input, dimension) are of the network's dimension."""
        require_dimension(self.dimension, inputs)

    def module(
        self,
        seed: int = 0,
        replica: int = 0,
        *,
        precision: Literal["float32", "float64"] = "float32",
    ) -> FullyConnectedModule:
        """Return one replica as a plain torch module: ``module(x)`` maps (..., dimension) to (...).

        Parameters
        ----------
        seed, replica
            Of its initial weights.
        precision
            Of its weights.
        """
        require_torch()
        import torch

        from langevin_sgd.models.networks.module import FullyConnectedModule

        precision = as_choice("precision", precision, ("float32", "float64"))
        weights = [
            torch.from_numpy(w).to(getattr(torch, precision))
            for w in self.initial_weights(seed, replica)
        ]
        return FullyConnectedModule(weights, self.scales, self.activation, self.frozen)

    def replicas(
        self,
        draws: Sequence[Draw],
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
    ) -> FullyConnectedReplicas:
        """Return many replicas side by side; `draws` are the seed and number of each."""
        require_torch()
        import torch

        from langevin_sgd.models.networks.replicas import FullyConnectedReplicas

        require_memory("network", self, float(len(draws)) * self.parameters * dtype.itemsize)
        stacks = [torch.empty((len(draws), *shape), dtype=dtype) for shape in self.shapes]
        for r, (seed, number) in enumerate(draws):
            for stack, w in zip(stacks, self.initial_weights(seed, number), strict=True):
                stack[r] = torch.from_numpy(w)
        weights = [stack.to(device) for stack in stacks]
        return FullyConnectedReplicas(weights, self.scales, self.activation, self.frozen)


def random_features(
    dimension: int,
    width: int,
    *,
    activation: Activation = "relu",
    output_scaling: Literal["mean_field", "ntk"] = "ntk",
) -> FullyConnected:
    """One hidden layer that keeps its random weights: a linear model in random features.

    Parameters
    ----------
    dimension, width, activation, output_scaling
        As in `FullyConnected`; the output is divided by sqrt(width) by default.

    References
    ----------
    Rahimi and Recht, *Random features for large-scale kernel machines*, NIPS 2007.

    Examples
    --------
    >>> random_features(10, 50).frozen
    1
    """
    return FullyConnected(
        dimension=dimension,
        width=width,
        depth=1,
        activation=activation,
        output_scaling=output_scaling,
        frozen=1,
    )


def two_layer_linear(
    dimension: int, width: int, *, output_scaling: Literal["mean_field", "ntk"] = "mean_field"
) -> FullyConnected:
    """Two layers of weights and no non-linearity: the simplest network whose kernel moves.

    Parameters
    ----------
    dimension, width, output_scaling
        As in `FullyConnected`.

    Examples
    --------
    >>> two_layer_linear(10, 50).degree
    2
    """
    return FullyConnected(
        dimension=dimension,
        width=width,
        depth=1,
        activation="linear",
        output_scaling=output_scaling,
    )
