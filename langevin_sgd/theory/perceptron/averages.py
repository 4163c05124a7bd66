r"""Averages over a fresh sample: how many are unfit, and how strongly they pull.

A sample is unfit if a |x_1| + s z < kappa, with a the signal w_1/sqrt(d), s the noise
||w_perp||/sqrt(d), kappa the margin and z standard normal: the input along w_perp. With theta its
indicator,

    n = E theta,   g1 = E[|x_1| theta] = M n_{chi+1},   gz = E[z theta],   q = E[z^2 theta]

(n_{chi+1}: n at chi + 1, by |x_1| times the density). Integrated over x = |x_1| at fixed z, or over
z at fixed x,

    n = int phi(t) F((kappa + s t)/a) dt  =  int C x^chi exp(-x^2/2) Phi((kappa - a x)/s) dx ,

F the distribution function of |x_1|. The first integrand is smooth on the scale of its weight for s
<= a, the second for s >= a. With N^2 = a^2 + s^2, h = kappa/N, m = a kappa/(s N), the weights of gz
and q combine to one Gaussian,

    gz     = -sqrt(2 pi) C phi(h) (s/N)^(1+chi) int u^chi phi(u-m) du ,
    q - n  = sqrt(2 pi) C phi(h) (s/N)^(1+chi) int u^chi [(a/N)(u-m) - (s/N) h] phi(u-m) du ,
    u > 0 .

Closed forms: at kappa = 0, with x = s^2/N^2 and I the regularised incomplete beta function,

    n = I_x((1+chi)/2, 1/2)/2,   gz = -x^((1+chi)/2)/sqrt(2 pi),   q = n - a gz_{chi+1} M / s ;

at chi = 0, with T Owen's function, n = Phi(m) erf(h/sqrt 2) + 2 T(m, s/a) and gz = -2 (s/N) phi(h)
Phi(m) (both free of cancellation); at s = 0, n = P((1+chi)/2, kappa^2/(2 a^2)), the regularised
lower incomplete gamma function. Derived. Relative accuracy 1e-11 or better for -0.9 <= chi <= 100
and any ratio of a, s and kappa; towards chi = -1 that of gz is lost where almost all is unfit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import as_array, require
from langevin_sgd.theory.perceptron.half_line import half_line_rule
from langevin_sgd.theory.perceptron.inputs import (
    LARGEST_SIZE,
    Array,
    as_integrable_chi,
    as_size,
    as_sizes,
    density_amplitude,
    mean_projection,
)
from langevin_sgd.theory.underflow import vanishing

_ROOT_TWO_PI = math.sqrt(2 * math.pi)
_TINY = 1e-150


@dataclass(frozen=True, eq=False)
class Averages:
    """Averages over fresh samples; floats or arrays of the shape of the state.

    Parameters
    ----------
    n
        Fraction of samples that are unfit.
    g1
        E[|x_1| theta] >= 0: what drives the signal.
    gz
        E[z theta] <= 0: what pulls the noise back.
    q
        E[z^2 theta].
    """

    n: Array
    g1: Array
    gz: Array
    q: Array


@vanishing
def averages(
    signal: float | Array, noise: float | Array, *, chi: float = 0.0, margin: float
) -> Averages:
    """Averages n, g1, gz, q over a fresh sample.

    Parameters
    ----------
    signal, noise
        a and s, >= 0, in units of the margin; they broadcast. At noise 0 the limit s -> 0, and with
        signal and margin 0 as well nothing is unfit (the inequality is strict).
    chi
        Depletion exponent, > -1 and at most 100; default 0, Gaussian data.
    margin
        kappa, zero or from 1e-50 to 1e50, which signal and noise must not exceed either.

    Raises
    ------
    InputError
        If an argument is out of range.

    Examples
    --------
    >>> state = averages(1.3, 0.4, chi=0, margin=0.2)
    >>> [round(float(value), 8) for value in (state.n, state.g1, state.gz, state.q)]
    [0.16438312, 0.0359716, -0.15868788, 0.23647872]
    """
    chi, margin = as_integrable_chi("chi", chi), as_size("margin", margin)
    a, s = together(as_sizes("signal", signal), as_sizes("noise", noise))
    n = unfit_fraction(a, s, chi, margin)
    gz, excess = noise_averages(a, s, chi, margin)
    return Averages(
        n=n, g1=mean_projection(chi) * unfit_fraction(a, s, chi + 1, margin), gz=gz, q=n + excess
    )


@vanishing
def test_error(signal: float | Array, noise: float | Array, *, chi: float) -> Array:
    """Population test error, I_x((1+chi)/2, 1/2)/2 with x = s^2/(a^2+s^2).

    It is the tail of Student's t distribution.

    Parameters
    ----------
    signal
        w_1/sqrt(d); may be negative (error above one half). NaN, weights that diverged, has the
        error NaN.
    noise
        ||w_perp||/sqrt(d) >= 0, or NaN. Weights of zero guess: error 1/2.
    chi
        Depletion exponent, > -1.

    Raises
    ------
    InputError
        If the noise is negative, a number is too large, or shapes do not go together.

    Examples
    --------
    >>> round(float(test_error(1.0, 1.0, chi=1)), 7)
    0.1464466
    """
    chi = as_integrable_chi("chi", chi)
    a, s = together(
        as_array("signal", signal, finite=False), as_array("noise", noise, finite=False)
    )
    allowed = f"must be NaN or at most {LARGEST_SIZE:g} in size"
    require(not bool((np.abs(a) > LARGEST_SIZE).any()), "signal", signal, allowed)
    require(
        not bool((s < 0).any() or (s > LARGEST_SIZE).any()),
        "noise",
        noise,
        f"{allowed}, and not negative",
    )
    aligned = np.where((a == 0) & (s == 0), 0.5, _zero_margin_fraction(np.abs(a), s, chi))
    return np.where(np.isnan(a) | np.isnan(s), np.nan, np.where(a < 0, 1 - aligned, aligned))


def together(signal: Array, noise: Array) -> tuple[Array, Array]:
    """Return signal and noise in their common shape.

    Raises
    ------
    InputError
        If their shapes do not go together.
    """
    try:
        a, s = np.broadcast_arrays(signal, noise)
    except ValueError:
        require(
            False,
            "noise",
            noise.shape,
            f"must have a shape that goes with that of signal, {signal.shape}",
        )
    return a, s


def unfit_fraction(a: Array, s: Array, chi: float, margin: float) -> Array:
    """Return n for two arrays of one shape, unchecked."""
    if margin == 0:
        return _zero_margin_fraction(a, s, chi)
    a, s = _off_the_axes(a, s, margin)
    if chi == 0:
        return _gaussian_fraction(a, s, margin)
    quiet = s <= a
    if quiet.all():
        return _over_noise(a, s, chi, margin)
    if not quiet.any():
        return _over_projection(a, s, chi, margin)
    n = np.empty_like(a)
    n[quiet] = _over_noise(a[quiet], s[quiet], chi, margin)
    n[~quiet] = _over_projection(a[~quiet], s[~quiet], chi, margin)
    return n


def noise_averages(a: Array, s: Array, chi: float, margin: float) -> tuple[Array, Array]:
    """Return gz and q - n for two arrays of one shape, unchecked."""
    if margin == 0:
        cosine, sine = _direction(a, s)
        return -(sine ** (1 + chi)) / _ROOT_TWO_PI, mean_projection(
            chi
        ) / _ROOT_TWO_PI * cosine * sine ** (1 + chi)
    moving = s > 0
    a, s = _off_the_axes(a, s, margin)
    norm = np.hypot(a, s)
    # beyond a height of 39 the Gaussian factor is zero in floating point
    cosine, sine, height = a / norm, s / norm, np.minimum(margin / norm, 50.0)
    t, distance, weight = half_line_rule(chi, a / s * height)
    weight = weight * (sine[..., None] * distance) ** chi
    front = np.where(moving, density_amplitude(chi) * sine * np.exp(-0.5 * height**2), 0.0)
    pull = weight.sum(axis=-1)
    return -front * pull, front * (cosine * (weight * t).sum(axis=-1) - sine * height * pull)


def _zero_margin_fraction(a: Array, s: Array, chi: float) -> Array:
    from scipy.special import betainc, betaincc

    cosine, sine = _direction(a, s)
    half = (1 + chi) / 2
    # two forms of one function: the argument of each keeps its digits where the other loses them
    return (
        0.5
        * np.where(a > s, betainc(half, 0.5, sine**2), betaincc(0.5, half, cosine**2))
        * (a + s > 0)
    )


def _gaussian_fraction(a: Array, s: Array, margin: float) -> Array:
    from scipy.special import erf, ndtr, owens_t

    height = margin / np.hypot(a, s)
    middle = a / s * height
    return ndtr(middle) * erf(height / math.sqrt(2)) + 2 * owens_t(middle, s / a)


def _over_noise(a: Array, s: Array, chi: float, margin: float) -> Array:
    from scipy.special import gammainc

    t, _, weight = half_line_rule(chi + 1, margin / s)
    x = (margin + s[..., None] * t) / a[..., None]
    return (weight * gammainc((1 + chi) / 2, 0.5 * x * x)).sum(axis=-1)


def _over_projection(a: Array, s: Array, chi: float, margin: float) -> Array:
    from scipy.special import ndtr

    x, _, weight = half_line_rule(chi, np.zeros(()))
    density = density_amplitude(chi) * _ROOT_TWO_PI * weight * x**chi
    return (density * ndtr((margin - a[..., None] * x) / s[..., None])).sum(axis=-1)


def _direction(a: Array, s: Array) -> tuple[Array, Array]:
    """Cosine and sine of the angle of the weights to the teacher; zero weights have neither."""
    largest = np.maximum(a, s)
    largest = np.where(largest > 0, largest, 1.0)
    a, s = a / largest, s / largest  # so that no square vanishes
    norm = np.hypot(a, s)
    norm = np.where(norm > 0, norm, 1.0)
    return a / norm, s / norm


def _off_the_axes(a: Array, s: Array, margin: float) -> tuple[Array, Array]:
    """Move a and s off zero, so that their ratios are finite and no average notices."""
    a = np.maximum(a, _TINY * margin)
    return a, np.maximum(s, _TINY * (a + margin))
