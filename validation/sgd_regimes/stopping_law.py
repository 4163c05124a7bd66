"""Training ends when P n, the unfit points that the weights at the end would leave of P fresh ones,
has fallen to c d.

n is the fraction of fresh samples that the final weights leave unfit, from the closed-form average
at their signal and noise. P n/d depends neither on P nor on d, and c is far from 1/d: of the order
of d unfit points can be satisfied together by d adjustable directions.
"""

from dataclasses import replace
from functools import partial

import numpy as np
from langevin_sgd.validation.sgd_regimes import _stops as stops
from langevin_sgd.validation.sgd_regimes._runs import joined
from langevin_sgd.validation.sgd_regimes._stops import CONSTANT, DIMENSIONS, WINDOWS, Window

import langevin_sgd as ls

SPREAD = {0.0: 0.15, 1.0: 0.25, 3.0: 0.25}
"""Largest deviation of ln c among known values from d = 16 to 256: .46 to .53, .23 to .30, .07 to
.10.
"""


def constants(data: ls.claims.Data, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Mean of ln(P n/d) and its error, (dimension, ratio)."""
    found = [
        [
            _constant(joined(data, window.label(d, ratio), "unfit_fraction"), ratio)
            for ratio in window.ratios
        ]
        for d in DIMENSIONS
    ]
    mean, error = np.moveaxis(np.array(found), -1, 0)
    return mean, error


def _constant(unfit: np.ndarray, ratio: int) -> tuple[float, float]:
    one = ls.Estimate.from_samples(np.log(unfit * ratio))
    return float(one.value or np.nan), float(one.standard_error or np.nan)


def margins(window: Window) -> tuple[float, float, float]:
    """Finite size: the end falls into a dip of the noise, so n ~ (s/a)^(1+chi) is uncertain by its
    factor.
    """
    dips = np.array([stops.dip(window.chi, np.array(window.ratios), d) for d in DIMENSIONS])
    in_points = float(np.abs(dips[:, 1] - dips[:, 0]).mean()) / window.width
    in_dimension = float(np.abs(dips[-1] - dips[0]).mean() / np.log(DIMENSIONS[-1] / DIMENSIONS[0]))
    return (1 + window.chi) * in_points, (1 + window.chi) * in_dimension, SPREAD[window.chi]


def compared(window: Window) -> list[ls.claims.Comparison]:
    """Compare at one chi how P n/d depends on P and on d, and its value."""
    in_points, in_dimension, spread = margins(window)
    depth = "finite d: training ends in a dip of the noise, of relative depth sqrt(ln(N)/d)"
    return [
        ls.claims.Comparison(
            name=f"slope of ln(P n/d) in ln P, chi {window.chi:g}",
            prediction=0.0,
            margin=in_points,
            basis="theory",
            reason=depth,
            rivals={"a fixed test error, n independent of P": 1.0, "n ~ P^(-2)": -1.0},
            measure=partial(slope_in_points, window),
        ),
        ls.claims.Comparison(
            name=f"slope of ln(P n/d) in ln d, chi {window.chi:g}",
            prediction=0.0,
            margin=in_dimension,
            basis="theory",
            reason=depth,
            rivals={"P n = 1": -1.0},
            wrong=-1.0,
            measure=partial(averaged, window, 1),
        ),
        ls.claims.Comparison(
            name=f"ln c, chi {window.chi:g}",
            prediction=float(np.log(CONSTANT[window.chi])),
            margin=spread,
            basis="pilot",
            reason="spread of known values",
            rivals=_rival_values(),
            wrong=_rival_values()["P n = 1"],
            measure=partial(averaged, window, 2),
        ),
    ]


def averaged(window: Window, number: int, data: ls.claims.Data) -> ls.Estimate:
    """Least squares for one of the three numbers of `_weights`."""
    (mean, error), weights = constants(data, window), _weights(window)[number]
    return ls.Estimate(
        value=float((weights * mean).sum()),
        standard_error=float(np.sqrt((weights**2 * error**2).sum())),
        n_independent=min(window.replicas),
        method="least squares over all points, each counting alike",
    )


def slope_in_points(window: Window, data: ls.claims.Data) -> ls.Estimate:
    """Slope of ln(P n/d) in ln P, from pairs: replicas at the two P/d share points of their
    training sets.
    """
    slope, slope_error = stops.local_slopes(data, window, "unfit_fraction")
    return replace(
        averaged(window, 0, data),
        value=float(slope.mean()) + 1.0,
        standard_error=float(np.sqrt((slope_error**2).sum()) / len(slope)),
    )


class StoppingLaw(ls.claims.Claim):
    sample = "ends"
    title = "Stop at P n = c d"
    statement = "Training on P points ends when P n = c d, with c independent of P and d."
    formula = "P n* = c d,  n* = fraction of fresh samples unfit at the end"
    source = (
        "derived (counting of adjustable directions); that n* is a power of 1/P: Sclocchi et "
        "al., arXiv 2301.13703"
    )
    validity = "T >> kappa, B below the critical batch size, P/d of at least 16, separable data."
    control_statement = (
        "Training ends when one unfit point is left in P fresh ones, P n* = 1, whatever d."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return stops.tasks(tier, seed)

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        return [comparison for window in WINDOWS[tier] for comparison in compared(window)]

    def out_of_range(self, data: ls.claims.Data, tier: str) -> str | None:
        return stops.unfinished(data)

    def panels(self, data: ls.claims.Data, tier: str) -> list[ls.plotting.Panel]:
        return [self._panel(data, window) for window in WINDOWS[tier]]

    @staticmethod
    def _panel(data: ls.claims.Data, window: Window) -> ls.plotting.Panel:
        mean, error = constants(data, window)
        ends = np.array([DIMENSIONS[0] / 1.3, DIMENSIONS[-1] * 1.3])
        c = CONSTANT[window.chi]
        series = [
            ls.plotting.Series(
                f"P/d = {ratio}", DIMENSIONS, np.exp(mean[:, k]), np.exp(mean[:, k]) * error[:, k]
            )
            for k, ratio in enumerate(window.ratios)
        ]
        return ls.plotting.log_log(
            rf"Stop, $\chi$ = {window.chi:g}",
            "d",
            r"$P n^*/d$",
            (
                *series,
                ls.plotting.Series.theory(f"c = {c:g}", ends, np.full(2, c)),
                ls.plotting.Series.rival("P n = 1", ends, 1 / ends),
            ),
            note=f"mean over all points: c = {np.exp(mean.mean()):.3f}",
        )


def _rival_values() -> dict[str, float]:
    """ln c of rivals, on average over the dimensions."""
    return {"P n = 1": -float(np.log(DIMENSIONS).mean()), "P n = d": 0.0}


def _weights(window: Window) -> list[np.ndarray]:
    """Weights (dimension, ratio) of the three numbers: slope in ln P at fixed d, in ln d at fixed
    P/d, mean.
    """
    shape = (len(DIMENSIONS), 2)
    along = np.log(DIMENSIONS) - np.log(DIMENSIONS).mean()
    in_dimension = np.broadcast_to((along / (along**2).sum())[:, None], shape) / 2
    in_points = np.broadcast_to(np.array([-1.0, 1.0]) / window.width, shape) / len(DIMENSIONS)
    return [in_points, in_dimension, np.full(shape, 1 / np.prod(shape))]
