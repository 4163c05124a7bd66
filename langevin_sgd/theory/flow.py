r"""The Langevin equation of SGD as one damped oscillator per mode: an exact flow in continuous time.

    exp(-A t) = e^{-x t} (c I + s G),   in steps, A = (h * force | drag) of `oscillators`, x = (1-beta)/(1+beta),

c, s = cos, sin/delta (underdamped), 1, t (critical), cosh, sinh/delta (overdamped) of delta t, as in Kunin et al.
(arXiv 2107.09133); written with decaying exponentials only, so that nothing overflows. Stationary
moments of a pair of modes are derived: the solution of A_i C + C A_j^T = force force^T. Every h > 0 has one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import InputError
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.oscillators import ModePair, Oscillators


@dataclass(frozen=True, eq=False)
class LangevinOscillators(Oscillators):
    """The underdamped Langevin equation of SGD with momentum (Kunin et al.): mass lr(1+beta)/2."""

    @property
    def force(self) -> tuple[float, float]:
        """Response to a unit force and to unit noise."""
        return 0.0, 2 / (1 + self.momentum)

    @property
    def drag(self) -> tuple[float, float]:
        """Loss of position and velocity per unit velocity."""
        return -1.0, 2 * (1 - self.momentum) / (1 + self.momentum)

    @property
    def frequency(self) -> np.ndarray:
        """(eigenmode,) Phase advance per step, radians; zero where the mode does not oscillate."""
        return np.sqrt(np.maximum(-self.discriminant, 0.0))

    @property
    def decay_per_step(self) -> np.ndarray:
        """(eigenmode,) Factor by which the slowest part of the mode shrinks per step."""
        return np.exp(-self.rates[0])

    def factors(self, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Oscillators`."""
        t = np.asarray(time, dtype=float)[..., None]
        slow, fast = self.rates
        envelope = np.exp(-slow * t)
        gap = np.where(self.discriminant >= 0, fast - slow, 0.0)
        real_c = 0.5 * (envelope + np.exp(-fast * t))
        real_s = envelope * self.accumulated_decay(gap, time)
        angle = self.frequency * t
        oscillating_s = envelope * t * np.sinc(angle / np.pi)
        oscillates = self.discriminant < 0
        return np.where(oscillates, envelope * np.cos(angle), real_c), np.where(oscillates, oscillating_s, real_s)

    def accumulated_decay(self, rate: np.ndarray, time: np.ndarray) -> np.ndarray:
        """See `Oscillators`."""
        t = np.asarray(time, dtype=float)[..., None]
        return np.where(rate == 0, t, -np.expm1(-rate * t) / np.where(rate == 0, 1.0, rate))

    def pair_moments(self, pair: ModePair) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """See `Oscillators`."""
        b = self.momentum
        divisor = 4 * (1 - b) ** 2 + (1 + b) * (pair.total - 4 * pair.reduced)
        xv = 2 * (pair.first_share - pair.second_share) / divisor
        return 4 * (1 - b) / divisor, xv, -xv, 4 * (1 - b) / (1 + b) / divisor


def langevin_oscillators(settings: SGD, stiffness: np.ndarray) -> LangevinOscillators:
    """Oscillators of the Langevin equation for modes of stiffness eigenvalue + weight decay.

    Raises
    ------
    InputError
        For Nesterov momentum or dampening, for which the equation of Kunin et al. is not written.
    """
    if settings.nesterov or settings.dampening:
        raise InputError("nesterov or dampening: the Langevin law is for plain momentum; DiscreteLaw has both")
    return LangevinOscillators(settings.lr * stiffness, settings.momentum, np.array([settings.lr, 1.0]))
