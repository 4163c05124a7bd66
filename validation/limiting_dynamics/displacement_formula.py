"""The displacement as a sum over velocity correlations, taken literally, grows for ever where SGD
saturates.

The global displacement can be written as a double sum of velocity correlations over steps. With the
correlations of SGD the sum is exact; with those of the continuous Langevin equation inside the same
discrete sum the correlations no longer add up to zero, and a linear growth is left over that no
bounded mode has. Additive Gaussian noise sigma^2 H on a spectrum 1/l, so that nothing but the sum
is tested.
"""

import numpy as np
import xarray as xr
from langevin_sgd.validation.limiting_dynamics.problems import exact_law, rival_laws
from langevin_sgd.validation.limiting_dynamics.runs import (
    Run,
    displacement,
    estimate,
    mean_and_error,
)

import langevin_sgd as ls

NAME = "power_law(1,8)"
SETTINGS = ls.SGD(lr=0.05, batch_size=1, momentum=0.9)
LAGS = (300, 3000, 30000)
REPLICAS = {"quick": 1024, "full": 65536}


def literal_sum(lags: tuple[int, ...] | np.ndarray) -> np.ndarray:
    """Return the sum as it stands, with the velocity correlations of the Langevin equation."""
    return ls.theory.paper_displacement(
        rival_laws(NAME, SETTINGS)["Langevin equation"], np.asarray(lags)
    )


class DisplacementFormula(ls.claims.Claim):
    title = "Displacement as a discrete sum"
    statement = (
        "After convergence the squared displacement is the local displacement times a discrete sum "
        "over the velocity "
        "correlations of the Langevin equation, at every lag."
    )
    formula = (
        "E|Delta_t|^2 = lr^2 sigma^2 / (S (1 - momentum^2)) [tr(H) t + 2 t sum_n (1 - n/t) "
        "sum_l h_l C_l(n)]"
    )
    source = (
        "Kunin et al., arXiv 2107.09133, in the form recalled here; the literal text was not "
        "at hand"
    )
    validity = (
        "All lags; the sum is right while t is far below the lag at which the slowest mode "
        "saturates."
    )
    control_statement = (
        "Free diffusion: no mode is bound, (lr / (1 - momentum))^2 sigma^2 tr(H) t / S."
    )
    expected_verdict = "refuted"
    expected_reason = (
        "the correlations of the continuous equation do not add up to zero in a discrete sum; a "
        "spurious linear growth "
        "overtakes the bounded displacement beyond some hundred steps"
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        schedule = sorted({*ls.record.log_spaced(steps=LAGS[-1], per_decade=6).tolist(), *LAGS})
        run = Run(
            problem=NAME,
            settings=SETTINGS,
            replicas=REPLICAS[tier],
            schedule=tuple(schedule),
            start="stationary",
            seed=ls.derive_seed(seed, self.id),
        )
        return {"run": displacement.at(run)}

    def predict(self, tier: str) -> list[ls.claims.Component]:
        exact = exact_law(NAME, SETTINGS).mean_square_displacement(LAGS)
        return [
            ls.claims.Component(
                name=self._name(lag),
                prediction=float(value),
                alternatives={"exact law of SGD": float(exact[i])},
            )
            for i, (lag, value) in enumerate(zip(LAGS, literal_sum(LAGS), strict=True))
        ]

    @staticmethod
    def _name(lag: int) -> str:
        return f"squared displacement in {lag} steps"

    def control(self, tier: str) -> list[ls.claims.Component]:
        noise = np.diag(exact_law(NAME, SETTINGS).modes.noise).sum()
        free = ls.theory.free_displacement(np.array(LAGS), SETTINGS, float(noise))
        return [
            ls.claims.Component(name=self._name(lag), prediction=float(value))
            for lag, value in zip(LAGS, free, strict=True)
        ]

    def measure(self, data: dict[str, xr.Dataset], tier: str) -> dict[str, ls.Estimate]:
        return {
            self._name(lag): estimate(data["run"], "squared_displacement", step=lag) for lag in LAGS
        }

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        lags = data["run"]["step"].values[1:]
        mean, error = mean_and_error(data["run"], "squared_displacement")
        exact = exact_law(NAME, SETTINGS).mean_square_displacement(lags)
        return [
            ls.plotting.Panel(
                title="Displacement after convergence",
                x_label="lag [steps]",
                y_label=r"$E|\Delta_t|^2$",
                series=(
                    ls.plotting.Series("SGD", lags, mean[1:], error[1:]),
                    ls.plotting.Series(
                        "the sum, taken literally", lags, literal_sum(lags), kind="theory"
                    ),
                    ls.plotting.Series("exact law of SGD", lags, exact, kind="rival"),
                ),
                x_scale="log",
                y_scale="log",
            )
        ]
