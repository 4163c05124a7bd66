"""The signal of multi-pass SGD follows the closed equations, and in their late stage grows as
tau^(1/(chi+3)).

Runs on P points up to the time at which the equations leave P n = 5 d points unfit; by then every
point has been used several times (chi = 0) or twice (chi = 1), and the signal is far above noise
and margin.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import xarray as xr
from langevin_sgd.validation.sgd_regimes._courses import (
    at_steps,
    flow_of,
    follow,
    steps_at,
    times_of,
    unfit_of,
    up_to,
)
from langevin_sgd.validation.sgd_regimes._runs import PerceptronEnsemble, perceptron_ensemble

import langevin_sgd as ls

LAST = 5.0
"""P n / d up to which the equations hold."""
ACCURACY = 0.02
REASON = (
    "accuracy of the closed equations at d of order 100 while P n >= 5 d: multi-pass "
    "correlations and order 1/d"
)
TEMPERATURE, MARGIN = 1.0, 1 / 64


@dataclass(frozen=True)
class Growth:
    """One data law: times, the last two of which bound the window of the slope, and the size of the
    runs.
    """

    chi: float
    dimension: int
    ratio: int
    replicas: int
    times: tuple[float, ...]

    def run(self, seed: int) -> PerceptronEnsemble:
        """Settings of the runs."""
        run = perceptron_ensemble(
            points=self.ratio * self.dimension,
            dimension=self.dimension,
            chi=self.chi,
            temperature=TEMPERATURE,
            margin=MARGIN,
            replicas=self.replicas,
            seed=ls.derive_seed(seed, "signal_growth", self.chi),
        )
        return up_to(run, steps_at(self.times, run))

    @property
    def growth(self) -> float:
        """1/(chi+3)."""
        return ls.theory.perceptron.exponents(self.chi).growth


GRID = {
    "quick": (
        Growth(0.0, 128, 192, 64, (1.0, 3.0, 10.0, 30.0, 100.0, 1000.0)),
        Growth(1.0, 64, 3072, 24, (1.0, 10.0, 100.0, 600.0, 5700.0)),
    ),
    "full": (
        Growth(0.0, 256, 375, 256, (1.0, 3.0, 10.0, 30.0, 100.0, 1000.0, 10000.0)),
        Growth(1.0, 128, 3072, 128, (1.0, 10.0, 100.0, 600.0, 5700.0)),
    ),
}


def late_slope(signal: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """Slope between the last two times, (time, ...)."""
    return np.log(signal[-1] / signal[-2]) / np.log(tau[-1] / tau[-2])


def rival_flows(case: Growth) -> dict[str, Mapping[str, float]]:
    """Settings of the flow that rival theories would use."""
    return {
        "without SGD noise, T = 0": {"temperature": 0.0},
        f"data law of chi = {1 - case.chi:g}": {"chi": 1 - case.chi},
    }


def compared(case: Growth) -> list[ls.claims.Comparison]:
    """Compare the signal at the last two times with the flow, and its slope between them."""
    tau = times_of(case.run(0))
    flow, _ = flow_of(case.run(0), tau)
    late, _ = flow_of(case.run(0), tau[-2:])
    others = {
        name: flow_of(case.run(0), tau[-2:], **other)[0]
        for name, other in rival_flows(case).items()
    }

    def over_flow(place: int, data: ls.claims.Data) -> ls.Estimate:
        signal = at_steps(data[f"chi {case.chi:g}"], "signal")
        return ls.Estimate.from_samples(signal[place] / flow[place])

    def slope(data: ls.claims.Data) -> ls.Estimate:
        signal = at_steps(data[f"chi {case.chi:g}"], "signal")
        return ls.Estimate.from_samples(late_slope(signal, tau))

    found = []
    for k, time in enumerate(case.times[-2:]):
        rivals = {name: float(other[k] / late[k]) for name, other in others.items()}
        found.append(
            ls.claims.Comparison(
                name=f"chi {case.chi:g}: signal / flow at tau = {time:g}",
                prediction=1.0,
                margin=ACCURACY,
                basis="pilot",
                reason=REASON,
                rivals=rivals,
                wrong=rivals["without SGD noise, T = 0"],
                wrong_margin=ACCURACY,
                measure=partial(over_flow, len(tau) - 2 + k),
            )
        )
    span = f"tau = {case.times[-2]:g} to {case.times[-1]:g}"
    at_late_times = ls.claims.Comparison(
        name=f"chi {case.chi:g}: d ln a/d ln tau, {span}",
        prediction=case.growth,
        margin=ACCURACY * case.growth,
        basis="pilot",
        reason=REASON + "; the flow itself is this near its asymptote",
        rivals={
            "1/(chi+2)": 1 / (case.chi + 2),
            "1/(chi+4)": 1 / (case.chi + 4),
            "random walk, 1/2": 0.5,
        },
        wrong=1 / (case.chi + 2),
        wrong_margin=ACCURACY * case.growth,
        measure=slope,
    )
    return [*found, at_late_times]


class SignalGrowth(ls.claims.Claim):
    title = "Growth of the signal"
    statement = (
        "While P n >= 5 d the signal of SGD on P points follows the closed equations of the limit "
        "d -> infinity, and "
        "far above noise and margin it grows as tau^(1/(chi+3))."
    )
    formula = (
        "da/dtau = g1(a, s),  d(s^2)/dtau = 2 s gz + T n;  a ~ T^((chi+2)/(chi+3)) tau^(1/(chi+3))"
    )
    source = (
        "Sclocchi, Geiger and Wyart, arXiv 2301.13703 (late stage); closed equations and "
        "their range derived"
    )
    validity = "d >> 1, lr << d, P n >= 5 d; the slope for a >> s, kappa."
    control_statement = (
        "Gradient descent on the population: the same equations at T = 0, and a slope of 1/(chi+2)."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return {f"chi {case.chi:g}": follow.at(case.run(seed)) for case in GRID[tier]}

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        return [comparison for case in GRID[tier] for comparison in compared(case)]

    def out_of_range(self, data: dict[str, xr.Dataset], tier: str) -> str | None:
        for case in GRID[tier]:
            run, result = case.run(0), data[f"chi {case.chi:g}"]
            a, s = (at_steps(result, name)[-1] for name in ("signal", "noise"))
            left = float(unfit_of(run, a, s).mean()) * case.ratio
            if left < LAST:
                return f"chi {case.chi:g}: P n / d has fallen to {left:.2f}, below {LAST:g}"
        return None

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        return [self._signals(data, case) for case in GRID[tier]] + [self._deviations(data, tier)]

    @staticmethod
    def _signals(data: dict[str, xr.Dataset], case: Growth) -> ls.plotting.Panel:
        run, signal = case.run(0), at_steps(data[f"chi {case.chi:g}"], "signal")
        tau = times_of(run)
        fine = np.geomspace(tau[0], tau[-1], 60)
        late = np.geomspace(tau[-2] / 10, tau[-1], 20)
        height = flow_of(run, tau[-1:])[0][0]
        mean, error = signal.mean(axis=1), signal.std(axis=1, ddof=1) / np.sqrt(signal.shape[1])
        series = [
            ls.plotting.Series("SGD", tau, mean, error),
            ls.plotting.Series.theory("flow", fine, flow_of(run, fine)[0]),
        ]
        for name, other in rival_flows(case).items():
            series.append(ls.plotting.Series.rival(name, fine, flow_of(run, fine, **other)[0]))
        power = case.growth
        series.append(
            ls.plotting.Series.guide(
                f"slope {power:.3g}", late, 0.85 * height * (late / late[-1]) ** power
            )
        )
        passes = run.schedule[-1] * run.settings.batch_size / run.problem.points
        return ls.plotting.log_log(
            rf"Growth of the signal, $\chi$ = {case.chi:g}",
            r"$\tau$ = lr steps / d",
            r"signal $w_1/\sqrt{d}$",
            series,
            note=f"d = {case.dimension}, P = {run.problem.points}; {passes:.1f} passes over the "
            "points",
        )

    @staticmethod
    def _deviations(data: dict[str, xr.Dataset], tier: str) -> ls.plotting.Panel:
        series, ends = [], []
        for case in GRID[tier]:
            run, signal = case.run(0), at_steps(data[f"chi {case.chi:g}"], "signal")
            a, s = flow_of(run, times_of(run))
            ratio = signal / a[:, None]
            left = unfit_of(run, a, s) * case.ratio
            error = ratio.std(axis=1, ddof=1) / np.sqrt(ratio.shape[1])
            series.append(
                ls.plotting.Series(rf"$\chi$ = {case.chi:g}", left, ratio.mean(axis=1), error)
            )
            ends += [left.min(), left.max()]
        span = np.array([min(ends), max(ends)])
        series.append(ls.plotting.Series.theory("flow", span, np.ones(2)))
        sides = (1 - ACCURACY, 1 + ACCURACY)
        series += [ls.plotting.Series.guide("", span, np.full(2, side)) for side in sides]
        return ls.plotting.log_x(
            "SGD over flow",
            r"$P n / d$ by the flow",
            "signal / signal of the flow",
            series,
            note="dotted: 2 %",
        )
