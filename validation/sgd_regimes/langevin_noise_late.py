r"""Langevin noise of the minibatch covariance does not replace minibatches to the end of training
at T >> kappa.

The trainings are those of `langevin_noise`, now to zero loss; the theory is the same, shares of
one. It is refuted, for a reason that can be seen beforehand. A point that SGD meets unfit is moved
by about T at once, across its margin and far beyond; in the Langevin equation every unfit point
takes part in each step, with steps of T sqrt(B/P), and stops doing so as soon as it has crept
across kappa. While new points become unfit all the time this is the same on average. Near the end,
when few points are left and are met again and again, minibatches leave a wide gap at each of them
and the Langevin noise none: it is done earlier, with smaller weights (derived; the sign is certain,
the size is measured).

Judged against isotropic noise of the same trace, which is the sharper rival here. About as many
unfit points are met in a training as there are points, so that the accuracy of averages, 1/sqrt(M),
is P^(-1/2).
"""

import math

import numpy as np
from langevin_sgd.validation.sgd_regimes._network_courses import out_of_lazy
from langevin_sgd.validation.sgd_regimes._network_lines import missing_images
from langevin_sgd.validation.sgd_regimes.langevin_noise import (
    GRID,
    NoiseOnImages,
    langevin_tasks,
    share_of,
)

import langevin_sgd as ls

RIVAL = "isotropic"
QUANTITIES = {"t_star": "ln t*", "weight_change": "ln weight change"}


def compared(case: NoiseOnImages, quantity: str) -> list[ls.claims.Comparison]:
    """Compare the share that Langevin noise has in the effect of minibatches: all of it, and, as is
    right, less.
    """
    margin = 1 / math.sqrt(case.points)
    share = f"{case.title}: {QUANTITIES[quantity]} at zero loss, share over {RIVAL} noise"

    def measure(data: ls.claims.Data) -> ls.Estimate:
        return share_of(data, case, quantity, RIVAL, None)

    return [
        ls.claims.Comparison(
            name=share,
            prediction=1.0,
            expected="refuted",
            margin=margin,
            basis="theory",
            reason="steps are not Gaussian: 1/sqrt(M) after M unfit points were met, here about P",
            rivals={f"as good as {RIVAL} noise": 0.0},
            wrong=0.0,
            wrong_margin=margin,
            measure=measure,
        ),
        ls.claims.Comparison(
            name=f"{share}, less than all",
            kind="at_most",
            prediction=1.0,
            rivals={"minibatches end earlier": 1 + 3 * margin},
            measure=measure,
        ),
    ]


class LangevinNoiseLate(ls.claims.Claim):
    sample = "covariance_noise"
    title = "Langevin noise to the end of training"
    statement = (
        "Gaussian noise of the minibatch covariance has the whole effect of minibatches on the "
        "training time and on "
        "the weights at zero loss."
    )
    formula = (
        "(X_Langevin - X_isotropic)/(X_SGD - X_isotropic) = 1 +- P^(-1/2),  X = mean ln t*, "
        "mean ln |w* - w0|"
    )
    source = (
        "Sclocchi, Geiger and Wyart, arXiv 2301.13703 (the equation); its failure at the end "
        "derived"
    )
    validity = (
        "Refuted for T >= 4 kappa and B << P; as T/kappa -> 0 both sides come near "
        "training "
        "without noise."
    )
    control_statement = (
        "Isotropic noise of the same trace does what Langevin noise of the "
        "minibatch covariance does."
    )
    expected_verdict = "refuted"
    expected_reason = (
        "Minibatches move an unfit point far across its margin at once, Langevin noise lets it "
        "creep there: with few "
        "points left it ends earlier, at smaller weights (T >= 4 kappa, B << P)."
    )
    tiers = ("quick", "full", "gpu")

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return langevin_tasks(tier, seed)

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        return [
            comparison
            for case in GRID[tier]
            for quantity in QUANTITIES
            for comparison in compared(case, quantity)
        ]

    def out_of_range(self, data: ls.claims.Data, tier: str) -> str | None:
        return out_of_lazy(data)

    def unavailable(self, tier: str) -> str | None:
        return missing_images(*(case.images for case in GRID[tier]))

    def panels(self, data: ls.claims.Data, tier: str) -> list[ls.plotting.Panel]:
        symbols = {"t_star": r"$t^*$", "weight_change": r"$|w^* - w_0| / |w_0|$"}
        return [_pairs(data, case, *one) for case in GRID[tier] for one in symbols.items()]


def _pairs(
    data: ls.claims.Data, case: NoiseOnImages, quantity: str, symbol: str
) -> ls.plotting.Panel:
    x = data[case.label("minibatches")][quantity].values
    series = [
        ls.plotting.Series(f"{noise} noise", x, data[case.label(noise)][quantity].values)
        for noise in ("Langevin", "isotropic")
    ]
    ends = np.array([x.min(), x.max()])
    series.append(ls.plotting.Series.theory("equal", ends, ends))
    return ls.plotting.log_log(
        case.title,
        f"{symbol} with minibatches",
        f"{symbol} with Gaussian noise",
        series,
        note=f"share of the effect: {share_of(data, case, quantity, RIVAL, None)}",
    )
