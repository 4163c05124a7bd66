r"""Displacement from the spectrum: regimes, exponents, and the paper's displacement sum.

Regimes of one mode (stationary start, q its noise variance per step):

    ballistic   t << t_memory = (1+momentum) / (2 (1-momentum))            lr^2 t^2 Var v
    (exponent 2)
    diffusive   t_memory << t << t_l = (1-momentum) / (lr stiffness)
    lr^2 q t / (1-momentum)^2 (exponent 1)
    saturated   t >> t_l                                                   2 Var theta
    (exponent 0)

Overdamped modes together, Sigma = sigma^2 H without weight decay, h_l = h_1 l^{-s}, l = 1 ... P, s
> 1:

    E|Delta_t|^2 = (lr sigma^2 / (S (1-momentum))) sum_l (1 - exp(-h_l tau')),
    tau' = lr t / (1-momentum)
                 ~ (...) [ (h_1 tau')^{1/s} Gamma(1-1/s) - 1/2 - h_1 tau' P^{1-s} / (s-1) ]

between t_1 and t_P (Euler-Maclaurin; derived): anomalous diffusion with exponent 1/s, from the
density of the Hessian spectrum h^{-alpha}, alpha = 1 + 1/s, as alpha - 1 (Kunin et al., arXiv
2107.09133). With Sigma_l ~ h^p the exponent is alpha - p. A stationary overdamped ensemble is
concave in t and never exceeds exponent 1 (derived).
"""

from __future__ import annotations

import math

import numpy as np

from langevin_sgd.checks import (
    InputError,
    as_array,
    as_count,
    as_instance,
    as_integers,
    as_not_negative,
    as_positive,
    as_real,
    require,
)
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.langevin_law import LangevinLaw
from langevin_sgd.theory.law import Law
from langevin_sgd.theory.settings import as_settings
from langevin_sgd.theory.sgd_map import sgd_oscillators
from langevin_sgd.theory.underflow import vanishing

_BLOCK = 4096
_NARROWEST = 3.0
LONGEST = 10**7
"""Largest lag of the sum over steps."""


# --- regimes --------------------------------------------------------------------------------------


def velocity_memory(settings: SGD) -> float:
    """Steps over which a velocity is remembered, t_memory = (1+momentum) / (2 (1-momentum))."""
    settings = as_settings("settings", settings)
    return (1 + settings.momentum) / (2 * (1 - settings.momentum))


def relaxation_steps(settings: SGD, stiffness: np.ndarray) -> np.ndarray:
    """Steps t_l = (1-momentum) / (lr stiffness) after which overdamped modes saturate.

    They are infinite for free modes.
    """
    settings = as_settings("settings", settings)
    values = as_array("stiffness", stiffness, minimum=0)
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        return (1 - settings.momentum) / (settings.lr * values)


@vanishing
def free_displacement(lag: np.ndarray, settings: SGD, noise: float) -> np.ndarray:
    """Stationary mean-square displacement of SGD without curvature (derived).

    (lr^2 noise / (1-beta)^2) [ t - 2 beta (1-beta^t) / (1-beta^2) ] for heavy-ball SGD, beta the
    momentum; evaluated by the law of a free mode, which loses no digits near momentum one.

    Parameters
    ----------
    lag
        Whole steps.
    settings
        The settings; weight decay plays no part.
    noise
        Noise variance per step along the direction, >= 0.

    Raises
    ------
    InputError
        If lags are not whole steps of zero or above, or the noise is negative.
    """
    free = sgd_oscillators(as_settings("settings", settings), np.zeros(1))
    lags = as_array("lag", lag, minimum=0)
    require(
        bool((lags == np.floor(lags)).all()), "lag", lag, "must be whole steps of zero or above"
    )
    return free.mean_square_displacement(lags, np.array([as_not_negative("noise", noise)]))[..., 0]


# --- exponents ------------------------------------------------------------------------------------


def exponent_between(law: Law, first: float, last: float) -> float:
    """Mean slope of log displacement over log lag between two lags, at stationarity.

    Raises
    ------
    InputError
        If `law` is no law, or the lags are not positive and in order.
    """
    law = as_instance("law", law, Law)
    first, last = as_positive("first", first), as_positive("last", last)
    require(last > first, "last", last, f"must exceed first = {first}")
    displacement = _moving(law, np.array([first, last]))
    return float(np.log(displacement[1] / displacement[0]) / np.log(last / first))


