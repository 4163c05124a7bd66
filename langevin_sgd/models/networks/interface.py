r"""What an architecture owes, and what many networks of it can do side by side.

An architecture is a value that says what a network is and makes replicas of it: networks of one
shape, each with weights of its own, that are computed together. All that trains or measures
networks goes through these two protocols and asks nothing about kinds; a new architecture is a file
with a class and a line in the table of ``families``.

Shapes. The trained weights are a list of tensors (replica, ...), in the order of the architecture's
`layers`. Inputs are (replica, input, dimension), outputs f and their factors (replica, input).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from langevin_sgd.checks import InputError, require

if TYPE_CHECKING:
    import torch

    from langevin_sgd.models.networks.sample_gradients import SampleGradients

Draw = tuple[int, int]
"""Seed and number of a replica, of which its initial weights are a function."""
Factors = Callable[["torch.Tensor"], "torch.Tensor"]
"""Maps the outputs of a forward pass to the factors of their gradients."""
Capability = Literal["factorised_gradients", "second_derivatives"]
"""What replicas may be able to do beside outputs, steps and gradients: give the gradients at single
inputs as outer products, which take no more memory than the layers do; differentiate twice.
"""


class Replicas(Protocol):
    """Networks of one architecture, each with weights of its own."""

    @property
    def trained(self) -> list[torch.Tensor]:
        """Weights that are trained, (replica, ...) each; changed in place by `step`."""

    @property
    def can(self) -> frozenset[Capability]:
        """What these replicas can do beyond outputs, steps and gradients."""

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (replica, input) at inputs (replica, input, dimension)."""

    def step(
        self,
        x: torch.Tensor,
        factors: Factors,
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
            Factor on what they hold; 1 by default.
        """

    def gradients(self, x: torch.Tensor) -> SampleGradients:
        """Gradients of the output at inputs (replica, input, dimension), by the trained weights."""

    def directional_derivatives(
        self, x: torch.Tensor, direction: list[torch.Tensor]
    ) -> torch.Tensor:
        """Products v . grad f(x_b), (replica, input), with a direction v of the shapes of
        `trained`; needs ``second_derivatives``.
        """

    def hessian_product(
        self, x: torch.Tensor, factors: torch.Tensor, direction: list[torch.Tensor]
    ) -> list[torch.Tensor]:
        """Products sum_b c_b (Hessian of f at x_b) v, of the shapes of `trained`, with factors c
        (replica, input); needs ``second_derivatives``.
        """

    def select(self, places: torch.Tensor) -> Self:
        """Return the replicas at some places, as copies."""


class Architecture(Protocol):
    """What a network is: a frozen value that makes replicas of it."""

    @property
    def width(self) -> int:
        """Width h, by which ``temperature_per_width`` divides."""

    @property
    def depth(self) -> int | None:
        """Hidden layers along the longest way; ``None`` where it is not known."""

    @property
    def layers(self) -> list[str]:
        """Names of the trained weights, in their order."""

    @property
    def widest(self) -> int:
        """Approximate size of the largest layer for one input, by which memory is bounded."""

    @property
    def parameters(self) -> int:
        """Number of weights, frozen ones included."""

    def describe(self) -> dict[str, Any]:
        """Return what identifies the architecture, in JSON types, for provenance."""

    def require_trainable(self, inputs: torch.Tensor) -> None:
        """Raise `InputError` unless replicas can be trained on inputs (input, dimension)."""

    def replicas(
        self,
        draws: Sequence[Draw],
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
    ) -> Replicas:
        """Make one replica for each seed and number, with weights of a type on a device."""


def given_factors(factors: torch.Tensor) -> Factors:
    """Return factors (replica, input) that depend on no output."""
    return lambda _: factors


def require_dimension(dimension: int, inputs: torch.Tensor) -> None:
    """Raise `InputError` unless inputs (input, dimension) are of a dimension."""
    there = inputs.shape[1]
    require(dimension == there, "dimension", dimension, f"must be {there}, that of the data")


def require_capability(replicas: Replicas, needed: Capability, *, by: str) -> None:
    """Raise `InputError` unless replicas can do what `by` asks of them."""
    if needed not in replicas.can:
        able = ", ".join(sorted(replicas.can)) or "neither of them"
        raise InputError(f"{by}: needs {needed} of a network, and this one has {able}")
