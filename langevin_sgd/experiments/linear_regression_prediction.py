"""Tables and figures of the closed-form prediction of linear regression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from langevin_sgd.plotting import Panel, Series
from langevin_sgd.plotting.table import Table

_MODE_NUMBERS = (
    "var_position",
    "var_velocity",
    "cov_position_velocity",
    "frequency_per_step",
    "winding_rate_per_step",
)


def modes_table(document: Mapping[str, Any]) -> Table:
    """Return the stationary law of every mode, by the Langevin model and exactly.

    Parameters
    ----------
    document
        Of `langevin_sgd.theory.predict.predict_linear_regression`, as everywhere in this file.
    """
    header = [
        "eigenvalue",
        "damping ratio",
        "law",
        *(name.replace("_", " ") for name in _MODE_NUMBERS),
    ]
    rows = [
        [
            _number(mode["eigenvalue"]),
            "infinite" if mode["damping_ratio"] is None else f"{mode['damping_ratio']:.4g}",
            law,
            *(_number(mode[law][n]) for n in _MODE_NUMBERS),
        ]
        for mode in document["modes"]
        for law in ("sde", "sgd")
    ]
    return Table(header, rows, [0, 1, *range(3, len(header))])


def displacement_table(document: Mapping[str, Any]) -> Table:
    """Return the mean-square displacement at every lag."""
    rows = [
        [str(lag), _number(sde), _number(sgd)]
        for lag, sde, sgd in zip(
            document["lags"], document["msd"]["sde"], document["msd"]["sgd"], strict=True
        )
    ]
    return Table(["lag", "mean-square displacement, sde", "sgd"], rows, [0, 1, 2])


def _number(value: float) -> str:
    return f"{value:.6g}"


def displacement_panel(document: Mapping[str, Any]) -> Panel:
    """Return the mean-square displacement against the lag."""
    lags, displacement = document["lags"], document["msd"]
    series = [
        Series("SGD, exact", lags, displacement["sgd"], kind="theory"),
        Series("Langevin model", lags, displacement["sde"], kind="rival"),
    ]
    return Panel(
        "Stationary mean-square displacement", "lag (steps)", "displacement", series, "log", "log"
    )


def log_spaced_lags(longest: int) -> list[int]:
    """Return about a hundred whole lags from 1 to the longest, spaced evenly in the logarithm."""
    return np.unique(np.geomspace(1, longest, 100).round().astype(int)).tolist()
