"""The exponent of diffusion against each setting: it falls with all but the batch size.

Minibatch SGD on the diabetes data, from where SGD has come in `BURN_IN` steps from the minimiser.
The exponent of the squared displacement over a fixed window of lags is a local slope: it falls as
more modes saturate in the window, which they do after (1 - momentum) / (lr k) steps. Learning rate,
momentum and weight decay (in k) therefore lower it, and the batch size, which scales all modes
alike, does not: lr / batch_size says nothing about it.
"""

from dataclasses import dataclass, replace

import numpy as np
from langevin_sgd.validation.limiting_dynamics._problems import (
    DIABETES,
    exact_law,
    lacking,
    near_misses,
)
from langevin_sgd.validation.limiting_dynamics._runs import (
    RegressionRun,
    displacement,
    mean_and_error,
)

import langevin_sgd as ls
from langevin_sgd.plotting import Panel, Series, log_log, theory_and_runs

BASE = ls.SGD(lr=0.01, batch_size=16, momentum=0.9)
WINDOW = (10, 100)
BURN_IN = 300
REPLICAS = {"quick": 8192, "full": 131072}
SCHEDULE = tuple(sorted({*ls.record.log_spaced(steps=WINDOW[1], per_decade=6).tolist(), *WINDOW}))


def slope(at_ends: np.ndarray) -> np.ndarray:
    """Exponent of a power law through the displacements (..., 2) at the ends of the window."""
    return np.log(at_ends[..., 1] / at_ends[..., 0]) / np.log(WINDOW[1] / WINDOW[0])


def exponent(settings: ls.SGD) -> float:
    """Exponent of the exact law between the ends of the window."""
    return float(slope(exact_law(DIABETES, settings).mean_square_displacement(WINDOW)))


@dataclass(frozen=True)
class ExponentAt:
    """The exponent at some settings, and what it would be if they mattered otherwise."""

    label: str
    settings: ls.SGD
    rival: str
    as_at: ls.SGD

    @property
    def margin(self) -> float:
        """What the burn-in leaves out of the exponent."""
        first, last = lacking(DIABETES, self.settings, BURN_IN, WINDOW)
        return float((first + last) / np.log(WINDOW[1] / WINDOW[0]))

    def task(self, tier: str, seed: int) -> ls.sweep.Task:
        """Return the run."""
        run = RegressionRun(
            problem=DIABETES,
            settings=self.settings,
            replicas=REPLICAS[tier],
            schedule=SCHEDULE,
            start="burned in from the minimiser",
            burn_in=BURN_IN,
            seed=seed,
        )
        return displacement.at(run)

    def measure(self, data: ls.claims.Data) -> ls.Estimate:
        """Exponent between the ends of the window, jackknife over groups."""
        run = data[self.label]["squared_displacement"].sel(step=list(WINDOW))
        groups = run.transpose("group", "step").values
        value, error = ls.measure.jackknife(slope, groups)
        return ls.Estimate(
            value=float(value),
            standard_error=float(error),
            n_independent=len(groups),
            method="jackknife over groups",
        )

    def compared(self) -> ls.claims.Comparison:
        """Compare the exponent with that of the exact law."""
        return ls.claims.Comparison(
            name=f"{self.label}: exponent",
            prediction=exponent(self.settings),
            margin=self.margin,
            basis="theory",
            reason="modes softer than the burn-in, by the law with noise frozen",
            rivals={self.rival: exponent(self.as_at), "normal diffusion": 1.0},
            wrong=exponent(self.as_at),
            near_misses=near_misses(
                exponent, self.settings, margin=self.margin, scale=1.0, resolved=0.025
            ),
            measure=self.measure,
        )


def at(label: str, **changed: float) -> ExponentAt:
    """Return the exponent with something changed, which a rival says does not matter."""
    return ExponentAt(label, replace(BASE, **changed), "as without the change", BASE)


CASES = (
    at("lr / 2", lr=BASE.lr / 2),
    at("2 lr", lr=BASE.lr * 2),
    at("momentum 0.7", momentum=0.7),
    at("momentum 0.95", momentum=0.95),
    at("weight decay 0.3", weight_decay=0.3),
    ExponentAt("base", BASE, "as at lr / 2", replace(BASE, lr=BASE.lr / 2)),
    ExponentAt(
        "4 batch size",
        replace(BASE, batch_size=4 * BASE.batch_size),
        "a function of lr / batch size",
        replace(BASE, lr=BASE.lr / 4),
    ),
)


class ExponentAndHyperparameters(ls.claims.Claim):
    title = "Exponent against each setting"
    statement = (
        "Over a fixed window of lags the exponent of the displacement after convergence falls with "
        "learning rate, momentum and weight decay, and does not depend on the batch size."
    )
    formula = (
        "c = d ln E|Delta_t|^2 / d ln t, E|Delta_t|^2 = 2 sum_l Var_l (1 - r_l(t)); modes saturate "
        "after (1 - momentum) / (lr (h_l + wd)) steps"
    )
    source = (
        "Kunin et al., arXiv 2107.09133, figure 7b (exponent against learning rate, batch size and "
        "momentum; its numbers are not at hand); exact law of the exponent derived"
    )
    validity = "Quadratic loss, minibatches with replacement, after convergence."
    control_statement = "Exponents that do not depend on the setting, or on lr / batch size alone."

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return {
            one.label: one.task(tier, ls.derive_seed(seed, self.id, one.label)) for one in CASES
        }

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        return [one.compared() for one in CASES]

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        families = []
        for one in CASES:
            lags = data[one.label]["step"].values[1:]
            mean, error = mean_and_error(data[one.label], "squared_displacement")
            law = exact_law(DIABETES, one.settings).mean_square_displacement(lags)
            points = Series(one.label, lags, mean[1:], error[1:])
            families.append((points, Series.theory("exact law", lags, law)))
        title = "Displacement on diabetes"
        series = theory_and_runs(families)
        return [log_log(title, "lag [steps]", r"$E|\Delta_t|^2$", series)]
