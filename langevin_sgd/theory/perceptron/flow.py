r"""Signal and noise against time in the limit of large dimension: the closed equations and their solution.

    da/dtau = g1(a, s),    d(s^2)/dtau = 2 s gz(a, s) + T n(a, s),    tau = lr * steps / d

(`increments`; derived for fresh samples; Sclocchi, Geiger and Wyart, arXiv 2301.13703, for the late stage). They hold
for d >> 1 and lr << d, and on P points that are used again while P n >> d: to 2 % in a while P n >= 5 d. Later the
correlations of weights with points already seen slow the signal.

The squared noise is a variable without singularity at s = 0. Time is taken as ln(1 + tau/tau_0) since all relaxes as
powers of time, and the equations become stiff: the noise relaxes (a/s)^2 times faster than the signal grows. LSODA
follows both to a relative 1e-9.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from langevin_sgd.checks import InputError, as_not_negative, require
from langevin_sgd.theory.perceptron.averages import unfit_fraction
from langevin_sgd.theory.perceptron.increments import drift
from langevin_sgd.theory.perceptron.inputs import Array, not_negative, require_chi

FIRST_TIME = 1e-6
_LAST_TIME = 1e120
_TOLERANCES: dict[str, Any] = {"rtol": 1e-10, "atol": [1e-13, 1e-24]}


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
        Times lr * steps / d, >= 0, in any order.
    chi, margin
        Data law, > -1, default 0; margin >= 0.
    temperature
        T = lr/B >= 0.
    signal, noise
        The state at tau = 0, >= 0; by default no signal and a noise of 1e-3, which is forgotten at once for T > 0.

    Returns
    -------
    tuple
        a and s, each of the shape of `tau`.

    Raises
    ------
    InputError
        If an argument is out of range.

    Examples
    --------
    >>> a, s = flow(1000.0, margin=0.0, temperature=1.0)
    >>> round(float(a), 5), round(float(s), 6)
    (4.5519, 0.399456)
    """
    times = not_negative("tau", np.asarray(tau, dtype=float))
    equation = _Equation.of(chi, margin, temperature, signal, noise)
    moments, place = np.unique(times.ravel(), return_inverse=True)
    if equation.at_rest or moments.size == 0 or moments[-1] == 0:
        return np.full(times.shape, float(signal)), np.full(times.shape, float(noise))
    clock = np.log1p(moments / (equation.unit * FIRST_TIME))
    states = follow(
        equation.rate, equation.start, clock[-1], t_eval=clock, **_TOLERANCES
    ).y * equation.unit ** np.array([[1], [2]])
    a, v = states[:, place.reshape(times.shape)]
    return a, np.sqrt(np.maximum(v, 0.0))


def flow_until(
    unfit: float | Sequence[float] | Array,
    *,
    chi: float = 0.0,
    margin: float,
    temperature: float,
    signal: float = 0.0,
    noise: float = 1e-3,
) -> tuple[Array, Array, Array]:
    """First time at which the fraction of unfit fresh samples has fallen to `unfit`, and the state there.

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
    goals = np.asarray(unfit, dtype=float)
    require(bool(np.all((goals > 0) & (goals <= 1))), "unfit", unfit, "must satisfy 0 < unfit <= 1")
    equation = _Equation.of(chi, margin, temperature, signal, noise)
    moments, place = np.unique(goals.ravel(), return_inverse=True)
    rows = np.tile([0.0, *equation.start], (moments.size, 1))
    ahead = moments < equation.unfit(equation.start)
    if ahead.any():
        rows[ahead] = equation.passages(moments[ahead])
    tau, a, v = (rows * equation.unit ** np.array([1, 1, 2]))[place.reshape(goals.shape)].T
    return tau.T, a.T, np.sqrt(np.maximum(v.T, 0.0))


@dataclass(frozen=True)
class _Equation:
    """The equations in units of the largest of margin, temperature and start: they are homogeneous of degree one."""

    chi: float
    margin: float
    temperature: float
    start: tuple[float, float]
    unit: float

    @classmethod
    def of(cls, chi: float, margin: float, temperature: float, signal: float, noise: float) -> _Equation:
        require_chi(chi)
        for name, value in {"margin": margin, "temperature": temperature, "signal": signal, "noise": noise}.items():
            as_not_negative(name, value)
        unit = max(margin, temperature, signal, noise) or 1.0
        return cls(chi, margin / unit, temperature / unit, (signal / unit, (noise / unit) ** 2), unit)

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
        """(goal, 3) tau, a and s^2 at the first passage of each goal, given in rising order and below the start."""
        events = [self._passage(goal, goal == goals[0]) for goal in goals]
        result = follow(self.rate, self.start, math.log(_LAST_TIME / FIRST_TIME), events=events, **_TOLERANCES)
        found = [len(clocks) > 0 for clocks in result.t_events]
        require(all(found), "unfit", float(goals[0]), f"is not reached within tau = {_LAST_TIME:g}")
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


def follow(rate: Callable[[Array], Sequence[float]], start: Sequence[float], last: float, **options: Any) -> Any:
    """Integrate d(state)/dtau = rate(state) over the clock ln(1 + tau/FIRST_TIME) from 0 to `last`; scipy's result."""
    from scipy.integrate import solve_ivp

    def paced(clock: float, state: Array) -> list[float]:
        lapse = FIRST_TIME * math.exp(clock)
        return [lapse * speed for speed in rate(state)]

    result = solve_ivp(paced, (0.0, last), start, method="LSODA", **options)
    if result.status < 0:
        raise InputError(f"the flow cannot be followed beyond ln tau = {result.t[-1]:.1f}: {result.message}")
    return result
