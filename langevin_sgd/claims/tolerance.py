r"""How much a verdict tolerates: what a comparison would have noticed, in parts of its scale.

    noticed    d + (z + z_90) se                  least deviation refuted with probability 0.9
    deviation  |m - p| + 2 se                     how well the theory is known to hold
    grade      of max(deviation, noticed / 2):    sharp <= 5 %, fair <= 15 %, loose beyond

with p, d, m, se and z as in `langevin_sgd.claims.verdict` and z_90 = 1.28, the 0.9 quantile of the
normal law. The scale is |p|; where p is 0 it is the distance to the nearest rival, or what the
claim says. For an inequality |m - p| counts on the wrong side of p only. A supported comparison
that is loose is shown as *compatible*: its rivals are excluded, but the theory is not known to
hold to better than a sixth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from langevin_sgd.claims.verdict import FALSE_ALARM, critical_value, unusable

if TYPE_CHECKING:
    from langevin_sgd.claims.comparison import Comparison
    from langevin_sgd.estimate import Estimate

Grade = Literal["sharp", "fair", "loose"]

GRADES: tuple[Grade, ...] = ("sharp", "fair", "loose")
"""From best to worst."""

SHARP, FAIR = 0.05, 0.15
"""Largest parts of the scale at which a comparison is sharp, and fair."""

POWER = 0.9
"""Probability with which a deviation is noticed if it is said to be."""
_Z_POWER = 1.2815515655446004  # 0.9 quantile of the normal law


@dataclass(frozen=True)
class Tolerance:
    """What one comparison would have noticed, and how well its theory is known to hold.

    Parameters
    ----------
    noticed
        Least deviation from the prediction that it would have refuted with probability `POWER`, as
        a part of the scale.
    deviation
        |m - p| + 2 se as a part of the scale.
    """

    noticed: float
    deviation: float

    @property
    def grade(self) -> Grade:
        """The worse of `deviation` and half of `noticed`."""
        size = max(self.deviation, self.noticed / 2)
        return "sharp" if size <= SHARP else "fair" if size <= FAIR else "loose"


def reach(comparison: Comparison, estimate: Estimate, level: float = FALSE_ALARM) -> float:
    """Least deviation that is refuted with probability `POWER`, in the unit of the prediction."""
    error = float(estimate.standard_error or 0.0)
    z = critical_value(estimate.degrees_of_freedom, level)
    return comparison.margin + (z + _Z_POWER) * error


def tolerance(
    comparison: Comparison, estimate: Estimate | None, *, level: float = FALSE_ALARM
) -> Tolerance | None:
    """Return what a comparison tolerates; ``None`` where nothing was measured or without a scale.

    Examples
    --------
    >>> from langevin_sgd.claims import Comparison
    >>> from langevin_sgd.estimate import Estimate
    >>> exponent = Comparison(name="b", prediction=2.0, rivals={"1": 1.0}, measure=len)
    >>> found = tolerance(exponent, Estimate(value=2.01, standard_error=0.01))
    >>> round(found.noticed, 3), round(found.deviation, 3), found.grade
    (0.031, 0.015, 'sharp')
    """
    if estimate is None or unusable(estimate):
        return None
    scale = comparison.natural_scale
    if not (math.isfinite(scale) and scale > 0):
        return None
    off = float(estimate.value or 0.0) - comparison.prediction
    wrong_side = {"equal": abs(off), "at_least": max(-off, 0.0), "at_most": max(off, 0.0)}
    error = float(estimate.standard_error or 0.0)
    return Tolerance(
        noticed=reach(comparison, estimate, level) / scale,
        deviation=(wrong_side[comparison.kind] + 2 * error) / scale,
    )


def replicas_needed(
    comparison: Comparison, estimate: Estimate | None, *, level: float = FALSE_ALARM
) -> float | None:
    """Return how many times the replicas bring z se down to d/2, or to 2 % of the scale if d = 0.

    By this the number of replicas is fixed once, from a run on the development stream: it depends
    on the error alone, and not on what was measured. The error is taken to fall as the root of the
    number of replicas; z is that of the run at hand, which more replicas only lower.

    Returns
    -------
    float or None
        1 or less if there are enough; ``None`` where nothing was measured or there is no scale.
    """
    if estimate is None or unusable(estimate):
        return None
    aim = comparison.margin / 2 if comparison.margin else 0.02 * comparison.natural_scale
    if not (math.isfinite(aim) and aim > 0):
        return None
    z = critical_value(estimate.degrees_of_freedom, level)
    return (z * float(estimate.standard_error or 0.0) / aim) ** 2


def verdict_in_words(verdict: str, grade: Grade | None) -> str:
    """Write a verdict; what is supported loosely is compatible.

    Examples
    --------
    >>> verdict_in_words("supported", "loose"), verdict_in_words("out_of_range", None)
    ('compatible', 'out of range')
    """
    return "compatible" if (verdict, grade) == ("supported", "loose") else verdict.replace("_", " ")