def fitted_exponent(law: Law, lags: np.ndarray) -> float:
    """Least-squares slope of log displacement over log lag at the given lags.

    `langevin_sgd.measure.diffusion_exponent` fits the same line with the same weights: at the
    recorded steps of a run, this is what the exponent of the run estimates.

    Raises
    ------
    InputError
        If the lags are not positive and at least two different ones.
    """
    law, values = as_instance("law", law, Law), as_array("lags", lags, ndim=1)
    usable = np.unique(values).size > 1 and bool((values > 0).all())
    require(usable, "lags", lags, "must be at least two different positive lags")
    return float(np.polyfit(np.log(values), np.log(_moving(law, values)), 1)[0])


def _moving(law: Law, lags: np.ndarray) -> np.ndarray:
    """Displacements at given lags, refused where nothing moves."""
    displacement = law.mean_square_displacement(lags)
    if not (displacement > 0).all():
        raise InputError("law: without noise nothing is displaced, and there is no exponent")
    return displacement


def spectral_exponent(decay: float, *, noise_power: float = 1.0) -> float:
    """Diffusion exponent of a spectrum h_l ~ l^{-decay} with noise Sigma_l ~ h_l^noise_power.

    1 + 1/decay - noise_power where that lies between 0 and 1, else the nearer of the two (1:
    diffusion ruled by the stiff end; 0: saturation).

    Examples
    --------
    >>> spectral_exponent(2.0)
    0.5
    """
    decay, noise_power = as_positive("decay", decay), as_real("noise_power", noise_power)
    return min(max(1 + 1 / decay - noise_power, 0.0), 1.0)


@vanishing
def power_law_displacement(
    lag: np.ndarray,
    settings: SGD,
    *,
    largest: float,
    decay: float,
    modes: int,
    noise_scale: float = 1.0,
) -> np.ndarray:
    """Asymptotic displacement of the spectrum h_l = largest * l^{-decay} (opening formula).

    Parameters
    ----------
    lag
        Steps, between the relaxation of the stiffest and of the softest mode.
    settings
        Settings without weight decay.
    largest, decay, modes
        The spectrum; decay > 1.
    noise_scale
        sigma^2 in Sigma = sigma^2 H, >= 0.

    Raises
    ------
    InputError
        If a number lies outside its range.
    """
    settings, noise_scale = (
        as_settings("settings", settings),
        as_not_negative("noise_scale", noise_scale),
    )
    amplitude = settings.lr * noise_scale / (settings.batch_size * (1 - settings.momentum))
    with np.errstate(over="ignore", invalid="ignore"):
        terms = _power_law_terms(as_array("lag", lag, minimum=0), settings, largest, decay, modes)
        displacement = amplitude * (terms[0] - terms[1] - 0.5)
    finite = bool(np.isfinite(displacement).all())
    require(finite, "largest", largest, "leads to numbers beyond the range of float64")
    return displacement


@vanishing
def exponent_window(
    settings: SGD, *, largest: float, decay: float, modes: int, tolerance: float = 0.03
) -> tuple[float, float]:
    """Range of lags in which `power_law_displacement` has the exponent 1/decay to `tolerance`.

    Also kept clear of the velocity memory (10 t_memory), which the overdamped formula leaves out.

    Parameters
    ----------
    settings, largest, decay, modes
        As in `power_law_displacement`.
    tolerance
        Largest departure of the local exponent; default 0.03, about what a fit over two decades
        resolves.

    Raises
    ------
    InputError
        If there is no such range of at least a factor of three (the local exponent passes 1/decay
        in any case): more modes, a larger tolerance or a steeper spectrum are needed.
    """
    settings, tolerance = as_settings("settings", settings), as_positive("tolerance", tolerance)
    largest, decay, modes = _power_law(largest, decay, modes)
    slowest = relaxation_steps(settings, np.array([largest, largest * float(modes) ** -decay]))
    lag = np.geomspace(
        max(slowest[0], 10 * velocity_memory(settings)), max(slowest[1], 2 * slowest[0]), 4000
    )
    main, linear = _power_law_terms(lag, settings, largest, decay, modes)
    slope = (main / decay - linear) / (main - linear - 0.5)
    good = np.abs(slope - 1 / decay) <= tolerance
    window = lag[good]
    if window.size == 0 or window[-1] < _NARROWEST * window[0]:
        raise InputError(
            f"modes = {modes}: exponent 1/{decay:g} to within "
            f"tolerance = {tolerance:g} has no window; use more modes"
        )
    return float(window[0]), float(window[-1])


