"""The weights at zero loss grow as a power of the number of points, at a fixed dimension.

The same trainings as for the training time. The asymptotic exponent is gamma = 1/(1+chi); dips of
the noise, in the deepest of which training ends, take something off at every finite d (`_stops`).
That weights and time are proportional to T far above the margin is a matter of units, (lr, kappa)
-> c (lr, kappa) maps w -> c w, and a test of the trainers, not of this claim.
"""

from __future__ import annotations

from functools import partial

from langevin_sgd.validation.sgd_regimes import _stops as stops
from langevin_sgd.validation.sgd_regimes._stops import LINES, Line

import langevin_sgd as ls

WALK = "random walk in time, b/2"


def rivals(line: Line) -> dict[str, float]:
    """What gamma would be, with the dips of the line, if weights grew as the root of the time, for
    another data law, or if P did not matter.
    """
    law, fewer = map(ls.theory.perceptron.exponents, (line.chi, line.chi + 1))
    dips = stops.dip_slope(line, "norm")
    return {
        WALK: law.b / 2 + dips,
        f"that of chi = {line.chi + 1:g}": fewer.gamma + dips,
        "no dependence on P": 0.0,
    }


def compared(line: Line) -> ls.claims.Comparison:
    """Compare the exponent along one line."""
    one, left = ls.theory.perceptron.exponents, stops.margin(line, "norm")
    expected = stops.slope(line, "norm")
    return ls.claims.Comparison(
        name=f"gamma at {line.title}",
        prediction=expected,
        margin=left,
        basis="theory",
        reason=stops.MARGIN_REASON,
        rivals=rivals(line),
        wrong=rivals(line)[WALK],
        wrong_margin=left,
        near_misses={
            f"that of chi = {chi:g}": expected + one(chi).gamma - one(line.chi).gamma
            for chi in (line.chi - 0.25, line.chi + 0.25, line.chi + 0.5)
        },
        measure=partial(stops.measured_slope, line=line, name="norm"),
    )


class WeightChangeExponent(ls.claims.Claim):
    sample = "ends"
    title = "Exponent of the weight change"
    statement = (
        "At a fixed dimension the weights at zero loss grow with the number of points as P^gamma, "
        "with gamma below 1/(1+chi) by what dips of the noise take off at that dimension."
    )
    formula = "||w*|| ~ T sqrt(d) (P/d)^gamma,  gamma = 1/(1+chi) + d ln(1 - sqrt(ln(N)/d))/d ln P"
    source = (
        "Sclocchi, Geiger and Wyart, arXiv 2301.13703 (gamma as P -> infinity); finite dimension "
        "derived"
    )
    validity = (
        "T >> kappa, B below the critical batch size, d = 32 and 64 (quick), P over a decade; "
        "chi = -1/2, 0 and 1, in the full tier also 3."
    )
    control_statement = (
        "The weights grow as the square root of the training time, as in a random walk."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        return stops.tasks(tier, seed)

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        return [compared(line) for line in LINES[tier]]

    def out_of_range(self, data: ls.claims.Data, tier: str) -> str | None:
        return stops.unfinished(data)

    def panels(self, data: ls.claims.Data, tier: str) -> list[ls.plotting.Panel]:
        slopes = stops.slope_panel(
            data, tier, quantity="norm", name="norm", asymptote="gamma", symbol=r"$\gamma$"
        )
        courses = [
            stops.course_panel(data, tier, chi, name="norm", quantity="norm", per=0.5)
            for chi in stops.chis(tier)
        ]
        return [slopes, *courses]
