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
    finite_of,
    flow_of,
    follow,
    lag,
    steps_at,
    times_of,
    unfit_of,
    up_to,
)
from langevin_sgd.validation.sgd_regimes._runs import PerceptronEnsemble, perceptron_ensemble

import langevin_sgd as ls

LAST = 5.0
"""P n / d up to which the equations hold."""
REASON = "lag of the signal because points are met again, of order d/(P n)"
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
        Growth(1.0, 64, 3072, 64, (1.0, 10.0, 100.0, 600.0, 5700.0)),
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
    run = case.run(0)
    tau = times_of(run)
    flow, _ = flow_of(run, tau)
    finite, behind = finite_of(run, tau[-2:], case.dimension), lag(run, tau[-2:])
    others = {name: flow_of(run, tau[-2:], **other)[0] for name, other in rival_flows(case).items()}
    faster = flow_of(run, 1.1 * tau[-2:], temperature=1.1 * TEMPERATURE)[0] / flow[-2:]
    denser = flow_of(run, tau[-2:], chi=case.chi + 0.25)[0] / flow[-2:]

    def over_flow(place: int, data: ls.claims.Data) -> ls.Estimate:
        signal = at_steps(data[f"chi {case.chi:g}"], "signal")
        return ls.Estimate.from_samples(signal[place] / flow[place])

    def slope(data: ls.claims.Data) -> ls.Estimate:
        signal = at_steps(data[f"chi {case.chi:g}"], "signal")
        return ls.Estimate.from_samples(late_slope(signal, tau))

    found = []
    for k, time in enumerate(case.times[-2:]):
        rivals = {name: float(other[k] / flow[k - 2]) for name, other in others.items()}
        found.append(
            ls.claims.Comparison(
                name=f"chi {case.chi:g}: signal / flow at tau = {time:g}",
                prediction=float(finite[k]),
                margin=float(behind[k]),
                basis="theory",
                reason=REASON,
                rivals=rivals,
                wrong=rivals["without SGD noise, T = 0"],
                wrong_margin=float(behind[k]),
                near_misses={
                    "learning rate off by 10 %": float(faster[k]),
                    f"data law of chi = {case.chi + 0.25:g}": float(denser[k]),
                },
                measure=partial(over_flow, len(tau) - 2 + k),
            )
        )
    span = f"tau = {case.times[-2]:g} to {case.times[-1]:g}"
    left = abs(float(late_slope(flow, tau)) - case.growth)
    left += float(behind[1] - behind[0]) / float(np.log(tau[-1] / tau[-2]))
    at_late_times = ls.claims.Comparison(
        name=f"chi {case.chi:g}: d ln a/d ln tau, {span}",
        prediction=case.growth,
        margin=left,
        basis="theory",
        reason=REASON + ", and how near the flow itself is to its asymptote",
        rivals={
            "1/(chi+2)": 1 / (case.chi + 2),
            "1/(chi+4)": 1 / (case.chi + 4),
            "random walk, 1/2": 0.5,
        },
        wrong=1 / (case.chi + 2),
        wrong_margin=left,
        near_misses={
            f"that of chi = {chi:g}": 1 / (chi + 3)
            for chi in (case.chi - 0.25, case.chi + 0.25, case.chi + 0.5)
        },
        measure=slope,
    )
    return [*found, at_late_times, visits_paid(case)]


def visits_paid(case: Growth) -> ls.claims.Comparison:
    """Compare q, the squared weights over T^2 K for each visit to an unfit point, at the last time.

    A visit adds T^2 K + 2 T m to |w|^2, m < kappa the margin that is met. At the quasi-stationary
    noise the mean of the two is q T^2 K with q = (1+chi)/(2+chi): far from 1, as for visits that
    are independent. By the flow q is what the signal up to then gives; a share of the points met
    is not fresh, and their margins are raised from the mean of the others, -(1-q) T K/2, to the
    limit 0 at most: q is larger by at most this share of 1 - q.
    """
    run = case.run(0)
    tau = times_of(run)[-1:]
    limit = (1 + case.chi) / (2 + case.chi)
    fine = np.concatenate([[0.0], np.geomspace(1e-4, tau[0], 600)])
    a, s = flow_of(run, fine)
    paid = np.trapezoid(unfit_of(run, a, s), fine) * TEMPERATURE
    of_flow = float((a[-1] ** 2 + s[-1] ** 2) / paid)
    share = float(lag(run, tau)[0]) * (case.chi + 3)
    margin = abs(of_flow - limit) + (1 - limit) * share + 1 / case.dimension

    def measure(data: ls.claims.Data) -> ls.Estimate:
        result = data[f"chi {case.chi:g}"]
        squared = sum(at_steps(result, name)[-1] ** 2 for name in ("signal", "noise"))
        visits = result["visits"].values
        return ls.Estimate.from_samples(
            np.asarray(squared * case.dimension / (TEMPERATURE**2 * visits))
        )

    def of_chi(chi: float) -> float:
        return (1 + chi) / (2 + chi)

    return ls.claims.Comparison(
        name=f"chi {case.chi:g}: q = |w|^2/(T^2 K visits) at tau = {case.times[-1]:g}",
        prediction=limit,
        margin=margin,
        basis="theory",
        reason="order 1/d, how near the flow is to its late stage, and points met again",
        rivals={
            "visits that are independent, 1": 1.0,
            f"data law of chi = {1 - case.chi:g}": of_chi(1 - case.chi),
        },
        wrong=1.0,
        wrong_margin=margin,
        near_misses={
            f"data law of chi = {chi:g}": of_chi(chi)
            for chi in (case.chi - 0.25, case.chi + 0.25, case.chi + 0.5, case.chi + 1.0)
        },
        measure=measure,
    )


class SignalGrowth(ls.claims.Claim):
    title = "Growth of the signal"
    statement = (
        "While P n >= 5 d the signal of SGD on P points follows the closed equations to order 1/d "
        "and d/(P n), and far above noise and margin it grows as tau^(1/(chi+3))."
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
        return ls.plotting.log_x(
            "SGD over flow",
            r"$P n / d$ by the flow",
            "signal / signal of the flow",
            series,
        )
