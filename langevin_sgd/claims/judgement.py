"""The outcome for one claim: verdicts of its comparisons and of its control."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langevin_sgd.claims.claim import Claim
from langevin_sgd.claims.comparison import Comparison
from langevin_sgd.claims.verdict import (
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
    from langevin_sgd.plotting import Panel


@dataclass(frozen=True)
class JudgedComparison:
    """A comparison, its measurement and its verdict with the reason."""

    comparison: Comparison
    estimate: Estimate | None
    verdict: Verdict
    reason: str = ""

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
        return passes_by_margin(self.comparison.prediction, self.comparison.margin, self.estimate)

    def to_dict(self) -> dict[str, Any]:
        """Return strict JSON types."""
        measured = (
            self.estimate.to_dict() if self.estimate else {"value": None, "standard_error": None}
        )
        return {
            "name": self.comparison.name,
            "prediction": float(self.comparison.prediction),
            "margin": float(self.comparison.margin),
            "measurement": measured["value"],
            "standard_error": measured["standard_error"],
            "alternatives": {name: float(value) for name, value in self.comparison.rivals.items()},
            "verdict": self.verdict,
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
        Of the theory, and of the wrong theory on the same measurements.
    reason
        Why, where the verdict is not ``supported``.
    comparisons, control
        Each with its verdict; without measurements where there were none to be had.
    seconds
        Computing time of the tasks, all together; ``None`` where it is not known.
    identities
        What each result depended on (name, settings, version, digest), by label.
    versions
        Versions of the libraries that made the results, each set once.
    panels
        The figure; empty without data or where it was not asked for.
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
    control: Sequence[JudgedComparison] = ()
    seconds: float | None = None
    identities: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    versions: Sequence[Mapping[str, str]] = ()
    panels: Sequence[Panel] = ()
    never_run: bool = False

    @property
    def deciding(self) -> JudgedComparison | None:
        """The comparison that decides: of the worst verdict, the one of the largest pull."""
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
        return self.verdict == self.claim.expected_verdict and self.control_verdict == "refuted"

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
            "components": [one.to_dict() for one in self.comparisons],
        }


def _badness(judged: JudgedComparison) -> tuple[int, float]:
    size = judged.pull
    return SEVERITY.index(judged.verdict), -(math.inf if size is None else abs(size))


def judge_comparisons(
    comparisons: Sequence[Comparison], measured: Mapping[str, Estimate]
) -> tuple[Verdict, list[JudgedComparison]]:
    """Judge every comparison by the same rule; the verdict of all is that of the worst.

    Parameters
    ----------
    comparisons
        What is predicted.
    measured
        The measurement of each, by name.
    """
    judged = []
    for one in comparisons:
        estimate = measured.get(one.name)
        verdict, reason = judge(one.prediction, one.margin, one.rivals, estimate)
        judged.append(JudgedComparison(one, estimate, verdict, reason))
    return worst(item.verdict for item in judged), judged
