"""Cells of grids, engines of grids and tables of text took objects of any kind, which failed later
or in the words of another library; so did states of constant noise, and sizes of synthetic data.
"""

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.experiments.cell import Cell
from langevin_sgd.plotting.table import Table

PERCEPTRON = ls.Perceptron(data=ls.data.DepletedSign(points=8, dimension=3), margin=0.1)
SETTINGS = ls.SGD(lr=1.0, batch_size=1)


def cell(**changes):
    given = {"problem": PERCEPTRON, "settings": SETTINGS, "stop": ls.Stop(max_steps=20)}
    return Cell(**{**given, **changes})


def grid(**changes):
    return ls.experiments.Grid(PERCEPTRON, SETTINGS, axes={"points": (8,)}, **changes)


def covariance(variance, theta):
    return ls.dynamics.Isotropic(variance, parameters=2).covariance(theta)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: cell(problem=3), "problem"),
        (lambda: cell(settings=None), "settings"),
        (lambda: cell(stop=20), "stop"),
        (lambda: cell(engine="cpu"), "engine"),
        (lambda: cell(engine=ls.training.NetworkEngine()), "engine"),
        (lambda: cell(record=("margins",)), "record"),
        (lambda: grid(engine=3), "engine"),
        (lambda: grid(engine=ls.training.NetworkEngine()), "engine"),
        (lambda: Table("ab", []), "header"),
        (lambda: Table([1, 2], []), "header"),
        (lambda: Table(["a", "b"], [["1"]]), "rows"),
        (lambda: Table(["a", "b"], [[1, 2]]), "rows"),
        (lambda: Table(["a", "b"], 3), "rows"),
        (lambda: Table(["a", "b"], [], right=[2]), "right"),
        (lambda: Table(["a", "b"], [], right=0), "right"),
        (lambda: covariance(0.5, 3.0), "theta"),
        (lambda: covariance(0.5, ["a", "b"]), "theta"),
        (lambda: covariance([0.5, 1.0], np.zeros((3, 2))), "theta"),
        (lambda: ls.dynamics.LowRank([[1.0], [0.5]]).covariance([0.0]), "theta"),
        (lambda: ls.data.gaussian_inputs([1.0], samples=2**62), "samples"),
    ],
)
def test_what_has_no_meaning_is_refused_by_name(call, argument):
    with pytest.raises(ls.InputError, match=rf"^{argument}\b") as refusal:
        call()
    assert "\n" not in str(refusal.value)


def test_a_cell_knows_observables_by_their_short_names():
    assert cell(record=["test_error"]) == cell(record=(ls.training.observables.TestError(),))


def test_constant_noise_is_the_same_at_every_state_of_a_replica():
    many = covariance([0.5, 1.0], np.zeros((3, 2, 2)))
    assert many.shape == (3, 2, 2, 2)
    np.testing.assert_array_equal(many[2], [0.5 * np.eye(2), np.eye(2)])


GIVEN = ls.Perceptron.from_data([[1.0, 2.0], [-1.0, 0.5]], [1, -1], margin=0.1)
NETWORKS = ls.NetworkProblem(
    ls.models.networks.FullyConnected(dimension=2, width=4, depth=1),
    (np.array([[1.0, 2.0], [-1.0, 0.5]]), np.array([1.0, -1.0])),
)


@pytest.mark.parametrize("problem", [GIVEN, NETWORKS])
@pytest.mark.parametrize("axes", [{"temperature": (0.5,)}, {"points_per_dimension": (2.0,)}])
def test_a_grid_needs_a_law_of_points(problem, axes):
    with pytest.raises(ls.InputError, match=r"^data = .*: must be a law of points"):
        ls.experiments.Grid(problem, SETTINGS, axes=axes, stop=ls.Stop(max_steps=20))


def test_variants_whose_results_have_different_sizes_are_refused_before_training(monkeypatch):
    monkeypatch.setattr("langevin_sgd.training.dispatch.importlib", None)
    with pytest.raises(ls.InputError, match=r"^vary = .*\[2, 3\] parameters"):
        ls.training.run(PERCEPTRON, SETTINGS, vary={"dimension": [2, 3]})


def test_numbers_of_numpy_are_varied_like_those_of_python():
    regression = ls.LinearRegression.from_spectrum([1.0])
    vary = {"batch_size": np.array([1, 2]), "lr": np.array([0.1, 0.2], np.float32)}
    made = ls.training.run(regression, SETTINGS, steps=2, seed=1, vary=vary)
    kept = ls.dataset.provenance(made)["vary"]
    assert kept == {"batch_size": [1, 2], "lr": [float(np.float32(0.1)), float(np.float32(0.2))]}
