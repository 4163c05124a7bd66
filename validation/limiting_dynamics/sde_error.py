"""How far the Langevin equation is from SGD, and that the exact law of the map says so.

One mode of curvature one under the map of SGD with Gaussian noise in place of batches, at learning
rates where lr * curvature is no longer small. Every number is given in units of what the Langevin
equation predicts, whose value is then one. All runs begin at the minimiser and reach stationarity
by themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from langevin_sgd.validation.limiting_dynamics._averages import total
from langevin_sgd.validation.limiting_dynamics._problems import (
    PowerLawSpectrum,
    exact_law,
    near_misses,
    rival_laws,
)
from langevin_sgd.validation.limiting_dynamics._runs import (
    RegressionRun,
    displacement,
    measured,
    moments,
)

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, log_log, theory_and_runs

ONE_MODE = PowerLawSpectrum(0, 1)
LAGS = (1, 100)
REPLICAS = {"quick": 65536, "full": 1048576}


@dataclass(frozen=True)
class StepSize:
    """lr * curvature and momentum, and the steps from the minimiser to stationarity.

    The covariance relaxes as momentum^steps in these oscillating modes.
    """

    lr: float
    momentum: float
    burn_in: int = 0

    @property
    def label(self) -> str:
        """Words for names."""
        return f"lr k = {self.lr:g}, momentum {self.momentum:g}"

    @property
    def times(self) -> tuple[int, ...]:
        """Steps at which moments are taken, and averaged."""
        return tuple(range(self.burn_in, self.burn_in + 151, 30))

    @property
    def settings(self) -> ls.SGD:
        """Settings of SGD."""
        return ls.SGD(lr=self.lr, batch_size=1, momentum=self.momentum)

    @property
    def laws(self) -> tuple[ls.theory.Law, ls.theory.Law]:
        """Exact law, and that of the Langevin equation."""
        rivals = rival_laws(ONE_MODE, self.settings)
        return exact_law(ONE_MODE, self.settings), rivals["Langevin equation"]

    def compared(
        self,
        name: str,
        number: Callable[[ls.theory.Law], float],
        unit: float,
        measure: Callable[[ls.claims.Data], ls.Estimate],
    ) -> ls.claims.Comparison:
        """Compare a number of the law in a unit that the Langevin equation gives."""
        exact, langevin = (number(law) / unit for law in self.laws)

        def at(settings: ls.SGD) -> float:
            return number(exact_law(ONE_MODE, settings)) / unit

        return ls.claims.Comparison(
            name=f"{self.label}: {name}",
            prediction=exact,
            rivals={"Langevin equation": langevin},
            wrong=langevin,
            near_misses=near_misses(at, self.settings),
            measure=lambda data: measure(data).scaled(1 / float(unit)),
        )


CASES = (
    StepSize(0.3, 0.0, burn_in=60),
    StepSize(0.3, 0.9, burn_in=300),
    StepSize(1.0, 0.9, burn_in=300),
    StepSize(1.0, 0.99, burn_in=1000),
)


def block(law: ls.theory.Law) -> np.ndarray:
    """Stationary covariance of position and velocity."""
    return law.mode_stationary()[0]


def averaged(label: str, name: str, data: ls.claims.Data) -> ls.Estimate:
    """Mean of a moment over recorded steps and groups."""
    return ls.Estimate.from_samples(total(data[label], name))


def variance(case: StepSize) -> ls.claims.Comparison:
    """Compare the stationary variance of position."""
    unit = block(case.laws[1])[0, 0]
    measure = partial(averaged, f"moments, {case.label}", "var_position")
    return case.compared("variance of position", lambda law: block(law)[0, 0], unit, measure)


def covariance(case: StepSize) -> ls.claims.Comparison:
    """Compare the stationary covariance of position and velocity, which the map alone has."""
    unit = 0.5 * case.lr * block(case.laws[1])[1, 1]
    measure = partial(averaged, f"moments, {case.label}", "cov_position_velocity")
    name = "covariance over lr/2 variance of velocity"
    return case.compared(name, lambda law: block(law)[0, 1], unit, measure)


def displaced(lag: int, case: StepSize) -> ls.claims.Comparison:
    """Compare the squared displacement in some steps."""

    def number(law: ls.theory.Law) -> float:
        return float(law.mean_square_displacement(lag))

    measure = measured(f"displacement, {case.label}", "squared_displacement", step=lag)
    name = f"squared displacement in {lag} steps"
    return case.compared(name, number, number(case.laws[1]), measure)


NUMBERS = (variance, covariance, *(partial(displaced, lag) for lag in LAGS))


class LangevinEquationError(ls.claims.Claim):
    title = "Error of the Langevin equation"
    statement = (
        "The Langevin equation of SGD is wrong by what the exact law of the map says: "
        "variances by the factor 1 / (1 - lr k / (2 (1 + momentum))), "
        "the displacement of a single step by more, and position and velocity are correlated."
    )
    formula = (
        "Var / Var_SDE = 1 / (1 - lr k / (2 (1 + momentum))),  Cov(theta, v) = (lr / 2) Var(v)"
    )
    source = (
        "derived from the SGD map; the equation it is compared with: Kunin et al., arXiv 2107.09133"
    )
    validity = "Quadratic loss, additive noise, any stable lr and momentum."
    control_statement = "The Langevin equation itself: all ratios one, no correlation."

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        tasks = {}
        for case in CASES:
            common = {
                "problem": ONE_MODE,
                "settings": case.settings,
                "seed": ls.derive_seed(seed, self.id, case.lr, case.momentum),
            }
            burned = RegressionRun(
                **common,
                replicas=REPLICAS[tier],
                schedule=case.times,
                start="minimiser",
            )
            stationary = RegressionRun(
                **common,
                replicas=REPLICAS[tier],
                schedule=LAGS,
                start="burned in from the minimiser",
                burn_in=case.burn_in,
            )
            tasks[f"moments, {case.label}"] = moments.at(burned)
            tasks[f"displacement, {case.label}"] = displacement.at(stationary)
        return tasks

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        return [number(case) for case in CASES for number in NUMBERS]

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        return [
            panel("Variance of position", variance, data),
            panel("Squared displacement in 1 steps", partial(displaced, 1), data),
        ]


def panel(
    title: str, number: Callable[[StepSize], ls.claims.Comparison], data: ls.claims.Data
) -> Panel:
    """One number against the step size, for each momentum."""
    curvatures = np.geomspace(0.01, 1.6, 60)
    families = []
    for momentum in sorted({case.momentum for case in CASES}):
        cases = [case for case in CASES if case.momentum == momentum]
        stable = curvatures[curvatures < 2 * (1 + momentum) * 0.95]
        exact = [number(StepSize(lr, momentum)).prediction for lr in stable]
        points = [number(case).measure(data) for case in cases]
        run = Series.measured(f"map, momentum {momentum:g}", [c.lr for c in cases], points)
        families.append((run, Series.theory("exact law", stable, exact)))
    rival = Series.rival("Langevin equation", curvatures, np.ones_like(curvatures))
    series = (*theory_and_runs(families), rival)
    return log_log(title, "lr * curvature", "map of SGD / Langevin equation", series)
