"""The displacement as a literal sum over velocity correlations grows for ever; SGD saturates.

The global displacement can be written as a double sum of velocity correlations over steps. With the
correlations of SGD the sum is exact; with those of the continuous Langevin equation inside the same
discrete sum the correlations no longer add up to zero, and a linear growth is left over that no
bounded mode has. Additive Gaussian noise sigma^2 H on a spectrum 1/l, so that nothing but the sum
is tested.
"""

import numpy as np
from langevin_sgd.validation.limiting_dynamics._problems import (
    PowerLawSpectrum,
    exact_law,
    near_misses,
    rival_laws,
)
from langevin_sgd.validation.limiting_dynamics._runs import (
    RegressionRun,
    displacement,
    mean_and_error,
    measured,
)

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, log_log

PROBLEM = PowerLawSpectrum(1, 8)
SETTINGS = ls.SGD(lr=0.05, batch_size=1, momentum=0.9)
LAGS = (3000, 30000)
REPLICAS = {"quick": 2048, "full": 65536}


def literal_sum(lags: tuple[int, ...] | np.ndarray) -> np.ndarray:
    """Return the sum as it stands, with the velocity correlations of the Langevin equation."""
    return ls.theory.paper_displacement(
        rival_laws(PROBLEM, SETTINGS)["Langevin equation"], np.asarray(lags)
    )


def displaced(settings: ls.SGD, lag: int) -> float:
    """Squared displacement by the exact law."""
    return float(exact_law(PROBLEM, settings).mean_square_displacement(lag))


class DisplacementFormula(ls.claims.Claim):
    aliases = ("limiting_dynamics/displacement_formula",)
    title = "A discrete sum over continuous correlations"
    statement = (
        "At stationarity the squared displacement is the local displacement times a sum over "
        "steps of the velocity correlations of the Langevin equation."
    )
    formula = (
        "E|Delta_t|^2 = lr^2 sigma^2 / (S (1 - momentum^2)) "
        "[tr(H) t + 2 t sum_n (1 - n/t) sum_l h_l C_l(n)]"
    )
    source = "derived: a remark on how a displacement is evaluated, of no paper"
    validity = (
        "Lags beyond the relaxation of all modes, at which the sum is wrong; with the correlations "
        "of SGD itself it is exact at every lag."
    )
    control_statement = (
        "Free diffusion: no mode is bound, (lr / (1 - momentum))^2 sigma^2 tr(H) t / S."
    )
    expected_verdict = "refuted"
    expected_reason = (
        "the correlations of the continuous equation do not add up to zero in a discrete sum; "
        "a spurious linear growth overtakes the bounded displacement beyond some hundred steps"
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        schedule = sorted({*ls.record.log_spaced(steps=LAGS[-1], per_decade=6).tolist(), *LAGS})
        run = RegressionRun(
            problem=PROBLEM,
            settings=SETTINGS,
            replicas=REPLICAS[tier],
            schedule=tuple(schedule),
            start="stationary",
            seed=ls.derive_seed(seed, self.id),
        )
        return {"run": displacement.at(run)}

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        exact = exact_law(PROBLEM, SETTINGS)
        bounded = exact.mean_square_displacement(LAGS)
        free = ls.theory.free_displacement(
            np.array(LAGS), SETTINGS, float(np.diag(exact.modes.noise).sum())
        )
        sums = dict(zip(LAGS, literal_sum(LAGS), strict=True))
        return [
            *(
                ls.claims.Comparison(
                    name=f"squared displacement in {lag} steps",
                    prediction=sums[lag],
                    expected="refuted",
                    rivals={"exact law of SGD": true},
                    wrong=unbound,
                    measure=measured("run", "squared_displacement", step=lag),
                )
                for lag, true, unbound in zip(LAGS, bounded, free, strict=True)
            ),
            *(
                ls.claims.Comparison(
                    name=f"squared displacement in {lag} steps, exact law of SGD",
                    prediction=true,
                    rivals={"the sum": sums[lag], "free diffusion": unbound},
                    near_misses=near_misses(lambda one, lag=lag: displaced(one, lag), SETTINGS),
                    measure=measured("run", "squared_displacement", step=lag),
                )
                for lag, true, unbound in zip(LAGS, bounded, free, strict=True)
            ),
        ]

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        lags = data["run"]["step"].values[1:]
        mean, error = mean_and_error(data["run"], "squared_displacement")
        exact = exact_law(PROBLEM, SETTINGS).mean_square_displacement(lags)
        series = [
            Series("map of SGD, Gaussian noise", lags, mean[1:], error[1:]),
            Series.theory("the sum, taken literally", lags, literal_sum(lags)),
            Series.rival("exact law of SGD", lags, exact),
        ]
        title = "Displacement after convergence"
        return [log_log(title, "lag [steps]", r"$E|\Delta_t|^2$", series)]
