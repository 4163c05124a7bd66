r"""Minima that SGD stays at satisfy the Frobenius bound, with much to spare.

If noise and curvature are aligned by at least mu_0 along linearised SGD, a minimum that is stable
in the mean square has

    ||H||_F <= 1 / (lr sqrt(p mu_0)),      p = (n - B)/(B (n - 1)),

with mu_0 the least alignment over residuals in the range of the kernel, which is the best constant
there is at that minimum. Judged is the worst of all searches: ln(lr ||H||_F sqrt(p mu_0)) at most
zero. By how much the bound is safe is measured and drawn.
"""

from __future__ import annotations

import numpy as np
from langevin_sgd.validation.flat_minima import _minima as minima
from langevin_sgd.validation.flat_minima._minima import CASES

import langevin_sgd as ls
from langevin_sgd.claims import Comparison, Data
from langevin_sgd.plotting import Panel, Series

NOISY = tuple(case for case in CASES if case.batch_size < minima.POINTS)


def worst(data: Data) -> ls.Estimate:
    """Largest ln(lr over the bound) of a replica in all searches with noise, mean over replicas."""
    found = [minima.distances(data, case, minima.of_frobenius) for case in NOISY]
    return ls.Estimate.from_samples(np.max(found, axis=0), method="largest of all searches")


class StabilityBound(ls.claims.Claim):
    sample = "minima"
    title = "Frobenius bound"
    statement = (
        "Minima at which SGD stops have a Frobenius norm of the Hessian below sqrt(B/mu_0)/lr, "
        "with the exact covariance of batches in place of 1/B."
    )
    formula = "lr ||H||_F sqrt(p mu_0) <= 1"
    source = "Wu, Wang and Su, arXiv 2207.02628, theorem on linear stability; p for 1/B derived"
    validity = "Square loss, interpolation, mean-square stability; networks of one hidden layer."
    control_statement = "Minima are twice as sharp as the bound allows."
    tiers = ("quick",)

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return minima.tasks(seed)

    def comparisons(self, tier: str) -> list[Comparison]:
        return [
            Comparison(
                name="largest ln(lr ||H||_F sqrt(p mu_0)) over batch sizes and learning rates",
                kind="at_most",
                prediction=0.0,
                scale=1.0,
                rivals={"twice as sharp": float(np.log(2))},
                near_misses={"sharper by a tenth": float(np.log(1.1))},
                measure=worst,
            )
        ]

    def out_of_range(self, data: Data, tier: str) -> str | None:
        return minima.not_stopped(data)

    def panels(self, data: Data, tier: str) -> list[Panel]:
        bound = []
        norms = []
        for case in NOISY:
            run = data[case.label]
            norms.append(
                ls.Estimate.from_samples(
                    [
                        minima.minimum_at(run, replica).frobenius_norm
                        for replica in minima.fitted(data)
                    ]
                )
            )
            share = np.exp(minima.distances(data, case, minima.of_frobenius))
            bound.append(float(norms[-1].value / share.mean()))
        measured = [one.value for one in norms]
        ends = np.array([min(measured) / 1.5, max(bound) * 1.5])
        return [
            Panel(
                title="Minima below the bound",
                x_label=r"bound $1/(\eta \sqrt{p \mu_0})$, mean",
                y_label=r"$\|H\|_F$",
                series=(
                    Series.measured("SGD", bound, norms),
                    Series.theory("equal", ends, ends),
                ),
                x_scale="log",
                y_scale="log",
            )
        ]
