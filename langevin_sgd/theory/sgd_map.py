r"""One step of SGD as a 2x2 matrix per mode, and its powers: heavy ball and Nesterov.

    M = I - (h * force | drag),   M^n = c_n I + s_n G
    from the two roots of M (columns as in `oscillators`)

Real roots: sums and differences of their powers; complex roots of modulus r and phase phi: r^n
cos(n phi) and r^n sin(n phi) / (r sin phi). Powers are exponentials of the logarithm of one minus a
rate. Stationary moments of a pair of modes solve C = M_i C M_j^T + force force^T. Derived, by
solving that symbolically. Dampening d multiplies h and the unit of velocity by 1 - d (without
momentum it does nothing, as in ``torch.optim.SGD``). A stationary law exists for h below
`MapOscillators.stability_limit`.

Discounted by sigma per step, x_t / sigma^t is again the position of a map of the same kind: both
obey a recursion of second order, heavy ball x'' = (1+beta-h) x' - beta x + force, Nesterov x'' =
(1+beta)(1-h) x' - beta (1-h) x + (1+beta) force' - beta force, and dividing by powers of sigma
gives recursions of the same form with

    heavy ball   beta_s = beta / sigma^2,    h_s = ((sigma - 1)(sigma - beta) + h sigma) / sigma^2
    Nesterov     beta_s = beta / (sigma c),  h_s = ((sigma - 1)(sigma - beta) + h sigma c) / sigma^2
                 with c = 1 + beta - beta / sigma

and a force in units of 1 / sigma, c / sigma (derived, by comparing coefficients). What grows or
decays like sigma^t, driven by a force that does so too, is stationary there.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np

from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.block_matrices import outer, summed
from langevin_sgd.theory.oscillators import ModePair, Oscillators


@dataclass(frozen=True, eq=False)
class MapOscillators(Oscillators):
    """One step of SGD: powers of a 2x2 matrix."""

    @property
    @abstractmethod
    def stability_limit(self) -> float:
        """Largest stable lr * stiffness."""

    @property
    @abstractmethod
    def determinant(self) -> np.ndarray:
        """(eigenmode,) Determinant of the one-step matrix: the product of its roots."""

    @property
    @abstractmethod
    def log_determinant(self) -> np.ndarray:
        """(eigenmode,) Logarithm of the determinant; minus infinity where it is not positive."""

    @property
    def frequency(self) -> np.ndarray:
        """(eigenmode,) Phase advance per step, radians; zero where the mode does not oscillate."""
        oscillates = self.discriminant < 0
        half_gap = np.sqrt(np.where(oscillates, -self.discriminant, 0.0))
        return np.where(oscillates, np.arctan2(half_gap, 1 - self.mean_rate), 0.0)

    @property
    def decay_per_step(self) -> np.ndarray:
        """(eigenmode,) Factor by which the slowest part of the mode shrinks per step."""
        oscillates = self.discriminant < 0
        return np.where(
            oscillates,
            np.sqrt(np.where(oscillates, self.determinant, 0.0)),
            np.abs(1 - self._lead[0]),
        )

    @property
    def _lead(self) -> tuple[np.ndarray, np.ndarray]:
        """Rates (one minus root) of the larger and the smaller root in modulus, where real."""
        slow, fast = self.rates
        flips = self.mean_rate > 1
        return np.where(flips, fast, slow), np.where(flips, slow, fast)

    def factors(self, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Oscillators`."""
        n = np.asarray(time, dtype=float)[..., None]
        lead, other = self._lead
        gap = np.where(lead == 1, 0.0, (other - lead) / np.where(lead == 1, 1.0, 1 - lead))
        real_c = 0.5 * (_power(lead, n) + _power(other, n))
        real_s = _power(lead, np.maximum(n - 1, 0)) * self.accumulated_decay(gap, time)
        oscillates = self.discriminant < 0
        half_gap = np.sqrt(np.where(oscillates, -self.discriminant, 1.0))
        envelope, angle = (
            np.exp(0.5 * n * np.where(oscillates, self.log_determinant, 0.0)),
            n * self.frequency,
        )
        c = np.where(oscillates, envelope * np.cos(angle), real_c)
        return c, np.where(oscillates, envelope * np.sin(angle) / half_gap, real_s)

    def accumulated_decay(self, rate: np.ndarray, time: np.ndarray) -> np.ndarray:
        """See `Oscillators`."""
        n = np.asarray(time, dtype=float)[..., None]
        small = rate < 0.5
        slow = np.where(small, rate, 0.0)
        # Near rate zero (1 - (1-rate)^n) / rate needs expm1 and log1p; it tends to n.
        gentle = -np.expm1(n * np.log1p(-slow)) / np.where(slow == 0, 1.0, slow)
        abrupt = (1 - (1 - rate) ** n) / np.where(small, 1.0, rate)
        return np.where(small, np.where(slow == 0, n, gentle), abrupt)

    def term_ratio(self, order: int, time: np.ndarray) -> np.ndarray | float:
        """See `Oscillators`."""
        ratio: np.ndarray = (1 - order / time) / (order + 1)
        return ratio

    @abstractmethod
    def discounted(self, sigma: float) -> Self:
        """Map of the positions divided by sigma^t; its velocities are others."""

    def added(self, time: np.ndarray, *, pairs: bool) -> np.ndarray:
        """See `Oscillators`."""
        kick = np.broadcast_to(np.array(self.force) * self.scale, (len(self.stiffness), 2))
        return summed(outer(kick, kick, pairs), time, self.propagator, pairs)


