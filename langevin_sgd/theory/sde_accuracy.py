r"""How far the Langevin equation is from SGD, as a function of lr * stiffness and momentum.

A mode exp(s k) of step k obeys, in the heavy-ball map and in the Langevin equation (derived, by
inserting it),

    (1+beta) (cosh s - 1) + (1-beta) sinh s + h = 0        and
    (1+beta) s^2 / 2 + (1-beta) s + h = 0 ,

h = lr * stiffness. So slow rates agree to O(h^2), the damping exponent of an oscillation to x^3/3
with x = (1-beta)/(1+beta), stationary variances to the factor 1 - h / (2 (1+beta)). The fast
friction mode and displacements within one step are not resolved unless beta is near one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import as_array, as_complex_array, as_fraction, require
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.oscillator_propagator import langevin_oscillators
from langevin_sgd.theory.rotation import winding_per_step
from langevin_sgd.theory.sgd_map import sgd_oscillators
from langevin_sgd.theory.stability import require_stable
from langevin_sgd.theory.underflow import vanishing

_FASTEST = 700.0
"""Rates whose exponential float64 can hold."""


@dataclass(frozen=True, eq=False)
class SdeError:
    """SGD against the Langevin equation, mode by mode; arrays over the given lr * stiffness.

    Parameters
    ----------
    variance_ratio
        Stationary variance of SGD over that of the equation, the same for position and velocity.
    decay
        Factor per step of the slowest part: (SGD, equation).
    frequency
        Phase advance per step, radians, 0 without oscillation: (SGD, equation).
    winding
        Mean advance of the phase-space angle per step: (SGD, equation).
    displacement_ratio
        (lag, mode) Mean-square displacement of the equation over that of SGD.
    """

    variance_ratio: np.ndarray
    decay: tuple[np.ndarray, np.ndarray]
    frequency: tuple[np.ndarray, np.ndarray]
    winding: tuple[np.ndarray, np.ndarray]
    displacement_ratio: np.ndarray


@vanishing
def sde_error(
    lr_times_stiffness: np.ndarray, momentum: float, *, lags: np.ndarray | tuple[int, ...] = ()
) -> SdeError:
    """Compare the equation with SGD.

    Parameters
    ----------
    lr_times_stiffness
        (mode,), each > 0 and below the stability limit 2 (1+momentum).
    momentum
        0 <= momentum < 1.
    lags
        Whole steps of one or more at which displacements are compared; none by default.

    Raises
    ------
    InputError
        If an argument is out of range or a mode is unstable.

    Examples
    --------
    >>> round(float(sde_error(np.array([1.0]), 0.9).variance_ratio[0]), 3)
    1.357
    """
    h = _stiffness(lr_times_stiffness)
    require(
        bool((h > 0).all()), "lr_times_stiffness", lr_times_stiffness, "must be numbers above zero"
    )
    settings = SGD(lr=1.0, batch_size=1, momentum=momentum)
    require_stable(settings, h)
    noise = np.ones_like(h)
    exact, equation = sgd_oscillators(settings, h), langevin_oscillators(settings, h)
    steps = as_array("lags", lags, minimum=1)
    require(
        bool((steps == np.floor(steps)).all()), "lags", lags, "must be whole steps of one or more"
    )
    return SdeError(
        variance_ratio=exact.stationary(noise)[:, 1, 1] / equation.stationary(noise)[:, 1, 1],
        decay=(exact.decay_per_step, equation.decay_per_step),
        frequency=(exact.frequency, equation.frequency),
        winding=(winding_per_step(exact), winding_per_step(equation)),
        displacement_ratio=equation.mean_square_displacement(steps, noise)
        / exact.mean_square_displacement(steps, noise),
    )


@vanishing
def exact_dispersion(
    rate: np.ndarray, lr_times_stiffness: np.ndarray, momentum: float
) -> np.ndarray:
    """Left-hand side of the dispersion relation of the map at complex rates s per step.

    It is complex, and zero for the modes of the map.

    Raises
    ------
    InputError
        If rates are too large, or shapes do not go together.
    """
    s, momentum = as_complex_array("rate", rate), as_fraction("momentum", momentum)
    h = as_array("lr_times_stiffness", lr_times_stiffness, minimum=0)
    require(
        bool((np.abs(s) <= _FASTEST).all()), "rate", rate, f"must be at most {_FASTEST:g} in size"
    )
    try:
        s, h = np.broadcast_arrays(s, h)
    except ValueError:
        require(
            False,
            "rate",
            rate,
            f"must have a shape that goes with that of lr_times_stiffness, {h.shape}",
        )
    return (1 + momentum) * (np.cosh(s) - 1) + (1 - momentum) * np.sinh(s) + h


@vanishing
def mode_rates(lr_times_stiffness: np.ndarray, momentum: float) -> tuple[np.ndarray, np.ndarray]:
    """Return each mode's complex rate s per step, of its slowest part: (SGD, Langevin).

    Its real part is the logarithm of the decay per step, its imaginary part the frequency; SGD
    beyond (1 + sqrt(momentum))^2 flips sign every step and has imaginary part pi. A mode that is
    gone after one step has the real part minus infinity.

    Parameters
    ----------
    lr_times_stiffness
        (mode,), each >= 0.
    momentum
        0 <= momentum < 1.

    Raises
    ------
    InputError
        If an argument is out of range.
    """
    h = _stiffness(lr_times_stiffness)
    settings = SGD(lr=1.0, batch_size=1, momentum=momentum)
    exact, equation = sgd_oscillators(settings, h), langevin_oscillators(settings, h)
    flips = (exact.discriminant >= 0) & (exact.mean_rate > 1)
    phase = np.where(flips, np.pi, exact.frequency)
    with np.errstate(divide="ignore"):
        return (
            np.log(exact.decay_per_step) + 1j * phase,
            np.log(equation.decay_per_step) + 1j * equation.frequency,
        )


def _stiffness(lr_times_stiffness: np.ndarray) -> np.ndarray:
    """Return lr * stiffness of at least one mode, (mode,)."""
    h = np.atleast_1d(as_array("lr_times_stiffness", lr_times_stiffness, ndim=(0, 1), minimum=0))
    require(h.size > 0, "lr_times_stiffness", lr_times_stiffness, "must hold at least one number")
    return h
