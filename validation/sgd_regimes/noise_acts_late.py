"""The noise of SGD acts at the end of training: it counts only after most points are fitted.

Four ways to train on the same points at the same learning rate: batches of a few points always,
full batches always, batches of a few points until a fraction of the points is left unfit and full
batches from there, and the reverse. The effect of noise is what the weights at zero loss owe to it;
the share of a mixed training is

    (mean ln ||w*|| - that of gradient descent) / (that of SGD - that of gradient descent),

1 if it has the whole effect of noise, 0 if none, and likewise for the training time.

What noise before the switch can leave behind is bounded (derived). Weights w_0 at the switch add to
those of gradient descent w_1 at most in square (each update of the hinge makes at most a right
angle with them, but for the margin), so the share of early noise in ln ||w*|| is at most ln(1 +
w_0^2/w_1^2)/2 over the whole effect ln(w_2/w_1). As a start it saves time: its share in ln t* is
below 0. Noise after the switch finds weights w_0, a part w_0/w_2 of the final ones, which is what
the final ones can depend on, and the part (w_0/w_2)^(chi+3) of the time, below a thousandth: a
share of 1. w_0 from the flow, w_1 and w_2 from the theory of the stop.

The switch is judged at an unfit fraction of .2: there the signal of SGD has just overtaken the
noise, four fifths of the points are fitted, and P n = 6.4 d is still above the 5 d at which points
used again begin to matter; the stop at P n = c d is more than a factor 10 away.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from langevin_sgd.validation.sgd_regimes._courses import SwitchedEnsemble, train_switched
from langevin_sgd.validation.sgd_regimes._runs import (
    PerceptronEnsemble,
    censored,
    perceptron_ensemble,
    train,
)
from langevin_sgd.validation.sgd_regimes._stops import CONSTANT
from langevin_sgd.validation.sgd_regimes._switched_noise import Quantity, SwitchedNoise, share

import langevin_sgd as ls

SWITCH = 0.2
SWITCHES = (0.05, 0.1, 0.2)
MARGIN = 1 / 32
QUANTITIES = {
    "norm": Quantity(name="ln ||w*||", symbol=r"\|w^*\|", axis=r"$\|w^*\|$"),
    "t_star": Quantity(name="ln t*", symbol="t^*", axis="$t^*$"),
}


@dataclass(frozen=True)
class SwitchedPerceptron:
    """One data law, sizes of the runs, and the settings of SGD."""

    chi: float
    dimension: int
    points: int
    replicas: int
    temperature: float
    batch_size: int

    def noisy(self, seed: int) -> PerceptronEnsemble:
        """Batches of a few points."""
        return perceptron_ensemble(
            points=self.points,
            dimension=self.dimension,
            chi=self.chi,
            temperature=self.temperature,
            margin=MARGIN,
            batch_size=self.batch_size,
            replicas=self.replicas,
            seed=ls.derive_seed(seed, "noise_acts_late", self.chi),
        )

    def silent(self, seed: int) -> PerceptronEnsemble:
        """Full batches at the same learning rate."""
        noisy = self.noisy(seed)
        return replace(noisy, settings=replace(noisy.settings, batch_size=self.points))

    @property
    def title(self) -> str:
        """What tells it from other cases."""
        return f"chi {self.chi:g}"

    @property
    def note(self) -> str:
        """Sizes and temperature."""
        return f"d = {self.dimension}, P = {self.points}, T = {self.temperature / MARGIN:g} kappa"

    def label(self, when: str) -> str:
        """Name of one treatment."""
        return f"{self.title}, {when}"


GRID = {
    "quick": (SwitchedPerceptron(0.0, 32, 1024, 128, 1.0, 4),),
    "full": (
        SwitchedPerceptron(0.0, 64, 2048, 128, 1.0, 4),
        SwitchedPerceptron(1.0, 32, 2048, 128, 0.5, 1),
    ),
}


def carried(case: SwitchedPerceptron) -> tuple[float, float]:
    """Largest share of early noise in ln ||w*||, and largest part missing from that of late
    noise.
    """
    theory = ls.theory.perceptron
    _, a, s = theory.flow_until(SWITCH, chi=case.chi, margin=MARGIN, temperature=case.temperature)
    at_switch = float(np.hypot(a, s))
    plane = theory.PhaseDiagram(
        chi=case.chi,
        margin=MARGIN,
        points=case.points,
        dimension=case.dimension,
        constant=CONSTANT[case.chi],
    )
    ends = plane.signals(batch_size=case.batch_size, lr=case.temperature * case.batch_size)
    whole = float(np.log(ends["noise"] / ends["descent"]))
    early = float(np.log1p((at_switch / ends["descent"]) ** 2)) / 2
    return early / whole, float(np.log1p(at_switch / ends["noise"])) / whole


def _without(data: ls.claims.Data, case: SwitchedPerceptron, quantity: str) -> ls.Estimate:
    """Share of the effect that trainings without noise have, of other replicas: nothing."""
    logs = {when: np.log(data[case.label(when)][quantity].values) for when in ("never", "always")}
    return ls.measure.share_of_effect(np.roll(logs["never"], 1), logs["always"], logs["never"])


class NoiseActsLate(SwitchedNoise):
    title = "SGD noise acts late"
    statement = (
        "Noise that sets in after four fifths of the points are fitted has the whole effect of SGD "
        "noise on weights "
        "and training time; noise that ends there has none on the weights and saves some time "
        "rather than costing it."
    )
    formula = (
        "share = (X - X_never) / (X_always - X_never),  X = mean ln ||w*||, mean ln t*:  "
        "late 1, early 0"
    )
    source = (
        "Sclocchi, Geiger and Wyart, arXiv 2301.13703 (noise acts through the end of "
        "training); design derived"
    )
    validity = (
        "T >> kappa, P/d >> 1, learning rate far below the first-step regime, switch at P n >> c d."
    )
    control_statement = (
        "Noise acts early, by choosing where training goes: early noise has the "
        "effect, late noise none."
    )

    grid = GRID
    switch, switches = SWITCH, SWITCHES
    quantities = QUANTITIES
    train, train_switched = train, train_switched
    switched = SwitchedEnsemble.of

    def _compared(self, case: Any, order: str, quantity: str) -> ls.claims.Comparison:
        early, missing = carried(case)
        words = QUANTITIES[quantity].name
        name = f"{case.title}, {order} only: share of the effect of noise on {words}"
        measure = partial(share, case=case, order=order, switch=SWITCH, quantity=quantity)
        if order == "early":
            return ls.claims.Comparison(
                name=name,
                prediction={"norm": early, "t_star": 0.0}[quantity],
                kind="at_most",
                scale=1.0,
                rivals={"noise acts early": 1.0, "noise acts all along": 0.5},
                near_misses={"a tenth of the effect": 0.1},
                measure=measure,
            )
        left = {"norm": missing, "t_star": 0.0}[quantity]
        return ls.claims.Comparison(
            name=name,
            prediction=1.0,
            margin=left,
            basis="theory" if left else "exact",
            reason="weights that are there at the switch, as a part of the final ones",
            rivals={"noise acts early": 0.0, "noise acts all along": 0.5},
            wrong=0.0,
            wrong_margin=left,
            near_misses={"a tenth of the effect is missing": 0.9},
            placebo=partial(_without, case=case, quantity=quantity),
            measure=measure,
        )

    def out_of_range(self, data: ls.claims.Data, tier: str) -> str | None:
        return f"{censored(data)} replicas did not reach zero loss" if censored(data) else None
