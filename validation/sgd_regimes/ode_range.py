"""Where the closed equations describe SGD on P points, and where they must fail.

They assume that every sample is fresh. Runs on P points at T >> kappa follow them while P n >= 5 d;
later the weights are correlated with points already seen, the signal slows and the noise stays
larger. One-pass SGD follows them all along. How much later training ends than the equations reach
the same unfit fraction is shown, and no number: it grows with d (`training_time_exponent`). At T <<
kappa the same correlations set the noise: w_perp adapts to the
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
    finite_of,
    flow_of,
    follow,
    follow_fresh,
    lag,
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
BEHIND = 5.0
"""How far behind the flow a rival is, in time."""


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


def quenched(
    run: PerceptronEnsemble, signal: np.ndarray, more: int = 1, loud: float = 1.0
) -> np.ndarray:
    """Noise that the training set keeps up at the measured signal; with so many times the points,
    and the temperature by a factor.
    """
    return ls.theory.perceptron.quenched_noise(
        signal,
        chi=run.chi,
        margin=run.problem.margin,
        temperature=loud * run.settings.temperature,
        points=more * run.problem.points,
        dimension=run.problem.dimension,
    )


def lateness(data: ls.claims.Data, row: stops.Row, dimension: int) -> np.ndarray:
    """Stopping time over the time at which the flow has the final unfit fraction, (replica,)."""
    label = stops.label(row.chi, dimension, row.ratio)
    n, time = joined(data, label, "unfit_fraction"), joined(data, label, "t_star")
    tau, _, _ = ls.theory.perceptron.flow_until(
        n, chi=row.chi, margin=stops.MARGIN, temperature=stops.TEMPERATURE
    )
    return np.asarray(time / (dimension * tau))


def beside_flow(where: str, label: str, place: int, tier: str) -> ls.claims.Comparison:
    """Compare the signal at one of the times of `LEFT` with the flow and its order 1/d."""
    run = loud(tier, 0)
    tau = times_of(run)
    flow, silent = flow_of(run, tau)[0], flow_of(run, tau, temperature=0.0)[0]
    faster = flow_of(run, 1.1 * tau, temperature=1.1 * run.settings.temperature)[0]
    behind = BEHIND ** -ls.theory.perceptron.exponents(run.chi).growth
    again = label == "P points"
    margin = float(lag(run, tau)[place]) if again else 1 / run.problem.dimension**2
    return ls.claims.Comparison(
        name=f"{where}: signal / flow",
        prediction=float(finite_of(run, tau, run.problem.dimension)[place]),
        margin=margin,
        basis="theory",
        reason="points met again, of order d/(P n)" if again else "second order in 1/d",
        rivals={
            "without SGD noise, T = 0": silent[place] / flow[place],
            "five times behind the flow": behind,
        },
        wrong=behind,
        wrong_margin=margin,
        near_misses={"learning rate off by 10 %": faster[place] / flow[place]},
        measure=lambda data: ls.Estimate.from_samples(
            at_steps(data[label], "signal")[place] / flow[place]
        ),
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
        near_misses={
            "one octave in P/d": quenched(run, a, 2)[place] / quenched(run, a)[place],
            "no noise of the batches": quenched(run, a, 1, 0.0)[place] / quenched(run, a)[place],
        },
        measure=measure,
    )


class OdeRange(ls.claims.Claim):
    sample = "ends"
    title = "Range of the closed equations"
    statement = (
        "The closed equations hold for fresh samples, and on P points while P n >= 5 d; at T << "
        "kappa the noise is set by the fixed training set and not by them."
    )
    formula = (
        "da/dtau = g1(a, s),  d(s^2)/dtau = 2 s gz + T n while P n >= 5 d;  "
        "s^2 = a^2/(C (1+chi)) (d/P) (kappa/a)^(1-chi) + kappa T/(2 (1+chi)) at T << kappa"
    )
    source = "derived; the model: Sclocchi, Geiger and Wyart, arXiv 2301.13703"
    validity = (
        "chi = 0, d >> 1, B below the critical batch size; the quenched noise for s << "
        "kappa and P n >> d."
    )
    control_statement = (
        "A signal five times behind in time, one without noise, and the noise of the closed "
        "equations at T << kappa."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        row = stops.ROWS[tier][0]
        wanted = tuple(f"{stops.label(row.chi, d, row.ratio)}, part " for d in row.dimensions)
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
        row = stops.ROWS[tier][0]
        dimensions = row.dimensions
        found = [ls.measure.geometric_mean(lateness(data, row, d)) for d in row.dimensions.tolist()]
        return ls.plotting.log_log(
            f"Time to the final n, P/d = {row.ratio}",
            "d",
            "t* / time of the flow",
            (
                ls.plotting.Series.measured(rf"$\chi$ = {row.chi:g}", dimensions, found),
                ls.plotting.Series.rival(
                    "the flow to the end", dimensions[[0, -1]].astype(float), np.ones(2)
                ),
            ),
            note="no theory, and no single power of d",
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
