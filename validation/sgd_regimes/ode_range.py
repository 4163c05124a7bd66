"""Where the closed equations describe SGD on P points, and where they must fail.

They assume that every sample is fresh. Runs on P points at T >> kappa follow them while P n >= 5 d;
later the weights are correlated with points already seen, the signal slows, the noise stays larger,
and training ends several times later than the equations reach the same unfit fraction. One-pass SGD
follows them all along. At T << kappa the same correlations set the noise: w_perp adapts to the
fixed training set, whose pull fluctuates from set to set, and s follows
`langevin_sgd.theory.perceptron.quenched_noise` instead of the population.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from langevin_sgd.validation.sgd_regimes import _stops as stops
from langevin_sgd.validation.sgd_regimes._courses import (
    Fresh,
    at_steps,
    flow_of,
    follow,
    follow_fresh,
    steps_at,
    times_of,
    unfit_of,
    up_to,
)
from langevin_sgd.validation.sgd_regimes._runs import (
    PerceptronEnsemble,
    censored,
    joined,
    perceptron_ensemble,
)

import langevin_sgd as ls

LEFT = (10.0, 7.0, 5.0, 3.5, 2.0, 1.0, 0.5)
"""P n / d by the flow at the times that are recorded."""
INSIDE, OUTSIDE = 5.0, 0.5
QUIET_TIMES = (5.0, 20.0, 50.0, 150.0)
JUDGED = (20.0, 150.0)
SEVERAL = 5.0
"""Stopping time over that of the flow: several times, from 2.5 to 10."""
STOP_DIMENSIONS = (64, 128)


@dataclass(frozen=True)
class FlowSizes:
    """Sizes of one tier."""

    dimension: int
    ratio: int
    quiet_dimension: int
    quiet_points: int
    replicas: int


GRID = {"quick": FlowSizes(64, 32, 64, 10000, 64), "full": FlowSizes(128, 64, 128, 40000, 256)}


def loud(tier: str, seed: int) -> PerceptronEnsemble:
    """T >> kappa, few points."""
    size = GRID[tier]
    run = perceptron_ensemble(
        points=size.ratio * size.dimension,
        dimension=size.dimension,
        chi=0.0,
        temperature=1.0,
        margin=1 / 64,
        replicas=size.replicas,
        seed=ls.derive_seed(seed, "ode_range", "loud"),
    )
    tau, _, _ = ls.theory.perceptron.flow_until(
        np.array(LEFT) / size.ratio,
        chi=run.chi,
        margin=run.problem.margin,
        temperature=run.settings.temperature,
    )
    return up_to(run, steps_at(tuple(tau.tolist()), run))


def fresh(tier: str, seed: int) -> Fresh:
    """The same on fresh points."""
    run = loud(tier, seed)
    return Fresh(
        problem=ls.models.OnePassPerceptron(
            dimension=run.problem.dimension, chi=run.chi, margin=run.problem.margin
        ),
        settings=ls.SGD(lr=run.settings.lr, batch_size=run.settings.batch_size),
        seed=run.seed,
        schedule=run.schedule,
        replicas=run.replicas,
    )


def quiet(tier: str, seed: int) -> PerceptronEnsemble:
    """T << kappa, many points."""
    size = GRID[tier]
    run = perceptron_ensemble(
        points=size.quiet_points,
        dimension=size.quiet_dimension,
        chi=0.0,
        temperature=0.02,
        margin=1.0,
        batch_size=4,
        replicas=size.replicas,
        seed=ls.derive_seed(seed, "ode_range", "quiet"),
    )
    return up_to(run, steps_at(QUIET_TIMES, run))


def window_of(tier: str) -> stops.Window:
    """The grid of complete trainings whose ends are compared with the flow, at its larger P/d."""
    return next(window for window in stops.WINDOWS[tier] if window.chi == 0)


def quenched(run: PerceptronEnsemble, signal: np.ndarray) -> np.ndarray:
    """Noise that the training set keeps up at the measured signal."""
    return ls.theory.perceptron.quenched_noise(
        signal,
        chi=run.chi,
        margin=run.problem.margin,
        temperature=run.settings.temperature,
        points=run.problem.points,
        dimension=run.problem.dimension,
    )


def lateness(data: dict[str, xr.Dataset], tier: str, dimension: int) -> np.ndarray:
    """ln of the stopping time over the time at which the flow has the final unfit fraction,
    (replica,).
    """
    window = window_of(tier)
    label = window.label(dimension, window.ratios[1])
    n, time = joined(data, label, "unfit_fraction"), joined(data, label, "t_star")
    tau, _, _ = ls.theory.perceptron.flow_until(
        n, chi=window.chi, margin=stops.MARGIN, temperature=stops.TEMPERATURE
    )
    return np.log(time / (dimension * tau))


SIGNAL_MARGINS = {
    "P points": (0.03, "2 % while P n >= 5 d, and 1/d"),
    "fresh points": (0.02, "order 1/d"),
}


def beside_flow(where: str, label: str, place: int, tier: str) -> ls.claims.Comparison:
    """Compare the signal at one of the times of `LEFT` with the flow."""
    run, (margin, reason) = loud(tier, 0), SIGNAL_MARGINS[label]
    tau = times_of(run)
    flow, silent = flow_of(run, tau)[0], flow_of(run, tau, temperature=0.0)[0]
    behind = SEVERAL ** -ls.theory.perceptron.exponents(run.chi).growth
    return ls.claims.Comparison(
        name=f"{where}: signal / flow",
        prediction=1.0,
        margin=margin,
        basis="pilot",
        reason=reason,
        rivals={
            "without SGD noise, T = 0": silent[place] / flow[place],
            "five times behind the flow": behind,
        },
        wrong=behind,
        wrong_margin=margin,
        measure=lambda data: ls.Estimate.from_samples(
            at_steps(data[label], "signal")[place] / flow[place]
        ),
    )


def end(tier: str, dimension: int) -> ls.claims.Comparison:
    """Compare the stopping time with that of the flow to the same unfit fraction."""
    return ls.claims.Comparison(
        name=f"d = {dimension}: ln(t* / time of the flow to the same n)",
        prediction=np.log(SEVERAL),
        margin=np.log(2),
        basis="pilot",
        reason="several times: a factor 2 to either side of 5, no theory of the end stage",
        rivals={"the flow holds to the end": 0.0},
        wrong=0.0,
        wrong_margin=np.log(2),
        measure=lambda data: ls.Estimate.from_samples(lateness(data, tier, dimension)),
    )


def kept_up(tier: str, time: float) -> ls.claims.Comparison:
    """Compare the noise of a fixed training set with the quenched one at the measured signal."""
    run, place = quiet(tier, 0), QUIET_TIMES.index(time)
    a, s = flow_of(run, times_of(run))
    of_flow = s[place] / quenched(run, a)[place]

    def measure(data: ls.claims.Data) -> ls.Estimate:
        signal, noise = (at_steps(data["quiet"], name)[place] for name in ("signal", "noise"))
        return ls.Estimate.from_samples(noise / quenched(run, signal))

    return ls.claims.Comparison(
        name=f"T << kappa, tau = {time:g}: noise / quenched noise",
        prediction=1.0,
        margin=0.1,
        basis="theory",
        reason="leading order in s/kappa, which is about .2",
        rivals={"noise of the flow": of_flow},
        wrong=of_flow,
        wrong_margin=0.1,
        measure=measure,
    )


class OdeRange(ls.claims.Claim):
    sample = "ends"
    title = "Range of the closed equations"
    statement = (
        "The closed equations hold for fresh samples, and on P points while P n >= 5 d; later "
        "training takes several "
        "times as long as they say, and at T << kappa the noise is set by the fixed training set "
        "and not by them."
    )
    formula = (
        "t* / t_flow(n*) = 2.5 ... 10 at chi = 0, P/d = 32 ... 64;  "
        "s^2 = a^2/(C (1+chi)) (d/P) (kappa/a)^(1-chi) + kappa T/(2 (1+chi)) at T << kappa"
    )
    source = "derived; the model: Sclocchi, Geiger and Wyart, arXiv 2301.13703"
    validity = (
        "chi = 0, d >> 1, B below the critical batch size; the quenched noise for s << "
        "kappa and P n >> d."
    )
    control_statement = (
        "The closed equations hold to the end: their time to the final n, their "
        "noise at T << kappa."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        window = window_of(tier)
        wanted = tuple(f"{window.label(d, window.ratios[1])}, part " for d in STOP_DIMENSIONS)
        ends = {
            label: task
            for label, task in stops.tasks(tier, seed).items()
            if label.startswith(wanted)
        }
        return ends | {
            "P points": follow.at(loud(tier, seed)),
            "fresh points": follow_fresh.at(fresh(tier, seed)),
            "quiet": follow.at(quiet(tier, seed)),
        }

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        points, late = LEFT.index(INSIDE), LEFT.index(OUTSIDE)
        fresh_points = f"fresh points, late (P n = {OUTSIDE:g} d)"
        return [
            beside_flow(f"P n = {INSIDE:g} d", "P points", points, tier),
            beside_flow(fresh_points, "fresh points", late, tier),
            *(end(tier, dimension) for dimension in STOP_DIMENSIONS),
            *(kept_up(tier, time) for time in JUDGED),
        ]

    def out_of_range(self, data: dict[str, xr.Dataset], tier: str) -> str | None:
        ends = {label: result for label, result in data.items() if ", part " in label}
        return f"{censored(ends)} replicas did not reach zero loss" if censored(ends) else None

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        return [self._signals(data, tier), self._ends(data, tier), self._noise(data, tier)]

    @staticmethod
    def _signals(data: dict[str, xr.Dataset], tier: str) -> ls.plotting.Panel:
        run = loud(tier, 0)
        a, s = flow_of(run, times_of(run))
        left = unfit_of(run, a, s) * run.problem.points / run.problem.dimension
        series = []
        for label, name in (
            ("P points", f"{GRID[tier].ratio} d points, used again"),
            ("fresh points", "fresh points"),
        ):
            ratio = at_steps(data[label], "signal") / a[:, None]
            error = ratio.std(axis=1, ddof=1) / np.sqrt(ratio.shape[1])
            series.append(ls.plotting.Series(name, left, ratio.mean(axis=1), error))
        series.append(ls.plotting.Series.theory("flow", left[[0, -1]], np.ones(2)))
        series.append(
            ls.plotting.Series.guide(f"P n = {INSIDE:g} d", [INSIDE, INSIDE], [0.85, 1.05])
        )
        return ls.plotting.log_x(
            r"Signal at $T \gg \kappa$",
            r"$P n / d$ by the flow (time runs to the left)",
            "signal / signal of the flow",
            series,
            note=f"d = {run.problem.dimension}",
        )

    @staticmethod
    def _ends(data: dict[str, xr.Dataset], tier: str) -> ls.plotting.Panel:
        window, series = window_of(tier), []
        fine = np.geomspace(0.2, 5.0, 40)
        n = fine / window.ratios[1]
        tau, _, _ = ls.theory.perceptron.flow_until(
            n, chi=window.chi, margin=stops.MARGIN, temperature=stops.TEMPERATURE
        )
        for dimension in STOP_DIMENSIONS:
            label = window.label(dimension, window.ratios[1])
            left = joined(data, label, "unfit_fraction") * window.ratios[1]
            series.append(
                ls.plotting.Series(
                    f"stops, d = {dimension}", left, joined(data, label, "t_star") / dimension
                )
            )
        series.append(ls.plotting.Series.rival("flow", fine, tau))
        series.append(ls.plotting.Series.theory("5 times later", fine, SEVERAL * tau))
        series += [
            ls.plotting.Series.guide("", fine, SEVERAL * factor * tau) for factor in (0.5, 2.0)
        ]
        return ls.plotting.log_log(
            f"Stop, P/d = {window.ratios[1]}",
            r"$P n^* / d$ of the final weights",
            r"$t^* / (T d)$",
            series,
            note="dotted: 2.5 and 10 times later",
        )

    @staticmethod
    def _noise(data: dict[str, xr.Dataset], tier: str) -> ls.plotting.Panel:
        run = quiet(tier, 0)
        signal, noise = (at_steps(data["quiet"], name) for name in ("signal", "noise"))
        tau = np.geomspace(QUIET_TIMES[0], QUIET_TIMES[-1], 40)
        a, s = flow_of(run, tau)
        error = noise.std(axis=1, ddof=1) / np.sqrt(noise.shape[1])
        return ls.plotting.log_x(
            r"Noise at $T \ll \kappa$",
            r"signal / $\kappa$",
            r"noise $\|w_\perp\|/(\kappa\sqrt{d})$",
            (
                ls.plotting.Series("SGD", signal.mean(axis=1), noise.mean(axis=1), error),
                ls.plotting.Series.theory("quenched noise", a, quenched(run, a)),
                ls.plotting.Series.rival("flow", a, s),
            ),
            note=f"T = {run.settings.temperature:g} kappa, P/d = "
            f"{run.problem.points / run.problem.dimension:g}",
        )
