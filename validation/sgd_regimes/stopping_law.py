"""Training ends when P n, the unfit points that the weights at the end would leave of P fresh ones,
has fallen to c d.

n is the fraction of fresh samples that the final weights leave unfit, from the closed-form average
at their signal and noise. P n/d depends neither on P nor on d but for dips of the noise, n ~
(s/a)^(1+chi), and c is below 1: of the order of d unfit points can be satisfied together by d
adjustable directions, and not more. The capacity 2 d of a perceptron for points of random labels
(Cover 1965) is the rival from above, the last unfit point of P from below. The value of c is
measured, not predicted.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from langevin_sgd.validation.sgd_regimes import _stops as stops
from langevin_sgd.validation.sgd_regimes._runs import joined
from langevin_sgd.validation.sgd_regimes._stops import LINES, ROWS, Line, Row

import langevin_sgd as ls

DEPTH = "finite d: training ends in a dip of the noise, of relative depth sqrt(ln(N)/d)"


def in_points(line: Line) -> ls.claims.Comparison:
    """Compare how P n/d depends on P."""

    def measure(data: ls.claims.Data) -> ls.Estimate:
        return stops.shifted(stops.measured_slope(data, line, "unfit_fraction"), 1.0)

    return ls.claims.Comparison(
        name=f"slope of ln(P n/d) in ln P, {line.title}",
        prediction=0.0,
        margin=(1 + line.chi) * abs(stops.dip_slope(line, "norm")),
        basis="theory",
        reason=DEPTH,
        rivals={"a fixed test error, n independent of P": 1.0, "n ~ P^(-2)": -1.0},
        near_misses={"n ~ P^(-3/4)": 0.25, "n ~ P^(-5/4)": -0.25, "n ~ P^(-2/3)": 1 / 3},
        measure=measure,
        injected=lambda data, size: stops.shifted(measure(data), size),
    )


def in_dimension(row: Row) -> ls.claims.Comparison:
    """Compare how P n/d depends on d."""
    depth = stops.dip(row.chi, float(row.ratio), row.dimensions)
    along = np.log(row.dimensions) - np.log(row.dimensions).mean()
    slope = float(along @ depth / (along @ along))
    measure = partial(_power, row)
    return ls.claims.Comparison(
        name=f"slope of ln(P n/d) in ln d, chi {row.chi:g}, P/d = {row.ratio}",
        prediction=0.0,
        margin=(1 + row.chi) * slope,
        basis="theory",
        reason=DEPTH,
        rivals={"P n = 1": -1.0, "n independent of d, 1": 1.0},
        wrong=-1.0,
        near_misses={"P n ~ d^(3/4)": -0.25, "P n ~ d^(3/5)": -0.4, "P n ~ d^(1/2)": -0.5},
        measure=measure,
        injected=lambda data, size: stops.shifted(measure(data), size),
    )


def at_most_all(row: Row) -> ls.claims.Comparison:
    """Compare c with its bound."""
    return ls.claims.Comparison(
        name=f"ln c, chi {row.chi:g}, P/d = {row.ratio}: at most d unfit points at the end",
        prediction=0.0,
        kind="at_most",
        rivals={"capacity for random labels, 2 d": float(np.log(2))},
        near_misses={"nine tenths of d": float(np.log(0.9))},
        measure=partial(constant, row),
    )


def _power(row: Row, data: ls.claims.Data) -> ls.Estimate:
    return stops.power_of_dimension(data, row, "unfit_fraction")


def constant(row: Row, data: ls.claims.Data) -> ls.Estimate:
    """Mean of ln(P n/d) over the dimensions of a row."""
    found = stops.means(data, row, "unfit_fraction")
    values, errors = (
        np.array([getattr(one, part) for one in found], dtype=float)
        for part in ("value", "standard_error")
    )
    return ls.Estimate(
        value=float(values.mean() + np.log(row.ratio)),
        standard_error=float(np.sqrt((errors**2).sum()) / len(errors)),
        n_independent=min(one.n_independent or 0 for one in found),
        method="mean over dimensions",
    )


class StoppingLaw(ls.claims.Claim):
    sample = "ends"
    title = "Stop at P n = c d"
    statement = (
        "Training on P points ends when P n = c d, with c below 1 that depends on P and on d by no "
        "more than dips of the noise do."
    )
    formula = "P n* = c d,  c < 1,  n* = fraction of fresh samples unfit at the end"
    source = (
        "derived (counting of adjustable directions); that n* is a power of 1/P: Sclocchi et "
        "al., arXiv 2301.13703"
    )
    validity = (
        "T >> kappa, B below the critical batch size, d = 32 to 256, separable data; no theory of "
        "the value of c, which is shown."
    )
    control_statement = (
        "Training ends when one unfit point is left in P fresh ones, P n* = 1, whatever d."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return stops.tasks(tier, seed)

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        rows = ROWS[tier]
        return [
            *map(in_points, LINES[tier]),
            *map(in_dimension, rows),
            *map(at_most_all, rows),
        ]

    def out_of_range(self, data: ls.claims.Data, tier: str) -> str | None:
        return stops.unfinished(data)

    def panels(self, data: ls.claims.Data, tier: str) -> list[ls.plotting.Panel]:
        return [self._in_dimension(data, tier), self._in_points(data, tier)]

    @staticmethod
    def _in_dimension(data: ls.claims.Data, tier: str) -> ls.plotting.Panel:
        series, notes = [], []
        for row in ROWS[tier]:
            found = [
                ls.measure.geometric_mean(
                    joined(data, stops.label(row.chi, d, row.ratio), "unfit_fraction")
                ).scaled(row.ratio)
                for d in row.dimensions.tolist()
            ]
            words = rf"$\chi$ = {row.chi:g}, P/d = {row.ratio}"
            series.append(ls.plotting.Series.measured(words, row.dimensions, found))
            mean = float(np.exp(constant(row, data).value or np.nan))
            notes.append(rf"{mean:.3f} at $\chi$ = {row.chi:g}")
        ends = np.array([row.dimensions[0] / 1.3, row.dimensions[-1] * 1.3])
        series += [
            ls.plotting.Series.theory("at most d", ends, np.ones(2)),
            ls.plotting.Series.rival("P n = 1", ends, 1 / ends),
            ls.plotting.Series.rival("capacity 2 d", ends, np.full(2, 2.0)),
        ]
        return ls.plotting.log_log(
            "Stop", "d", r"$P n^*/d$", series, note="mean c: " + ", ".join(notes)
        )

    @staticmethod
    def _in_points(data: ls.claims.Data, tier: str) -> ls.plotting.Panel:
        series = []
        for line in LINES[tier]:
            found = [
                ls.measure.geometric_mean(stops.at(data, line, ratio, "unfit_fraction")).scaled(
                    ratio
                )
                for ratio in line.ratios
            ]
            words = rf"$\chi$ = {line.chi:g}, d = {line.dimension}"
            series.append(ls.plotting.Series.measured(words, line.ratios, found))
        return ls.plotting.log_log("Stop on lines of one d", "P/d", r"$P n^*/d$", series)