def _power_law_terms(
    lag: np.ndarray, settings: SGD, largest: float, decay: float, modes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Leading and linear term of the bracket in the opening formula."""
    largest, decay, modes = _power_law(largest, decay, modes)
    stiff_time = largest * settings.lr * lag / (1 - settings.momentum)
    leading = stiff_time ** (1 / decay) * math.gamma(1 - 1 / decay)
    return leading, stiff_time * float(modes) ** (1 - decay) / (decay - 1)


def _power_law(largest: float, decay: float, modes: int) -> tuple[float, float, int]:
    """Largest eigenvalue, decay and number of modes of a spectrum, converted or refused."""
    largest, decay = as_positive("largest", largest), as_real("decay", decay)
    require(decay > 1, "decay", decay, "must exceed 1; a flatter spectrum diffuses with exponent 1")
    modes = as_count("modes", modes, minimum=2)
    softest = largest * float(modes) ** -decay
    require(
        softest > 1e-300,
        "decay",
        decay,
        f"is too steep for {modes} modes, the softest of which is {softest:.3g}",
    )
    return largest, decay, modes


# --- the paper's sum ------------------------------------------------------------------------------


@vanishing
def paper_displacement(law: LangevinLaw, lag: np.ndarray) -> np.ndarray:
    r"""Global displacement as the paper's sum over the velocity autocorrelation.

    The sum is taken literally, with the autocorrelation of the Langevin equation.

    (lr^2 / (1-momentum^2)) sum_l q_l [ t + 2 t sum_{n=1}^{t} (1-n/t) C_l(n) ]

    with q_l the noise variance per step and C_l(n) = e^{-gamma tau}(c - gamma s) at tau = lr n the
    velocity autocorrelation of the flow (after Kunin et al., arXiv 2107.09133, as recalled, not
    compared with its text). A correlation of continuous time inside a sum over steps leaves a
    linear growth that is not there, `spurious_slope`; the exact law is
    ``mean_square_displacement``.

    Parameters
    ----------
    law
        The Langevin law; its start plays no part.
    lag
        Whole steps from 0 to 10^7, any shape; the sum has a term for every step.

    Returns
    -------
    array of the shape of `lag`

    Raises
    ------
    InputError
        If `law` is no Langevin law, or a lag is not a whole number of steps up to 10^7.
    """
    law, lags = as_instance("law", law, LangevinLaw), as_integers("lag", lag, minimum=0)
    require(
        bool((lags <= LONGEST).all()),
        "lag",
        lag,
        f"must be at most {LONGEST} steps, which are summed one by one",
    )
    noise = np.diag(law.modes.noise)
    count = np.arange(lags.max(initial=0) + 1)
    blocks = [
        noise @ law.oscillators.propagator(part)[..., 1, 1].T
        for part in np.split(count, count[_BLOCK::_BLOCK])
    ]
    correlation = np.concatenate(blocks)
    correlation[0] = 0.0
    plain, weighted = np.cumsum(correlation), np.cumsum(count * correlation)
    total = lags * noise.sum() + 2 * (lags * plain[lags] - weighted[lags])
    return law.settings.lr**2 / (1 - law.settings.momentum**2) * total


@vanishing
def spurious_slope(law: LangevinLaw) -> np.ndarray:
    r"""Growth per step that `paper_displacement` keeps for ever in each mode.

    It is in units of the local displacement.

    1 + 2 sum_{n>=1} C_l(n) = 2 [(I - E)^{-1}]_{vv} - 1, E the propagator of the flow over one step
    (derived); about (1-momentum) / (3 (1+momentum)) for small lr * stiffness. A bound mode has none
    in truth.

    Returns
    -------
    array of shape (eigenmode,)

    Raises
    ------
    InputError
        If a mode is free (stiffness zero), where growth is genuine.
    """
    law = as_instance("law", law, LangevinLaw)
    if not np.all(law.modes.stiffness > 0):
        raise InputError(
            "law: a mode without curvature and weight decay diffuses, its growth is not spurious"
        )
    resolvent = np.linalg.inv(np.eye(2) - law.oscillators.propagator(np.array(1.0)))
    return 2 * resolvent[:, 1, 1] - 1
