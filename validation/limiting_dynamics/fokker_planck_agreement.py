"""One equation, three routes: simulated paths, the density on a grid, and the closed-form law, with
the current.

An eigenmode of linear regression under its Langevin equation, started off the minimum from a narrow
Gaussian. Moments and a quadrant's probability are compared at three times, on the way and at
stationarity; and at stationarity the probability current across the axis of zero velocity, which
turns the density clockwise while nothing moves on average. With p the stationary density and w the
natural frequency, the velocity current -w^2 x p, averaged over a strip about zero velocity and
integrated over positive positions, is what is compared.
"""

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

import langevin_sgd as ls

PROBLEM = ls.LinearRegression.from_spectrum([1.0])
SETTINGS = ls.SGD(lr=0.05, batch_size=1, momentum=0.9)
TIMES = (8, 40, 600)
OFFSET, SHRINK = 1.0, 0.25
"""Start: mean position, and variances in units of the stationary ones."""
TOLERANCE = 2e-3
"""L1 error asked of the grid."""
FINE, FINE_STEPS = 20, 600
"""Recorded steps per lr, and their number, in the run for the current."""
STRIP = 1.0
"""Width of the strip about zero velocity, in standard deviations of the velocity."""
GROUPS = 64
REPLICAS = {
    "quick": {"paths": 65536, "current": 4096},
    "full": {"paths": 1048576, "current": 65536},
}
EQUATION = ls.Underdamped.from_sgd(PROBLEM, SETTINGS)


def start() -> ls.theory.Gaussian:
    """Density at time zero."""
    variances = np.concatenate(ls.theory.LangevinLaw(PROBLEM, SETTINGS).mode_variances())
    return ls.theory.Gaussian(np.array([OFFSET, 0.0]), SHRINK * np.diag(variances))


@dataclass(frozen=True, kw_only=True)
class Run:
    """An ensemble of paths."""

    replicas: int
    seed: int


@ls.sweep.task()
def paths(run: Run) -> xr.Dataset:
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
        found = {
            "mean position": x.mean(axis=2),
            "variance of position": x.var(axis=2, ddof=1),
            "probability of x > 0, v > 0": ((x > 0) & (v > 0)).mean(axis=2),
        }
        return {name: (("step", "group"), values, "1") for name, values in found.items()}

    result = ls.sde.simulate(
        EQUATION,
        ls.sde.BAOAB(),
        replicas=run.replicas,
        steps=TIMES[-1],
        schedule=TIMES,
        start=drawn[0],
        velocity=drawn[1],
        seed=run.seed,
        record=observe,
    )
    return result.drop_dims("replica")


