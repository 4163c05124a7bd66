r"""Noise of Langevin equations: constant, or a function of the state with its calculus in the type.

The random force is B(theta) dW, its spectral density B B^T. Constant densities are a number, a
diagonal, a matrix, a number for each replica (`Isotropic`) or a factor of low rank (`LowRank`).
Noise that depends on the state is diagonal, B_ij = delta_ij b_i(theta), unless it is that of
minibatches (`langevin_sgd.dynamics.minibatch_noise`), and its type says how the product b(theta) dW
is to be read in an overdamped equation:

    `Ito`            b at the beginning of the step
    `Stratonovich`   b at the middle; the same as Ito with a drift b b'/2 more (of the force, over
                     the friction)

In an underdamped equation the noise moves the velocity alone, on which b does not depend, and both
are the same (Gardiner, *Stochastic Methods* (2009), section 4.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from langevin_sgd.checks import InputError, as_array, as_instance, as_not_negative, require
from langevin_sgd.covariance import as_covariance
from langevin_sgd.kernels.block_functions import PRELUDE, Rows, built_on, filling
from langevin_sgd.kernels.generated import load
from langevin_sgd.models.potentials.expression import Expression, called_in_refusals, free_names
from langevin_sgd.models.potentials.potential import (
    Potential,
    Value,
    checked_values,
    lane_values,
    points,
)


@dataclass(frozen=True, eq=False)
class Isotropic:
    """Constant noise, the same in all directions, with a strength of its own in each replica.

    Parameters
    ----------
    variance
        Spectral density of the random force, a number or (replica,), >= 0.
    """

    variance: Value

    def __post_init__(self) -> None:
        allowed = "must be a number of zero or above, or an array of them by replica"
        values = as_array("variance", self.variance, ndim=(0, 1), minimum=0.0, allowed=allowed)
        require(values.size > 0, "variance", self.variance, allowed)
        object.__setattr__(self, "variance", values if values.ndim else float(values))


@dataclass(frozen=True, eq=False)
class LowRank:
    """Constant noise factor dW with spectral density factor factor^T.

    Parameters
    ----------
    factor
        (parameter, source).
    """

    factor: np.ndarray

    def __post_init__(self) -> None:
        factor = as_array(
            "factor", self.factor, allowed="must be finite, of shape (parameter, source)"
        )
        require(
            factor.ndim == 2 and factor.size > 0,
            "factor",
            self.factor,
            "must have shape (parameter, source)",
        )
        object.__setattr__(self, "factor", factor)


class NoiseOfState:
    """Any noise that depends on the state.

    Attributes
    ----------
    calculus
        How its product with dW is read: ``ito`` or ``stratonovich``.
    parameters
        Number of coordinates.
    """

    calculus: ClassVar[str] = ""
    parameters: Any

    def scaled(self, factor: float) -> NoiseOfState:
        """Return the noise with `factor` times the spectral density."""
        raise NotImplementedError

    def covariance(self, theta: np.ndarray) -> np.ndarray:
        """Spectral density at `theta` (..., parameter); (..., parameter, parameter)."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True, eq=False)
