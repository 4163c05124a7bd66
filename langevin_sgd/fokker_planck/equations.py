r"""Equations as the grids need them: what is read off an equation object, and nothing else.

A Fokker-Planck equation in one dimension, in whichever calculus its noise is read,

    dp/dt = -dJ/dx,      J = -D e^{-Phi} d(e^{Phi} p)/dx,      Phi' = -a/D + share * D'/D ,

belongs to dx = a dt + sqrt(2 D) dW with share = 1 for Ito, 1/2 for Stratonovich and 0 for the
anti-Ito (isothermal) reading (Gardiner, *Stochastic Methods* (2009), section 4.3; Phi is the
potential in units of the temperature). With zero current p ~ e^{-Phi}. An overdamped equation has D
= T/friction and Phi = U/T at the temperature T = noise/(2 friction), noise being the spectral
density of its random force.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from langevin_sgd.checks import InputError, as_array, as_choice, as_function, as_positive, require
from langevin_sgd.dynamics import Overdamped, Underdamped

Function = Callable[[np.ndarray], Any]

SHARE = {"ito": 1.0, "stratonovich": 0.5, "anti_ito": 0.0}
"""Calculus -> share of the logarithm of D in the generalised potential."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)


@dataclass(frozen=True, kw_only=True, eq=False)
class Diffusion:
    """dx = drift(x) dt + sqrt(2 diffusion(x)) dW in one dimension, for any drift and diffusion.

    Parameters
    ----------
    drift
        Function of an array of positions, elementwise.
    diffusion
        Diffusion coefficient D > 0: a function like `drift`, or a number.
    calculus
        How the noise is to be read: ``ito``, ``stratonovich`` or ``anti_ito``.
    step_time
        Physical time of one step; 1 by default.

    Raises
    ------
    InputError
        For another calculus, or a number that is not positive.

    Examples
    --------
    >>> equation = Diffusion(drift=lambda x: -x, diffusion=lambda x: 1 + x**2,
    ...     calculus="stratonovich")
    """

    drift: Function
    diffusion: Function | float
    calculus: str = "ito"
    step_time: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "calculus", as_choice("calculus", self.calculus, SHARE))
        object.__setattr__(self, "step_time", as_positive("step_time", self.step_time))
        as_function("drift", self.drift)
        if callable(self.diffusion):
            as_function("diffusion", self.diffusion)
        else:
            object.__setattr__(self, "diffusion", as_positive("diffusion", self.diffusion))


Equation = Diffusion | Overdamped | Underdamped


@dataclass(frozen=True, eq=False)
class Line:
    """A one-dimensional equation in physical time.

    Parameters
    ----------
    rise
        (nodes,) -> (nodes - 1,), differences of the generalised potential Phi between neighbouring
        nodes.
    diffusion
        (points,) -> (points,), D.
    temperature
        Unit of energy: free energies are `temperature` times a relative entropy; 1 where there is
        no temperature.
    step_time
        Physical time of one step.
    """

    rise: Function
    diffusion: Function
    temperature: float
    step_time: float


@dataclass(frozen=True, eq=False)
class PhaseSpace:
    """The Kramers equation in physical time: dx = v dt, dv = a(x) dt - damping v dt + noise.

    Parameters
    ----------
    acceleration
        (points,) -> (points,), force over mass.
    energy
        (points,) -> (points,), potential energy over the temperature.
    damping
        Friction over mass, > 0.
    thermal_velocity
        Root mean square velocity at equilibrium.
    temperature
        noise/(2 friction).
    step_time
        Physical time of one step.
    """

    acceleration: Function
    energy: Function
    damping: float
    thermal_velocity: float
    temperature: float
    step_time: float


@dataclass(frozen=True, eq=False)
class Plane:
    """An overdamped equation in the plane in physical time, with independent noise per axis.

    Parameters
    ----------
    line
        (direction, positions on the other axis) -> the lines along one axis at these positions,
        side by side: a `Line` whose rises and diffusion coefficients are (node, line).
    energy
        (..., 2) -> (...), potential energy over the (higher) temperature; None where there is no
        temperature.
    is_balanced
        Whether both axes have the same constant temperature, so that the Boltzmann distribution is
        stationary.
    temperature
        Unit of free energies.
    step_time
        Physical time of one step.
    """

    line: Callable[[int, np.ndarray], Line]
    energy: Function | None
    is_balanced: bool
    temperature: float
    step_time: float


