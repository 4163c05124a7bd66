r"""What must not pass: wrong theories, small errors, placebos and effects put into the data.

Every comparison has a *far* control, the prediction of a deliberately wrong theory. It may have

    near miss   the smallest of the errors it lists that moves p by at least 2 d; must be refuted
    placebo     the measurement without the effect; the prediction must not be supported by it
    injected    the measurement with an effect of 2 d put in; the prediction must be refuted

All of them are judged by the rule of the verdict at the level of the claim. A claim passes only if
all controls of all its comparisons do what they must: one that is not caught is enough to fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from langevin_sgd.claims.tolerance import reach
from langevin_sgd.claims.verdict import FALSE_ALARM, Verdict, judge, unusable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langevin_sgd.claims.comparison import Comparison, Data
    from langevin_sgd.estimate import Estimate

ControlKind = Literal["far", "near miss", "placebo", "injected"]

INJECTED = 0.04
"""Part of the scale of an effect that is put in where the prediction has no margin: twice the 2 %
to which the number of replicas is chosen then."""

_SEVERITY: tuple[Verdict, ...] = (
    "failed",
    "not_run",
    "out_of_range",
    "supported",
    "underpowered",
    "refuted",
)
"""Verdicts on something wrong, from worst to best."""


@dataclass(frozen=True)
class JudgedControl:
    """One thing that must not pass, and what became of it.

    Parameters
    ----------
    kind
        What it is.
    name
        Of the comparison, and for a near miss of the error.
    prediction, margin
        What it was judged by.
    estimate
        What was measured.
    verdict
        By the rule.
    reason
        Why.
    """

    kind: ControlKind
    name: str
    prediction: float
    margin: float
    estimate: Estimate | None
    verdict: Verdict
    reason: str = ""

    @property
    def caught(self) -> bool:
        """Whether it did what it must: a placebo is not supported, anything else is refuted."""
        return self.verdict != "supported" if self.kind == "placebo" else self.verdict == "refuted"

    def to_dict(self) -> dict[str, Any]:
        """Return strict JSON types."""
        measured = self.estimate.to_dict() if self.estimate else {}
        return {
            "kind": self.kind,
            "name": self.name,
            "prediction": self.prediction,
            "margin": self.margin,
            "measurement": measured.get("value"),
            "standard_error": measured.get("standard_error"),
            "verdict": self.verdict,
            "caught": self.caught,
        }


def near_miss(comparison: Comparison) -> tuple[str, float] | None:
    """Return name and prediction of the smallest listed error that moves p by at least 2 d.

    ``None`` if nothing is listed, or nothing that is listed moves p so far: the margin then hides
    it, and the grade says so.
    """
    shifts = {
        name: abs(value - comparison.prediction) for name, value in comparison.near_misses.items()
    }
    far = {name: shift for name, shift in shifts.items() if shift > 0}
    far = {name: shift for name, shift in far.items() if shift >= 2 * comparison.margin}
    if not far:
        return None
    name = min(far, key=far.__getitem__)
    return name, comparison.near_misses[name]


def seen(
    comparison: Comparison, estimate: Estimate | None, *, level: float = FALSE_ALARM
) -> dict[str, bool]:
    """Which of the small errors a comparison lists it would notice with probability 0.9."""
    if estimate is None or unusable(estimate):
        return dict.fromkeys(comparison.near_misses, False)
    least = reach(comparison, estimate, level)
    return {
        name: abs(value - comparison.prediction) > least
        for name, value in comparison.near_misses.items()
    }


def judge_controls(
    comparisons: Sequence[Comparison],
    measured: Mapping[str, Estimate],
    data: Data,
    *,
    level: float = FALSE_ALARM,
) -> list[JudgedControl]:
    """Judge all controls of some comparisons.

    Parameters
    ----------
    comparisons
        Of a claim.
    measured
        The measurement of each, by name.
    data
        Results of the tasks, for placebos and effects that are put in.
    level
        Of the claim.
    """
    return [
        control
        for one in comparisons
        for control in _controls_of(one, measured.get(one.name), data, level)
    ]


def _controls_of(
    one: Comparison, estimate: Estimate | None, data: Data, level: float
) -> Iterator[JudgedControl]:
    far = far_control(one)
    if far is not None:
        yield _wrong("far", one.name, far, one.wrong_margin, estimate, level)
    if (found := near_miss(one)) is not None:
        name, prediction = found
        where = f"{one.name}: {name}"
        yield _wrong("near miss", where, prediction, one.margin, estimate, level)
    if one.placebo is not None:
        yield _remeasured("placebo", one, one.placebo(data), level)
    if one.injected is not None:
        size = 2 * one.margin or INJECTED * one.natural_scale
        yield _remeasured("injected", one, one.injected(data, size), level)


def far_control(one: Comparison) -> float | None:
    """Return what the wrong theory of a comparison says: its own, or the farthest rival.

    ``None`` where there is neither, and where a refutation is expected: a rival may be right there.
    """
    if one.wrong is not None or one.expected == "refuted" or not one.rivals:
        return one.wrong
    return max(one.rivals.values(), key=lambda value: abs(value - one.prediction))


def _wrong(
    kind: ControlKind,
    name: str,
    prediction: float,
    margin: float,
    estimate: Estimate | None,
    level: float,
) -> JudgedControl:
    """Judge a wrong prediction by the measurement."""
    verdict, reason = judge(prediction, margin, {}, estimate, level=level)
    return JudgedControl(kind, name, prediction, margin, estimate, verdict, reason)


def _remeasured(
    kind: ControlKind, one: Comparison, estimate: Estimate, level: float
) -> JudgedControl:
    """Judge the prediction by another measurement."""
    verdict, reason = judge(
        one.prediction, one.margin, one.rivals, estimate, kind=one.kind, level=level
    )
    return JudgedControl(kind, one.name, one.prediction, one.margin, estimate, verdict, reason)


def control_verdict(controls: Sequence[JudgedControl]) -> Verdict:
    """Return ``refuted`` if all controls are caught, else the worst verdict of one that is not.

    ``failed`` without any control.
    """
    loose = [one.verdict for one in controls if not one.caught]
    if not controls:
        return "failed"
    return min(loose, key=_SEVERITY.index) if loose else "refuted"
