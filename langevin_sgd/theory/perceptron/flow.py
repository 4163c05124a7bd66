r"""Signal and noise against time in the limit of large dimension.

    da/dtau = g1(a, s),    d(s^2)/dtau = 2 s gz(a, s) + T n(a, s),    tau = lr * steps / d

(`increments`; derived for fresh samples; Sclocchi, Geiger and Wyart, arXiv 2301.13703, for the late
stage). They hold for d >> 1 and lr << d, and on P points that are used again while P n >> d: to 2 %
in a while P n >= 5 d. Later the correlations of weights with points already seen slow the signal.

The squared noise is a variable without singularity at s = 0. Time is taken as ln(1 + tau/tau_0)
since all relaxes as powers of time, and the equations become stiff: the noise relaxes (a/s)^2 times
faster than the signal grows. LSODA follows both to a relative 1e-9, in at most `LONGEST`
evaluations of the equations. At times so short that the state moves along a straight line, that
line is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from langevin_sgd.checks import InputError, as_array, require, shown
from langevin_sgd.theory.perceptron.averages import unfit_fraction
from langevin_sgd.theory.perceptron.increments import drift
from langevin_sgd.theory.perceptron.inputs import Array, as_integrable_chi, as_size, not_negative
from langevin_sgd.theory.perceptron.late_stage import late_passage
from langevin_sgd.theory.underflow import vanishing

FIRST_TIME = 1e-6
LONGEST = 50_000
"""Evaluations of the equations, some seconds: a flow to tau = 1e100 takes nearly as many."""
LAST_TIME = 1e120
_STRAIGHT = 1e-220
"""Time up to which the state moves along a straight line, for all parameters and starts."""
_PRECISION, _NEGLIGIBLE = 1e-10, np.array([1e-13, 1e-24])
"""Relative error of the solver, and absolute errors of a and s^2 where these are of order one."""


@vanishing
def flow(
    tau: float | Sequence[float] | Array,
    *,
    chi: float = 0.0,
    margin: float,
    temperature: float,
    signal: float = 0.0,
    noise: float = 1e-3,
) -> tuple[Array, Array]:
    """Signal and noise at given times in the limit of large dimension.

    Parameters
    ----------
    tau
        Times lr * steps / d, >= 0, in any order; at most 1e120 in units of the largest of the next
        four.
    chi, margin
        Data law, > -1 and at most 100, default 0; margin >= 0.
    temperature
        T = lr/B >= 0.
    signal, noise
        The state at tau = 0, >= 0; by default no signal and a noise of 1e-3, which is forgotten at
        once for T > 0. Each of these four is zero or lies between 1e-50 and 1e50.

    Returns
    -------
    tuple
        a and s, each of the shape of `tau`.

    Raises
    ------
    InputError
        If an argument is out of range, or the equations are too stiff to be followed so far.

    Examples
    --------
    >>> a, s = flow(1000.0, margin=0.0, temperature=1.0)
    >>> round(float(a), 5), round(float(s), 6)
    (4.5519, 0.399456)
    """
    times = not_negative("tau", tau)
    equation = _Equation.of(chi, margin, temperature, signal, noise)
    last = LAST_TIME * equation.unit
    require(bool((times <= last).all()), "tau", tau, f"must be at most {last:g}")
    moments, place = np.unique((times / equation.unit).ravel(), return_inverse=True)
    if equation.at_rest or moments.size == 0:
        return np.full(times.shape, float(signal)), np.full(times.shape, float(noise))
    states = np.array(equation.start) + np.outer(moments, equation.rate(np.array(equation.start)))
    # At short times the state is as small as the time, and so must its absolute errors be: they
    # come in groups.
    group = np.floor(np.log10(np.clip(moments, _STRAIGHT, 1.0)) / 6)
    for member in np.unique(group[moments > _STRAIGHT]):
        chosen = (group == member) & (moments > _STRAIGHT)
        clock, what = np.log1p(moments[chosen] / FIRST_TIME), f"tau = {shown(tau)}"
        errors = min(1.0, moments[chosen][0]) * _NEGLIGIBLE
        path = follow(
            equation.rate,
            equation.start,
            clock[-1],
            what,
            t_eval=clock,
            rtol=_PRECISION,
            atol=errors,
        )
        states[chosen] = path.y.T
    a, v = states[place.reshape(times.shape)].T
    return equation.unit * a.T, equation.unit * np.sqrt(np.maximum(v.T, 0.0))


def flow_until(
    unfit: float | Sequence[float] | Array,
    *,
    chi: float = 0.0,
    margin: float,
    temperature: float,
    signal: float = 0.0,
    noise: float = 1e-3,
) -> tuple[Array, Array, Array]:
    """First time at which only a fraction `unfit` of fresh samples is unfit, and the state then.

    Parameters
    ----------
    unfit
        Fractions n, 0 < n <= 1, in any order (checked down to 1e-6).
    chi, margin, temperature, signal, noise
        As for `flow`.

    Returns
    -------
    tuple
        tau, a and s, each of the shape of `unfit`; tau = 0 where the start is below.

    Raises
    ------
    InputError
        If an argument is out of range, or a fraction is not reached within 1e120 units of time.

    Examples
    --------
    >>> tau, a, s = flow_until(0.01, margin=0.0, temperature=1.0)
    >>> round(float(tau), 2), round(float(a), 4)
    (21517.13, 12.6966)
    """
    allowed = "must satisfy 0 < unfit <= 1"
    goals = as_array("unfit", unfit, allowed=allowed)
    require(bool(np.all((goals > 0) & (goals <= 1))), "unfit", unfit, allowed)
    equation = _Equation.of(chi, margin, temperature, signal, noise)
    moments, place = np.unique(goals.ravel(), return_inverse=True)
    rows = np.tile([0.0, *equation.start], (moments.size, 1))
    ahead = moments < equation.unfit(equation.start)
    if ahead.any():
        rows[ahead] = equation.passages(moments[ahead])
    tau, a, v = rows[place.reshape(goals.shape)].T
    return equation.unit * tau.T, equation.unit * a.T, equation.unit * np.sqrt(np.maximum(v.T, 0.0))


@dataclass(frozen=True)
class _Equation:
    """The equations in units of the largest of margin, temperature and start.

    They are homogeneous of degree one.
    """

    chi: float
    margin: float
    temperature: float
    start: tuple[float, float]
    unit: float

    @classmethod
    def of(
        cls, chi: float, margin: float, temperature: float, signal: float, noise: float
    ) -> _Equation:
        chi, margin, temperature = (
            as_integrable_chi("chi", chi),
            as_size("margin", margin),
            as_size("temperature", temperature),
        )
        signal, noise = as_size("signal", signal), as_size("noise", noise)
        unit = max(margin, temperature, signal, noise) or 1.0
        # a noise whose square would vanish beside the unit is still not zero: at zero the signal
        # would stand still
        square = max((noise / unit) ** 2, 1e-300) if noise > 0 else 0.0
        return cls(chi, margin / unit, temperature / unit, (signal / unit, square), unit)

    @property
    def at_rest(self) -> bool:
        return self.unfit(self.start) == 0

    def unfit(self, state: Sequence[float] | Array) -> float:
        a, v = np.asarray(state[0]), np.asarray(max(state[1], 0.0))
        return float(unfit_fraction(a, np.sqrt(v), self.chi, self.margin))

    def rate(self, state: Array) -> list[float]:
        a, v = np.asarray(state[0]), np.asarray(max(state[1], 0.0))
        return [float(speed) for speed in drift(a, v, self.chi, self.margin, self.temperature)]

    def passages(self, goals: Array) -> Array:
        """(goal, 3) Time tau, a and s^2 at the first passage of each goal.

        Goals come in rising order and lie below the start.
        """
        allowed = f"is not reached within tau = {LAST_TIME:g}"
        far = late_passage(goals[0], chi=self.chi, margin=self.margin, temperature=self.temperature)
        require(far < 1e9 * LAST_TIME, "unfit", float(goals[0]), allowed)
        events = [self._passage(goal, goal == goals[0]) for goal in goals]
        what = f"unfit = {goals[0]:g}"
        last, errors = math.log(LAST_TIME / FIRST_TIME), {"rtol": _PRECISION, "atol": _NEGLIGIBLE}
        result = follow(self.rate, self.start, last, what, events=events, **errors)
        is_reached = [len(clocks) > 0 for clocks in result.t_events]
        require(all(is_reached), "unfit", float(goals[0]), allowed)
        return np.array(
            [
                [FIRST_TIME * math.expm1(clocks[0]), *states[0]]
                for clocks, states in zip(result.t_events, result.y_events, strict=True)
            ]
        )

    def _passage(self, goal: float, last: bool) -> Callable[[float, Array], float]:
        def excess(clock: float, state: Array) -> float:
            n = self.unfit(state)
            return math.log(n / goal) if n > 0 else -1.0

        excess.direction, excess.terminal = -1, last  # type: ignore[attr-defined]
        return excess


def follow(
    rate: Callable[[Array], Sequence[float]],
    start: Sequence[float],
    last: float,
    what: str,
    **options: Any,
) -> Any:
    """Integrate d(state)/dtau = rate(state) over the clock ln(1 + tau/FIRST_TIME).

    The clock runs from 0 to `last`; the result is scipy's.

    The solver sees the clock in units of `last`: it does not end where the square of a time
    vanishes.

    Raises
    ------
    InputError
        Beginning with `what`, if the solver gives up or would need more than `LONGEST` evaluations.
    """
    from scipy.integrate import solve_ivp

    evaluations = 0

    def paced(share: float, state: Array) -> list[float]:
        nonlocal evaluations
        evaluations += 1
        clock = share * last
        if evaluations > LONGEST:
            raise InputError(
                f"{what}: the flow is too stiff beyond ln(1 + tau / {FIRST_TIME:g}) = {clock:.3g}"
            )
        lapse = last * FIRST_TIME * math.exp(clock)
        return [lapse * speed for speed in rate(state)]

    if "t_eval" in options:
        options["t_eval"] = np.minimum(options["t_eval"] / last, 1.0)
    result = solve_ivp(paced, (0.0, 1.0), start, method="LSODA", **options)
    if result.status < 0:
        reached = last * result.t[-1]
        raise InputError(
            f"{what}: the flow cannot be followed beyond ln tau = {reached:.1f}: {result.message}"
        )
    result.t_events = [last * clocks for clocks in result.t_events or []]
    return result
