r"""Damped oscillators, one per eigenmode: what the Langevin law and that of SGD share.

On a quadratic loss every Hessian eigendirection obeys a linear 2x2 system. In units of the step
(positions in lr, time in steps, h = lr * stiffness) the state (position, velocity) of one mode
changes by

    change per step = -(h * force | drag) (position, velocity)^T - force * noise

with two columns that say which dynamics it is (x = (1 - beta) / (1 + beta), beta the momentum):

                         force              drag
    Langevin equation    (0, 2/(1+beta))    (-1, 2x)              any real time
    heavy-ball SGD       (1, 1)             (-beta, 1-beta)       whole steps
    Nesterov SGD         (1+beta, 1)        (-beta^2, 1-beta)     whole steps

The first is the generator of a flow (`oscillator_propagator`), the others are steps of a map
(`sgd_map`).

Here is what they share: propagators c I + s G with G traceless, sums of them over time, what white
noise adds over time, stationary moments for any pair of modes and the displacement. Derived: every
function of a 2x2 matrix is a combination of it and the identity. Validity: quadratic losses;
moments for noise that is white in time and does not depend on the state.

Every formula is written so that no digits cancel where rates are slow, also at momentum near one:
differences of equal modes, of the momentum from one and of a propagator from the identity are never
formed from rounded numbers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np

_BRIEF = 0.5
_TERMS = 16
"""Terms of a power series with arguments up to `_BRIEF` and coefficients that fall like 1/k!."""


@dataclass(frozen=True, eq=False)
class Oscillators(ABC):
    """The modes of one quadratic problem under one dynamics.

    Parameters
    ----------
    stiffness
        (eigenmode,), h = step length * (eigenvalue + weight decay), dimensionless, >= 0.
    momentum
        0 <= momentum < 1.
    scale
        (2,), units of position and velocity: (lr, 1), times 1 - dampening.
    """

    stiffness: np.ndarray
    momentum: float
    scale: np.ndarray = field(default_factory=lambda: np.ones(2))

    # --- the two columns --------------------------------------------------------------------------

    @property
    @abstractmethod
    def force(self) -> tuple[float, float]:
        """Response of (position, velocity) to a unit force, and to unit noise."""

    @property
    @abstractmethod
    def drag(self) -> tuple[float, float]:
        """Change of (position, velocity) per unit velocity, with a minus sign."""

    @property
    def change(self) -> np.ndarray:
        """(eigenmode, 2, 2) Minus the change per step: I - M for a map, A for a flow."""
        out = np.empty((len(self.stiffness), 2, 2))
        out[:, :, 0] = self.stiffness[:, None] * np.array(self.force)
        out[:, :, 1] = self.drag
        return out

    @property
    def mean_rate(self) -> np.ndarray:
        """(eigenmode,) Half the trace of `change`: the mean of the two rates of decay."""
        return 0.5 * (self.stiffness * self.force[0] + self.drag[1])

    @property
    def rate_product(self) -> np.ndarray:
        """(eigenmode,) Determinant of `change`: the product of the two rates."""
        return self.stiffness * (self.force[0] * self.drag[1] - self.force[1] * self.drag[0])

    @property
    def discriminant(self) -> np.ndarray:
        """(eigenmode,) Squared half-difference of the two rates; negative for oscillations."""
        return self.mean_rate**2 - self.rate_product

    @property
    def rates(self) -> tuple[np.ndarray, np.ndarray]:
        """Slow and fast rate per step of modes with real rates; else the mean rate twice."""
        fast = self.mean_rate + np.sqrt(np.maximum(self.discriminant, 0.0))
        real = self.discriminant >= 0
        return np.where(real, self.rate_product / fast, self.mean_rate), fast

    # --- propagators ------------------------------------------------------------------------------

    @abstractmethod
    def factors(self, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Factors c and s of the propagator c I + s G, with G = mean_rate I - change.

        Their shape is time.shape + (eigenmode,).
        """

    @abstractmethod
    def accumulated_decay(self, rate: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Sum (map) or integral (flow) of one decaying exponential from 0 up to `time`."""

    @abstractmethod
    def term_ratio(self, order: int, time: np.ndarray) -> np.ndarray | float:
        """Ratio of the coefficients of two terms of `accumulated_decay`, from `order` on.

        The terms are powers of -rate * time.
        """

    @abstractmethod
    def added(self, time: np.ndarray, *, pairs: bool) -> np.ndarray:
        """Covariance blocks that white unit noise adds over `time` steps from rest.

        They are a sum of positive terms.

        Returns
        -------
        array of shape time.shape + (eigenmode, 2, 2), or time.shape + (eigenmode, eigenmode, 2, 2)
        for all `pairs`
        """

    @property
    @abstractmethod
    def frequency(self) -> np.ndarray:
        """(eigenmode,) Phase advance per step, radians; zero where the mode does not oscillate."""

    @property
    @abstractmethod
    def decay_per_step(self) -> np.ndarray:
        """(eigenmode,) Factor by which the slowest part of the mode shrinks per step."""

    def propagator(self, time: np.ndarray) -> np.ndarray:
        """Propagator of (position, velocity) over `time` steps, in the physical units of `scale`.

        Returns
        -------
        array of shape time.shape + (eigenmode, 2, 2)
        """
        return self._in_units(self._combine(*self.factors(time)))

    def accumulated(self, time: np.ndarray) -> np.ndarray:
        """Sum (map, over 0 ... time-1) or integral (flow) of the propagator, in physical units."""
        return self._in_units(self._combine(*self._accumulated_factors(time)))

    def departure(self, time: np.ndarray) -> np.ndarray:
        """Propagator minus the identity, in physical units, without cancellation at short times."""
        return -self._in_units(self._combine(*self._accumulated_factors(time)) @ self.change)

    def _combine(self, c: np.ndarray, s: np.ndarray) -> np.ndarray:
        traceless = self.mean_rate[:, None, None] * np.eye(2) - self.change
        return c[..., None, None] * np.eye(2) + s[..., None, None] * traceless

    def _in_units(self, matrices: np.ndarray) -> np.ndarray:
        return matrices * self.scale[:, None] / self.scale

    def _accumulated_factors(self, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # (I - propagator) / change loses digits where the slow rate is tiny; there the rates are
        # real and far apart and each exponential is summed on its own, which also covers rate zero
        # (a free mode). It also loses them at times short against all rates, where the sums are
        # power series.
        c, s = self.factors(time)
        mean, product = self.mean_rate, self.rate_product
        slow, fast = self.rates
        soft = (product < 0.5 * mean**2) & (slow < 0.5)
        divisor = np.where(soft, 1.0, product)
        sum_c = ((1 - c) * mean - s * self.discriminant) / divisor
        sum_s = ((1 - c) - s * mean) / divisor
        if soft.any():
            split = np.where(soft, fast - slow, 1.0)
            tail, head = (
                self.accumulated_decay(np.where(soft, slow, 0.5), time),
                self.accumulated_decay(fast, time),
            )
            sum_c = np.where(soft, 0.5 * (tail + head), sum_c)
            sum_s = np.where(soft, (tail - head) / split, sum_s)
        brief = np.asarray(time)[..., None] * (mean + np.sqrt(np.abs(self.discriminant))) < _BRIEF
        if brief.any():
            brief_c, brief_s = self._brief_sums(time, brief)
            sum_c, sum_s = np.where(brief, brief_c, sum_c), np.where(brief, brief_s, sum_s)
        return sum_c, sum_s

    def _brief_sums(self, time: np.ndarray, brief: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Power series of the accumulated factors in rate * time, where `brief`.

        Both rates r are taken together.

        The half sum of r^k and the difference of r^k over that of r obey one recursion, whether r
        is real or complex.
        """
        t = np.where(brief, np.asarray(time, dtype=float)[..., None], 0.0)
        trace, product = 2 * self.mean_rate * t, (np.sqrt(self.rate_product) * t) ** 2
        half_sum, earlier_sum = 0.5 * trace, np.ones_like(t)
        gap, earlier_gap = np.ones_like(t), np.zeros_like(t)
        weight = np.ones_like(t)
        sum_c, sum_s = weight, np.zeros_like(t)
        for order in range(1, _TERMS):
            weight = -weight * self.term_ratio(order, np.where(t > 0, t, 1.0))
            sum_c = sum_c + weight * half_sum
            sum_s = sum_s - weight * gap
            half_sum, earlier_sum = trace * half_sum - product * earlier_sum, half_sum
            gap, earlier_gap = trace * gap - product * earlier_gap, gap
        return t * sum_c, t**2 * sum_s

    # --- stationary moments -----------------------------------------------------------------------

    @abstractmethod
    def pair_moments(self, pair: ModePair) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Stationary (h_i+h_j)<x_i x_j>, <x_i v_j>, <v_i x_j>, <v_i v_j> at unit noise.

        They are in units of the step.
        """

    def stationary(self, noise: np.ndarray) -> np.ndarray:
        """Stationary covariance blocks under white noise.

        Parameters
        ----------
        noise
            (eigenmode,): each mode for itself; or (eigenmode, eigenmode), the whole noise
            covariance of a step in the Hessian eigenbasis: every pair of modes.

        Returns
        -------
        noise.shape + (2, 2); a position without restoring force but with noise has an infinite
        variance.
        """
        pair = self.pair(noise.ndim)
        virial, xv, vx, vv = self.pair_moments(pair)
        with np.errstate(divide="ignore"):
            xx = np.where(noise == 0, 0.0, virial / pair.total)
        blocks = np.stack([np.stack([xx, xv], -1), np.stack([vx, vv], -1)], -2)
        return (
            np.where(noise == 0, 0.0, noise)[..., None, None]
            * blocks
            * np.outer(self.scale, self.scale)
        )

    def mean_square_displacement(self, lag: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Stationary E (x_{t+lag} - x_t)^2 of each mode, without cancellation, also for free modes.

        Derived: the displacement is a sum of changes, so it is -2 times the accumulated propagator
        acting on -change * C, in which the variance of the position enters only as h * variance,
        finite at h = 0.

        Returns
        -------
        array of shape lag.shape + (eigenmode,)
        """
        virial, _, vx, _ = self.pair_moments(self.pair(1))
        sum_c, sum_s = self._accumulated_factors(lag)
        drift_x = 0.5 * virial * self.force[0] + self.drag[0] * vx
        drift_v = 0.5 * virial * self.force[1] + self.drag[1] * vx
        change = self.change
        along_x = sum_c + sum_s * (self.mean_rate - change[:, 0, 0])
        return (
            2 * noise * self.scale[0] ** 2 * (along_x * drift_x - sum_s * change[:, 0, 1] * drift_v)
        )

    def pair(self, ndim: int) -> ModePair:
        """Return the stiffness of every mode (ndim 1) or of every pair of modes (ndim 2)."""
        if ndim == 1:
            return ModePair(self.stiffness, self.stiffness)
        return ModePair(self.stiffness[:, None], self.stiffness[None, :])


class ModePair:
    """Two modes, or arrays of them, by their stiffness h_i and h_j.

    They come in the combinations that stay finite at h = 0.

    Attributes
    ----------
    total, gap, reduced
        h_i + h_j, (h_i - h_j) / (h_i + h_j) and h_i h_j / (h_i + h_j); total - 4 reduced = total
        gap^2.
    """

    def __init__(self, first: np.ndarray, second: np.ndarray) -> None:
        self.total = first + second
        safe = np.where(self.total > 0, self.total, 1.0)
        self.gap = (first - second) / safe
        self.reduced = first * (second / safe)
