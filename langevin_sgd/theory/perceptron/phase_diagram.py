r"""Three regimes in the plane of batch size and learning rate, and their borders.

From w = 0 every sample is unfit, so the first step has a = lr M/d in the mean and ||w_perp|| of
mean square lr^2 (d-1)/(d B). Later steps move less, as fewer samples are unfit. The weights at the
stop are set by the largest of

    descent      a = kappa A',   A' = (C P/((1+chi) c' d))^(1/(1+chi))
    margin and data alone
    noise        a = T A,        A  = (s_qs/T) (C J_chi(0) P/(c d))^(1/(1+chi))   T = lr/B alone
    first_step   a = lr M/d
    the learning rate alone

(derived; regimes of Sclocchi and Wyart, arXiv 2309.10688). The borders are T = T_x = kappa A'/A
between noise and descent, lr = kappa A' d/M between first step and descent, and B* = A d/M ~ d
(P/d)^gamma between noise and first step; they meet in one point, (B*, T_x B*). They are crossovers,
a factor of about four wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from langevin_sgd.checks import as_count, as_positive, convert_fields
from langevin_sgd.theory.perceptron.inputs import (
    as_integrable_chi,
    as_positive_size,
    as_size,
    density_amplitude,
    held,
    mean_projection,
)
from langevin_sgd.theory.perceptron.late_stage import late_integral, quasi_stationary_noise
from langevin_sgd.theory.perceptron.stopping import crossover_temperature
from langevin_sgd.theory.underflow import vanishing

Regime = Literal["descent", "noise", "first_step"]


@dataclass(frozen=True)
class FirstStep:
    """Weights after one step from w = 0, where every sample is unfit.

    Exact for fresh samples, at any d, lr and B.

    Parameters
    ----------
    signal, signal_deviation
        Mean and standard deviation of a = w_1/sqrt(d).
    noise
        Mean of s = ||w_perp||/sqrt(d).
    noise_square
        Mean of s^2.
    """

    signal: float
    signal_deviation: float
    noise: float
    noise_square: float


@vanishing
def step_one(*, chi: float = 0.0, lr: float, batch_size: int, dimension: int) -> FirstStep:
    """Signal and noise after the first step of SGD (opening text).

    The noise w_perp is Gaussian in d - 1 dimensions.

    Parameters
    ----------
    chi
        Depletion exponent, > -1; default 0.
    lr, batch_size, dimension
        lr >= 0; B >= 1; d >= 2.

    Examples
    --------
    >>> round(step_one(chi=1, lr=32.0, batch_size=4, dimension=32).signal, 6)
    1.253314
    """
    chi, lr = as_integrable_chi("chi", chi), as_size("lr", lr)
    batch_size = as_count("batch_size", batch_size)
    dimension = as_count("dimension", dimension, 2)
    reach, mean = lr / dimension, mean_projection(chi)
    length = math.sqrt(2) * _half_step((dimension - 1) / 2)
    return FirstStep(
        signal=reach * mean,
        signal_deviation=reach * math.sqrt((1 + chi - mean**2) / batch_size),
        noise=reach * length / math.sqrt(batch_size),
        noise_square=reach**2 * (dimension - 1) / batch_size,
    )


@vanishing
def critical_batch_size(*, chi: float = 0.0, points: int, dimension: int, constant: float) -> float:
    """B* = A d/M, the batch size above which the first step outweighs the noise.

    It depends on neither margin nor lr.

    Parameters
    ----------
    chi
        Depletion exponent, > -1; default 0.
    points, dimension
        P >= 1 and d >= 2.
    constant
        c of the stop P n = c d, > 0 (measured values in `stopping`).

    Examples
    --------
    >>> round(critical_batch_size(chi=1, points=1024, dimension=32, constant=0.25))
    45
    """
    chi, points = as_integrable_chi("chi", chi), as_count("points", points)
    dimension = as_count("dimension", dimension, 2)
    constant = as_positive("constant", constant)
    return (
        _signal_per_temperature(chi, points / (constant * dimension))
        * dimension
        / mean_projection(chi)
    )


def _half_step(x: float) -> float:
    """Gamma(x + 1/2) / Gamma(x), beyond 100 by its asymptotic series, to a relative 1e-13."""
    if x < 100:
        return math.exp(math.lgamma(x + 0.5) - math.lgamma(x))
    series = (
        1
        - 1 / (8 * x)
        + 1 / (128 * x**2)
        + 5 / (1024 * x**3)
        - 21 / (32768 * x**4)
        - 399 / (262144 * x**5)
    )
    return math.sqrt(x) * series


def _signal_per_temperature(chi: float, inverse_unfit: float) -> float:
    loud = quasi_stationary_noise(chi=chi, margin=0.0, temperature=1.0)
    reach = density_amplitude(chi) * float(late_integral(chi, 0.0))
    with np.errstate(over="ignore"):
        return held("chi", chi, float(loud * np.float64(reach * inverse_unfit) ** (1 / (1 + chi))))


@dataclass(frozen=True, kw_only=True)
class PhaseDiagram:
    """The regimes for one data set.

    Parameters
    ----------
    chi
        Depletion exponent, > -1; default 0.
    margin
        kappa > 0.
    points, dimension
        P >= 1 and d >= 2.
    constant
        c of the stop P n = c d with noise, > 0 (measured values in `stopping`).
    constant_ratio
        c over its value in gradient descent, > 0; default 1 (see `crossover_temperature`).

    Raises
    ------
    InputError
        If a field is out of range.

    Examples
    --------
    >>> diagram = PhaseDiagram(chi=1, margin=0.03, points=1024, dimension=32, constant=0.25)
    >>> diagram.regime(batch_size=4, lr=4.0), diagram.regime(batch_size=256, lr=256.0)
    ('noise', 'first_step')
    """

    chi: float = 0.0
    margin: float
    points: int
    dimension: int
    constant: float
    constant_ratio: float = 1.0

    def __post_init__(self) -> None:
        convert_fields(
            self,
            {
                "chi": as_integrable_chi,
                "margin": as_positive_size,
                "points": as_count,
                "dimension": lambda name, value: as_count(name, value, 2),
                "constant": as_positive,
                "constant_ratio": as_positive,
            },
        )

    @property
    def signal_per_temperature(self) -> float:
        """A = a/T at the stop of the noise branch."""
        return _signal_per_temperature(self.chi, self.points / (self.constant * self.dimension))

    @property
    def critical_batch_size(self) -> float:
        """B*, the batch size above which the first step rules; lr must be above `first_step_lr`."""
        return critical_batch_size(
            chi=self.chi, points=self.points, dimension=self.dimension, constant=self.constant
        )

    @property
    def crossover_temperature(self) -> float:
        """T_x, the temperature above which noise rules, for batches below B*."""
        return crossover_temperature(
            chi=self.chi, margin=self.margin, constant_ratio=self.constant_ratio
        )

    @property
    def first_step_lr(self) -> float:
        """T_x B*, the lr above which the first step exceeds the weights of gradient descent."""
        return self.crossover_temperature * self.critical_batch_size

    def signals(self, *, batch_size: float, lr: float) -> dict[Regime, float]:
        """Signal a at the stop that each of the three mechanisms would give alone."""
        batch_size = as_positive("batch_size", batch_size)
        lr = as_size("lr", lr)
        return {
            "descent": self.crossover_temperature * self.signal_per_temperature,
            "noise": lr / batch_size * self.signal_per_temperature,
            "first_step": lr * mean_projection(self.chi) / self.dimension,
        }

    def regime(self, *, batch_size: float, lr: float) -> Regime:
        """The mechanism that gives the largest signal."""
        signals = self.signals(batch_size=batch_size, lr=lr)
        return max(signals, key=lambda name: signals[name])