def as_line(equation: Any) -> Line:
    """Return a `Diffusion`, or an overdamped equation with one parameter, as a `Line`.

    Raises
    ------
    InputError
        For any other equation, or one without noise.
    """
    if isinstance(equation, Diffusion):
        return _general_line(equation)
    _require_parameters(equation, Overdamped, 1)
    noise, friction, potential = (
        equation.noise,
        single("friction", equation),
        equation.potential,
    )
    if noise.calculus is not None and noise.is_diagonal:
        return _general_line(
            Diffusion(
                drift=lambda points: potential.force(points[..., None])[..., 0] / friction,
                diffusion=lambda points: (
                    noise.covariance(points[..., None])[..., 0, 0] / (2 * friction**2)
                ),
                calculus=noise.calculus,
                step_time=single("step_time", equation),
            )
        )
    temperature = _temperatures(equation)[0]
    return Line(
        rise=lambda nodes: np.diff(potential.energy(nodes[:, None])) / temperature,
        diffusion=lambda points: np.full(np.shape(points), temperature / friction),
        temperature=temperature,
        step_time=single("step_time", equation),
    )


def as_phase_space(equation: Any) -> PhaseSpace:
    """Return an underdamped equation with one parameter as a `PhaseSpace`.

    Raises
    ------
    InputError
        For any other equation, one without friction or noise, or noise that depends on the state.
    """
    _require_parameters(equation, Underdamped, 1)
    friction, mass = single("friction", equation), single("mass", equation)
    friction = as_positive("friction", friction)
    temperature, potential = _temperatures(equation)[0], equation.potential
    return PhaseSpace(
        acceleration=lambda points: potential.force(points[:, None])[:, 0] / mass,
        energy=lambda points: potential.energy(points[:, None]) / temperature,
        damping=friction / mass,
        thermal_velocity=float(np.sqrt(temperature / mass)),
        temperature=temperature,
        step_time=single("step_time", equation),
    )


def as_plane(equation: Any) -> Plane:
    """Return an overdamped equation with two parameters as a `Plane`.

    Raises
    ------
    InputError
        For any other equation, or noise that is correlated between the axes or missing along one.
    """
    _require_parameters(equation, Overdamped, 2)
    noise, friction, step_time = (
        equation.noise,
        single("friction", equation),
        single("step_time", equation),
    )
    potential = equation.potential
    if noise.calculus is not None and noise.is_diagonal:

        def curved(direction: int, other: np.ndarray) -> Line:
            return _general_line(
                Diffusion(
                    drift=lambda nodes: (
                        potential.force(_points(direction, nodes, other))[..., direction] / friction
                    ),
                    diffusion=lambda nodes: (
                        _along(direction, noise.covariance(_points(direction, nodes, other)))
                        / (2 * friction**2)
                    ),
                    calculus=noise.calculus,
                    step_time=step_time,
                ),
                lines=len(other),
            )

        return Plane(
            line=curved, energy=None, is_balanced=False, temperature=1.0, step_time=step_time
        )
    temperatures = _temperatures(equation)

    def straight(direction: int, other: np.ndarray) -> Line:
        temperature = temperatures[direction]
        return Line(
            rise=lambda nodes: (
                np.diff(potential.energy(_points(direction, nodes, other)), axis=0) / temperature
            ),
            diffusion=lambda points: np.full((len(points), 1), temperature / friction),
            temperature=temperature,
            step_time=step_time,
        )

    highest = max(temperatures)
    return Plane(
        line=straight,
        energy=lambda points: potential.energy(points) / highest,
        is_balanced=highest - min(temperatures) < 1e-12 * highest,
        temperature=sum(temperatures) / 2,
        step_time=step_time,
    )


