"""The time to zero loss grows as a power of the number of points, at a fixed dimension.

Trainings at one d with P over about a decade, at several d and data laws. The asymptotic exponent
is b = 1 + 2/(1+chi); at the sizes that can be trained it is smaller, by what the deepest dips of
the noise save (`_stops`). It is judged there, at each d, and not extrapolated.

How t* depends on d at a fixed P/d is another matter: t*/(T d) is no function of P/d. It grows with
d, at least as dips become shallower, and at most as fast as if one training point were unfit all
the time: t* = T M P/u, with M visits and u unfit training points on average over the run, M ~ d
(P/d)^(2 gamma) and u >= 1, gives t*/(T d) <= d (P/d)^b but for dips. Its local powers between d =
32 and 256 are shown. Were P n = 1 the stop, they would be b.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from langevin_sgd.validation.sgd_regimes import _stops as stops
from langevin_sgd.validation.sgd_regimes._stops import LINES, ROWS, Line, Row

import langevin_sgd as ls
from langevin_sgd.plotting import Panel

MANY_DIPS = 1.5
"""Largest chi at which dips are so many, at these P, that the law of the deepest holds."""


ONE_DIRECTION = "1 + 1/(1+chi)"


def rivals(line: Line) -> dict[str, float]:
    """What else the exponent could be, with the dips of the line: if the weights had to grow in one
    direction only, a ~ t^(1/(chi+2)), or if each point were visited as often whatever P.
    """
    one_direction = (line.chi + 2) * (1 / (1 + line.chi) + stops.dip_slope(line, "norm"))
    return {ONE_DIRECTION: one_direction, "one pass per point, 1": 1.0}


def compared(line: Line) -> ls.claims.Comparison:
    """Compare the exponent along one line."""
    one = ls.theory.perceptron.exponents
    measure = partial(stops.measured_slope, line=line, name="t_star")
    if line.chi > MANY_DIPS:
        return ls.claims.Comparison(
            name=f"b at {line.title}, at least 1 + 1/(1+chi)",
            prediction=1 + 1 / (1 + line.chi),
            kind="at_least",
            rivals={"one pass per point, 1": 1.0},
            measure=measure,
        )
    left, expected = stops.margin(line, "time"), stops.slope(line, "time")
    return ls.claims.Comparison(
        name=f"b at {line.title}",
        prediction=expected,
        margin=left,
        basis="theory",
        reason=stops.MARGIN_REASON,
        rivals=rivals(line),
        wrong=rivals(line)[ONE_DIRECTION],
        wrong_margin=left,
        near_misses={
            f"that of chi = {chi:g}": expected + one(chi).b - one(line.chi).b
            for chi in neighbours(line.chi)
        },
        measure=measure,
    )


def neighbours(chi: float) -> tuple[float, ...]:
    """Other data laws, near and less near."""
    return (chi - 0.25, chi + 0.25, chi + 0.5, chi + 1.0)


def dips(row: Row) -> float:
    """Power of d by which dips that become shallower raise the signal, at a fixed P/d."""
    found = stops.dip(row.chi, float(row.ratio), row.dimensions)
    along = np.log(row.dimensions) - np.log(row.dimensions).mean()
    return float(along @ found / (along @ along))


def growth(row: Row) -> list[ls.claims.Comparison]:
    """Compare the power of d in t*/(T d) at one P/d with its bounds."""
    where = f"power of d in t*/(T d), chi {row.chi:g}, P/d = {row.ratio}"
    measure = partial(power_in_dimension, row)
    law = ls.theory.perceptron.exponents(row.chi)
    return [
        ls.claims.Comparison(
            name=f"{where}: at least that of dips",
            prediction=(row.chi + 3) * dips(row),
            kind="at_least",
            scale=1.0,
            rivals={"a function of P/d": 0.0},
            measure=measure,
        ),
        ls.claims.Comparison(
            name=f"{where}: at most with one unfit training point",
            prediction=1 + 2 * dips(row),
            kind="at_most",
            scale=1.0,
            rivals={"stop at P n = 1": law.b + (row.chi + 3) * dips(row)},
            measure=measure,
        ),
    ]


def power_in_dimension(row: Row, data: ls.claims.Data) -> ls.Estimate:
    """Power of d in t*/(T d)."""
    return stops.shifted(stops.power_of_dimension(data, row, "t_star"), -1.0)


class TrainingTimeExponent(ls.claims.Claim):
    sample = "ends"
    title = "Exponent of the training time"
    statement = (
        "At a fixed dimension the time to zero loss grows with the number of points as P^b, with b "
        "below 1 + 2/(1+chi) by what dips of the noise save at that dimension; at a fixed P/d it "
        "grows faster than d, by at least what dips lose."
    )
    formula = (
        "t* ~ T P^b at fixed d,  b = 1 + 2/(1+chi) + (chi+3) d ln(1 - sqrt(ln(N)/d))/d ln P,  "
        "N = (J_chi/J_(chi+1)) a^2/(2 s T)"
    )
    source = (
        "Sclocchi, Geiger and Wyart, arXiv 2301.13703 (b as P -> infinity); finite dimension and "
        "bounds of the power of d derived"
    )
    validity = (
        "T >> kappa, B below the critical batch size, d = 32 and 64 (quick), P over a decade; "
        "chi = -1/2, 0 and 1. At chi = 3 (full tier) dips are few below P/d of 10^4, and b is only "
        "bounded."
    )
    control_statement = (
        "The weights have to grow in one direction only: b = 1 + 1/(1+chi); t*/(T d) depends on "
        "P/d alone, or training ends at P n = 1."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return stops.tasks(tier, seed)

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        in_points = [compared(line) for line in LINES[tier]]
        return in_points + [one for row in ROWS[tier] for one in growth(row)]

    def out_of_range(self, data: ls.claims.Data, tier: str) -> str | None:
        return stops.unfinished(data)

    def panels(self, data: ls.claims.Data, tier: str) -> list[Panel]:
        slopes = stops.slope_panel(
            data, tier, quantity="time", name="t_star", asymptote="b", symbol="b"
        )
        courses = [
            stops.course_panel(data, tier, chi, name="t_star", quantity="time", per=1.0)
            for chi in stops.chis(tier)
        ]
        grown = stops.power_panel(
            data,
            tier,
            name="t_star",
            y_label=r"$t^*/(T d)$",
            title="Time to zero loss at fixed P/d",
            per=1.0,
        )
        return [slopes, *courses, grown]
