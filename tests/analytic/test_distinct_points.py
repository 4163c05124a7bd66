"""Test sets of replicas that share images hold each of them once, and are read as they were."""

import numpy as np
import pytest
import torch

import langevin_sgd as ls
from langevin_sgd.training.networks import distinct_points
from langevin_sgd.training.networks.distinct_points import DistinctPoints
from langevin_sgd.training.networks.training_sets import training_sets


def restored(points):
    """The sets that were added, from what is held."""
    X, y, order, sizes = points.gathered()
    return [(X[rows], y[rows]) for rows in np.split(order, np.cumsum(sizes)[:-1])]


def some_sets():
    """Three sets of pictures drawn from twenty, one of them with another label for one picture."""
    generator = np.random.default_rng(0)
    pool, labels = generator.normal(size=(20, 5)), np.where(generator.random(20) < 0.5, 1.0, -1.0)
    sets = []
    for size in (12, 20, 7):
        chosen = generator.integers(0, 20, size)
        sets.append((pool[chosen], labels[chosen].copy()))
    sets[1][1][3] *= -1
    return sets


def test_sets_come_back_as_they_were_added():
    points, sets = DistinctPoints(), some_sets()
    for X, y in sets:
        points.add(X, y)
    for found, added in zip(restored(points), sets, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(found, added, strict=True))
    held = len(points.gathered()[0])
    assert held <= 21 < sum(len(y) for _, y in sets)


def test_points_whose_number_is_the_same_are_not_taken_for_one(monkeypatch):
    """With a vector of zeros all points have one number."""
    monkeypatch.setattr(distinct_points, "normals", lambda shape, seed: np.zeros(shape))
    points, sets = DistinctPoints(), some_sets()
    for X, y in sets:
        points.add(X, y)
    for found, added in zip(restored(points), sets, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(found, added, strict=True))


def test_test_images_were_held_once_for_every_replica():
    """They filled the memory: two tasks with CIFAR-10 took 23 GB, and died."""
    law = ls.data.BinaryImages(points=64, test_points=1000)
    problem = ls.NetworkProblem(
        ls.models.networks.FullyConnected(dimension=law.dimension, width=4, depth=1), law
    )
    draws = [(7, replica) for replica in range(6)]
    train, test = training_sets([problem] * 6, list(range(6)), draws, torch.float32, "cpu")
    assert len(test.X) <= 1797
    assert len(train.X) == 6 * 64
    members = np.array([4, 1])
    points = test.of(members)
    for place, replica in enumerate(members):
        _, _, X_test, y_test = law.sample(7, int(replica))
        assert np.array_equal(points.inputs(0, points.most)[place].numpy(), X_test)
        assert np.array_equal(points.labels[place].numpy(), y_test)


def test_test_sets_of_another_dimension_are_refused():
    points = DistinctPoints()
    points.add(np.ones((2, 3)), np.ones(2))
    with pytest.raises(ls.InputError, match=r"data = \[2, 3\]: all sets must have one dimension"):
        points.add(np.ones((2, 2)), np.ones(2))


def test_training_sets_of_another_dimension_are_refused():
    """Also where test sets have one dimension."""
    test = (np.ones((3, 2)), np.ones(3))
    sets = [(np.ones((4, d)), np.ones(4), *test) for d in (2, 5)]
    problem = ls.NetworkProblem(
        ls.models.networks.FullyConnected(dimension=2, width=4, depth=1), sets
    )
    with pytest.raises(ls.InputError, match=r"data = \[2, 5\]: all sets must have one dimension"):
        training_sets([problem] * 2, [0, 1], [(0, 0), (0, 1)], torch.float32, "cpu")
