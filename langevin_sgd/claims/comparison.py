"""One number of a theory beside its measurement, and all that is needed to judge it.

A comparison is one value: what the theory predicts and how well it claims to, what its rivals say,
what the deliberately wrong theory of the control says, and how the number is measured from the
results of the claim. Name and prediction are thereby written once, in one place, before data exist.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from langevin_sgd.checks import as_not_negative, as_real, as_text, require
from langevin_sgd.claims.verdict import as_rivals

if TYPE_CHECKING:
    import xarray as xr

    from langevin_sgd.estimate import Estimate

Data: TypeAlias = "Mapping[str, xr.Dataset]"
"""Results of the tasks of a claim, by the labels of `Claim.tasks`."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One number that a theory predicts, and how it is measured.

    Parameters
    ----------
    name
        What is compared, in words; unique in its claim.
    prediction
        p.
    margin
        d, the theory's own stated accuracy, in the unit of p; 0 if exact. Less than half the
        distance to the nearest rival.
    reason
        Where the margin comes from; needed where it is not 0.
    rivals
        Name -> what a rival theory says; at least one.
    measure
        Takes the results of the claim's tasks by label, and returns the measurement with the error
        of independent replicas.
    wrong
        What the wrong theory of the claim's control says, which must be refuted; ``None`` where
        the control says nothing about this number.
    wrong_margin
        Margin with which the control is judged.

    Raises
    ------
    InputError
        If a number is not finite, the margin is negative or has no reason, or `measure` cannot be
        called.
    """

    name: str
    prediction: float
    measure: Callable[[Data], Estimate]
    margin: float = 0.0
    reason: str = ""
    rivals: Mapping[str, float] = field(default_factory=dict)
    wrong: float | None = None
    wrong_margin: float = 0.0

    def __post_init__(self) -> None:
        where = f"comparison {as_text('name', self.name)!r}"
        converters: dict[str, Callable[[str, Any], Any]] = {
            "prediction": as_real,
            "margin": as_not_negative,
            "reason": as_text,
            "rivals": as_rivals,
            "wrong_margin": as_not_negative,
        }
        if self.wrong is not None:
            converters["wrong"] = as_real
        for name, convert in converters.items():
            object.__setattr__(self, name, convert(f"{where}: {name}", getattr(self, name)))
        require(callable(self.measure), f"{where}: measure", self.measure, "must be a function")
        explained = bool(self.reason) or (self.margin == 0 and self.wrong_margin == 0)
        require(explained, f"{where}: margin", self.margin, "needs a reason")

    @property
    def nearest_rival(self) -> float:
        """Distance from the prediction to the nearest rival; infinite without one."""
        distances = [abs(value - self.prediction) for value in self.rivals.values()]
        return min(distances, default=math.inf)


def controls(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return what the wrong theory says, as comparisons of its own without rivals."""
    return [
        Comparison(
            name=one.name,
            prediction=one.wrong,
            measure=one.measure,
            margin=one.wrong_margin,
            reason=one.reason,
        )
        for one in comparisons
        if one.wrong is not None
    ]


def measured(comparisons: Sequence[Comparison], data: Data) -> dict[str, Estimate]:
    """Measure every comparison, by name."""
    return {one.name: one.measure(data) for one in comparisons}
