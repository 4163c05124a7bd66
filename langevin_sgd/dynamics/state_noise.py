r"""Diagonal noise whose amplitudes are formulas of the state, with its calculus in the type.

    B_ij = delta_ij b_i(theta)

    `Ito`            b at the beginning of the step
    `Stratonovich`   b at the middle; the same as Ito with a drift b b'/2 more (of the force, over
                     the friction)

in an overdamped equation; in an underdamped one both are the same
(`langevin_sgd.dynamics.noise`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from langevin_sgd.checks import InputError, as_array, as_instance, as_not_negative, require
from langevin_sgd.dynamics.noise import Calculus, NoiseOfState
from langevin_sgd.kernels.block_code import BlockCode
from langevin_sgd.kernels.block_functions import (
    PRELUDE,
    Rows,
    built_on,
    filling,
    scaling,
    weighting,
)
from langevin_sgd.kernels.generated import load
from langevin_sgd.models.potentials.expression import Expression, called_in_refusals, free_names
from langevin_sgd.models.potentials.potential import (
    Potential,
    Value,
    checked_values,
    lane_values,
    points,
    require_one_each,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class StateDependentNoise(NoiseOfState):
    """Noise b_i(theta) dW_i; see `from_sympy` and `proportional_to_loss` of `Ito`, `Stratonovich`.

    Parameters
    ----------
    amplitudes, spread
        Rows that compute b_i, and b_i db_i/dtheta_i.
    parameters
        Number of coordinates.
    values
        Parameter -> number, or array (replica,).
    own_coordinate
        Whether each b_i depends on theta_i alone.
    """

    amplitudes: Rows
    spread: Rows
    parameters: int
    values: Mapping[str, Value]
    own_coordinate: bool

    is_diagonal: ClassVar[bool] = True

    @property
    def sources(self) -> int:
        """Independent normals of a step: one per coordinate."""
        return self.parameters

    @property
    def has_own_amplitudes(self) -> bool:
        """Whether each b_i depends on theta_i alone."""
        return self.own_coordinate

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
        """Isotropic noise of spectral density strength * (U(theta) + offset).

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
            amplitudes=expression.rows(trees),
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
            amplitudes=self.amplitudes.times(root),
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
        text = PRELUDE + filling("fill", self.amplitudes) + run
        module = load(text, sources=built_on())
        module.run(out, position, lane_values(self.values, point.shape[:-1]))
        return np.ascontiguousarray(out.T).reshape(point.shape) ** 2

    def covariance(self, theta: np.ndarray) -> np.ndarray:
        """Spectral density at `theta` (..., parameter); (..., parameter, parameter)."""
        return self.variance(theta)[..., None] * np.eye(self.parameters)

    def compiled(self) -> BlockCode:
        """Return the noise for kernels, written out from its formulas."""
        source = scaling("shape_noise", self.amplitudes) + weighting("add_spread", self.spread)
        return BlockCode(source=source, numbers=tuple(self.values.values()))

    def require_replicas(self, replicas: int) -> None:
        """Raise `InputError` for a parameter by replica of another number of replicas."""
        require_one_each(self.values, replicas)

    def identity(self) -> Mapping[str, object]:
        """Return the calculus, the source of the amplitudes and the values of the parameters."""
        return {
            "calculus": self.calculus,
            "amplitudes": repr(self.amplitudes),
            **{f"value {name}": value for name, value in self.values.items()},
        }


class Ito(StateDependentNoise):
    """State-dependent noise read in the sense of Ito."""

    calculus: ClassVar[Calculus] = "ito"


class Stratonovich(StateDependentNoise):
    """State-dependent noise read in the sense of Stratonovich."""

    calculus: ClassVar[Calculus] = "stratonovich"
