"""Claims about noise that is switched on or off on the way.

Four ways to train on the same points at the same learning rate: noise always, never, until a
fraction of the points is left unfit, or from there. Theory says of each quantity which share of the
whole effect of noise the last two have: none and all of it; the rival says the reverse, and is the
control.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import langevin_sgd as ls
from langevin_sgd.claims import Data

EXPECTED = {"early": 0.0, "late": 1.0}
"""Share of the effect of noise, by when there is noise."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A quantity in the words of comparisons, as a symbol, and as the label of an axis."""

    name: str
    symbol: str
    axis: str


def mixed(order: str, switch: float) -> str:
    """Name of a training with noise only early or late."""
    return f"{order} {switch:g}"


def share(data: Data, case: Any, order: str, switch: float, quantity: str) -> ls.Estimate:
    """Share of the effect of noise on the logarithm of a quantity that a mixed training has."""
    labels = (mixed(order, switch), "always", "never")
    return ls.measure.share_of_effect(
        *(np.log(data[case.label(label)][quantity].values) for label in labels)
    )


class SwitchedNoise(ls.claims.Claim):
    """What such claims share."""

    grid: ClassVar[Mapping[str, Sequence[Any]]]
    """Cases of each tier, with ``title``, ``note``, ``label(when)`` and settings ``noisy(seed)``,
    ``silent(seed)``, which hold a `langevin_sgd.SGD` and a `langevin_sgd.Stop`.
    """
    switch: ClassVar[float]
    """Unfit fraction at the switch that is judged."""
    switches: ClassVar[tuple[float, ...]]
    """Those that are shown."""
    quantities: ClassVar[Mapping[str, Quantity]]
    """The size of the weights and the training time, by variable."""
    train: ClassVar[Any]
    """Task of a training of one kind."""
    train_switched: ClassVar[Any]
    """Task of a mixed training."""
    switched: ClassVar[Callable[..., Any]]
    """Settings of that, from the run of its first part and the switch."""

    def accuracy(self, order: str, quantity: str) -> tuple[float, str]:
        """Return the margin of a share and its reason."""
        raise NotImplementedError

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        tasks = {}
        for case in self.grid[tier]:
            noisy, silent = case.noisy(seed), case.silent(seed)
            tasks[case.label("never")] = self.train.at(silent)
            tasks[case.label("always")] = self.train.at(noisy)
            for switch in self.switches:
                for order, first, second in (("early", noisy, silent), ("late", silent, noisy)):
                    change = ls.experiments.Switch(
                        first=first.settings,
                        second=second.settings,
                        at=ls.Stop(unfit=switch, max_steps=first.stop.max_steps),
                    )
                    both = type(self).switched(first, change)
                    tasks[case.label(mixed(order, switch))] = self.train_switched.at(both)
        return tasks

    def comparisons(self, tier: str) -> list[ls.claims.Comparison]:
        return [
            self._compared(case, order, quantity)
            for case in self.grid[tier]
            for order in EXPECTED
            for quantity in self.quantities
        ]

    def panels(self, data: Data, tier: str) -> list[ls.plotting.Panel]:
        return [
            panel
            for case in self.grid[tier]
            for panel in (self._shares(data, case), self._ends(data, case))
        ]

    def _compared(self, case: Any, order: str, quantity: str) -> ls.claims.Comparison:
        """Compare the share that noise early or late has in the effect of noise on a quantity."""
        value, (margin, reason) = EXPECTED[order], self.accuracy(order, quantity)
        words = self.quantities[quantity].name
        return ls.claims.Comparison(
            name=f"{case.title}, {order} only: share of the effect of noise on {words}",
            prediction=value,
            margin=margin,
            basis="convention",
            reason=reason,
            rivals={"noise acts early": 1 - value},
            wrong=1 - value,
            wrong_margin=margin,
            measure=lambda data: share(data, case, order, self.switch, quantity),
        )

    def _shares(self, data: Data, case: Any) -> ls.plotting.Panel:
        series = []
        for order in ("late", "early"):
            for quantity, words in self.quantities.items():
                found = [share(data, case, order, switch, quantity) for switch in self.switches]
                label = f"noise {order} only, ${words.symbol}$"
                series.append(ls.plotting.Series.measured(label, self.switches, found))
        ends = np.array([self.switches[0], self.switches[-1]])
        series += [
            ls.plotting.Series.theory("", ends, np.full(2, value)) for value in EXPECTED.values()
        ]
        return ls.plotting.log_x(
            f"Noise before or after the switch, {case.title}",
            "unfit fraction at the switch",
            "share of the effect of noise",
            series,
            note=case.note,
        )

    def _ends(self, data: Data, case: Any) -> ls.plotting.Panel:
        labels = {"never": "no noise", mixed("early", self.switch): "noise early only"}
        labels |= {mixed("late", self.switch): "noise late only", "always": "noise throughout"}
        (weights, size), (time, duration) = self.quantities.items()
        series = []
        for label, name in labels.items():
            result = data[case.label(label)]
            series.append(ls.plotting.Series(name, result[time].values, result[weights].values))
        return ls.plotting.log_log(
            f"Ends of training, {case.title}",
            duration.axis,
            size.axis,
            series,
            note=f"switch at an unfit fraction of {self.switch:g}",
        )
