"""Corners of the trainers of perceptrons: certificates that are tight, allowed points, test
samples, float32.
"""

import numpy as np
import pytest
from in_one_call import train_perceptrons_of

import langevin_sgd as ls
from langevin_sgd.kernels.compiled import uncached_kernel
from langevin_sgd.randomness import derive_seed, key_from_seed
from langevin_sgd.training.batches import batch_indices
from langevin_sgd.training.perceptron import accelerated
from langevin_sgd.training.perceptron.certificates import first_to_renew, make_lists, renew
from langevin_sgd.training.perceptron.replica import make_points, make_rule
from langevin_sgd.training.perceptron.state import (
    ACCELERATED,
    LEVELS,
    NEXT,
    SPENT,
    STATUS,
    TRAINING,
    new_states,
    of_replica,
)
from langevin_sgd.training.unfit import allowed_unfit


@uncached_kernel
def make_anew(first, lists, state, points, rule):
    renew(first, lists, state, points, rule)


@uncached_kernel
def level_to_renew(lists, state):
    return first_to_renew(lists, state)


def unlisted_and_unfit(problem, settings, *, events, seed, precision="float64", events_a_look=1):
    """After every event: the most points outside the finest list that are unfit, and how often a
    list was not whole.
    """
    points = make_points(problem, 0, 0, precision)
    rule = make_rule(problem, settings, unfit=0.0, automatic=False)
    state = of_replica(new_states(np.zeros((1, problem.dimension)), ACCELERATED), 0)
    lists, room = make_lists(points), accelerated.make_room(len(points.rows), settings.batch_size)
    sampling = settings.batch_size, settings.sampling == "with_replacement"
    rows, worst, partial = points.rows.astype(float), 0, 0
    for _ in range(events):
        accelerated.advance_by_events(
            state, points, rule, lists, room, sampling, key_from_seed(seed), 0, 2**40, events_a_look
        )
        if state.counters[STATUS] != TRAINING:
            break
        listed = np.zeros(len(rows), bool)
        listed[lists.members[0][lists.members[-1][: lists.sizes[-1]]]] = True
        unfit = rows @ state.weights < problem.margin * (1 - 1e-12)
        worst, partial = max(worst, int((unfit & ~listed).sum())), partial + (not listed.all())
    return worst, partial


def unfit_outside(points, lists, state, margin):
    """Number of points that are unfit and not in the finest list."""
    listed = np.zeros(len(points.rows), bool)
    listed[lists.members[0][lists.members[-1][: lists.sizes[-1]]]] = True
    return int((~listed & (points.rows.astype(float) @ state.weights < margin)).sum())


def test_lists_are_renewed_as_soon_as_an_unlisted_point_can_be_unfit():
    """One dimension, where the bound is tight: a point is unfit once the weight has come back by
    its certificate.

    The weight moves back from 33 in small steps: with no list renewed, then with the finest renewed
    on the way, which leaves it to the second to notice.
    """
    X = np.linspace(0.31, 1.0, 4000)[:, None]
    problem = ls.Perceptron.from_data(X, np.ones(4000), margin=10.0)
    points = make_points(problem, 0, 0, "float64")
    rule = make_rule(problem, ls.SGD(lr=1.0, batch_size=1), unfit=0.0, automatic=False)
    for renewed_at, noticed_at, level in ((None, 5.0, 2), (4.0, 8.0, 1)):
        lists, state = (
            make_lists(points),
            of_replica(new_states(np.array([[33.0]]), ACCELERATED), 0),
        )
        state.levels[:, NEXT] = 12.0, 8.0, 5.0
        make_anew(0, lists, state, points, rule)
        if renewed_at is not None:
            state.weights[0] = 33.0 - renewed_at
            lists.sizes[2], state.levels[2, NEXT] = 0, 6.0
            state.levels[:, SPENT] = 1e9
            make_anew(2, lists, state, points, rule)
            state.levels[:, SPENT] = 0.0
        for moved in np.arange(renewed_at or 0.0, 14.0, 0.01):
            state.weights[0] = 33.0 - moved
            first = level_to_renew(lists, state)
            outside = unfit_outside(points, lists, state, 10.0)
            assert first == LEVELS if moved < noticed_at - 0.005 else first <= level
            assert outside == 0 if first == LEVELS else outside > 0 or moved < noticed_at + 0.02
        assert outside > 100  # control: the lists did not hold all points


