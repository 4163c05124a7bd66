"""The outcome for one claim: verdicts of its comparisons and of its control."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langevin_sgd.claims.claim import Claim
from langevin_sgd.claims.comparison import Comparison
from langevin_sgd.claims.controls import JudgedControl, seen
from langevin_sgd.claims.tolerance import GRADES, Grade, Tolerance, replicas_needed, tolerance
from langevin_sgd.claims.verdict import (
    FALSE_ALARM,
    SEVERITY,
    Verdict,
    judge,
    passes_by_margin,
    pull,
    pull_without_margin,
    worst,
)
from langevin_sgd.estimate import Estimate

if TYPE_CHECKING:
    from langevin_sgd.claims.criteria import Criteria
    from langevin_sgd.plotting import Panel


@dataclass(frozen=True)
class JudgedComparison:
    """A comparison, its measurement and its verdict with the reason."""

    comparison: Comparison
    estimate: Estimate | None
    verdict: Verdict
    reason: str = ""
    level: float = FALSE_ALARM

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is what the comparison expects."""
        return self.verdict == self.comparison.expected

    @property
    def tolerance(self) -> Tolerance | None:
        """What it would have noticed; ``None`` where nothing was measured."""
        return tolerance(self.comparison, self.estimate, level=self.level)

    @property
    def grade(self) -> Grade | None:
        """``sharp``, ``fair`` or ``loose``; ``None`` where nothing was measured."""
        found = self.tolerance
        return None if found is None else found.grade

    @property
    def replicas_needed(self) -> float | None:
        """How many times the replicas the comparison needs; see `tolerance.replicas_needed`."""
        return replicas_needed(self.comparison, self.estimate, level=self.level)

    @property
    def seen(self) -> dict[str, bool]:
        """Which of the small errors that it lists it would notice."""
        return seen(self.comparison, self.estimate, level=self.level)

    @property
    def pull(self) -> float | None:
        """(m - p) / sqrt(se^2 + d^2)."""
        return pull(self.comparison.prediction, self.comparison.margin, self.estimate)

    @property
    def pull_without_margin(self) -> float | None:
        """(m - p) / se."""
        return pull_without_margin(self.comparison.prediction, self.estimate)

    @property
    def by_margin(self) -> bool:
        """Whether the measurement meets the prediction within its margin only."""
        one = self.comparison
        return one.kind == "equal" and passes_by_margin(
            one.prediction, one.margin, self.estimate, level=self.level
        )

    def to_dict(self) -> dict[str, Any]:
        """Return strict JSON types."""
        measured = (
            self.estimate.to_dict() if self.estimate else {"value": None, "standard_error": None}
        )
        tolerated, one = self.tolerance, self.comparison
        return {
            "name": self.comparison.name,
            "kind": one.kind,
            "prediction": float(self.comparison.prediction),
            "margin": float(self.comparison.margin),
            "basis": one.basis,
            "measurement": measured["value"],
            "standard_error": measured["standard_error"],
            "alternatives": {name: float(value) for name, value in self.comparison.rivals.items()},
            "verdict": self.verdict,
            "expected_verdict": one.expected,
            "tolerance": None if tolerated is None else tolerated.noticed,
            "deviation": None if tolerated is None else tolerated.deviation,
            "grade": self.grade,
            "near_misses": [
                {"name": name, "prediction": one.near_misses[name], "seen": found}
                for name, found in self.seen.items()
            ],
            "replicas_needed": self.replicas_needed,
            "pull_without_margin": self.pull_without_margin,
        }


