r"""The Gaussian closed form of linear Langevin equations, in any dimension.

    dz = A (z - c) dt + noise of spectral density N dt,
    mean(t) = c + e^{At} (mean - c),
    covariance(t) = e^{At} covariance e^{A^T t} + \int_0^t e^{As} N e^{A^T s} ds

z is theta, or (theta, v) in phase space. The integral comes from one matrix exponential (Van Loan,
IEEE Trans. Autom. Control 23 (1978) 395) over a time so short that nothing overflows, doubled as
often as needed. Any stiffness, singular or not definite ones too; any constant noise. Valid for
quadratic potentials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import expm, solve_continuous_lyapunov

from langevin_sgd.checks import InputError, as_array, as_instance, as_not_negative, require
from langevin_sgd.dynamics import Overdamped, Underdamped
from langevin_sgd.fokker_planck.equations import noise_matrix, single
from langevin_sgd.fokker_planck.initial import GaussianDensity
from langevin_sgd.models.potentials.landscape import LinearForce


@dataclass(frozen=True, eq=False)
class GaussianLaw:
    """Density of a linear equation that starts as a Gaussian, and stays one.

    Parameters
    ----------
    equation
        `langevin_sgd.Overdamped` or `langevin_sgd.Underdamped` with a quadratic potential and
        constant noise.
    start
        Density at time 0, of theta (parameter,) or of (theta, v) (2 parameter,).

    Raises
    ------
    InputError
        If the potential is not quadratic, the noise not constant, or the start of another
        dimension.

    Examples
    --------
    >>> import langevin_sgd as ls
    >>> problem = ls.LinearRegression.from_spectrum([1.0, 0.5])
    >>> equation = ls.Overdamped.from_sgd(problem, ls.SGD(lr=0.1, batch_size=10))
    >>> law = GaussianLaw(equation, GaussianDensity([1.0, 1.0], 0.01 * np.eye(2)))
    >>> law.mean(10).round(4).tolist()
    [[0.3679, 0.6065]]
    """

    equation: Overdamped | Underdamped
    start: GaussianDensity

    def __post_init__(self) -> None:
        as_instance("equation", self.equation, (Overdamped, Underdamped))
        as_instance("start", self.start, GaussianDensity)
        size = len(self._force().centre) * self.equation.orders
        require(
            self.start.mean.size == size,
            "start",
            self.start.mean.size,
            f"must have {size} coordinates",
        )

    def mean(self, t: float | Sequence[float] | np.ndarray) -> np.ndarray:
        """Mean at times in steps, (time, coordinate)."""
        drift, _ = self._matrices()
        centre = self._centre()
        offset = self.start.mean - centre
        return np.array([centre + expm(drift * time) @ offset for time in self._physical(t)])

    def covariance(self, t: float | Sequence[float] | np.ndarray) -> np.ndarray:
        """Covariance at times in steps, (time, coordinate, coordinate)."""
        drift, noise = self._matrices()
        covariances = []
        for time in self._physical(t):
            propagator, grown = _moments(drift, noise, time)
            covariances.append(propagator @ self.start.covariance @ propagator.T + grown)
        return np.array(covariances)

    def at(self, t: float) -> GaussianDensity:
        """Density at one time, in steps."""
        time = as_not_negative("t", t)
        return GaussianDensity(self.mean(time)[0], self.covariance(time)[0])

    def stationary(self) -> GaussianDensity:
        """Stationary density.

        Raises
        ------
        InputError
            If some direction is not confined, or the noise does not reach it.
        """
        drift, noise = self._matrices()
        if np.linalg.eigvals(drift).real.max() >= -1e-14 * np.abs(drift).max():
            raise InputError(
                "equation: has no stationary law, since some direction is not confined"
            )
        return GaussianDensity(self._centre(), solve_continuous_lyapunov(drift, -noise))

    def _physical(self, t: float | Sequence[float] | np.ndarray) -> np.ndarray:
        times = np.atleast_1d(
            as_array("t", t, ndim=(0, 1), minimum=0, allowed="must be finite and not negative")
        )
        return times * single("step_time", self.equation)

    def _force(self) -> LinearForce:
        potential = self.equation.potential
        force = potential.linear_force()
        if force is None:
            raise InputError(
                f"equation = {type(potential).__name__!r}: must have a quadratic potential"
            )
        return force

    def _centre(self) -> np.ndarray:
        centre = self._force().centre
        return np.concatenate([centre, np.zeros(self.start.mean.size - centre.size)])

    def _matrices(self) -> tuple[np.ndarray, np.ndarray]:
        equation, noise = self.equation, noise_matrix(self.equation)
        stiffness, friction = self._force().stiffness, single("friction", equation)
        if equation.orders == 1:
            return -stiffness / friction, noise / friction**2
        mass, zero, one = single("mass", equation), np.zeros_like(stiffness), np.eye(len(stiffness))
        drift = np.block([[zero, one], [-stiffness / mass, -friction / mass * one]])
        return drift, np.block([[zero, zero], [zero, noise / mass**2]])


def _moments(drift: np.ndarray, noise: np.ndarray, time: float) -> tuple[np.ndarray, np.ndarray]:
    """Propagator e^{At} and the covariance that noise alone makes."""
    size = len(drift)
    largest = time * float(np.abs(drift).sum(axis=1).max())
    doublings = max(0, math.ceil(math.log2(largest))) if largest > 0 else 0
    block = np.block([[-drift, noise], [np.zeros_like(drift), drift.T]])
    exponential = expm(block * (time / 2**doublings))
    propagator = exponential[size:, size:].T
    grown = propagator @ exponential[:size, size:]
    for _ in range(doublings):
        grown = grown + propagator @ grown @ propagator.T
        propagator = propagator @ propagator
    return propagator, (grown + grown.T) / 2