def test_no_point_outside_the_list_is_unfit_in_many_dimensions(seed):
    problem = ls.Perceptron.from_data(
        *ls.data.DepletedSign(points=3000, dimension=6).sample(2), margin=0.3
    )
    for size, sampling in ((1, "with_replacement"), (7, "without_replacement")):
        settings = ls.SGD(lr=0.5, batch_size=size, sampling=sampling)
        worst, partial = unlisted_and_unfit(problem, settings, events=1500, seed=seed)
        assert worst == 0
        assert partial > 300


@pytest.mark.parametrize(
    ("fraction", "points", "allowed"),
    [
        (0.05, 50, 2),
        (0.29, 100, 29),
        (0.07, 100, 7),
        (0.57, 100, 57),
        (0.999, 10, 9),
        (0.0, 7, 0),
        (1 / 3, 3, 1),
    ],
)
def test_allowed_points_are_at_most_the_fraction(fraction, points, allowed):
    assert allowed_unfit(fraction, points) == allowed
    problem = ls.Perceptron(data=ls.data.DepletedSign(points=points, dimension=2), margin=0.1)
    assert (
        make_rule(problem, ls.SGD(lr=1.0, batch_size=1), unfit=fraction, automatic=False).allowed
        == allowed
    )


@pytest.mark.parametrize("fraction", [0.05, 0.11, 0.58])
def test_training_stops_at_the_last_step_before_which_too_many_are_unfit(fraction, seed):
    """50 points, of which the fraction is no whole number, or one that the product of both misses
    by rounding.
    """
    problem = ls.Perceptron(data=ls.data.DepletedSign(points=50, dimension=8), margin=0.2)
    settings = ls.SGD(lr=0.3, batch_size=1)
    run = train_perceptrons_of(problem, settings, replicas=4, seed=seed, unfit=fraction)
    for r in range(4):
        rows, w, step = problem.rows(seed, r), np.zeros(8), 0
        for i in batch_indices(settings, 50, seed=seed, replica=r, steps=20_000)[:, 0]:
            if np.mean(rows @ w < 0.2) <= fraction:
                break
            w, step = w + 0.3 * rows[i] * (rows[i] @ w < 0.2), step + 1
        assert int(run["last_update_step"][r]) == step
        np.testing.assert_allclose(run["final_weights"][r], w, rtol=1e-9)


@pytest.mark.parametrize("test_points", [20, 40, 400])
def test_the_test_error_is_that_of_a_fresh_sample(test_points):
    """Also where it is no larger than the training set, which is fitted: its own error is zero by
    construction.
    """
    law = ls.data.DepletedSign(points=40, dimension=12)
    run = train_perceptrons_of(
        ls.Perceptron(data=law, margin=0.1), ls.SGD(lr=1.0, batch_size=1), replicas=6, seed=3,
        record=ls.training.observables.TestError(points=test_points),
        first_replica=2,
    )  # fmt: skip
    fresh = ls.data.DepletedSign(points=test_points, dimension=12)
    for r, number in enumerate(range(2, 8)):
        X, y = fresh.sample(derive_seed(3, "test"), number)
        assert float(run["sample_test_error"][r]) == np.mean(
            y * (X @ run["final_weights"].values[r]) <= 0
        )
        trained = law.sample(3, number)[0]
        assert not (X[:20] == trained[:20]).any()
    assert 0.05 < float(run["sample_test_error"].mean()) < 0.4


@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e12])
def test_lengths_are_those_of_the_rows_that_are_stored(scale):
    """Rounding to float32 may make a row longer, and a certificate must not be taken from the
    shorter one.
    """
    X, y = ls.data.DepletedSign(points=3000, dimension=7).sample(5)
    problem = ls.Perceptron.from_data(scale * X, y, margin=0.1)
    for precision in ("float32", "float64"):
        points = make_points(problem, 0, 0, precision)
        norms = np.linalg.norm(points.rows.astype(float), axis=1)
        assert (points.lengths >= norms).all()
        np.testing.assert_allclose(points.lengths, norms, rtol=1e-11)
        assert points.longest == points.lengths.max()
        assert points.rows.dtype == precision
