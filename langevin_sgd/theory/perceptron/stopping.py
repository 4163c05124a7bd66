r"""Where training on P points stops, how that depends on P, d and T, and on the noise.

Zero loss is reached when the unfit points, P n of them, can be satisfied together by about d
adjustable directions:

    P n = c d ,

c depends on chi and weakly on d: measured .5 at chi = 0, .25 at 1, .08 at 3 with noise (T >> kappa,
B = 1, d = 8 to 256), and .86 to 1.02, .73 to .97 at chi = 0, 1 by gradient descent. With the late
stage (`late_stage`)

    r = (c d/(P C J_chi(k)))^(1/(1+chi)),   a = s/r,   ||w|| = sqrt(d (a^2 + s^2)),   t = d tau(a),

so ||w|| ~ T sqrt(d) (P/d)^gamma, and at fixed d t ~ T P^b. Here a and tau come from the flow
itself, not its asymptote. The criterion is empirical and c an input. The powers of P are right. The
time is that at which the flow comes to P n = c d, not that of training: below P n = 5 d points that
are used again slow the signal, and the last visits wait for the unfit *training* points, whose
number goes to order one. Training goes on for 2.5, 4.5, 6.9 and 10.5 times the time of the flow at
d = 32, 64, 128 and 256 (measured), so that at a fixed P/d t/(T d) is no constant and no power of d.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import as_array, as_count, as_positive, require
from langevin_sgd.theory.perceptron.averages import test_error
from langevin_sgd.theory.perceptron.flow import flow_until
from langevin_sgd.theory.perceptron.inputs import Array, as_integrable_chi, as_size, held
from langevin_sgd.theory.perceptron.late_stage import late_integral, quasi_stationary_noise
from langevin_sgd.theory.underflow import vanishing


@dataclass(frozen=True, eq=False)
class StoppedFlow:
    """State at which training is predicted to stop; floats or arrays of the shape of `points`.

    Parameters
    ----------
    unfit
        n = c d / P, the fraction of fresh samples that are unfit.
    signal, noise
        a and s.
    ratio
        r = s/a.
    norm
        ||w|| = sqrt(d (a^2 + s^2)).
    time
        t* = lr * steps.
    test_error
        Population test error.
    """

    unfit: Array
    signal: Array
    noise: Array
    ratio: Array
    norm: Array
    time: Array
    test_error: Array


@vanishing
def stopping(
    *,
    chi: float = 0.0,
    temperature: float,
    margin: float,
    points: int | Sequence[int] | Array,
    dimension: int,
    constant: float,
) -> StoppedFlow:
    """Follow the flow to P n = c d.

    Parameters
    ----------
    chi, temperature, margin
        Data law, > -1, default 0; T, kappa >= 0, not both 0.
    points
        P > c d; several at once are as cheap as the largest.
    dimension
        d >= 2.
    constant
        c > 0; see the opening text for measured values.

    Raises
    ------
    InputError
        If an argument is out of range.

    Examples
    --------
    >>> stop = stopping(temperature=1.0, margin=1e-3, points=[4096, 8192], dimension=128,
    ...     constant=0.5)
    >>> round(float(np.log2(stop.time[1] / stop.time[0])), 2)
    3.0
    """
    constant = as_positive("constant", constant)
    dimension = as_count("dimension", dimension, 2)
    moves = as_size("margin", margin) > 0 or as_size("temperature", temperature) > 0
    require(moves, "margin", margin, "must be positive when temperature = 0")
    allowed = f"must be whole and above constant * dimension = {constant * dimension:g}"
    counts = as_array("points", points, allowed=allowed)
    fit = bool(np.all((counts > constant * dimension) & (counts == np.floor(counts))))
    require(fit, "points", points, allowed)
    unfit = constant * dimension / counts
    tau, a, s = flow_until(unfit, chi=chi, margin=margin, temperature=temperature)
    return StoppedFlow(
        unfit=unfit,
        signal=a,
        noise=s,
        ratio=s / a,
        norm=np.sqrt(dimension) * np.hypot(a, s),
        time=dimension * tau,
        test_error=test_error(a, s, chi=chi),
    )


@vanishing
def local_exponents(
    unfit: float | Sequence[float] | Array, *, chi: float = 0.0, margin: float, temperature: float
) -> tuple[Array, Array]:
    """Local slopes of the flow at given fractions n of unfit samples.

    They are gamma = -d ln a/d ln n and b = -d ln tau/d ln n.

    With the stop at P n = c d they are what fits of ln ||w|| and ln t* against ln P find at finite
    P; they tend to the exponents of `late_stage.exponents` as n -> 0. Central differences over a
    factor 1.02 in n, error below 1e-4.

    Raises
    ------
    InputError
        Unless 0 < unfit < 0.9, and as `flow_until` does.

    Examples
    --------
    >>> gamma, b = local_exponents(0.001, chi=1, margin=0.0, temperature=1.0)
    >>> round(float(gamma), 3), round(float(b), 2)
    (0.5, 2.0)
    """
    allowed = "must satisfy 0 < unfit < 0.9"
    goals = as_array("unfit", unfit, allowed=allowed)
    require(bool(np.all((goals > 0) & (goals < 0.9))), "unfit", unfit, allowed)
    edges = np.stack([goals * 1.01, goals / 1.01])
    tau, a, _ = flow_until(edges, chi=chi, margin=margin, temperature=temperature)
    step = math.log(1.01**2)
    return np.log(a[1] / a[0]) / step, np.log(tau[1] / tau[0]) / step


@vanishing
def crossover_temperature(*, chi: float = 0.0, margin: float, constant_ratio: float = 1.0) -> float:
    r"""Temperature above which noise rules the stop.

    There its branch of ||w*|| meets that of gradient descent.

    At the stop n = c d/P both branches have (a/scale)^(1+chi) = C X P/(c d): for noise scale = s_qs
    ~ T, X = J_chi(0); without noise scale = kappa, X = 1/(1+chi), by n = P((1+chi)/2, kappa^2/(2
    a^2)). They are equal at (derived)

        T_x = kappa (T/s_qs) [ (1/((1+chi) J_chi(0))) c_noise/c_descent ]^(1/(1+chi)) .

    Parameters
    ----------
    chi
        Depletion exponent, > -1; default 0.
    margin
        kappa >= 0.
    constant_ratio
        c_noise/c_descent, the constants of the stop on the two branches; default 1, the
        population's own. With the measured constants, .56 at chi = 0, the result is 3.5 kappa, as
        measured; at chi = 1 (ratio .3) 2.5 kappa against a measured 3.0: the quenched noise of
        gradient descent is left out.

    Examples
    --------
    >>> round(crossover_temperature(margin=1.0),
    ...     4), round(crossover_temperature(margin=1.0, constant_ratio=0.56), 1)
    (6.2832, 3.5)
    """
    chi, margin = as_integrable_chi("chi", chi), as_size("margin", margin)
    constant_ratio = as_positive("constant_ratio", constant_ratio)
    relative = quasi_stationary_noise(chi=chi, margin=0.0, temperature=1.0)
    reach = constant_ratio / ((1 + chi) * float(late_integral(chi, 0.0)))
    with np.errstate(over="ignore"):
        return held("chi", chi, float(margin / relative * np.float64(reach) ** (1 / (1 + chi))))
