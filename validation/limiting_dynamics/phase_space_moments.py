"""Mean and covariance in phase space at all times, for minibatch SGD on the diabetes data.

Positions and velocities of three Hessian eigenmodes are followed from rest at theta = 0, where the
stiffest and the fourth swing and the softest creeps. The exact law counts the dependence of the
minibatch noise on the parameters; two rivals do not: the law with the noise frozen at the
minimiser, which misses the large noise of the approach, and the Langevin equation. For the mean,
which no noise enters, the rival is the first-order Langevin equation without inertia.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import xarray as xr
from langevin_sgd.validation.limiting_dynamics._problems import (
    DIABETES,
    begin,
    built,
    exact_law,
    near_misses,
    rival_laws,
)
from langevin_sgd.validation.limiting_dynamics._runs import (
    RegressionRun,
    mean_and_error,
    measured,
    moments,
)

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, log_log, log_x, theory_and_runs

SETTINGS = ls.SGD(lr=0.05, batch_size=16, momentum=0.9)
MODES = {"stiffest mode": 0, "fourth mode": 3, "softest mode": 9}
TIMES = (2, 5, 10, 20, 100, 300)
REPLICAS = {"quick": 65536, "full": 524288}
CHOSEN: dict[str, dict[str, tuple[int, ...]]] = {
    "mean_position": {"stiffest mode": (5,), "fourth mode": (5,), "softest mode": (100,)},
    "var_position": dict.fromkeys(MODES, (20, 300)),
    "var_velocity": dict.fromkeys(MODES, (20, 300)),
    "cov_position_velocity": {"stiffest mode": (2,), "fourth mode": (5,), "softest mode": (10,)},
}
"""Steps of the comparisons: means while they last, covariances early and late, and position with
velocity while they grow together."""
WORDS = {
    "mean_position": "mean position",
    "var_position": "variance of position",
    "var_velocity": "variance of velocity",
    "cov_position_velocity": "covariance of position and velocity",
}


def mode_moments(law: ls.theory.Law, times: tuple[int, ...] | np.ndarray) -> dict[str, np.ndarray]:
    """Mean offsets and covariances of all eigenmodes under a law, each (time, eigenmode)."""
    covariance, found = law.mode_covariance(times), built(DIABETES)
    return {
        "mean_position": law.mode_mean(times)[..., 0] - found.minimiser @ found.eigenvectors,
        "var_position": covariance[..., 0, 0],
        "var_velocity": covariance[..., 1, 1],
        "cov_position_velocity": covariance[..., 0, 1],
    }


def overdamped_mean(times: tuple[int, ...] | np.ndarray) -> np.ndarray:
    """Mean offset of all eigenmodes from the minimiser without inertia, (time, eigenmode)."""
    regression = built(DIABETES)
    offset = (begin(DIABETES, "rest") - regression.minimiser) @ regression.eigenvectors
    rate = SETTINGS.lr * regression.eigenvalues / (1 - SETTINGS.momentum)
    return offset * np.exp(-np.outer(times, rate))


class PhaseSpaceMoments(ls.claims.Claim):
    title = "Mean and covariance in phase space"
    statement = (
        "On linear regression position and velocity of SGD with momentum have, "
        "at every time from the start to stationarity, "
        "the mean and covariance of a linear stochastic process in phase space."
    )
    formula = (
        "z' = M z + c + G xi(theta): mean M^n, "
        "covariance from the closed recursion of second moments"
    )
    source = (
        "Kunin et al., arXiv 2107.09133 (Ornstein-Uhlenbeck process); "
        "exact moments of the SGD map derived"
    )
    validity = "Quadratic loss; independent minibatches; any time."
    control_statement = (
        "The process without momentum: velocity forgotten, positions relax and "
        "fluctuate as for momentum 0."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        schedule = sorted({*ls.record.log_spaced(steps=TIMES[-1], per_decade=10).tolist(), *TIMES})
        run = RegressionRun(
            problem=DIABETES,
            settings=SETTINGS,
            replicas=REPLICAS[tier],
            schedule=tuple(schedule),
            modes=tuple(MODES.values()),
            seed=ls.derive_seed(seed, self.id),
        )
        return {"run": moments.at(run)}

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        return [*compared()]

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        return [panel(data["run"], quantity) for quantity in WORDS]


@lru_cache(maxsize=16)
def exact_moments(settings: ls.SGD) -> dict[str, np.ndarray]:
    """Moments of all eigenmodes at `TIMES` by the exact law, from rest."""
    return mode_moments(exact_law(DIABETES, settings, "rest"), TIMES)


def compared() -> Iterator[ls.claims.Comparison]:
    """Compare every quantity in every mode, where and while a rival differs clearly."""
    plain = ls.SGD(lr=SETTINGS.lr, batch_size=SETTINGS.batch_size)
    rivals = rivals_by_quantity()
    for column, (label, mode) in enumerate(MODES.items()):
        for quantity, times in CHOSEN.items():
            for time in times[label]:
                place = TIMES.index(time), mode

                def predict(
                    settings: ls.SGD,
                    quantity: str = quantity,
                    place: tuple[int, int] = place,
                ) -> float:
                    return float(exact_moments(settings)[quantity][place])

                yield ls.claims.Comparison(
                    name=f"{label}: {WORDS[quantity]} after {time} steps",
                    prediction=predict(SETTINGS),
                    rivals={name: v[place] for name, v in rivals[quantity].items()},
                    wrong=predict(plain),
                    near_misses=near_misses(predict, SETTINGS),
                    measure=measured("run", quantity, step=time, eigenmode=column),
                )


def rivals_by_quantity() -> dict[str, dict[str, np.ndarray]]:
    """Return what rivals say of each quantity, (time, eigenmode)."""
    laws = {
        label: mode_moments(law, TIMES)
        for label, law in rival_laws(DIABETES, SETTINGS, "rest").items()
    }
    rivals = {
        quantity: {label: moments[quantity] for label, moments in laws.items()}
        for quantity in ("var_position", "var_velocity", "cov_position_velocity")
    }
    return rivals | {"mean_position": {"no inertia": overdamped_mean(TIMES)}}


def panel(run: xr.Dataset, quantity: str) -> Panel:
    """One quantity of all modes over time."""
    times = run["step"].values[1:]
    dense = ls.record.log_spaced(steps=TIMES[-1], per_decade=60)[1:]
    frozen_law = rival_laws(DIABETES, SETTINGS, "rest")["noise frozen at the minimiser"]
    exact = mode_moments(exact_law(DIABETES, SETTINGS, "rest"), dense)[quantity]
    frozen = mode_moments(frozen_law, dense)[quantity]
    mean, error = mean_and_error(run, quantity)
    families = []
    for column, (label, mode) in enumerate(MODES.items()):
        points = Series(label, times, mean[1:, column], error[1:, column])
        family = [points, Series.theory("exact law", dense, exact[:, mode])]
        if quantity != "mean_position":
            family.append(Series.rival("noise frozen", dense, frozen[:, mode]))
        families.append(family)
    signed = quantity in ("mean_position", "cov_position_velocity")
    axes, words = log_x if signed else log_log, WORDS[quantity]
    return axes(words.capitalize(), "time [steps]", words, theory_and_runs(families))
