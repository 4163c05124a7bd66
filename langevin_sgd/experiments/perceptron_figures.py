"""Figures of perceptrons: a training beside the flow, theory alone, the exponents of a grid."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd.data import DepletedSign
from langevin_sgd.experiments.perceptron_exponents import ExponentFit
from langevin_sgd.experiments.symbols import at, symbol
from langevin_sgd.measure import geometric_mean
from langevin_sgd.models.perceptron import Perceptron
from langevin_sgd.plotting import Panel, Series
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.perceptron import averages, flow
from langevin_sgd.theory.perceptron.late_stage import quasi_stationary_noise, signal_growth
from langevin_sgd.theory.perceptron.predict import predict_perceptron

if TYPE_CHECKING:
    import xarray as xr

_POINTS = 81
"""Points of a curve of theory."""


# --- a training -----------------------------------------------------------------------------------


def training_panels(trained: xr.Dataset, problem: Perceptron, settings: SGD) -> list[Panel]:
    """Signal, noise and unfit points of a recorded training against time, beside the flow."""
    until = trained.sel(step=trained["step"] <= max(1, int(trained["last_update_step"].max())))
    time_axis = until["step"].values * settings.lr / problem.dimension
    names = ("signal", "noise") if problem.from_law else ("norm",)
    curves = {name: until[f"recorded_{name}"].values for name in names}
    curves["unfit points"] = until["recorded_unfit_fraction"].values * problem.points
    return [
        Panel(
            f"{name.capitalize()}, mean of {values.shape[1]}",
            "lr * steps / d",
            name,
            [_measured(values, time_axis), *_flow(problem, settings, name, time_axis)],
            "log",
            "log",
        )
        for name, values in curves.items()
    ]


def _measured(values: np.ndarray, time_axis: np.ndarray) -> Series:
    """Mean over replicas with its error; a mean of zero has no place on a logarithmic axis."""
    mean = values.mean(axis=1)
    error = values.std(axis=1, ddof=1) / np.sqrt(values.shape[1]) if values.shape[1] > 1 else None
    return Series("SGD", time_axis, np.where(mean > 0, mean, np.nan), error)


def _flow(problem: Perceptron, settings: SGD, name: str, time_axis: np.ndarray) -> list[Series]:
    """The closed equations, where the points have a law."""
    if not isinstance(problem.data, DepletedSign):
        return []
    law = {"chi": problem.data.chi, "margin": problem.margin}
    a, s = flow(time_axis, temperature=settings.temperature, **law)
    curves = {"signal": a, "noise": s, "unfit points": problem.points * averages(a, s, **law).n}
    return [Series("theory, many points", time_axis, curves[name], kind="theory")]


# --- theory --------------------------------------------------------------------------------------


def flow_panels(document: Mapping[str, Any], law: Mapping[str, float]) -> list[Panel]:
    """Signal and noise along the flow, with the late stage, and the times that were asked for."""
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


def drift_panels(signal: float, noise: float, law: Mapping[str, float]) -> list[Panel]:
    """ds/dtau against the noise and da/dtau against the signal, the other one fixed."""
    state = {**law, "signal": signal, "noise": noise}
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
    rate = predict_perceptron(**state)[name]
    return math.nan if rate is None else rate


# --- a grid --------------------------------------------------------------------------------------


def exponent_panels(fits: Sequence[ExponentFit]) -> list[Panel]:
    """One panel per exponent: all points, and the predicted slope through the last of each line."""
    return [
        Panel(
            f"{lines[0].quantity.replace('_', ' ')} against {symbol(lines[0].against)}",
            symbol(lines[0].against),
            lines[0].quantity.replace("_", " "),
            [series for line in lines for series in _series(line, lines)],
            "log",
            "log",
            "lines: predicted slope" if lines[0].predicted is not None else "",
        )
        for name in dict.fromkeys(fit.name for fit in fits)
        if (lines := [fit for fit in fits if fit.name == name])
    ]


def _series(fit: ExponentFit, lines: Sequence[ExponentFit]) -> list[Series]:
    means = [geometric_mean(values) for values in fit.y]
    values, errors = (
        np.array([getattr(one, name) for one in means]) for name in ("value", "standard_error")
    )
    varied = {
        name: value
        for name, value in fit.held.items()
        if len({line.held[name] for line in lines}) > 1
    }
    measured = Series(at(varied), fit.x, values, errors)
    if fit.predicted is None:
        return [measured]
    return [
        measured,
        Series("", fit.x, values[-1] * (fit.x / fit.x[-1]) ** fit.predicted, kind="theory"),
    ]