def is_equation(equation: Any, kind: type[Overdamped] | type[Underdamped], parameters: int) -> bool:
    """Whether `equation` is of a kind and has that many parameters."""
    return isinstance(equation, kind) and equation.potential.parameters == parameters


def _points(direction: int, nodes: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Points (..., line, 2) at `nodes` (...) on one axis and `other` (line,) on the other."""
    along, across = np.broadcast_arrays(nodes[..., None], other)
    return np.stack((along, across) if direction == 0 else (across, along), axis=-1)


def _along(direction: int, density: np.ndarray) -> np.ndarray:
    """Spectral density (...) along one direction, of (..., 2, 2)."""
    return density[..., direction, direction]


def _require_parameters(
    equation: Any, kind: type[Overdamped] | type[Underdamped], parameters: int
) -> None:
    if not is_equation(equation, kind, parameters):
        given = type(equation).__name__
        if isinstance(equation, (Overdamped, Underdamped)):
            given += f" with {equation.potential.parameters} parameters"
        raise InputError(
            f"equation = {given}: this needs {kind.__name__} with {parameters} parameter(s)"
        )


def single(name: str, equation: Overdamped | Underdamped) -> float:
    """One number of an equation, which may hold one for each replica: a density has no replicas."""
    value = equation.numbers[name]
    require(
        np.size(value) == 1,
        name,
        value,
        "must be one number: a Fokker-Planck equation has no replicas",
    )
    return float(np.reshape(value, ()))


def noise_matrix(equation: Overdamped | Underdamped) -> np.ndarray:
    """Spectral density (parameter, parameter) of a constant force, equal in all replicas.

    Raises
    ------
    InputError
        For noise that depends on the state or differs between replicas.
    """
    return equation.noise.constant_density("noise_covariance")


def _temperatures(equation: Overdamped | Underdamped) -> list[float]:
    """noise/(2 friction) along each axis, for constant noise independent between the axes."""
    matrix, name = noise_matrix(equation), "noise_covariance"
    diagonal = np.diagonal(matrix)
    correlated = bool(np.abs(matrix - np.diag(diagonal)).max() > 1e-12 * np.abs(matrix).max())
    require(
        not correlated, name, matrix.tolist(), "must be diagonal; turn the axes to its eigenvectors"
    )
    require(
        bool((diagonal > 0).all()),
        name,
        matrix.tolist(),
        "must be positive: without noise a density is a point",
    )
    friction = single("friction", equation)
    return [float(value) / (2 * friction) for value in diagonal]


def _of_points(name: str, found: Any, shape: tuple[int, ...]) -> np.ndarray:
    """What a function of the user's has returned, as numbers of the shape of its argument."""
    values = as_array(name, found, finite=False)
    fits = values.ndim <= len(shape) and all(
        n in (1, m) for n, m in zip(values.shape[::-1], shape[::-1], strict=False)
    )
    require(fits, name, values.shape, f"must return an array of the shape of its argument, {shape}")
    return np.broadcast_to(values, shape)


def _general_line(equation: Diffusion, lines: int = 0) -> Line:
    """A `Line`; with `lines` several side by side, drift and diffusion being (..., line)."""
    share, shape = SHARE[equation.calculus], (lines,) if lines else ()

    def diffusion(points: np.ndarray) -> np.ndarray:
        given = equation.diffusion
        values = _of_points(
            "diffusion", given(points) if callable(given) else given, points.shape + shape
        )
        require(
            bool((values > 0).all()),
            "diffusion",
            float(values.min()),
            "must be positive in the whole domain",
        )
        return values

    def rise(nodes: np.ndarray) -> np.ndarray:
        half = np.diff(nodes)[:, None] / 2
        points = nodes[:-1, None] + half * (1 + _NODES)
        drift = _of_points("drift", equation.drift(points), points.shape + shape)
        integral = np.einsum("nq...,nq->n...", drift / diffusion(points), half * _WEIGHTS)
        rises: np.ndarray = share * np.diff(np.log(diffusion(nodes)), axis=0) - integral
        return rises

    return Line(rise=rise, diffusion=diffusion, temperature=1.0, step_time=equation.step_time)