class StateDependentNoise(NoiseOfState):
    """Noise b_i(theta) dW_i; made by `from_sympy` or `proportional_to_loss` of `Ito` or
    `Stratonovich`.

    Parameters
    ----------
    amplitude, spread
        Rows that compute b_i, and b_i db_i/dtheta_i.
    parameters
        Number of coordinates.
    values
        Parameter -> number, or array (replica,).
    own_coordinate
        Whether each b_i depends on theta_i alone.
    """

    amplitude: Rows
    spread: Rows
    parameters: int
    values: Mapping[str, Value]
    own_coordinate: bool

    @classmethod
    @called_in_refusals("amplitude")
    def from_sympy(
        cls,
        amplitude: Any,
        variables: Sequence[str] | str | None = None,
        parameters: Mapping[str, Value] | None = None,
    ) -> Self:
        """Noise with given amplitudes b(theta).

        Parameters
        ----------
        amplitude
            A formula, the same for all directions, or one for each coordinate; what it may contain
            is said at `langevin_sgd.models.potentials.Potential.from_sympy`.
        variables
            Names of the coordinates in order; by default all symbols that are not parameters, in
            natural order.
        parameters
            Name -> number, or array over replicas.

        Raises
        ------
        InputError
            If formulas, names and values do not fit.

        Examples
        --------
        >>> Ito.from_sympy("sqrt(1 + x**2)").variance(np.array([[2.0]])).round(12).tolist()
        [[5.0]]
        """
        values = checked_values(parameters or {}, "parameters")
        given = list(amplitude) if isinstance(amplitude, list | tuple) else [amplitude]
        require(
            len(given) > 0,
            "amplitude",
            amplitude,
            "must be one formula, or one for each coordinate",
        )
        chosen = free_names(given, values) if variables is None else variables
        expressions = [Expression(part, chosen, values, partial=True) for part in given]
        size = len(expressions[0].variables)
        require(
            len(given) in (1, size),
            "amplitude",
            len(given),
            f"must be one formula, or one for each of {size}",
        )
        trees = [expression.tree for expression in expressions] * (size // len(given))
        return cls._of_trees(expressions[0], trees, values)

    @classmethod
    def proportional_to_loss(
        cls, potential: Potential, *, strength: Value, offset: Value = 0.0
    ) -> Self:
        """Isotropic noise whose spectral density is proportional to the loss: strength * (U(theta)
        + offset).

        Parameters
        ----------
        potential
            A potential made from a formula; its parameters are taken over.
        strength
            Number or (replica,), >= 0.
        offset
            Loss at U = 0; U + offset must be positive wherever the path goes.
        """
        if as_instance("potential", potential, Potential).expression is None:
            raise InputError(
                "potential: noise proportional to the loss needs a potential made from a formula"
            )
        import sympy

        given: Expression = potential.expression
        strength = as_array("strength", strength, ndim=(0, 1), minimum=0.0)
        values = checked_values({**potential.values, "strength": strength, "offset": offset})
        joint = given.with_parameters(["strength", "offset"])
        tree = sympy.sqrt(joint.parameter("strength") * (given.tree + joint.parameter("offset")))
        return cls._of_trees(joint, [tree] * potential.parameters, values)

    @classmethod
    def _of_trees(
        cls, expression: Expression, trees: list[Any], values: Mapping[str, Value]
    ) -> Self:
        pairs = list(zip(expression.coordinates, trees, strict=True))
        for tree in dict.fromkeys(trees):
            expression.require_sound(tree, values)
        others = [set(tree.free_symbols) & set(expression.coordinates) - {x} for x, tree in pairs]
        return cls(
            amplitude=expression.rows(trees),
            spread=expression.rows([expression.spread(tree, x) for x, tree in pairs]),
            parameters=len(pairs),
            values=dict(values),
            own_coordinate=not any(others),
        )

    def scaled(self, factor: float) -> Self:
        """Return the noise with `factor` times the spectral density."""
        factor = as_not_negative("factor", factor)
        root = factor**0.5
        return type(self)(
            amplitude=self.amplitude.times(root),
            spread=self.spread.times(root * root),
            parameters=self.parameters,
            values=self.values,
            own_coordinate=self.own_coordinate,
        )

    def variance(self, theta: np.ndarray) -> np.ndarray:
        """Spectral densities b_i^2 at `theta` (..., parameter); same shape."""
        point = points("theta", theta, self.parameters)
        position = np.ascontiguousarray(point.reshape(-1, self.parameters).T)
        out = np.empty_like(position)
        run = "\n\n@kernel\ndef run(out, position, values):\n    fill(out, position, values)\n"
        text = PRELUDE + filling("fill", self.amplitude) + run
        module = load(text, sources=built_on())
        module.run(out, position, lane_values(self.values, point.shape[:-1]))
        return np.ascontiguousarray(out.T).reshape(point.shape) ** 2

    def covariance(self, theta: np.ndarray) -> np.ndarray:
        """Spectral density at `theta` (..., parameter); (..., parameter, parameter)."""
        return self.variance(theta)[..., None] * np.eye(self.parameters)


class Ito(StateDependentNoise):
    """State-dependent noise read in the sense of Ito."""

    calculus: ClassVar[str] = "ito"


class Stratonovich(StateDependentNoise):
    """State-dependent noise read in the sense of Stratonovich."""

    calculus: ClassVar[str] = "stratonovich"


Noise = np.ndarray | Isotropic | LowRank | NoiseOfState


def as_noise(name: str, value: Any, parameters: int) -> Noise:
    """Check a noise: numbers and diagonals become a matrix (parameter, parameter), the rest stays
    what it is.

    Raises
    ------
    InputError
        If shapes do not fit or a covariance is not symmetric and positive semi-definite.
    """
    if isinstance(value, LowRank | NoiseOfState):
        size = len(value.factor) if isinstance(value, LowRank) else value.parameters
        require(
            size == parameters,
            name,
            size,
            f"must have as many parameters as the potential, {parameters}",
        )
        return value
    if isinstance(value, Isotropic):
        return value
    given = as_array(name, value)
    if given.ndim < 2:
        require(bool((given >= 0).all()), name, value, "must be numbers of 0 or above")
        given = np.diag(given if given.ndim else np.full(parameters, float(given)))
    return as_covariance(name, given, parameters)


def scaled_noise(name: str, noise: Any, factor: float, parameters: int) -> Noise:
    """Noise, checked, with `factor` times the spectral density."""
    given = as_noise(name, noise, parameters)
    if isinstance(given, Isotropic):
        return Isotropic(given.variance * factor)
    if isinstance(given, LowRank):
        return LowRank(given.factor * factor**0.5)
    if isinstance(given, NoiseOfState):
        return given.scaled(factor)
    return given * factor