@dataclass(frozen=True, eq=False)
class HeavyBallOscillators(MapOscillators):
    """SGD with momentum: v' = beta v - g, x' = x + v'; plain SGD at beta = 0."""

    @property
    def force(self) -> tuple[float, float]:
        """Response to a unit force and to unit noise."""
        return 1.0, 1.0

    @property
    def drag(self) -> tuple[float, float]:
        """Loss of position and velocity per unit velocity."""
        return -self.momentum, 1 - self.momentum

    @property
    def stability_limit(self) -> float:
        """Largest stable lr * stiffness."""
        return 2 * (1 + self.momentum)

    @property
    def determinant(self) -> np.ndarray:
        """(eigenmode,) Determinant of the one-step matrix."""
        return np.full_like(self.stiffness, self.momentum)

    @property
    def log_determinant(self) -> np.ndarray:
        """(eigenmode,) Logarithm of the determinant."""
        return np.full_like(self.stiffness, math.log(self.momentum) if self.momentum else -math.inf)

    @property
    def discriminant(self) -> np.ndarray:
        """See `Oscillators`: zero where h = (1 - sqrt beta)^2 or (1 + sqrt beta)^2."""
        root = math.sqrt(self.momentum)
        slower = ((1 - self.momentum) / (1 + root)) ** 2
        return 0.25 * (slower - self.stiffness) * ((1 + root) ** 2 - self.stiffness)

    def pair_moments(self, pair: ModePair) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """See `Oscillators`."""
        b, gap = self.momentum, pair.gap
        divisor = (1 - b) ** 2 * (1 + b - pair.reduced) + b * pair.total * gap**2
        xv = 0.5 * ((1 - b) + (1 + b) * gap) / divisor
        vx = 0.5 * ((1 - b) - (1 + b) * gap) / divisor
        return (1 - b) * (1 + b) / divisor, xv, vx, (1 - b) / divisor

    def discounted(self, sigma: float) -> Self:
        """See `MapOscillators`."""
        b = self.momentum
        stiffness = ((sigma - 1) * (sigma - b) + self.stiffness * sigma) / sigma**2
        return type(self)(stiffness, b / sigma**2, self.scale / sigma)


@dataclass(frozen=True, eq=False)
class NesterovOscillators(MapOscillators):
    """SGD with Nesterov momentum in PyTorch's form: v' = beta v - g, x' = x + beta v' - g."""

    @property
    def force(self) -> tuple[float, float]:
        """Response to a unit force and to unit noise."""
        return 1 + self.momentum, 1.0

    @property
    def drag(self) -> tuple[float, float]:
        """Loss of position and velocity per unit velocity."""
        return -(self.momentum**2), 1 - self.momentum

    @property
    def stability_limit(self) -> float:
        """Largest stable lr * stiffness."""
        return 2 * (1 + self.momentum) / (1 + 2 * self.momentum)

    @property
    def determinant(self) -> np.ndarray:
        """(eigenmode,) Determinant of the one-step matrix."""
        return self.momentum * (1 - self.stiffness)

    @property
    def log_determinant(self) -> np.ndarray:
        """(eigenmode,) Logarithm of the determinant."""
        if self.momentum == 0:
            return np.full_like(self.stiffness, -math.inf)
        positive = self.stiffness < 1
        logarithm = math.log(self.momentum) + np.log1p(-np.where(positive, self.stiffness, 0.0))
        return np.where(positive, logarithm, -math.inf)

    @property
    def discriminant(self) -> np.ndarray:
        """See `Oscillators`: negative between h = ((1 - beta) / (1 + beta))^2 and one."""
        b, h = self.momentum, self.stiffness
        return 0.25 * (1 - h) * ((1 - b) ** 2 - (1 + b) ** 2 * h)

    def pair_moments(self, pair: ModePair) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """See `Oscillators`."""
        b, gap, total, reduced = self.momentum, pair.gap, pair.total, pair.reduced
        of_total, of_reduced, unequal = 1 + b - b**2, b * (1 + 2 * b), pair.total * pair.gap**2
        # total = unequal + 4 reduced throughout: what is left for equal modes is positive as the
        # momentum tends to one.
        divisor = (
            (1 - b) ** 2 * (1 + b)
            + (1 - b) * (6 * b**2 + 3 * b - 1) * reduced
            + b * of_total * unequal
        )
        divisor = divisor + total * reduced * (b * (3 * b**2 - 1) - b * of_reduced * reduced)
        even = (1 - b) * (1 + 2 * b) + 2 * of_reduced * reduced
        xv, vx = 0.5 * (even + (1 + b) * gap) / divisor, 0.5 * (even - (1 + b) * gap) / divisor
        virial = (1 - b) * (1 + b) + b * of_total * total + b * of_reduced * total * reduced
        return virial / divisor, xv, vx, (1 - b + 2 * b * reduced) / divisor

    def discounted(self, sigma: float) -> Self:
        """See `MapOscillators`."""
        b, c = self.momentum, 1 + self.momentum - self.momentum / sigma
        stiffness = ((sigma - 1) * (sigma - b) + self.stiffness * sigma * c) / sigma**2
        return type(self)(stiffness, b / (sigma * c), self.scale * c / sigma)


def sgd_oscillators(settings: SGD, stiffness: np.ndarray) -> MapOscillators:
    """Oscillators of the SGD map itself for modes of stiffness eigenvalue + weight decay."""
    kind = NesterovOscillators if settings.nesterov else HeavyBallOscillators
    damped = 1 - settings.dampening if settings.momentum else 1.0
    return kind(
        settings.lr * damped * stiffness, settings.momentum, damped * np.array([settings.lr, 1.0])
    )


def _power(rate: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """(1 - rate)^steps for whole steps, to rounding also for tiny rates and many steps."""
    slow = np.where(rate < 0.5, rate, 0.0)
    return np.where(rate < 0.5, np.exp(steps * np.log1p(-slow)), (1 - rate) ** steps)
