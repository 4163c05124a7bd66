"""Grids that took nothing but tuples of Python's own numbers, and had no end for large ones."""

import json

import numpy as np
import pytest
from grids import network_grid, perceptron_grid

import langevin_sgd as ls
from langevin_sgd.experiments import axes
from langevin_sgd.experiments.network_averages import average_networks

PERCEPTRON = {"points": (8,), "dimension": (4,), "temperature": (1.0,), "margin": (0.1,)}
NETWORK = {"width": (8,), "alpha": (1.0,), "temperature_per_width": (0.1,), "points": (32,)}


def test_values_along_an_axis_may_come_in_any_form():
    plain = perceptron_grid(**PERCEPTRON | {"points": (8, 16)}, replicas=2, seed=3)
    forms = {
        "points": np.array([8, 16]),
        "dimension": 4,
        "temperature": np.float32(1.0),
        "margin": [np.float64(0.1)],
    }
    given = perceptron_grid(**forms, replicas=np.int64(2), seed=np.int64(3))
    assert given.tasks() == plain.tasks()
    assert json.loads(given.collect().attrs["provenance"])["axes"]["points"] == [8, 16]
    plain = network_grid(**NETWORK | {"labels": (0, 1), "observe": ("margins",)})
    forms = {
        "width": np.array(8),
        "alpha": 1,
        "temperature_per_width": np.array([0.1]),
        "points": [np.int64(32)],
    }
    forms |= {
        "labels": np.array([0, 1]),
        "observe": "margins",
        "batch_size": 16,
    }
    assert network_grid(**forms).tasks() == plain.tasks()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replicas": 10**12}, "replicas = 1000000000000: must be at most 1000000"),
        ({"replicas": 10**30}, "replicas = "),
        ({"points": range(1, axes.MOST_POINTS + 2)}, "grid = 100001 points"),
        (
            {"chi": np.linspace(0, 1, 1000), "margin": np.linspace(1, 2, 1000)},
            "1000 of margin, 1000 of chi",
        ),
        ({"points": (), "points_per_dimension": np.nan}, "points_per_dimension = nan"),
        ({"points": (), "points_per_dimension": np.inf}, "points_per_dimension = inf"),
        ({"dimension": 10**12}, "dimension = 1000000000000"),
        ({"points": 10**12}, "points = 1000000000000: must be at most"),
        (
            {"temperature": 1e308, "batch_size": 8},
            "temperature = 1e\\+308: must be finite when multiplied with batch size",
        ),
        ({"temperature": "1"}, "temperature = '1'"),
        ({"temperature": np.ma.masked_greater([1.0, 9.0], 2)}, "temperature = masked"),
        ({"chi": [np.nan]}, "chi = nan"),
        ({"seed": "1"}, "seed = '1'"),
        ({"max_steps": 10**30}, "max_steps = "),
    ],
)
def test_a_grid_of_perceptrons_without_end_is_refused_in_one_line(change, message):
    with pytest.raises(ls.InputError, match=message) as caught:
        perceptron_grid(**PERCEPTRON | change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replicas": 10**12}, "replicas = 1000000000000: must be at most 1000000"),
        ({"alpha": np.arange(1, 400), "points": np.arange(1, 400)}, "grid = 159201 points"),
        ({"depth": 10**30}, "depth = "),
        ({"width": 10**12}, "width = "),
        ({"points": 10**12}, "points = "),
        ({"momentum": np.nan}, "momentum = nan"),
        ({"observe": ("kernels",)}, "record = 'kernels'"),
        ({"labels": "01"}, "labels = '01'"),
    ],
)
def test_a_grid_of_networks_without_end_is_refused_in_one_line(change, message):
    with pytest.raises(ls.InputError, match=message) as caught:
        network_grid(**NETWORK | change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda: ls.experiments.fit_exponents(None),
        lambda: ls.experiments.extrapolate_exponents({}),
        lambda: average_networks(np.ones(3)),
        lambda: ls.experiments.lines_along("result", "alpha"),
        lambda: ls.experiments.fit_lazy_exponents(3),
        lambda: ls.experiments.crossing([]),
    ],
)
def test_what_is_no_result_of_a_grid_is_refused(call):
    with pytest.raises(ls.InputError, match=r"^(result|line) = "):
        call()
