r"""One step of SGD as a 2x2 matrix per mode, and its powers: heavy ball and Nesterov.

    M = I - (h * force | drag),   M^n = c_n I + s_n G   from the two roots of M (columns as in `oscillators`)

Real roots: sums and differences of their powers; complex roots of modulus r and phase phi: r^n cos(n phi) and
r^n sin(n phi) / (r sin phi). Stationary moments of a pair of modes solve C = M_i C M_j^T + force force^T. Derived, by
solving that symbolically. Dampening d multiplies h and the unit of velocity by 1 - d (without momentum it does nothing,
as in ``torch.optim.SGD``). A stationary law exists for h below `MapOscillators.stability_limit`.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import InputError
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.oscillators import ModePair, Oscillators


@dataclass(frozen=True, eq=False)
class MapOscillators(Oscillators):
    """One step of SGD: powers of a 2x2 matrix."""

    @property
    @abstractmethod
    def stability_limit(self) -> float:
        """Largest stable lr * stiffness."""

    @property
    def frequency(self) -> np.ndarray:
        """(eigenmode,) Phase advance per step, radians; zero where the mode does not oscillate."""
        oscillates = self.discriminant < 0
        half_gap = np.sqrt(np.where(oscillates, -self.discriminant, 0.0))
        return np.where(oscillates, np.arctan2(half_gap, 1 - self.mean_rate), 0.0)

    @property
    def decay_per_step(self) -> np.ndarray:
        """(eigenmode,) Factor by which the slowest part of the mode shrinks per step."""
        return np.where(self.discriminant < 0, self._modulus, np.abs(self._roots[0]))

    @property
    def _modulus(self) -> np.ndarray:
        """Modulus of complex roots: the square root of the determinant."""
        return np.sqrt(np.where(self.discriminant < 0, 1 - 2 * self.mean_rate + self.rate_product, 0.0))

    @property
    def _roots(self) -> tuple[np.ndarray, np.ndarray]:
        """Larger and smaller root in modulus, where they are real."""
        centre = 1 - self.mean_rate
        half_gap = np.copysign(np.sqrt(np.maximum(self.discriminant, 0.0)), centre)
        return centre + half_gap, centre - half_gap

    def factors(self, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Oscillators`."""
        n = _whole(time)[..., None]
        large, small = self._roots
        gap = np.where(large == 0, 0.0, (large - small) / np.where(large == 0, 1.0, large))
        real_c = 0.5 * (large**n + small**n)
        real_s = large ** np.maximum(n - 1, 0) * self.accumulated_decay(gap, time)
        oscillates = self.discriminant < 0
        half_gap = np.sqrt(np.where(oscillates, -self.discriminant, 1.0))
        envelope, angle = self._modulus**n, n * self.frequency
        c = np.where(oscillates, envelope * np.cos(angle), real_c)
        return c, np.where(oscillates, envelope * np.sin(angle) / half_gap, real_s)

    def accumulated_decay(self, rate: np.ndarray, time: np.ndarray) -> np.ndarray:
        """See `Oscillators`."""
        n = _whole(time)[..., None]
        small = rate < 0.5
        slow = np.where(small, rate, 0.0)
        # Near rate zero (1 - (1-rate)^n) / rate needs expm1 and log1p; it tends to n.
        gentle = -np.expm1(n * np.log1p(-slow)) / np.where(slow == 0, 1.0, slow)
        abrupt = (1 - (1 - rate) ** n) / np.where(small, 1.0, rate)
        return np.where(small, np.where(slow == 0, n, gentle), abrupt)


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

    def pair_moments(self, pair: ModePair) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """See `Oscillators`."""
        b = self.momentum
        divisor = (1 - b) ** 2 * (1 + b) + b * pair.total - (1 + b) ** 2 * pair.reduced
        xv = (pair.first_share - b * pair.second_share) / divisor
        vx = (pair.second_share - b * pair.first_share) / divisor
        return (1 - b**2) / divisor, xv, vx, (1 - b) / divisor


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

    def pair_moments(self, pair: ModePair) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """See `Oscillators`."""
        b, total, reduced = self.momentum, pair.total, pair.reduced
        one, two = 1 + b - b**2, b * (1 + 2 * b)
        divisor = (1 - b) ** 2 * (1 + b) + b * one * (total - 2 * reduced) - (1 - 2 * b - b**2 + 4 * b**3) * reduced
        divisor = divisor + total * reduced * (b * (3 * b**2 - 1) - b * two * reduced)
        xv = (one * pair.first_share - b**2 * pair.second_share + two * reduced) / divisor
        vx = (one * pair.second_share - b**2 * pair.first_share + two * reduced) / divisor
        virial = (1 - b**2) + b * one * total + b * two * total * reduced
        return virial / divisor, xv, vx, (1 - b + 2 * b * reduced) / divisor


def sgd_oscillators(settings: SGD, stiffness: np.ndarray) -> MapOscillators:
    """Oscillators of the SGD map itself for modes of stiffness eigenvalue + weight decay."""
    kind = NesterovOscillators if settings.nesterov else HeavyBallOscillators
    damped = 1 - settings.dampening if settings.momentum else 1.0
    return kind(settings.lr * damped * stiffness, settings.momentum, damped * np.array([settings.lr, 1.0]))


def _whole(time: np.ndarray) -> np.ndarray:
    steps = np.asarray(time, dtype=float)
    if not bool(np.all((steps >= 0) & (steps == np.floor(steps)))):
        raise InputError(f"t = {np.array2string(steps, threshold=6)}: SGD has whole steps of zero or above")
    return steps
