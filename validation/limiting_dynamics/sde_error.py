"""How far the Langevin equation is from SGD, and that the exact law of the map says so.

One mode of curvature one with additive Gaussian noise, at learning rates where lr * curvature is no
longer small. Every number is given in units of what the Langevin equation predicts, whose value is
then one.
"""

import numpy as np
import xarray as xr
from langevin_sgd.validation.limiting_dynamics.problems import exact_law, problem, rival_laws
from langevin_sgd.validation.limiting_dynamics.runs import Run, displacement, estimate, moments

import langevin_sgd as ls

NAME = "power_law(0,1)"
CASES = ((0.3, 0.0), (0.3, 0.9), (1.0, 0.9), (1.0, 0.99))
"""lr * curvature and momentum."""
BURN_IN = {0.0: 60, 0.9: 300, 0.99: 1000}
"""Steps from the minimiser; the covariance relaxes as momentum^steps in these oscillating modes."""
LAGS = (1, 100)
VARIANCE = "variance of position"
COVARIANCE = "covariance over lr/2 variance of velocity"
REPLICAS = {"quick": 65536, "full": 1048576}


def moved_in(lag: int) -> str:
    """Name of a squared displacement."""
    return f"squared displacement in {lag} steps"


def label(lr: float, momentum: float) -> str:
    """Name of a case."""
    return f"lr k = {lr:g}, momentum {momentum:g}"


def settings_of(lr: float, momentum: float) -> ls.SGD:
    """Settings of a case."""
    return ls.SGD(lr=lr, batch_size=1, momentum=momentum)


class SdeError(ls.claims.Claim):
    title = "Error of the Langevin equation"
    statement = (
        "The Langevin equation of SGD is wrong by what the exact law of the map says: variances by "
        "the factor "
        "1 / (1 - lr k / (2 (1 + momentum))), the displacement of a single step by more, and "
        "position and velocity are "
        "correlated."
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
        for lr, momentum in CASES:
            common = {
                "problem": NAME,
                "settings": settings_of(lr, momentum),
                "replicas": REPLICAS[tier],
                "seed": ls.derive_seed(seed, self.id, lr, momentum),
            }
            burned = Run(**common, schedule=(BURN_IN[momentum],), start="minimiser")
            tasks[f"moments, {label(lr, momentum)}"] = moments.at(burned)
            tasks[f"displacement, {label(lr, momentum)}"] = displacement.at(
                Run(**common, schedule=LAGS, start="stationary")
            )
        return tasks

    def predict(self, tier: str) -> list[ls.claims.Component]:
        return [
            ls.claims.Component(
                name=name, prediction=exact / unit, alternatives={"Langevin equation": rival / unit}
            )
            for name, (exact, rival, unit) in self._numbers().items()
        ]

    def control(self, tier: str) -> list[ls.claims.Component]:
        return [
            ls.claims.Component(name=name, prediction=rival / unit)
            for name, (_, rival, unit) in self._numbers().items()
        ]

    @staticmethod
    def _numbers() -> dict[str, tuple[float, float, float]]:
        """Exact value, value of the Langevin equation, and unit, by name."""
        numbers = {}
        for lr, momentum in CASES:
            case, settings = label(lr, momentum), settings_of(lr, momentum)
            exact, sde = exact_law(NAME, settings), rival_laws(NAME, settings)["Langevin equation"]
            block, rival = exact.mode_stationary()[0], sde.mode_stationary()[0]
            numbers[f"{case}: {VARIANCE}"] = (block[0, 0], rival[0, 0], rival[0, 0])
            numbers[f"{case}: {COVARIANCE}"] = (block[0, 1], rival[0, 1], 0.5 * lr * rival[1, 1])
            moved, moved_sde = (
                exact.mean_square_displacement(LAGS),
                sde.mean_square_displacement(LAGS),
            )
            for i, lag in enumerate(LAGS):
                numbers[f"{case}: {moved_in(lag)}"] = (moved[i], moved_sde[i], moved_sde[i])
        return {name: tuple(map(float, values)) for name, values in numbers.items()}

    def measure(self, data: dict[str, xr.Dataset], tier: str) -> dict[str, ls.Estimate]:
        found = {}
        for lr, momentum in CASES:
            case, last = label(lr, momentum), BURN_IN[momentum]
            run, moved = data[f"moments, {case}"], data[f"displacement, {case}"]
            found[f"{case}: {VARIANCE}"] = estimate(run, "var_position", step=last, eigenmode=0)
            found[f"{case}: {COVARIANCE}"] = estimate(
                run, "cov_position_velocity", step=last, eigenmode=0
            )
            for lag in LAGS:
                found[f"{case}: {moved_in(lag)}"] = estimate(
                    moved, "squared_displacement", step=lag
                )
        return {
            name: found[name].scaled(1 / unit) for name, (_, _, unit) in self._numbers().items()
        }

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        found = self.measure(data, tier)
        curvatures = np.geomspace(0.01, 1.6, 60)
        return [self._panel(found, quantity, curvatures) for quantity in (VARIANCE, moved_in(1))]

    @staticmethod
    def _panel(
        found: dict[str, ls.Estimate], quantity: str, curvatures: np.ndarray
    ) -> ls.plotting.Panel:
        series = []
        for momentum in sorted({momentum for _, momentum in CASES}):
            points = [lr for lr, beta in CASES if beta == momentum]
            here = [found[f"{label(lr, momentum)}: {quantity}"] for lr in points]
            stable = curvatures[curvatures < 2 * (1 + momentum) * 0.95]
            exact = [_ratio(lr, momentum, quantity) for lr in stable]
            series.append(
                ls.plotting.Series(
                    f"SGD, momentum {momentum:g}",
                    points,
                    [e.value for e in here],
                    [e.standard_error for e in here],
                )
            )
            series.append(
                ls.plotting.Series(
                    "exact law" if momentum == 0 else "", stable, exact, kind="theory"
                )
            )
        series.append(
            ls.plotting.Series(
                "Langevin equation", curvatures, np.ones_like(curvatures), kind="rival"
            )
        )
        return ls.plotting.Panel(
            title=quantity.capitalize(),
            x_label="lr * curvature",
            y_label="SGD / Langevin equation",
            series=tuple(series),
            x_scale="log",
            y_scale="log",
        )


def _ratio(lr: float, momentum: float, quantity: str) -> float:
    """Exact over Langevin value of one quantity."""
    mode, settings = problem(NAME), settings_of(lr, momentum)
    exact, sde = ls.theory.DiscreteLaw(mode, settings), ls.theory.LangevinLaw(mode, settings)
    if quantity == VARIANCE:
        return float(exact.mode_variances()[0][0] / sde.mode_variances()[0][0])
    lag = int(quantity.split()[-2])
    return float(exact.mean_square_displacement(lag) / sde.mean_square_displacement(lag))
