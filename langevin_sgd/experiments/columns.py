"""What a point of a grid is made of: the numbers that tables, lines and fits go by.

Each kind of problem has its columns; what else is varied is a column of its own, by the name of the
field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from langevin_sgd.checks import require
from langevin_sgd.dataset import Variable
from langevin_sgd.models.network_problem import NetworkProblem
from langevin_sgd.models.networks.families import family_of
from langevin_sgd.models.perceptron import Perceptron
from langevin_sgd.theory.perceptron import test_error
from langevin_sgd.training.variants import Variant

UNITS = {
    "temperature": "w",
    "margin": "w",
    "temperature_per_width": "w^2 / loss",
}
"""Units of columns, where they are not pure numbers."""


_OF_LAWS: Mapping[type, tuple[str, ...]] = {
    NetworkProblem: ("points", "dimension"),
    Perceptron: ("points", "dimension", "chi"),
}
"""What a law of points must say of itself, by the problem."""


def law_of(problem: Perceptron | NetworkProblem) -> Any:
    """Return the law of the points of a problem.

    Raises
    ------
    InputError
        If the points are given ones.
    """
    needed = _OF_LAWS[type(problem)]
    known = all(hasattr(problem.data, name) for name in needed)
    allowed = f"must be a law of points, with {', '.join(needed)}"
    require(known, "data", type(problem.data).__name__, allowed)
    return problem.data


def _of_a_network(point: Variant) -> dict[str, Any]:
    network, settings, data = point.problem.network, point.settings, law_of(point.problem)
    return {
        "network": family_of(network),
        "depth": network.depth,
        "width": network.width,
        "activation": network.activation,
        "alpha": point.problem.alpha,
        "temperature_per_width": settings.temperature / network.width,
        "batch_size": settings.batch_size,
        "momentum": settings.momentum,
        "points": point.problem.points or data.points,
    }


def _of_a_perceptron(point: Variant) -> dict[str, Any]:
    data, settings = law_of(point.problem), point.settings
    return {
        "points": data.points,
        "dimension": data.dimension,
        "chi": data.chi,
        "temperature": settings.temperature,
        "batch_size": settings.batch_size,
        "margin": point.problem.margin,
    }


_COLUMNS: Mapping[type, Callable[[Variant], dict[str, Any]]] = {
    NetworkProblem: _of_a_network,
    Perceptron: _of_a_perceptron,
}


def columns_of(point: Variant, varied: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a point.

    Parameters
    ----------
    point
        Problem, settings and stop.
    varied
        The values of the axes there, which are exact where a column is computed from others.
    """
    columns = _COLUMNS[type(point.problem)](point)
    plain = {
        name.rpartition(".")[2]: value
        for name, value in varied.items()
        if isinstance(value, str | int | float)
    }
    return columns | plain


def measured_of(
    problem: Perceptron | NetworkProblem,
    variables: Mapping[str, Variable],
    columns: Sequence[Mapping[str, Any]],
) -> dict[str, Variable]:
    """Return what is known in closed form from what was measured: the test error of perceptrons.

    Parameters
    ----------
    problem
        What was trained.
    variables
        Over (point, replica).
    columns
        Of every point.
    """
    if not isinstance(problem, Perceptron):
        return {}
    signal, noise = variables["signal"][1], variables["noise"][1]
    errors = [
        test_error(a, s, chi=column["chi"])
        for a, s, column in zip(signal, noise, columns, strict=True)
    ]
    return {"test_error": (("point", "replica"), np.array(errors), "1")}
