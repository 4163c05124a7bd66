"""Mean and covariance in phase space, from the start to stationarity, for real minibatch SGD on the
diabetes data.

Positions and velocities of three Hessian eigenmodes (stiffest, middle, soft) are followed from rest
at theta = 0. The exact law counts the dependence of the minibatch noise on the parameters; two
rivals do not: the law with the noise frozen at the minimiser, which misses the large noise of the
approach, and the Langevin equation. For the mean, which no noise enters, the rival is the
first-order Langevin equation without inertia.
"""

import numpy as np
import xarray as xr
from langevin_sgd.validation.limiting_dynamics.problems import begin, exact_law, problem, rival_laws
from langevin_sgd.validation.limiting_dynamics.runs import Run, estimate, mean_and_error, moments

import langevin_sgd as ls

NAME = "diabetes"
SETTINGS = ls.SGD(lr=0.05, batch_size=16, momentum=0.9)
MODES = {"stiffest mode": 0, "middle mode": 4, "soft mode": 8}
TIMES = (5, 20, 100, 1000)
REPLICAS = {"quick": 16384, "full": 262144}
CHOSEN = {
    "mean_position": (0,),
    "var_position": (1, 3),
    "var_velocity": (1, 3),
    "cov_position_velocity": (1,),
}
"""Positions in `TIMES` of the components: means while they last, covariances early and at
stationarity.
"""
WORDS = {
    "mean_position": "mean position",
    "var_position": "variance of position",
    "var_velocity": "variance of velocity",
    "cov_position_velocity": "covariance of position and velocity",
}


def mode_moments(law: ls.theory.Law, times: tuple[int, ...] | np.ndarray) -> dict[str, np.ndarray]:
    """Mean offsets from the minimiser and covariances of all eigenmodes under a law, each (time,
    eigenmode).
    """
    covariance = law.mode_covariance(times)
    return {
        "mean_position": law.mode_mean(times)[..., 0]
        - problem(NAME).minimiser @ problem(NAME).eigenvectors,
        "var_position": covariance[..., 0, 0],
        "var_velocity": covariance[..., 1, 1],
        "cov_position_velocity": covariance[..., 0, 1],
    }


def overdamped_mean(times: tuple[int, ...] | np.ndarray) -> np.ndarray:
    """Mean offset of all eigenmodes from the minimiser without inertia, (time, eigenmode)."""
    found = problem(NAME)
    offset = (begin(NAME, "rest") - found.minimiser) @ found.eigenvectors
    rate = SETTINGS.lr * found.eigenvalues / (1 - SETTINGS.momentum)
    return offset * np.exp(-np.outer(times, rate))


class PhaseSpaceMoments(ls.claims.Claim):
    title = "Mean and covariance in phase space"
    statement = (
        "On linear regression position and velocity of SGD with momentum have, at every time from "
        "the start to "
        "stationarity, the mean and covariance of a linear stochastic process in phase space."
    )
    formula = (
        "z' = M z + c + G xi(theta): mean M^n, covariance from the closed recursion of "
        "second moments"
    )
    source = (
        "Kunin et al., arXiv 2107.09133 (Ornstein-Uhlenbeck process); exact moments of the "
        "SGD map derived"
    )
    validity = "Quadratic loss; independent minibatches; any time."
    control_statement = (
        "The process without momentum: velocity forgotten, positions relax and "
        "fluctuate as for momentum 0."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        schedule = sorted({*ls.record.log_spaced(steps=TIMES[-1], per_decade=10).tolist(), *TIMES})
        run = Run(
            problem=NAME,
            settings=SETTINGS,
            replicas=REPLICAS[tier],
            schedule=tuple(schedule),
            modes=tuple(MODES.values()),
            seed=ls.derive_seed(seed, self.id),
        )
        return {"run": moments.at(run)}

    def predict(self, tier: str) -> list[ls.claims.Component]:
        exact = mode_moments(exact_law(NAME, SETTINGS, "rest"), TIMES)
        rivals = {
            label: mode_moments(law, TIMES)
            for label, law in rival_laws(NAME, SETTINGS, "rest").items()
        }
        langevin = {"Langevin equation": rivals["Langevin equation"]}
        rivals_of = {
            "mean_position": {"no inertia": {"mean_position": overdamped_mean(TIMES)}},
            "var_position": rivals,
            "var_velocity": rivals,
            "cov_position_velocity": langevin,
        }
        components = []
        for name, quantity, time, mode in self._places():
            components.append(
                ls.claims.Component(
                    name=name,
                    prediction=float(exact[quantity][time, mode]),
                    alternatives={
                        label: float(value[quantity][time, mode])
                        for label, value in rivals_of[quantity].items()
                    },
                )
            )
        return components

    @staticmethod
    def _places() -> list[tuple[str, str, int, int]]:
        """Name, quantity, position of the time, eigenmode; quantities where and while a rival
        differs clearly.
        """
        return [
            (f"{label}: {WORDS[quantity]} after {TIMES[time]} steps", quantity, time, mode)
            for label, mode in MODES.items()
            for quantity, times in CHOSEN.items()
            for time in times
        ]

    def control(self, tier: str) -> list[ls.claims.Component]:
        plain = ls.SGD(lr=SETTINGS.lr, batch_size=SETTINGS.batch_size)
        wrong = mode_moments(exact_law(NAME, plain, "rest"), TIMES)
        return [
            ls.claims.Component(name=name, prediction=float(wrong[quantity][time, mode]))
            for name, quantity, time, mode in self._places()
        ]

    def measure(self, data: dict[str, xr.Dataset], tier: str) -> dict[str, ls.Estimate]:
        column = {mode: i for i, mode in enumerate(MODES.values())}
        return {
            name: estimate(data["run"], quantity, step=TIMES[time], eigenmode=column[mode])
            for name, quantity, time, mode in self._places()
        }

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        return [self._panel(data["run"], quantity) for quantity in WORDS]

    def _panel(self, run: xr.Dataset, quantity: str) -> ls.plotting.Panel:
        times = run["step"].values[1:]
        dense = ls.record.log_spaced(steps=TIMES[-1], per_decade=60)[1:]
        exact = mode_moments(exact_law(NAME, SETTINGS, "rest"), dense)[quantity]
        frozen = mode_moments(
            rival_laws(NAME, SETTINGS, "rest")["noise frozen at the minimiser"], dense
        )[quantity]
        mean, error = mean_and_error(run, quantity)
        series = []
        for column, (label, mode) in enumerate(MODES.items()):
            series.append(ls.plotting.Series(label, times, mean[1:, column], error[1:, column]))
            once = (
                {"exact": "exact law", "frozen": "noise frozen"}
                if column == 0
                else {"exact": "", "frozen": ""}
            )
            series.append(ls.plotting.Series(once["exact"], dense, exact[:, mode], kind="theory"))
            if quantity != "mean_position":
                series.append(
                    ls.plotting.Series(once["frozen"], dense, frozen[:, mode], kind="rival")
                )
        signed = quantity in ("mean_position", "cov_position_velocity")
        return ls.plotting.Panel(
            title=WORDS[quantity].capitalize(),
            x_label="time [steps]",
            y_label=WORDS[quantity],
            series=tuple(series),
            x_scale="log",
            y_scale="linear" if signed else "log",
        )
