"""One equation, three routes: simulated paths, the density on a grid, the closed-form law.

An eigenmode of linear regression under its Langevin equation, started off the minimum from a narrow
Gaussian. Moments and a quadrant's probability are compared at three times, on the way and at
stationarity; and at stationarity the probability current across the axis of zero velocity, which
turns the density clockwise while nothing moves on average. With p the stationary density and w the
natural frequency, the velocity current -w^2 x p, averaged over a strip about zero velocity and
integrated over positive positions, is what is compared.

Paths are seen at steps of h: half of a change of velocity is counted where it began and half where
it ended. With E the propagator over h and C the stationary covariance the mean change is then the
antisymmetric part (E - C E^T C^-1) / 2 at the place, whose velocity row is (-w^2 E_xv, 0): the
current of the paths is E_xv / h times that of the equation (derived). On the grid only x p is left
of the current when it is summed over the strip, since v p and dp/dv are odd there: an error of L1
norm e of the density that carries no mass moves the sum by at most x_max e / 2, and beyond 3.3
standard deviations there is a thousandth of the mass.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import xarray as xr
from langevin_sgd.validation.limiting_dynamics._problems import near_misses

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, theory_and_runs

PROBLEM = ls.LinearRegression.from_spectrum([1.0])
SETTINGS = ls.SGD(lr=0.05, batch_size=1, momentum=0.9)
TIMES = (8, 40, 200)
OFFSET, SHRINK = 1.0, 0.25
"""Start: mean position, and variances in units of the stationary ones."""
TOLERANCE = 1e-3
"""L1 error asked of the grid."""
FINE, FINE_STEPS = 20, 600
"""Recorded steps per lr, and their number, in the run for the current."""
STRIP = 1.0
"""Width of the strip about zero velocity, in standard deviations of the velocity."""
GROUPS = 64
REPLICAS = {
    "quick": {"paths": 524288, "current": 4096},
    "full": {"paths": 1048576, "current": 65536},
}
EQUATION = ls.Underdamped.from_sgd(PROBLEM, SETTINGS)


def start() -> ls.theory.Gaussian:
    """Density at time zero."""
    variances = np.concatenate(ls.theory.LangevinLaw(PROBLEM, SETTINGS).mode_variances())
    return ls.theory.Gaussian(np.array([OFFSET, 0.0]), SHRINK * np.diag(variances))


@dataclass(frozen=True, kw_only=True)
class PathEnsemble:
    """An ensemble of paths."""

    replicas: int
    seed: int


@ls.sweep.task()
def paths(run: PathEnsemble) -> xr.Dataset:
    """Moments and the share in the first quadrant, (step, group), of simulated paths."""
    first = start()
    drawn = ls.theory.LangevinLaw(PROBLEM, SETTINGS, start=first).sample(
        run.replicas, seed=run.seed, t=0
    )

    def observe(block: ls.record.Snapshots) -> dict:
        x, v = (
            part[..., 0].reshape(len(block.steps), GROUPS, -1)
            for part in (block.position, block.velocity)
        )
        observables = {
            "mean position": x.mean(axis=2),
            "variance of position": x.var(axis=2, ddof=1),
            "probability of x > 0, v > 0": ((x > 0) & (v > 0)).mean(axis=2),
        }
        return {name: (("step", "group"), values, "1") for name, values in observables.items()}

    result = ls.sde.simulate(
        EQUATION,
        ls.sde.BAOAB(),
        replicas=run.replicas,
        steps=TIMES[-1],
        schedule=TIMES,
        start=(drawn[0], drawn[1]),
        seed=run.seed,
        record=observe,
    )
    return result.drop_dims("replica")


@ls.sweep.task()
def circulation(run: PathEnsemble) -> xr.Dataset:
    """Velocity current at positive positions, (group,), from stationary paths in fine steps."""
    law = ls.theory.LangevinLaw(PROBLEM, SETTINGS)
    position, velocity = law.sample(run.replicas, seed=run.seed)
    result = ls.sde.simulate(
        replace(EQUATION, step_time=SETTINGS.lr / FINE),
        ls.sde.BAOAB(),
        replicas=run.replicas,
        steps=FINE_STEPS,
        schedule=ls.record.every(1, steps=FINE_STEPS),
        substeps=2,
        start=(position, velocity),
        seed=run.seed,
        record=ls.record.states(),
    )
    x, v = result["position"].values[..., 0], result["velocity"].values[..., 0]
    width = STRIP * float(law.mode_variances()[1][0]) ** 0.5
    inside = (x > 0) & (np.abs(v) < width / 2)
    # Half of each change of velocity belongs to where it began and half to where it ended
    # (Stratonovich).
    flow = (0.5 * (inside[1:].astype(float) + inside[:-1]) * np.diff(v, axis=0)).reshape(
        FINE_STEPS, GROUPS, -1
    )
    current = flow.mean(axis=(0, 2)) / (width * SETTINGS.lr / FINE)
    return ls.dataset.make(
        {"current": (("group",), current, "1/tau")}, kind="circulation", seed=run.seed
    )


@dataclass(frozen=True, kw_only=True)
class GridSolution:
    """A solution of the Fokker-Planck equation."""

    tolerance: float


@ls.sweep.task()
def densities(case: GridSolution) -> xr.Dataset:
    """Density over time, and the velocity current, on a grid of phase space."""
    first = start()
    return ls.fokker_planck.solve(
        EQUATION,
        initial=ls.fokker_planck.GaussianDensity(first.mean, first.covariance),
        times=[0, *TIMES],
        tolerance=case.tolerance,
    )[["density", "current_velocity", "error"]]


def exact(name: str, time: int, law: ls.theory.Law) -> float:
    """Value of a quantity under a Gaussian law."""
    mean, covariance = law.mean(time), law.covariance(time)
    if name == "mean position":
        return float(mean[0])
    if name == "variance of position":
        return float(covariance[0, 0])
    from scipy.stats import multivariate_normal

    return float(multivariate_normal(-mean, covariance).cdf(np.zeros(2)))


def exact_current(settings: ls.SGD = SETTINGS) -> float:
    """Velocity current through the strip at positive positions, per unit of tau."""
    position, velocity = (
        float(v[0]) for v in ls.theory.LangevinLaw(PROBLEM, settings).mode_variances()
    )
    from scipy.special import ndtr

    width = STRIP * strip_velocity()
    share = (2 * ndtr(width / (2 * velocity**0.5)) - 1) / width
    return -velocity / position * (position / (2 * np.pi)) ** 0.5 * share


def strip_velocity() -> float:
    """Standard deviation of the velocity, the unit of the strip."""
    return float(ls.theory.LangevinLaw(PROBLEM, SETTINGS).mode_variances()[1][0]) ** 0.5


def seen_in_steps(settings: ls.SGD = SETTINGS) -> float:
    """Velocity current of paths that are seen at `FINE` steps per lr (opening formula)."""
    law = ls.theory.LangevinLaw(PROBLEM, settings)
    advance = float(law.oscillators.propagator(np.array(1 / FINE))[0, 0, 1])
    return exact_current(settings) * advance / (settings.lr / FINE)


def grid_error() -> float:
    """Bound on the error of the current that `TOLERANCE` of the density allows."""
    position, velocity = (
        float(v[0]) for v in ls.theory.LangevinLaw(PROBLEM, SETTINGS).mode_variances()
    )
    largest = 3.3 * position**0.5
    return velocity / position * largest * TOLERANCE / 2 / (STRIP * strip_velocity())


def in_phase(settings: ls.SGD) -> float:
    """Probability of x > 0, v > 0 with velocities half a step late, as those of the map are."""
    block = ls.theory.DiscreteLaw(PROBLEM, settings).mode_stationary()[0]
    correlation = block[0, 1] / (block[0, 0] * block[1, 1]) ** 0.5
    return float(0.25 + np.arcsin(correlation) / (2 * np.pi))


MEAN, VARIANCE, QUADRANT = "mean position", "variance of position", "probability of x > 0, v > 0"
CURRENT = "stationary current of velocity at x > 0"
COMPARED = (
    (MEAN, 40),
    (VARIANCE, 8),
    (QUADRANT, 8),
    (QUADRANT, 40),
    (VARIANCE, 200),
    (QUADRANT, 200),
)
"""Where rivals differ: the overdamped law on the way, a start never forgotten at the end."""
BIAS = 5e-4
"""Accuracy of BAOAB with eight steps per lr: (omega lr / 8)^2 / 4 = 2e-4 of a variance."""


def rival(quantity: str, time: int) -> float:
    """Value under the first-order Langevin equation, or at the last time under the start."""
    law, first = ls.theory.LangevinLaw(PROBLEM, SETTINGS), start()
    if time == TIMES[-1]:
        return exact(quantity, 0, replace(law, start=first))
    rate = SETTINGS.lr * PROBLEM.eigenvalues[0] / (1 - SETTINGS.momentum)
    final, memory = float(law.mode_variances()[0][0]), float(np.exp(-rate * time))
    mean, variance = OFFSET * memory, final + (first.covariance[0, 0] - final) * memory**2
    from scipy.special import ndtr

    return float(
        {MEAN: mean, VARIANCE: variance, QUADRANT: 0.5 * ndtr(mean / variance**0.5)}[quantity]
    )


@dataclass(frozen=True)
class NumericalRoute:
    """One of the two ways to the numbers, and its accuracy."""

    name: str
    margin: float
    reason: str
    moment: Callable[[str, int, ls.claims.Data], ls.Estimate]
    current: Callable[[ls.claims.Data], ls.Estimate]
    predicted_current: Callable[[ls.SGD], float]
    current_margin: Callable[[], float]
    current_reason: str
    current_rivals: dict[str, float]

    def compared(self) -> list[ls.claims.Comparison]:
        """Compare all quantities with the exact law."""
        moments = [
            ls.claims.Comparison(
                name=f"{self.name}: {quantity} after {time} steps",
                prediction=exact_at(quantity, time, SETTINGS),
                margin=self.margin,
                basis="theory",
                reason=self.reason,
                rivals={rival_name(time): rival(quantity, time)},
                wrong=rival(quantity, time),
                near_misses=near_misses(
                    partial(exact_at, quantity, time),
                    SETTINGS,
                    margin=self.margin,
                    more=in_step(quantity, time),
                ),
                measure=partial(self.moment, quantity, time),
            )
            for quantity, time in COMPARED
        ]
        current = ls.claims.Comparison(
            name=f"{self.name}: {CURRENT}",
            prediction=self.predicted_current(SETTINGS),
            margin=self.current_margin(),
            basis="theory",
            reason=self.current_reason,
            rivals={"no current": 0.0} | self.current_rivals,
            wrong=0.0,
            near_misses={"natural frequency 10 % larger": 1.1 * self.predicted_current(SETTINGS)},
            measure=self.current,
        )
        return [*moments, current]


def exact_at(quantity: str, time: int, settings: ls.SGD) -> float:
    """Value of a quantity at a time, from the start of the runs."""
    return exact(quantity, time, ls.theory.LangevinLaw(PROBLEM, settings, start=start()))


def in_step(quantity: str, time: int) -> dict[str, float]:
    """Return an error that moves the stationary share of a quadrant, which no setting does."""
    if (quantity, time) != (QUADRANT, TIMES[-1]):
        return {}
    return {"velocities half a step late": in_phase(SETTINGS)}


def heavier() -> float:
    """Return the current without the correction for the finite learning rate, mass lr.

    The velocities are slower by the root of the ratio of the masses, and so is the current.
    """
    return exact_current() * ((1 + SETTINGS.momentum) / 2) ** 0.5


def rival_name(time: int) -> str:
    """Name of what `rival` says."""
    return "the start" if time == TIMES[-1] else "first-order Langevin equation"


def moment_of_paths(quantity: str, time: int, data: ls.claims.Data) -> ls.Estimate:
    """Mean over groups of paths."""
    return ls.Estimate.from_samples(data["paths"][quantity].sel(step=time).values)


def current_of_paths(data: ls.claims.Data) -> ls.Estimate:
    """Mean over groups of paths."""
    return ls.Estimate.from_samples(data["current"]["current"].values)


def moment_on_grid(quantity: str, time: int, data: ls.claims.Data) -> ls.Estimate:
    """Quantity of the density at a time; cells that a border cuts count in part."""
    grid = data["grid"]
    x, v = grid["position"], grid["velocity"]
    density = grid["density"].sel(step=time)
    mass = density / density.sum()
    mean = float((mass * x).sum())
    if quantity == MEAN:
        value = mean
    elif quantity == VARIANCE:
        value = float((mass * x**2).sum()) - mean**2
    else:
        value = float((mass * _share_above(x) * _share_above(v)).sum())
    return ls.Estimate(value=value, standard_error=0.0, method="grid")


def current_on_grid(data: ls.claims.Data) -> ls.Estimate:
    """Stationary current of velocity through the strip."""
    grid = data["grid"]
    x, v = grid["position"], grid["velocity"]
    width = STRIP * float(ls.theory.LangevinLaw(PROBLEM, SETTINGS).mode_variances()[1][0]) ** 0.5
    weight = _share_above(x) * _share_above(v + width / 2) * _share_above(width / 2 - v)
    area = float((x[1] - x[0]) * (v[1] - v[0]))
    current = float((grid["current_velocity"].sel(step=TIMES[-1]) * weight).sum()) * area / width
    return ls.Estimate(value=current / SETTINGS.lr, standard_error=0.0, method="grid")


def _share_above(coordinate: xr.DataArray) -> xr.DataArray:
    """Part of each cell above zero."""
    cell = float(abs(coordinate[1] - coordinate[0]))
    return (coordinate / cell + 0.5).clip(0, 1)


ROUTES = (
    NumericalRoute(
        name="paths",
        margin=BIAS,
        reason="step of the integrator",
        moment=moment_of_paths,
        current=current_of_paths,
        predicted_current=seen_in_steps,
        current_margin=lambda: BIAS * abs(exact_current()),
        current_reason="step of the integrator",
        current_rivals={},
    ),
    NumericalRoute(
        name="grid",
        margin=TOLERANCE,
        reason="L1 error of the density",
        moment=moment_on_grid,
        current=current_on_grid,
        predicted_current=exact_current,
        current_margin=grid_error,
        current_reason="L1 error of the density, where x is largest",
        current_rivals={"inertia lr for lr (1 + momentum) / 2": heavier()},
    ),
)


class FokkerPlanckAgreement(ls.claims.Claim):
    title = "Simulation, Fokker-Planck and exact law"
    statement = (
        "Simulated paths of the Langevin equation, its Fokker-Planck equation on a grid, "
        "and its closed-form law agree on the way to stationarity and there, "
        "down to the circulating current of the stationary state."
    )
    formula = (
        "p Gaussian with mean e^(-At) z_0 and its covariance;  J_v(x, v) = -w^2 x p at stationarity"
    )
    source = (
        "Kunin et al., arXiv 2107.09133 (Ornstein-Uhlenbeck process and its current); "
        "three independent routes"
    )
    validity = "Quadratic loss, any time."
    control_statement = (
        "The first-order Langevin equation, a start never forgotten, and no current."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        ensembles = {
            name: PathEnsemble(replicas=replicas, seed=ls.derive_seed(seed, self.id, name))
            for name, replicas in REPLICAS[tier].items()
        }
        return {
            "paths": paths.at(ensembles["paths"]),
            "current": circulation.at(ensembles["current"]),
            "grid": densities.at(GridSolution(tolerance=TOLERANCE)),
        }

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        return [comparison for route in ROUTES for comparison in route.compared()]

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        return [density_panel(data), variance_panel(data)]


def density_panel(data: ls.claims.Data) -> Panel:
    """Density of the position at each time."""
    from scipy.stats import norm

    law = ls.theory.LangevinLaw(PROBLEM, SETTINGS, start=start())
    density = data["grid"]["density"]
    x = density["position"].values
    marginal = density.sum("velocity") / density.sum(["position", "velocity"]) / (x[1] - x[0])
    families = []
    for time in (0, *TIMES):
        mean, covariance = law.mean(time), law.covariance(time)
        exact_density = norm(mean[0], covariance[0, 0] ** 0.5).pdf(x)
        on_grid = Series(f"grid, step {time}", x[::4], marginal.sel(step=time).values[::4])
        families.append((on_grid, Series.theory("exact law", x, exact_density)))
    return Panel("Density of the position", "position", "density", theory_and_runs(families))


def variance_panel(data: ls.claims.Data) -> Panel:
    """Variance of the position on the way."""
    law, early = ls.theory.LangevinLaw(PROBLEM, SETTINGS, start=start()), np.arange(0, 161, 2)
    points = [moment_of_paths(VARIANCE, time, data) for time in TIMES[:2]]
    first_order = [rival(VARIANCE, int(t)) for t in early]
    series = (
        Series.measured("paths", TIMES[:2], points),
        Series.theory("exact law", early, law.covariance(early)[:, 0, 0]),
        Series.rival("first-order Langevin equation", early, first_order),
    )
    return Panel("Variance of the position", "time [steps]", "variance", series)
