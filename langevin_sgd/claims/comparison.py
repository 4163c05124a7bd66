"""One number of a theory beside its measurement, and all that is needed to judge it.

A comparison is one value: what the theory predicts and how well it claims to, what its rivals say,
what the deliberately wrong theory of the control says, and how the number is measured from the
results of the claim. Name and prediction are thereby written once, in one place, before data exist.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from langevin_sgd.checks import (
    as_choice,
    as_not_negative,
    as_positive,
    as_real,
    as_text,
    require,
)
from langevin_sgd.claims.verdict import KINDS, Kind, as_rivals

if TYPE_CHECKING:
    import xarray as xr

    from langevin_sgd.estimate import Estimate

Data: TypeAlias = "Mapping[str, xr.Dataset]"
"""Results of the tasks of a claim, by the labels of `Claim.tasks`."""

Measure: TypeAlias = "Callable[[Data], Estimate]"

Expected = Literal["supported", "refuted"]
EXPECTABLE: tuple[Expected, ...] = ("supported", "refuted")
"""Verdicts that somebody can expect."""


Basis = Literal["exact", "theory", "pilot", "convention"]

BASES: tuple[Basis, ...] = ("exact", "theory", "pilot", "convention")
"""What a margin rests on: nothing is left out (up to rounding), what is left out is bounded by the
theory, it was measured in runs that decide nothing, or somebody has chosen it."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One number that a theory predicts, and how it is measured.

    Parameters
    ----------
    name
        What is compared, in words; unique in its claim.
    prediction
        p.
    kind
        ``equal`` (default), or ``at_least`` or ``at_most`` p.
    margin
        d, the theory's own stated accuracy, in the unit of p; 0 if exact. Less than half the
        distance to the nearest rival.
    basis
        What the margin rests on: ``exact``, ``theory``, ``pilot`` or ``convention``; by default
        ``exact`` where it is 0, and needed where it is not.
    reason
        Where the margin comes from, with the derivation or the reference; needed where it is not 0.
    scale
        Size that tolerances are parts of; default |p|, or the distance to the nearest rival where p
        is 0.
    rivals
        Name -> what a rival theory says that is possible within the model at hand; at least one,
        each on the wrong side of an inequality.
    measure
        Takes the results of the claim's tasks by label, and returns the measurement with the error
        of independent replicas.
    expected
        ``refuted`` for what a theory says that the evidence contradicts: the claim then holds
        another comparison with what is right.
    wrong
        What the wrong theory of the claim's control says, which must be refuted; by default what
        the farthest rival says, unless a refutation is expected.
    wrong_margin
        Margin with which the control is judged.
    near_misses
        Name -> what would be predicted after a small error that ought to be noticed (10 % in the
        learning rate, momentum 0.89 for 0.9, one octave in P/d). Each is shown as seen or not seen
        by `langevin_sgd.claims.tolerance`; the smallest that moves p by at least 2 d must be
        refuted.
    placebo
        Measures in the results with the effect switched off or shuffled away; the prediction must
        not be supported by it.
    injected
        Measures in the results with an effect of a given size, in the unit of p, put into the data.
        For a prediction of no effect: an effect of 2 d (4 % of the scale if d = 0) must be refuted.

    Raises
    ------
    InputError
        If a number is not finite, the margin is negative or has no basis or no reason, or something
        that measures cannot be called.
    """

    name: str
    prediction: float
    measure: Measure
    kind: Kind = "equal"
    margin: float = 0.0
    basis: Basis | Literal[""] = ""
    reason: str = ""
    scale: float | None = None
    rivals: Mapping[str, float] = field(default_factory=dict)
    expected: Expected = "supported"
    wrong: float | None = None
    wrong_margin: float = 0.0
    near_misses: Mapping[str, float] = field(default_factory=dict)
    placebo: Measure | None = None
    injected: Callable[[Data, float], Estimate] | None = None

    def __post_init__(self) -> None:
        where = f"comparison {as_text('name', self.name)!r}"
        converters: dict[str, Callable[[str, Any], Any]] = {
            "prediction": as_real,
            "kind": lambda name, value: as_choice(name, value, KINDS),
            "margin": as_not_negative,
            "reason": as_text,
            "scale": lambda name, value: None if value is None else as_positive(name, value),
            "rivals": as_rivals,
            "expected": lambda name, value: as_choice(name, value, EXPECTABLE),
            "wrong": lambda name, value: None if value is None else as_real(name, value),
            "wrong_margin": as_not_negative,
            "near_misses": as_rivals,
        }
        for name, convert in converters.items():
            object.__setattr__(self, name, convert(f"{where}: {name}", getattr(self, name)))
        require(callable(self.measure), f"{where}: measure", self.measure, "must be a function")
        for name in ("placebo", "injected"):
            value = getattr(self, name)
            allowed = "must be a function or None"
            require(value is None or callable(value), f"{where}: {name}", value, allowed)
        explained = bool(self.reason) or (self.margin == 0 and self.wrong_margin == 0)
        require(explained, f"{where}: margin", self.margin, "needs a reason")
        if not self.basis:
            allowed = f"needs a basis ({', '.join(BASES)})"
            require(self.margin == 0, f"{where}: margin", self.margin, allowed)
        basis = as_choice(f"{where}: basis", self.basis or "exact", BASES)
        object.__setattr__(self, "basis", basis)

    @property
    def nearest_rival(self) -> float:
        """Distance from the prediction to the nearest rival; infinite without one."""
        distances = [abs(value - self.prediction) for value in self.rivals.values()]
        return min(distances, default=math.inf)

    @property
    def natural_scale(self) -> float:
        """What tolerances are parts of; infinite if p is 0 and there is no rival."""
        if self.scale is not None:
            return self.scale
        return abs(self.prediction) or self.nearest_rival


def measured(comparisons: Sequence[Comparison], data: Data) -> dict[str, Estimate]:
    """Measure every comparison, by name."""
    return {one.name: one.measure(data) for one in comparisons}