@ls.sweep.task()
def circulation(run: Run) -> xr.Dataset:
    """Velocity current through the strip at positive positions, (group,), from stationary paths in
    fine steps.
    """
    law = ls.theory.LangevinLaw(PROBLEM, SETTINGS)
    position, velocity = law.sample(run.replicas, seed=run.seed)
    result = ls.sde.simulate(
        replace(EQUATION, step_time=SETTINGS.lr / FINE),
        ls.sde.BAOAB(),
        replicas=run.replicas,
        steps=FINE_STEPS,
        schedule=ls.record.every(1, steps=FINE_STEPS),
        substeps=2,
        start=position,
        velocity=velocity,
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
class Grid:
    """A solution of the Fokker-Planck equation."""

    tolerance: float


@ls.sweep.task()
def densities(case: Grid) -> xr.Dataset:
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


def exact_current() -> float:
    """Velocity current through the strip at positive positions, per unit of tau."""
    position, velocity = (
        float(v[0]) for v in ls.theory.LangevinLaw(PROBLEM, SETTINGS).mode_variances()
    )
    from scipy.special import ndtr

    share = (2 * ndtr(STRIP / 2) - 1) / (STRIP * velocity**0.5)
    return -velocity / position * (position / (2 * np.pi)) ** 0.5 * share


MEAN, VARIANCE, QUADRANT = "mean position", "variance of position", "probability of x > 0, v > 0"
CURRENT = "stationary current of velocity at x > 0"
COMPARED = (
    (MEAN, 40),
    (VARIANCE, 8),
    (QUADRANT, 8),
    (QUADRANT, 40),
    (VARIANCE, 600),
    (QUADRANT, 600),
)
"""Quantities and times at which a rival differs: on the way the overdamped law, at the end a start
never forgotten.
"""
BIAS = 5e-4
"""Accuracy of the paths: BAOAB with eight steps per lr is off by (omega lr / 8)^2 / 4 = 2e-4 of a
variance.
"""


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


def name_of(route: str, quantity: str, time: int) -> str:
    """Name of a component."""
    return f"{route}: {quantity} after {time} steps"


class FokkerPlanckAgreement(ls.claims.Claim):
    title = "Simulation, Fokker-Planck and exact law"
    statement = (
        "Simulated paths of the Langevin equation, its Fokker-Planck equation on a grid, and its "
        "closed-form law agree "
        "on the way to stationarity and there, down to the circulating current of the stationary "
        "state."
    )
    formula = (
        "p Gaussian with mean e^(-At) z_0 and its covariance;  J_v(x, v) = -w^2 x p at stationarity"
    )
    source = (
        "Kunin et al., arXiv 2107.09133 (Ornstein-Uhlenbeck process and its current); three "
        "independent routes"
    )
    validity = "Quadratic loss, any time."
    control_statement = (
        "The first-order Langevin equation, a start never forgotten, and the current reversed."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        sizes = REPLICAS[tier]
        return {
            "paths": paths.at(
                Run(replicas=sizes["paths"], seed=ls.derive_seed(seed, self.id, "paths"))
            ),
            "current": circulation.at(
                Run(replicas=sizes["current"], seed=ls.derive_seed(seed, self.id, "current"))
            ),
            "grid": densities.at(Grid(tolerance=TOLERANCE)),
        }

    def predict(self, tier: str) -> list[ls.claims.Component]:
        law = ls.theory.LangevinLaw(PROBLEM, SETTINGS, start=start())
        components = []
        for route, margin, reason in (
            ("paths", BIAS, "step of the integrator"),
            ("grid", TOLERANCE, "L1 error of the density"),
        ):
            for quantity, time in COMPARED:
                label = "the start" if time == TIMES[-1] else "first-order Langevin equation"
                components.append(
                    ls.claims.Component(
                        name=name_of(route, quantity, time),
                        prediction=exact(quantity, time, law),
                        margin=margin,
                        margin_reason=reason,
                        alternatives={label: rival(quantity, time)},
                    )
                )
            components.append(
                ls.claims.Component(
                    name=f"{route}: {CURRENT}",
                    prediction=exact_current(),
                    margin=0.05 * abs(exact_current()),
                    margin_reason="finite time step of the paths, cells of the grid across the "
                    "strip",
                    alternatives={"no current": 0.0, "reversed": -exact_current()},
                )
            )
        return components

    def control(self, tier: str) -> list[ls.claims.Component]:
        components = []
        for route in ("paths", "grid"):
            components += [
                ls.claims.Component(name=name_of(route, *place), prediction=rival(*place))
                for place in COMPARED
            ]
            components.append(
                ls.claims.Component(name=f"{route}: {CURRENT}", prediction=-exact_current())
            )
        return components

    def measure(self, data: dict[str, xr.Dataset], tier: str) -> dict[str, ls.Estimate]:
        on_grid = grid_values(data["grid"])
        found = {
            f"paths: {CURRENT}": ls.Estimate.from_samples(data["current"]["current"].values),
            f"grid: {CURRENT}": ls.Estimate(
                value=on_grid[CURRENT, TIMES[-1]], standard_error=0.0, method="grid"
            ),
        }
        for quantity, time in COMPARED:
            groups = data["paths"][quantity].sel(step=time).values
            found[name_of("paths", quantity, time)] = ls.Estimate.from_samples(groups)
            found[name_of("grid", quantity, time)] = ls.Estimate(
                value=on_grid[quantity, time], standard_error=0.0, method="grid"
            )
        return found

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        from scipy.stats import norm

        law = ls.theory.LangevinLaw(PROBLEM, SETTINGS, start=start())
        density = data["grid"]["density"]
        x = density["position"].values
        marginal = density.sum("velocity") / density.sum(["position", "velocity"]) / (x[1] - x[0])
        series = []
        for time in (0, *TIMES):
            mean, covariance = law.mean(time), law.covariance(time)
            exact_density = norm(mean[0], covariance[0, 0] ** 0.5).pdf(x)
            series.append(
                ls.plotting.Series(
                    f"grid, step {time}", x[::4], marginal.sel(step=time).values[::4]
                )
            )
            series.append(
                ls.plotting.Series(
                    "exact law" if time == 0 else "", x, exact_density, kind="theory"
                )
            )
        early = np.arange(0, 161, 2)
        groups = [data["paths"][VARIANCE].sel(step=time).values for time in TIMES[:2]]
        return [
            ls.plotting.Panel(
                title="Density of the position",
                x_label="position",
                y_label="density",
                series=tuple(series),
            ),
            ls.plotting.Panel(
                title="Variance of the position",
                x_label="time [steps]",
                y_label="variance",
                series=(
                    ls.plotting.Series(
                        "paths",
                        TIMES[:2],
                        [g.mean() for g in groups],
                        [g.std(ddof=1) / GROUPS**0.5 for g in groups],
                    ),
                    ls.plotting.Series(
                        "exact law", early, law.covariance(early)[:, 0, 0], kind="theory"
                    ),
                    ls.plotting.Series(
                        "first-order Langevin equation",
                        early,
                        [rival(VARIANCE, int(t)) for t in early],
                        kind="rival",
                    ),
                ),
            ),
        ]


def grid_values(grid: xr.Dataset) -> dict[tuple[str, int], float]:
    """Quantities on the grid at each time, and the stationary current; cells that a border cuts
    count in part.
    """
    x, v = grid["position"], grid["velocity"]
    found = {}
    for time in TIMES:
        density = grid["density"].sel(step=time)
        mass = density / density.sum()
        mean = float((mass * x).sum())
        found[MEAN, time] = mean
        found[VARIANCE, time] = float((mass * x**2).sum()) - mean**2
        found[QUADRANT, time] = float((mass * _share_above(x) * _share_above(v)).sum())
    width = STRIP * float(ls.theory.LangevinLaw(PROBLEM, SETTINGS).mode_variances()[1][0]) ** 0.5
    weight = _share_above(x) * _share_above(v + width / 2) * _share_above(width / 2 - v)
    area = float((x[1] - x[0]) * (v[1] - v[0]))
    current = float((grid["current_velocity"].sel(step=TIMES[-1]) * weight).sum()) * area / width
    found[CURRENT, TIMES[-1]] = current / SETTINGS.lr
    return found


def _share_above(coordinate: xr.DataArray) -> xr.DataArray:
    """Part of each cell above zero."""
    cell = float(abs(coordinate[1] - coordinate[0]))
    return (coordinate / cell + 0.5).clip(0, 1)
