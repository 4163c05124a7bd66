"""``langevin-sgd perceptron theory``: closed-form numbers at one state, or along the flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langevin_sgd.checks import InputError
from langevin_sgd.cli.arguments import (
    Chi,
    Figure,
    NotNegative,
    NotNegativeIfGiven,
    SizeIfGiven,
    Times,
    in_terms_of_options,
)
from langevin_sgd.cli.text import print_json
from langevin_sgd.cli.vocabulary import PERCEPTRON
from langevin_sgd.plotting import draw, save


@dataclass(frozen=True)
class Theory:
    """Theory of the perceptron at one state (--a and --s), or along the flow from a = 0 (--tau).

    n is the fraction of fresh points that are unfit, g1 = E[|x_1| unfit], gz = E[z unfit], q =
    E[z^2 unfit], z the projection on w_perp; tau = lr * steps / d. The late-stage noise does not
    depend on a and s.
    """

    T: NotNegative
    """Temperature lr/B, zero or above."""

    kappa: NotNegative
    """Margin of y f, zero or above."""

    chi: Chi = 0.0
    """Exponent of the density of points at the boundary, above -1; 0 is Gaussian."""

    a: NotNegativeIfGiven = None
    """Signal w_1/sqrt(d), zero or above."""

    s: NotNegativeIfGiven = None
    """Noise ||w_perp||/sqrt(d), zero or above."""

    d: SizeIfGiven = None
    """Dimension, with --B: exact mean increments per step are given too."""

    B: SizeIfGiven = None
    """Points of a batch."""

    tau: Times = ()
    """Times lr * steps / d at which signal and noise are given."""

    plot: Figure = None
    """Draw into FILE (.svg, .pdf, .png): the flow up to tau, or the drifts around the state."""

    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Print the prediction."""
        from langevin_sgd.experiments.perceptron_figures import drift_panels, flow_panels
        from langevin_sgd.experiments.perceptron_summary import flow_table, state_table
        from langevin_sgd.theory.perceptron.predict import predict_flow, predict_perceptron

        law = {"chi": self.chi, "temperature": self.T, "margin": self.kappa}
        state = (self.a, self.s)
        along, at_state = bool(self.tau), None not in state
        if along == at_state or (
            along and any(value is not None for value in (*state, self.d, self.B))
        ):
            raise InputError(
                "a, s, tau: give either --a and --s (and perhaps --d and --B), or --tau alone"
            )
        if (self.d is None) != (self.B is None):
            raise InputError("d, B: give both, for increments per step, or neither")
        with in_terms_of_options(PERCEPTRON):
            if along:
                document: dict[str, Any] = predict_flow(**law, tau=self.tau)
            else:
                steps = {"dimension": self.d, "batch_size": self.B}
                document = predict_perceptron(**law, signal=self.a, noise=self.s, **steps)  # type: ignore[arg-type]
            if self.json:
                print_json(document)
            else:
                print(flow_table(document) if along else state_table(document))
            if self.plot is not None:
                panels = (
                    flow_panels(document, law)
                    if along
                    else drift_panels(self.a or 0.0, self.s or 0.0, law)
                )
                save(draw(panels), self.plot)
        return 0
