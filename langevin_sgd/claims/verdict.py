r"""The rule by which a measurement decides about a prediction.

With prediction p, margin d (the theory's own stated accuracy), named alternatives a, measurement m
of standard error se, and I = [m - z se, m + z se], an *equality* is

    refuted       if I misses [p - d, p + d]
    underpowered  if I meets [p - d, p + d] and [a - d, a + d] of some alternative
    supported     if I meets [p - d, p + d] and misses every alternative
    failed        if nothing usable was measured

and an *inequality*, at least p or at most p, is

    refuted       if all of I lies beyond p by more than d on the wrong side
    supported     if all of I lies on the right side of p
    underpowered  otherwise

z is the two-sided quantile of Student's t at a level with the degrees of freedom of the error. The
level is `FALSE_ALARM` / 2^k where the criteria are judged in their k-th version (`level_of`): a
true theory, judged on up to 1000 comparisons, is then called refuted anywhere with probability
below 1e-3 (union bound), however often its criteria were changed and whether or not the comparisons
depend on one another.

Assumptions: the error of the mean is Gaussian to far into its tail (sums over many independent
replicas) and se is its honest standard deviation. For skewed samples the level is exceeded in the
tail; the tests say by how much.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal

from langevin_sgd.checks import (
    as_choice,
    as_count,
    as_instance,
    as_not_negative,
    as_positive,
    as_real,
    as_text,
    require,
)
from langevin_sgd.estimate import Estimate

Verdict = Literal["failed", "not_run", "out_of_range", "refuted", "underpowered", "supported"]

SEVERITY: tuple[Verdict, ...] = (
    "failed",
    "not_run",
    "out_of_range",
    "refuted",
    "underpowered",
    "supported",
)
"""Verdicts from worst to best; a claim has the verdict of its worst comparison.