@dataclass(frozen=True)
class Judgement:
    """The outcome for one claim in one tier.

    Parameters
    ----------
    claim, tier, seed
        What was judged.
    verdict, control_verdict
        Of the theory, and of everything that must not pass: ``refuted`` if all of it is caught.
    reason
        Why, where the verdict is not ``supported``.
    comparisons, control
        Each with its verdict; without measurements where there were none to be had.
    beneath
        The verdict that the comparisons alone would give, where the data are out of range.
    seconds
        Computing time of the tasks, all together; ``None`` where it is not known.
    identities
        What each result depended on (name, settings, version, digest), by label.
    versions
        Versions of the libraries that made the results, each set once.
    panels
        The figure; empty without data or where it was not asked for.
    criteria
        What it was judged by, and in which version.
    changed
        How the criteria differ from those that the stored data were made by, if they do.
    development
        Whether the data are of the development stream, on which nothing is decided.
    never_run
        Whether nothing at all is stored, so that the claim was asked for nothing.
    """

    claim: Claim
    tier: str
    seed: int
    verdict: Verdict
    control_verdict: Verdict
    reason: str = ""
    comparisons: Sequence[JudgedComparison] = ()
    control: Sequence[JudgedControl] = ()
    beneath: Verdict | None = None
    criteria: Criteria | None = None
    changed: str = ""
    development: bool = False
    seconds: float | None = None
    identities: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    versions: Sequence[Mapping[str, str]] = ()
    panels: Sequence[Panel] = ()
    never_run: bool = False

    @property
    def deciding(self) -> JudgedComparison | None:
        """The comparison that decides: one that is not as expected before others, of the worst
        verdict, and of the largest pull.
        """
        return min(self.comparisons, key=_badness, default=None)

    @property
    def by_margin(self) -> int:
        """How many comparisons meet their prediction within its margin only."""
        return sum(judged.by_margin for judged in self.comparisons)

    @property
    def as_expected(self) -> bool:
        """Whether the outcome is what the claim expects; ``not_run`` is not held against it."""
        if self.verdict == "not_run":
            return True
        if self.verdict == "out_of_range":
            return self.tier in self.claim.out_of_range_allowed
        return (
            self.verdict == self.claim.expected_verdict
            and self.control_verdict == "refuted"
            and all(one.as_expected for one in self.comparisons)
        )

    @property
    def grade(self) -> Grade | None:
        """The worst grade of its comparisons; ``None`` where nothing was measured."""
        found = [one.grade for one in self.comparisons if one.grade is not None]
        return max(found, key=GRADES.index, default=None)

    @property
    def replicas_needed(self) -> float | None:
        """How many times the replicas its comparisons need, the most demanding one deciding."""
        found = [one.replicas_needed for one in self.comparisons if one.replicas_needed is not None]
        return max(found, default=None)

    def to_dict(self) -> dict[str, Any]:
        """Return strict JSON types: what ``claims run --json`` prints."""
        deciding = self.deciding
        numbers = deciding.to_dict() if deciding else {}
        return {
            "id": self.claim.id,
            "paper": self.claim.paper,
            "tier": self.tier,
            "verdict": self.verdict,
            "expected_verdict": self.claim.expected_verdict,
            "prediction": numbers.get("prediction"),
            "measurement": numbers.get("measurement"),
            "standard_error": numbers.get("standard_error"),
            "pull": deciding.pull if deciding else None,
            "control_verdict": self.control_verdict,
            "seconds": self.seconds,
            "decided_by": numbers.get("name"),
            "margin": numbers.get("margin"),
            "pull_without_margin": numbers.get("pull_without_margin"),
            "by_margin": self.by_margin,
            "grade": self.grade,
            "beneath": self.beneath,
            "as_expected": self.as_expected,
            "stream": "development" if self.development else "deciding",
            "criteria": None if self.criteria is None else self.criteria.to_dict(),
            "controls": [one.to_dict() for one in self.control],
            "components": [one.to_dict() for one in self.comparisons],
        }


def _badness(judged: JudgedComparison) -> tuple[bool, int, float]:
    size = judged.pull
    return (
        judged.as_expected,
        SEVERITY.index(judged.verdict),
        -(math.inf if size is None else abs(size)),
    )


def judge_comparisons(
    comparisons: Sequence[Comparison],
    measured: Mapping[str, Estimate],
    *,
    level: float = FALSE_ALARM,
) -> tuple[Verdict, list[JudgedComparison]]:
    """Judge every comparison by the same rule; the verdict of all is that of the worst.

    Parameters
    ----------
    comparisons
        What is predicted.
    measured
        The measurement of each, by name.
    level
        Probability with which a true prediction may be called refuted.
    """
    judged = []
    for one in comparisons:
        estimate = measured.get(one.name)
        verdict, reason = judge(
            one.prediction, one.margin, one.rivals, estimate, kind=one.kind, level=level
        )
        judged.append(JudgedComparison(one, estimate, verdict, reason, level))
    return worst(item.verdict for item in judged), judged
