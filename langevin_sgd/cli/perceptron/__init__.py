"""``langevin-sgd perceptron run|sweep|theory``: train one perceptron or a grid, or predict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import subcommand

from langevin_sgd.cli.perceptron.run import TrainPerceptron
from langevin_sgd.cli.perceptron.sweep import SweepPerceptrons
from langevin_sgd.cli.perceptron.theory import Theory


@dataclass(frozen=True)
class PerceptronCommand:
    """The perceptron on a hinge loss: exact training, scaling exponents, closed-form theory.

    P points in d dimensions, |x_1| with density ~ |x|^chi exp(-x^2/2), label the sign of x_1; a
    point is unfit if y w.x/sqrt(d) < kappa. SGD has lr = T * B; time is t = lr * steps, signal
    w_1/sqrt(d), noise ||w_perp||/sqrt(d).
    """

    verb: (
        Annotated[TrainPerceptron, subcommand("run")]
        | Annotated[SweepPerceptrons, subcommand("sweep")]
        | Annotated[Theory, subcommand("theory")]
    )

    def run(self) -> int:
        """Run the verb."""
        return self.verb.run()
