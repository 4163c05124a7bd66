"""The noise of SGD acts at the end of training: it counts only after most points are fitted.

Four ways to train on the same points at the same learning rate: batches of a few points always,
full batches always, batches of a few points until a fraction of the points is left unfit and full
batches from there, and the reverse. The effect of noise is what the weights at zero loss owe to it;
the share of a mixed training is

    (mean ln ||w*|| - that of gradient descent) / (that of SGD - that of gradient descent),

1 if it has the whole effect of noise, 0 if none, and likewise for the training time.

The switch is judged at an unfit fraction of .2: there the signal of SGD has just overtaken the
noise, four fifths of the points are fitted, and P n = 6.4 d is still above the 5 d at which points
used again begin to matter; the stop at P n = c d is more than a factor 10 away.
"""

from dataclasses import dataclass, replace

from langevin_sgd.validation.sgd_regimes._courses import SwitchedEnsemble, train_switched
from langevin_sgd.validation.sgd_regimes._runs import (
    PerceptronEnsemble,
    censored,
    perceptron_ensemble,
    train,
)
from langevin_sgd.validation.sgd_regimes._switched_noise import Quantity, SwitchedNoise

import langevin_sgd as ls

SWITCH = 0.2
SWITCHES = (0.05, 0.1, 0.2)
MARGIN = 1 / 32
QUANTITIES = {
    "norm": Quantity(name="ln ||w*||", symbol=r"\|w^*\|", axis=r"$\|w^*\|$"),
    "t_star": Quantity(name="ln t*", symbol="t^*", axis="$t^*$"),
}
ACCURACY = {"norm": 0.15, "t_star": 0.25}
REASONS = {
    "norm": "the signal at the switch is at most of the order of the final one of gradient descent",
    "t_star": "the signal of the early phase, (a/a*)^3 of the time of gradient descent, is a head "
    "start",
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
    "quick": (SwitchedPerceptron(0.0, 32, 1024, 48, 1.0, 4),),
    "full": (
        SwitchedPerceptron(0.0, 64, 2048, 128, 1.0, 4),
        SwitchedPerceptron(1.0, 32, 2048, 128, 0.5, 1),
    ),
}


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

    def accuracy(self, order: str, quantity: str) -> tuple[float, str]:
        return ACCURACY[quantity], REASONS[quantity]

    def out_of_range(self, data: ls.claims.Data, tier: str) -> str | None:
        return f"{censored(data)} replicas did not reach zero loss" if censored(data) else None