A comparison that could not be measured outweighs a refuted one, so that a claim expected to be
refuted never passes on broken evidence; one refuted comparison outweighs any number of undecided
ones.
"""

Kind = Literal["equal", "at_least", "at_most"]

KINDS: tuple[Kind, ...] = ("equal", "at_least", "at_most")
"""What is said of a number: that it is p, or lies on one side of p."""

FALSE_ALARM = 1e-6
"""Probability that one true comparison is refuted; for 1000 together it stays below 1e-3."""


def level_of(version: int) -> float:
    """Level at which the k-th version of some criteria is judged, `FALSE_ALARM` / 2^k.

    The levels of all versions together are `FALSE_ALARM`: who changes criteria until one of them
    passes does not raise the number of false alarms, and asks more of the data each time.

    Examples
    --------
    >>> level_of(1), sum(level_of(k) for k in range(1, 50)) <= FALSE_ALARM
    (5e-07, True)
    """
    return FALSE_ALARM / 2.0 ** as_count("version", version, 1)


def critical_value(degrees_of_freedom: float = math.inf, level: float = FALSE_ALARM) -> float:
    """Half-width of the interval in standard errors.

    Parameters
    ----------
    degrees_of_freedom
        Of the standard error; infinite if it is known or not counted.
    level
        Two-sided probability outside.

    Examples
    --------
    >>> round(critical_value(), 3), round(critical_value(30), 3)
    (4.892, 6.119)
    """
    known = isinstance(degrees_of_freedom, float) and degrees_of_freedom == math.inf
    degrees = math.inf if known else as_positive("degrees_of_freedom", degrees_of_freedom)
    return _critical_value(degrees, _as_level(level))


def _as_level(level: float) -> float:
    allowed = "must lie between 0 and 1"
    number = as_real("level", level, allowed)
    require(0 < number < 1, "level", level, allowed)
    return number


@lru_cache(maxsize=1024)
def _critical_value(degrees: float, level: float) -> float:
    from scipy.special import ndtri, stdtrit

    tail = level / 2
    return -float(ndtri(tail) if math.isinf(degrees) else stdtrit(degrees, tail))


def judge(
    prediction: float,
    margin: float,
    alternatives: Mapping[str, float],
    estimate: Estimate | None,
    *,
    kind: Kind = "equal",
    level: float = FALSE_ALARM,
) -> tuple[Verdict, str]:
    """Judge one comparison.

    Parameters
    ----------
    prediction, margin
        p and d.
    alternatives
        Name -> value of what rival theories say; may be empty for a control.
    estimate
        The measurement; ``None`` if it was not delivered.
    kind
        ``equal``, ``at_least`` or ``at_most``.
    level
        Probability with which a true prediction may be called refuted.

    Returns
    -------
    verdict, reason
        The reason is empty for ``supported``.

    Examples
    --------
    >>> measured = Estimate(value=1.02, standard_error=0.01)
    >>> judge(1.0, 0.0, {"twice": 2.0}, measured), judge(1.5, 0.0, {}, measured)
    (('supported', ''), ('refuted', 'misses the prediction by 48.0 standard errors'))
    >>> judge(1.0, 0.0, {}, measured, kind="at_least")
    ('underpowered', 'cannot be told from the bound')
    """
    prediction, margin = as_real("prediction", prediction), as_not_negative("margin", margin)
    rivals, level, estimate = (
        as_rivals("alternatives", alternatives),
        _as_level(level),
        _as_estimate(estimate),
    )
    kind = as_choice("kind", kind, KINDS)
    problem = unusable(estimate)
    if estimate is None or problem:
        return "failed", problem
    value, error = float(estimate.value or 0.0), float(estimate.standard_error or 0.0)
    half_width = critical_value(estimate.degrees_of_freedom, level) * error
    if kind != "equal":
        surplus = value - prediction if kind == "at_least" else prediction - value
        return _judge_bound(surplus, margin, half_width, error)
    reach = half_width + margin
    if abs(value - prediction) > reach:
        return "refuted", _distance(abs(value - prediction) - margin, error)
    met = [name for name, other in rivals.items() if abs(value - other) <= reach]
    return ("underpowered", f"cannot be told from: {', '.join(met)}") if met else ("supported", "")


def _judge_bound(
    surplus: float, margin: float, half_width: float, error: float
) -> tuple[Verdict, str]:
    """Judge an inequality; `surplus` is how far the measurement lies on the right side."""
    if surplus + half_width < -margin:
        return "refuted", _distance(-surplus - margin, error)
    if surplus >= half_width:
        return "supported", ""
    return "underpowered", "cannot be told from the bound"


def as_rivals(name: str, alternatives: Mapping[str, float]) -> dict[str, float]:
    """Return numbers by name, as what rival theories say."""
    rivals = as_instance(name, alternatives, Mapping, "must be numbers by name")
    return {
        as_text(f"{name}: name", rival): as_real(f"{name}[{rival!r}]", value)
        for rival, value in rivals.items()
    }


def _as_estimate(estimate: Estimate | None) -> Estimate | None:
    return as_instance("estimate", estimate, (Estimate, type(None)), "must be an Estimate or None")


def unusable(estimate: Estimate | None) -> str:
    """Why nothing can be judged by a measurement; empty if it can."""
    if estimate is None:
        return "the claim delivered no measurement of this name"
    if not estimate.valid:
        return estimate.note or "the measurement is not valid"
    if estimate.value is None or not math.isfinite(estimate.value):
        return "the measurement has no finite value"
    if estimate.standard_error is None or not math.isfinite(estimate.standard_error):
        return "the measurement has no standard error"
    if estimate.degrees_of_freedom <= 0:
        return "the standard error rests on fewer than two independent samples"
    return ""


def _distance(gap: float, error: float) -> str:
    if error == 0:
        return f"an exact number, off the prediction by {gap:.2g}"
    return f"misses the prediction by {gap / error:.1f} standard errors"


def pull(prediction: float, margin: float, estimate: Estimate | None) -> float | None:
    """(m - p) / sqrt(se^2 + d^2); ``None`` if not measured, or if an exact number is missed.

    Examples
    --------
    >>> pull(1.0, 0.3, Estimate(value=1.5, standard_error=0.4))
    1.0
    """
    prediction, margin = as_real("prediction", prediction), as_not_negative("margin", margin)
    estimate = _as_estimate(estimate)
    if estimate is None or unusable(estimate):
        return None
    gap = float(estimate.value or 0.0) - prediction
    scale = math.hypot(float(estimate.standard_error or 0.0), margin)
    return gap / scale if scale else (0.0 if gap == 0 else None)


def pull_without_margin(prediction: float, estimate: Estimate | None) -> float | None:
    """(m - p) / se: how far off the prediction itself, whatever its margin; ``None`` as for `pull`.

    Examples
    --------
    >>> pull_without_margin(1.0, Estimate(value=1.5, standard_error=0.25))
    2.0
    """
    return pull(prediction, 0.0, estimate)


def passes_by_margin(
    prediction: float, margin: float, estimate: Estimate | None, *, level: float = FALSE_ALARM
) -> bool:
    """Whether a prediction is met within its margin only: without the margin it would be refuted.

    Examples
    --------
    >>> passes_by_margin(1.0, 0.5, Estimate(value=1.4, standard_error=0.01))
    True
    """
    with_margin, without = (
        judge(prediction, d, {}, estimate, level=level)[0] for d in (margin, 0.0)
    )
    return with_margin != "refuted" and without == "refuted"


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of some verdicts by `SEVERITY`; ``failed`` if there are none."""
    given = verdicts if isinstance(verdicts, Iterable) else [verdicts]
    return min(
        (as_choice("verdicts", one, SEVERITY) for one in given),
        key=SEVERITY.index,
        default="failed",
    )
