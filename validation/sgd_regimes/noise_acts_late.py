"""The noise of SGD acts at the end of training: it counts only after most points are fitted.

Four ways to train on the same points at the same learning rate: batches of a few points always, full batches always,
batches of a few points until a fraction of the points is left unfit and full batches from there, and the reverse. The
effect of noise is what the weights at zero loss owe to it; the share of a mixed training is

    (mean ln ||w*|| - that of gradient descent) / (that of SGD - that of gradient descent),

1 if it has the whole effect of noise, 0 if none, and likewise for the training time.

The switch is judged at an unfit fraction of .2: there the signal of SGD has just overtaken the noise, four fifths of
the points are fitted, and P n = 6.4 d is still above the 5 d at which points used again begin to matter; the stop at
P n = c d is more than a factor 10 away.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from langevin_sgd.validation.sgd_regimes.courses import Switched, train_switched
from langevin_sgd.validation.sgd_regimes.runs import Run, censored, train

import langevin_sgd as ls

SWITCH = 0.2
SWITCHES = (0.05, 0.1, 0.2)
MARGIN = 1 / 32
QUANTITIES = {"norm": "||w*||", "t_star": "t*"}
ACCURACY = {"norm": 0.15, "t_star": 0.25}
REASONS = {
    "norm": "the signal at the switch is at most of the order of the final one of gradient descent",
    "t_star": "the signal of the early phase, (a/a*)^3 of the time of gradient descent, is a head start",
}


@dataclass(frozen=True)
class Sizes:
    """One data law, sizes of the runs, and the settings of SGD."""

    chi: float
    dimension: int
    points: int
    replicas: int
    temperature: float
    batch_size: int

    def noisy(self, seed: int) -> Run:
        """Batches of a few points."""
        return Run(
            points=self.points,
            dimension=self.dimension,
            chi=self.chi,
            temperature=self.temperature,
            margin=MARGIN,
            batch_size=self.batch_size,
            replicas=self.replicas,
            seed=ls.derive_seed(seed, "noise_acts_late", self.chi),
        )

    def silent(self, seed: int) -> Run:
        """Full batches at the same learning rate."""
        noisy = self.noisy(seed)
        return replace(noisy, temperature=noisy.settings.lr / self.points, batch_size=self.points)

    def label(self, when: str) -> str:
        """Name of one treatment."""
        return f"chi {self.chi:g}, {when}"


GRID = {
    "quick": (Sizes(0.0, 32, 1024, 48, 1.0, 4),),
    "full": (Sizes(0.0, 64, 2048, 128, 1.0, 4), Sizes(1.0, 32, 2048, 128, 0.5, 1)),
}


def mixed(order: str, switch: float) -> str:
    """Name of a mixed treatment."""
    return f"{order} {switch:g}"


def share_name(case: Sizes, order: str, quantity: str) -> str:
    """Name of a component."""
    return f"chi {case.chi:g}, {order} only: share of the effect of noise on ln {QUANTITIES[quantity]}"


def share(data: Mapping[str, xr.Dataset], case: Sizes, order: str, switch: float, quantity: str) -> ls.Estimate:
    """Share of the effect of noise that a mixed training has, jackknife over replicas with the same points."""
    labels = (mixed(order, switch), "always", "never")
    logs = np.stack([np.log(data[case.label(label)][quantity].values) for label in labels], axis=1)
    value, error = ls.measure.jackknife(lambda m: (m[:, 0] - m[:, 2]) / (m[:, 1] - m[:, 2]), logs)
    return ls.Estimate(
        value=float(value), standard_error=float(error), n_independent=len(logs), method="jackknife over replicas"
    )


class NoiseActsLate(ls.claims.Claim):
    title = "SGD noise acts late"
    statement = (
        "Noise that sets in after four fifths of the points are fitted has the whole effect of SGD noise on weights "
        "and training time; noise that ends there has none on the weights and saves some time rather than costing it."
    )
    formula = "share = (X - X_never) / (X_always - X_never),  X = mean ln ||w*||, mean ln t*:  late 1, early 0"
    source = "Sclocchi, Geiger and Wyart, arXiv 2301.13703 (noise acts through the end of training); design derived"
    validity = "T >> kappa, P/d >> 1, learning rate far below the first-step regime, switch at P n >> c d."
    control_statement = (
        "Noise acts early, by choosing where training goes: early noise has the effect, late noise none."
    )

    def tasks(self, tier: str, seed: int) -> dict[str, ls.sweep.Task]:
        tasks = {}
        for case in GRID[tier]:
            noisy, silent = case.noisy(seed), case.silent(seed)
            tasks[case.label("never")] = train.at(silent)
            tasks[case.label("always")] = train.at(noisy)
            for switch in SWITCHES:
                for order, first, second in (("early", noisy, silent), ("late", silent, noisy)):
                    tasks[case.label(mixed(order, switch))] = train_switched.at(
                        Switched(first=first, second=second, unfit=switch)
                    )
        return tasks

    def predict(self, tier: str) -> list[ls.claims.Component]:
        return [
            ls.claims.Component(
                name=share_name(case, order, quantity),
                prediction=value,
                margin=ACCURACY[quantity],
                margin_reason=REASONS[quantity],
                alternatives={"noise acts early": 1 - value},
            )
            for case in GRID[tier]
            for order, value in (("early", 0.0), ("late", 1.0))
            for quantity in QUANTITIES
        ]

    def control(self, tier: str) -> list[ls.claims.Component]:
        return [replace(right, prediction=1 - right.prediction, alternatives={}) for right in self.predict(tier)]

    def measure(self, data: dict[str, xr.Dataset], tier: str) -> dict[str, ls.Estimate]:
        return {
            share_name(case, order, quantity): share(data, case, order, SWITCH, quantity)
            for case in GRID[tier]
            for order in ("early", "late")
            for quantity in QUANTITIES
        }

    def out_of_range(self, data: dict[str, xr.Dataset], tier: str) -> str | None:
        return f"{censored(data)} replicas did not reach zero loss" if censored(data) else None

    def panels(self, data: dict[str, xr.Dataset], tier: str) -> list[ls.plotting.Panel]:
        found = []
        for case in GRID[tier]:
            found += [self._shares(data, case), self._ends(data, case)]
        return found

    @staticmethod
    def _shares(data: dict[str, xr.Dataset], case: Sizes) -> ls.plotting.Panel:
        series = []
        for order in ("late", "early"):
            for quantity, symbol in (("norm", r"$\|w^*\|$"), ("t_star", r"$t^*$")):
                found = [share(data, case, order, switch, quantity) for switch in SWITCHES]
                values, errors = [one.value for one in found], [one.standard_error for one in found]
                series.append(ls.plotting.Series(f"noise {order} only, {symbol}", SWITCHES, values, errors))
        ends = np.array([SWITCHES[0], SWITCHES[-1]])
        series += [ls.plotting.Series("", ends, np.full(2, value), kind="theory") for value in (0.0, 1.0)]
        return ls.plotting.Panel(
            title=rf"Noise before or after the switch, $\chi$ = {case.chi:g}",
            x_label="unfit fraction at the switch",
            y_label="share of the effect of noise",
            series=tuple(series),
            x_scale="log",
            note=f"d = {case.dimension}, P = {case.points}, T = {case.temperature / MARGIN:g} kappa",
        )

    @staticmethod
    def _ends(data: dict[str, xr.Dataset], case: Sizes) -> ls.plotting.Panel:
        labels = {"never": "no noise", mixed("early", SWITCH): "noise early only"}
        labels |= {mixed("late", SWITCH): "noise late only", "always": "noise throughout"}
        series = []
        for label, name in labels.items():
            result = data[case.label(label)]
            series.append(ls.plotting.Series(name, result["t_star"].values, result["norm"].values))
        return ls.plotting.Panel(
            title=rf"Ends of training, $\chi$ = {case.chi:g}",
            x_label=r"$t^*$",
            y_label=r"$\|w^*\|$",
            series=tuple(series),
            x_scale="log",
            y_scale="log",
            note=f"switch at an unfit fraction of {SWITCH:g}",
        )
