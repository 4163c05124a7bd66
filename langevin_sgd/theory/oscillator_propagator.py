r"""The Langevin equation of SGD as one damped oscillator per mode, in continuous time.

    exp(-A t) = e^{-x t} (c I + s G),
    in steps, A = (h * force | drag) of `oscillators`, x = (1-beta)/(1+beta),

c, s = cos, sin/delta (underdamped), 1, t (critical), cosh, sinh/delta (overdamped) of delta t, as
in Kunin et al. (arXiv 2107.09133); written with decaying exponentials only, so that nothing
overflows. Stationary moments of a pair of modes are derived: the solution of A_i C + C A_j^T =
force force^T. Every h > 0 has one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import InputError
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.block_matrices import carried, outer
from langevin_sgd.theory.oscillators import ModePair, Oscillators

_NODES, _WEIGHTS = 0.5 * np.array(np.polynomial.legendre.leggauss(8)) + [[0.5], [0.0]]
"""Gauss-Legendre rule on (0, 1), exact to rounding for an exponential of at most one."""


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
        return np.where(oscillates, envelope * np.cos(angle), real_c), np.where(
            oscillates, oscillating_s, real_s
        )

    def accumulated_decay(self, rate: np.ndarray, time: np.ndarray) -> np.ndarray:
        """See `Oscillators`."""
        t = np.asarray(time, dtype=float)[..., None]
        return np.where(rate == 0, t, -np.expm1(-rate * t) / np.where(rate == 0, 1.0, rate))

    def term_ratio(self, order: int, time: np.ndarray) -> np.ndarray | float:
        """See `Oscillators`."""
        return 1 / (order + 1)

    def added(self, time: np.ndarray, *, pairs: bool) -> np.ndarray:
        """See `Oscillators`: a Gauss-Legendre sum over a short time, doubled until it is `time`."""
        t = np.asarray(time, dtype=float)
        force = np.array(self.force) * self.scale
        fastest = float((self.mean_rate + np.sqrt(np.abs(self.discriminant))).max())
        doublings = max(0, int(np.frexp(t.max(initial=0.0))[1] + np.frexp(2 * fastest)[1]))
        brief = np.ldexp(t, -doublings)
        blocks = brief.reshape(brief.shape + (1,) * (4 if pairs else 3))
        total = np.zeros(1)
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            kick = self.propagator(node * brief) @ force
            total = total + weight * blocks * outer(kick, kick, pairs)
        for _ in range(doublings):
            total = total + carried(self.propagator(brief), total, pairs)
            brief = 2 * brief
        return total

    def pair_moments(self, pair: ModePair) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """See `Oscillators`."""
        b = self.momentum
        divisor = 4 * (1 - b) ** 2 + (1 + b) * pair.total * pair.gap**2
        xv = 2 * pair.gap / divisor
        return 4 * (1 - b) / divisor, xv, -xv, 4 * (1 - b) / (1 + b) / divisor


def langevin_oscillators(settings: SGD, stiffness: np.ndarray) -> LangevinOscillators:
    """Oscillators of the Langevin equation for modes of stiffness eigenvalue + weight decay.

    Raises
    ------
    InputError
        For Nesterov momentum or dampening, for which the equation of Kunin et al. is not written.
    """
    if settings.nesterov or settings.dampening:
        raise InputError(
            "nesterov or dampening: the Langevin law is for plain momentum; DiscreteLaw has both"
        )
    return LangevinOscillators(
        settings.lr * stiffness, settings.momentum, np.array([settings.lr, 1.0])
    )
