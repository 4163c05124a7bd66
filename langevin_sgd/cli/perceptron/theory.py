"""``langevin-sgd perceptron theory``: closed-form numbers at one state, or along the flow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from langevin_sgd.checks import InputError
from langevin_sgd.cli.arguments import Figure, in_words_of_the_command
from langevin_sgd.cli.perceptron.words import (
    OPTIONS,
    Chi,
    NotNegative,
    NotNegativeIfGiven,
    SizeIfGiven,
    Times,
    short,
)
from langevin_sgd.cli.text import print_json, table

_POINTS = 81


@dataclass(frozen=True)
class Theory:
    """Closed-form numbers of the perceptron: at one state (--a and --s), or along the flow from a =
    0 (--tau).

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
        from langevin_sgd.theory.perceptron import predict_flow, predict_perceptron

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
        with in_words_of_the_command(OPTIONS):
            if along:
                document: dict[str, Any] = predict_flow(**law, tau=self.tau)
            else:
                steps = {"dimension": self.d, "batch_size": self.B}
                document = predict_perceptron(**law, signal=self.a, noise=self.s, **steps)  # type: ignore[arg-type]
            if self.json:
                print_json(document)
            else:
                print(_flow_table(document) if along else _state_table(document))
            if self.plot is not None:
                panels = (
                    _flow_panels(document, law)
                    if along
                    else _drift_panels(self.a or 0.0, self.s or 0.0, law)
                )
                _save(panels, self.plot)
        return 0


def _flow_table(document: dict[str, Any]) -> str:
    rows = [
        [short(value) for value in row]
        for row in zip(*(document[name] for name in ("tau", "a", "s")), strict=True)
    ]
    return table(["tau", "signal a", "noise s"], rows, right=[0, 1, 2])


def _state_table(document: dict[str, Any]) -> str:
    flat = {
        name: value
        for name, value in document.items()
        if not isinstance(value, dict) and name != "mean_increments"
    }
    rows = [
        [name.replace("_dtau", "/dtau").replace("_", " "), short(value)]
        for name, value in flat.items()
    ]
    for group in ("exponents", "mean_increments"):
        title = group.replace("_", " ").removesuffix("s")
        rows += [
            [f"{title} {name}", short(value)] for name, value in (document[group] or {}).items()
        ]
    return table(["quantity", "value"], rows, right=[1])


def _flow_panels(document: dict[str, Any], law: dict[str, float]) -> list[Any]:
    from langevin_sgd.plotting import Panel, Series
    from langevin_sgd.theory.perceptron import flow, quasi_stationary_noise, signal_growth

    last = max(document["tau"]) or 1.0
    tau = np.geomspace(last * 1e-6, last, _POINTS)
    a, s = flow(tau, **law)
    late = [signal_growth(tau, **law), np.full(_POINTS, quasi_stationary_noise(**law))]
    return [
        Panel(
            title,
            "tau = lr * steps / d",
            letter,
            [
                Series("flow", tau, curve, kind="theory"),
                Series("late stage", tau, limit, kind="rival"),
                Series("asked for", document["tau"], document[letter]),
            ],
            "log",
            "log",
        )
        for title, letter, curve, limit in (("Signal", "a", a, late[0]), ("Noise", "s", s, late[1]))
    ]


def _drift_panels(signal: float, noise: float, law: dict[str, float]) -> list[Any]:
    """ds/dtau against the noise and da/dtau against the signal, the other one fixed."""
    from langevin_sgd.plotting import Panel, Series

    state = law | {"signal": signal, "noise": noise}
    noises, signals = (
        3 * (noise or 1.0) * np.linspace(1 / _POINTS, 1, _POINTS),
        (signal or 1.0) * np.geomspace(0.1, 3, _POINTS),
    )
    settling = [
        Series(
            "theory",
            noises,
            [_rate("ds_dtau", state | {"noise": s}) for s in noises.tolist()],
            kind="theory",
        ),
        Series("the state", [noise], [_rate("ds_dtau", state)]),
        Series("", [0.0, noises[-1]], [0.0, 0.0], kind="guide"),
    ]
    growing = [
        Series(
            "theory",
            signals,
            [_rate("da_dtau", state | {"signal": a}) for a in signals.tolist()],
            kind="theory",
        ),
        Series("the state", [signal], [_rate("da_dtau", state)]),
    ]
    return [
        Panel(f"Where the noise settles at a = {signal:g}", "noise s", "ds/dtau", settling),
        Panel(
            f"How fast the signal grows at s = {noise:g}",
            "signal a",
            "da/dtau",
            growing,
            "log",
            "log",
        ),
    ]


def _rate(name: str, state: dict[str, Any]) -> float:
    from langevin_sgd.theory.perceptron import predict_perceptron

    rate = predict_perceptron(**state)[name]
    return math.nan if rate is None else rate


def _save(panels: list[Any], path: Path) -> None:
    from langevin_sgd.plotting import draw, save

    save(draw(panels), path)
