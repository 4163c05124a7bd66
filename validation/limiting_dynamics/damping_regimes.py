r"""Overdamped, critical, underdamped: mean trajectories, and the curvature at which they part.

Real minibatch SGD on the diabetes data from rest at theta = 0: on a quadratic loss no noise enters
the mean. Along an eigenmode of stiffness k the Langevin equation gives, with physical time tau = lr
* steps,

    E theta = mu + (theta_0 - mu) e^(-g tau) [c + g s],   g = (1 - momentum) / (lr (1 + momentum))

with c, s = cos(d tau), sin(d tau)/d below, 1, tau at, cosh, sinh above critical damping, which is
at lr k = (1 - momentum)^2 / (2 (1 + momentum)). The stiffest mode is followed at three momenta, one
in each regime; the margin is the distance of the trajectory from that of the map, in closed form.

The threshold itself: seen every n steps, any solution obeys y'' = A y' - B y with cos(d tau_n) = A
/ (2 sqrt B) and g tau_n = -ln(B)/2, both fitted, and (d/g)^2 = 1/zeta^2 - 1 passes through zero at
critical damping. 1/zeta^2 is proportional to the stiffness: lr k zeta^2 of each eigenmode, on both
sides, is the threshold (derived).
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import xarray as xr
from langevin_sgd.validation.limiting_dynamics._problems import (
    DIABETES,
    begin,
    built,
    near_misses,
    rival_laws,
)
from langevin_sgd.validation.limiting_dynamics._runs import RegressionRun, moments

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, theory_and_runs

LR, BATCH_SIZE = 0.005, 64
REPLICAS = {"quick": 4096, "full": 131072}
CRITICAL_MOMENTUM = 0.735711
"""Momentum at which the stiffest mode is critically damped, lr k = 0.0201."""
EVERY = 5
"""Steps between recorded ones."""


def of_stiffest(momentum: float) -> ls.SGD:
    """Return settings at a momentum."""
    return ls.SGD(lr=LR, batch_size=BATCH_SIZE, momentum=momentum)


def mean_left(law: ls.theory.Law, step: float, mode: int = 0) -> float:
    """Mean offset of an eigenmode from the minimiser over that of the start."""
    problem = built(DIABETES)
    centre = float(problem.minimiser @ problem.eigenvectors[:, mode])
    first = float(begin(DIABETES, "rest") @ problem.eigenvectors[:, mode])
    return float((law.mode_mean(step)[..., mode, 0] - centre) / (first - centre))


def langevin(step: int, settings: ls.SGD) -> float:
    """Return the share that is left by the Langevin equation."""
    return mean_left(rival_laws(DIABETES, settings, "rest")["Langevin equation"], step)


@dataclass(frozen=True)
class DampedTrajectory:
    """The stiffest mode at a momentum, and the steps at which it is compared."""

    regime: str
    momentum: float
    times: tuple[int, ...]

    @property
    def settings(self) -> ls.SGD:
        """Settings of SGD."""
        return of_stiffest(self.momentum)

    def compared(self, step: int) -> ls.claims.Comparison:
        """Compare the share of the offset that is left after some steps."""
        predicted = langevin(step, self.settings)
        frozen = rival_laws(DIABETES, self.settings, "rest")["noise frozen at the minimiser"]
        margin = abs(mean_left(frozen, step) - predicted)
        return ls.claims.Comparison(
            name=f"{self.regime}: share of the offset left after {step} steps",
            prediction=predicted,
            margin=margin,
            basis="theory",
            reason="length of a step: distance from the mean of the map, in closed form",
            scale=1.0,
            rivals=other_regimes(step, self, margin),
            near_misses=near_misses(
                partial(langevin, step), self.settings, margin=margin, scale=1.0, resolved=0.02
            ),
            measure=partial(self.measure, step),
        )

    def measure(self, step: int, data: ls.claims.Data) -> ls.Estimate:
        """Mean over groups of replicas."""
        return ls.Estimate.from_samples(shares(data[self.regime], 0).sel(step=step).values)


def shares(run: xr.Dataset, mode: int) -> xr.DataArray:
    """Share of the offset of an eigenmode that is left, (step, group)."""
    problem = built(DIABETES)
    start = begin(DIABETES, "rest") - problem.minimiser
    return run["mean_position"].isel(eigenmode=mode) / float(start @ problem.eigenvectors[:, mode])


def other_regimes(step: int, one: DampedTrajectory, margin: float) -> dict[str, float]:
    """Return what formulas of other regimes say, where they differ."""
    h = LR * float(built(DIABETES).eigenvalues[0])
    damping = (1 - one.momentum) / (1 + one.momentum) * step
    values = {
        "without inertia": float(np.exp(-h * step / (1 - one.momentum))),
        "without damping": float(np.cos((2 * h / (1 + one.momentum)) ** 0.5 * step)),
    }
    if one.regime != CRITICAL:
        values["critically damped"] = float((1 + damping) * np.exp(-damping))
    predicted = langevin(step, one.settings)
    return {
        name: value
        for name, value in values.items()
        if abs(value - predicted) > max(4 * margin, 0.05)
    }


OVER, CRITICAL, UNDER = "overdamped", "critical", "underdamped"
TRAJECTORIES = (
    DampedTrajectory(OVER, 0.5, (10, 30)),
    DampedTrajectory(CRITICAL, CRITICAL_MOMENTUM, (10, 30)),
    DampedTrajectory(UNDER, 0.95, (20, 30)),
)
THRESHOLD = of_stiffest(0.9)
STRADDLING = (1, 2, 3, 5, 6)
"""Eigenmodes about the threshold at momentum 0.9, with an offset at the start: lr k over its
critical value is 2.8, 2.3, 1.8, 1.1 and 1.0."""
FITTED = 80
"""Steps of the fit of the threshold."""


def damping_of(means: np.ndarray) -> np.ndarray:
    """1/zeta^2 from means (..., time) at equal intervals."""
    late, middle, early = means[..., 2:], means[..., 1:-1], means[..., :-2]
    squares = [(one * other).sum(axis=-1) for one, other in ((middle, middle), (early, early))]
    mixed = (middle * early).sum(axis=-1)
    onto = [(late * one).sum(axis=-1) for one in (middle, early)]
    determinant = squares[0] * squares[1] - mixed**2
    first = (onto[0] * squares[1] - onto[1] * mixed) / determinant
    second = -(onto[1] * squares[0] - onto[0] * mixed) / determinant
    cosine = first / (2 * np.sqrt(second))
    angle = np.arccos(cosine.astype(complex))
    return 1 + (angle**2).real / (0.5 * np.log(second)) ** 2


def threshold(settings: ls.SGD) -> float:
    """lr k at critical damping, by the Langevin equation."""
    momentum = settings.momentum
    return (1 - momentum) ** 2 / (2 * (1 + momentum))


def measured_threshold(data: ls.claims.Data) -> ls.Estimate:
    """lr k zeta^2, the mean over eigenmodes."""
    run, problem = data["threshold"], built(DIABETES)
    steps = run["step"].values
    kept = np.stack(
        [shares(run, mode).sel(step=steps[steps <= FITTED]).values.T for mode in STRADDLING], axis=1
    )
    stiffness = LR * problem.eigenvalues[list(STRADDLING)]
    value, error = ls.measure.jackknife(
        lambda means: (stiffness / damping_of(means)).mean(axis=-1), kept
    )
    return ls.Estimate(
        value=float(value),
        standard_error=float(error),
        n_independent=len(kept),
        method="recursion fitted to the means, jackknife over groups",
    )


def compared_threshold() -> ls.claims.Comparison:
    """Compare the threshold."""
    momentum, predicted = THRESHOLD.momentum, threshold(THRESHOLD)
    of_map = (1 - momentum**0.5) ** 2
    return ls.claims.Comparison(
        name="lr k at critical damping, momentum 0.9",
        prediction=predicted,
        margin=3 * abs(of_map - predicted),
        basis="theory",
        reason="threshold of the map, (1 - sqrt(momentum))^2; three times for modes off it",
        rivals={
            "mass lr for lr (1 + momentum) / 2": (1 - momentum) ** 2 / 4,
            "mass lr momentum": (1 - momentum) ** 2 / (4 * momentum),
        },
        near_misses=near_misses(threshold, THRESHOLD, resolved=0.02),
        measure=measured_threshold,
    )


class DampingRegimes(ls.claims.Claim):
    title = "Regimes of damping"
    statement = (
        "Means of eigenmodes creep, return as fast as they can, or swing, as the damped oscillator "
        "of the Langevin equation says, and the regimes part at the curvature that it says."
    )
    formula = (
        "E theta - mu = (theta_0 - mu) e^(-g tau) [c + g s];  critical at lr k = (1 - momentum)^2 "
        "/ (2 (1 + momentum))"
    )
    source = (
        "Kunin et al., arXiv 2107.09133 (mean of the Ornstein-Uhlenbeck process, three regimes)"
    )
    validity = "Quadratic loss; lr k << 1; (1 - momentum) / (1 + momentum) small for short times."
    control_statement = "Formulas of other regimes; masses without the finite learning rate."

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        cases = {one.regime: one.settings for one in TRAJECTORIES} | {"threshold": THRESHOLD}
        tasks = {}
        for label, settings in cases.items():
            run = RegressionRun(
                problem=DIABETES,
                settings=settings,
                replicas=REPLICAS[tier],
                schedule=tuple(range(0, FITTED + 1, EVERY)),
                start="rest",
                seed=ls.derive_seed(seed, self.id, label),
            )
            tasks[label] = moments.at(run)
        return tasks

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        trajectories = [one.compared(step) for one in TRAJECTORIES for step in one.times]
        return [*trajectories, compared_threshold()]

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        families = []
        for one in TRAJECTORIES:
            found = shares(data[one.regime], 0)
            steps, groups = found["step"].values, found.values
            error = groups.std(axis=1, ddof=1) / groups.shape[1] ** 0.5
            fine = np.linspace(0, steps[-1], 120)
            law = rival_laws(DIABETES, one.settings, "rest")["Langevin equation"]
            curve = [mean_left(law, float(step)) for step in fine]
            points = Series(one.regime, steps, groups.mean(axis=1), error)
            families.append((points, Series.theory("Langevin equation", fine, curve)))
        series = theory_and_runs(families)
        title = "Stiffest mode of diabetes"
        return [Panel(title, "time [steps]", "share of the offset left", series)]
