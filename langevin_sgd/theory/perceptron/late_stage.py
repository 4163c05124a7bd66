r"""Late stage, signal far above noise and margin: growth of the signal, exponents.

The noise is then quasi-stationary.

Only samples with |x_1| of order r = s/a are unfit, so the density of |x_1| is C x^chi and, with k =
kappa/s,

    n = C r^(1+chi) J_chi(k),   gz = -C r^(1+chi) J'_chi(k),   g1 = C r^(2+chi) J_{chi+1}(k),
    J_c(k) = int u^c Phi(k-u) du = J'_{c+1}(k)/(c+1),   J'_c(k) = int u^c phi(u-k) du,   u > 0 .

The noise relaxes (a/s)^2 times faster than the signal grows; it sits where ds/dtau = gz + T n/(2 s)
vanishes, and the signal grows over this noise (derived):

    s = (T/2) J_chi(k)/J'_chi(k),    a^(chi+3) = (chi+3) C s^(chi+2) J_{chi+1}(k) tau .

Limits of s: T Gamma(chi/2+1) / (2 sqrt2 Gamma((chi+3)/2)) for T >> kappa, sqrt(kappa T/(2(1+chi)))
for T << kappa. On P points used again and again, and T << kappa, the training set itself keeps up a
noise: `quenched_noise`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import as_chi, as_count, as_real, require
from langevin_sgd.theory.perceptron.half_line import half_line_moment
from langevin_sgd.theory.perceptron.inputs import (
    LARGEST_CHI,
    Array,
    as_integrable_chi,
    as_positive_size,
    as_size,
    as_sizes,
    density_amplitude,
    held,
    not_negative,
)
from langevin_sgd.theory.underflow import vanishing

_FAR = 1e10
"""Ratio kappa/s beyond which the balance of the noise has its limit, to rounding."""


@dataclass(frozen=True)
class Exponents:
    """Powers of the perceptron's scaling laws (`derive_exponents`).

    They follow from the late stage and the stop at P n = c d.

    Parameters
    ----------
    gamma
        ||w|| ~ T^delta P^gamma: 1/(1+chi).
    b
        t* ~ T P^b: (3+chi)/(1+chi) = gamma/growth.
    delta
        1, by homogeneity.
    crossover
        T at which ||w|| reaches a fixed threshold ~ P^(-crossover): gamma/delta.
    growth
        a ~ tau^growth: 1/(chi+3).
    """

    gamma: float
    b: float
    delta: float
    crossover: float
    growth: float


def exponents(chi: float = 0.0) -> Exponents:
    """Exponents of the perceptron for one chi > -1.

    Examples
    --------
    >>> law = exponents(1)
    >>> law.gamma, law.b, law.delta, law.growth
    (0.5, 2.0, 1.0, 0.25)
    """
    chi = as_chi("chi", chi)
    gamma = 1 / (1 + chi)
    return Exponents(
        gamma=gamma, b=(3 + chi) / (1 + chi), delta=1.0, crossover=gamma, growth=1 / (chi + 3)
    )


@vanishing
def late_integral(power: float, margin_over_noise: float | Array) -> Array:
    """J_c(k), the integral of u^c Phi(k-u) over u > 0, for c > -1 and k >= 0.

    It grows like k^(c+1)/(c+1) for large k.

    Examples
    --------
    >>> round(float(late_integral(1.0, 0.0)), 12)
    0.25
    """
    power, end = _late("power", power, margin_over_noise)
    with np.errstate(over="ignore"):
        return held(
            "margin_over_noise", margin_over_noise, half_line_moment(power + 1, end) / (power + 1)
        )


@vanishing
def late_pull(power: float, margin_over_noise: float | Array) -> Array:
    """J'_c(k), the integral of u^c phi(u-k) over u > 0, for c > -1 and k >= 0."""
    power, end = _late("power", power, margin_over_noise)
    with np.errstate(over="ignore"):
        return held("margin_over_noise", margin_over_noise, half_line_moment(power, end))


def _late(name: str, power: float, margin_over_noise: float | Array) -> tuple[float, Array]:
    """Power and distance of a late integral, converted or refused."""
    allowed = f"must be a number above -1 and at most {LARGEST_CHI + 1:g}"
    number = as_real(name, power, allowed)
    require(-1 < number <= LARGEST_CHI + 1, name, power, allowed)
    return number, not_negative("margin_over_noise", margin_over_noise)


@vanishing
def quasi_stationary_noise(*, chi: float = 0.0, margin: float, temperature: float) -> float:
    """Noise s of the late stage, the root of s = (T/2) J_chi(kappa/s)/J'_chi(kappa/s).

    Parameters
    ----------
    chi
        Depletion exponent, > -1; default 0.
    margin, temperature
        kappa, T >= 0. At T = 0 the noise is 0, at kappa = 0 it is proportional to T.

    Examples
    --------
    >>> round(quasi_stationary_noise(margin=1.0, temperature=1.0), 6)
    0.754205
    """
    chi, margin, temperature = (
        as_integrable_chi("chi", chi),
        as_size("margin", margin),
        as_size("temperature", temperature),
    )
    loud = temperature * _balance(chi, 0.0)
    if temperature == 0 or margin == 0:
        return loud
    quiet = math.sqrt(margin) * math.sqrt(temperature) / math.sqrt(2 * (1 + chi))
    # for chi >= 0 the root lies between the larger limit and the sum of both, for chi > -0.95
    # within these factors of them; nearer to -1 the bracket is widened
    return _root(chi, margin, temperature, max(loud * (1 - 1e-9), quiet / 3), 2 * (loud + quiet))


@vanishing
def signal_growth(
    tau: float | Sequence[float] | Array, *, chi: float = 0.0, margin: float, temperature: float
) -> Array:
    """Signal a(tau) of the late stage; at T = 0 the growth of gradient descent without noise.

    Parameters
    ----------
    tau
        Times lr * steps / d >= 0; the law holds where the result is far above noise and margin.
    chi, margin, temperature
        As for `quasi_stationary_noise`.

    Examples
    --------
    >>> round(float(signal_growth(1e6, margin=0.0, temperature=1.0)), 3)
    45.667
    """
    chi, margin, temperature = (
        as_integrable_chi("chi", chi),
        as_size("margin", margin),
        as_size("temperature", temperature),
    )
    times, unit = not_negative("tau", tau), max(margin, temperature) or 1.0
    s = quasi_stationary_noise(chi=chi, margin=margin, temperature=temperature) / unit
    speed = (chi + 3) * density_amplitude(chi) * _drive(chi, s, margin / unit)
    with np.errstate(over="ignore"):
        return held("tau", tau, unit * (speed * (times / unit)) ** (1 / (chi + 3)))


def late_passage(unfit: float, *, chi: float, margin: float, temperature: float) -> float:
    """Time at which the late stage has come down to a fraction of unfit samples; unchecked.

    It is infinite beyond float64.
    """
    s = quasi_stationary_noise(chi=chi, margin=margin, temperature=temperature)
    if max(s, margin) == 0:
        return 0.0
    amplitude = density_amplitude(chi)
    log_signal = (math.log(amplitude * _drive(chi - 1, s, margin)) - math.log(unfit)) / (1 + chi)
    log_time = (chi + 3) * log_signal - math.log((chi + 3) * amplitude * _drive(chi, s, margin))
    return math.exp(log_time) if log_time < 700 else math.inf


@vanishing
def quenched_noise(
    signal: float | Array,
    *,
    chi: float = 0.0,
    margin: float,
    temperature: float,
    points: int,
    dimension: int,
) -> Array:
    """Noise s at T << kappa on P points used again and again (derived; for s << kappa).

    s^2 = (a^2/(C (1+chi))) (d/P) (kappa/a)^(1-chi) + kappa T/(2 (1+chi)): the first term balances
    the pull of the unfit points against the random sum of those same points, which the dynamics
    cannot average out; the second is the noise of the batches. The first reaches kappa^2, where the
    points get fitted, at (a/kappa)^(1+chi) ~ P/d.

    Parameters
    ----------
    signal
        a > 0.
    chi, margin, temperature
        Data law, margin > 0 and T = lr/B >= 0.
    points, dimension
        P and d, >= 1.

    Raises
    ------
    InputError
        If an argument lies outside its range, or the result beyond float64.

    Examples
    --------
    >>> round(float(quenched_noise(2.16, margin=1.0, temperature=0.1, points=5000, dimension=64)),
    ...     3)
    0.291
    """
    chi, margin = as_integrable_chi("chi", chi), as_positive_size("margin", margin)
    temperature = as_size("temperature", temperature)
    points = as_count("points", points)
    dimension = as_count("dimension", dimension)
    a = as_sizes("signal", signal)
    require(bool(np.all(a > 0)), "signal", signal, "must be positive")
    with np.errstate(over="ignore", invalid="ignore"):
        frozen = a**2 / density_amplitude(chi) * dimension / points * (margin / a) ** (1 - chi)
        return held("signal", signal, np.sqrt((frozen + margin * temperature / 2) / (1 + chi)))


def _balance(chi: float, margin_over_noise: float) -> float:
    """s/T in balance, J_chi/(2 J'_chi); half its argument over chi + 1 where that is large."""
    if margin_over_noise > _FAR:
        return margin_over_noise / (2 * (1 + chi))
    return float(late_integral(chi, margin_over_noise) / late_pull(chi, margin_over_noise)) / 2


def _root(chi: float, margin: float, temperature: float, low: float, high: float) -> float:
    from scipy.optimize import brentq

    def excess(s: float) -> float:
        return temperature * _balance(chi, margin / s) - s

    while excess(low) < 0:
        low /= 2
    while excess(high) > 0:
        high *= 2
    return float(brentq(excess, low, high, xtol=1e-300, rtol=1e-14))


def _drive(chi: float, s: float, margin: float) -> float:
    """s^(chi+2) J_{chi+1}(kappa/s), with its limit kappa^(chi+2)/(chi+2) where s is negligible."""
    if s <= 1e-12 * margin:
        return margin ** (chi + 2) / (chi + 2)
    return s ** (chi + 2) * float(late_integral(chi + 1, margin / s))
