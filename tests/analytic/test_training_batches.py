"""The law of the minibatches: chi-square tests at a level of 1e-6, each with a sampler that must
fail it.
"""

import itertools

import numpy as np
import pytest
from scipy import stats

import langevin_sgd as ls
from langevin_sgd import training
from langevin_sgd.training.batches import batch_indices, gradient_normals

LEVEL = 1e-6


def rejected(outcomes, kinds):
    """Whether outcomes 0 ... kinds-1 are not equally likely."""
    counts = np.bincount(np.asarray(outcomes).ravel(), minlength=kinds)
    expected = counts.sum() / kinds
    return len(counts) > kinds or np.sum((counts - expected) ** 2) / expected > stats.chi2.isf(
        LEVEL, kinds - 1
    )


def batches_of(sampling, samples, batch_size, steps, seed, replicas=1):
    settings = ls.SGD(lr=0.1, batch_size=batch_size, sampling=sampling)
    each = (
        batch_indices(settings, samples, seed=seed, replica=r, steps=steps) for r in range(replicas)
    )
    return np.array(list(each))


def rank(batches, ordered_kinds):
    """Number of each row among `ordered_kinds`."""
    number = {tuple(kind): i for i, kind in enumerate(ordered_kinds)}
    return [number.get(tuple(row), len(number)) for row in batches.tolist()]


def test_with_replacement_is_uniform_and_independent(seed):
    samples = 7
    batches = batches_of("with_replacement", samples, 5, 4000, seed, replicas=4)
    assert not rejected(batches, samples)
    pairs = [
        batches[..., :-1]
        + samples * batches[..., 1:],  # within a batch: also across the four words of a draw
        batches[:, :-1] + samples * batches[:, 1:],  # from step to step
        batches[:-1] + samples * batches[1:],  # from replica to replica
    ]
    for pair in pairs:
        assert not rejected(pair, samples**2)
    sticky = np.where(
        np.random.default_rng(seed).random(batches[:, 1:].shape) < 0.1,
        batches[:, :-1],
        batches[:, 1:],
    )
    assert rejected(batches[:, :-1] + samples * sticky, samples**2)
    assert rejected(np.where(batches == 6, 5, batches), samples)


def test_without_replacement_takes_every_subset_equally_often(seed):
    subsets = list(itertools.combinations(range(6), 3))
    batches = np.sort(batches_of("without_replacement", 6, 3, 20_000, seed)[0], axis=1)
    assert not rejected(rank(batches, subsets), len(subsets))
    # Control: a repeated sample replaced by the next free one, wrapping round.
    drawn = batches_of("with_replacement", 6, 3, 20_000, seed)[0]
    for row in drawn:
        for j in range(1, 3):
            while row[j] in row[:j]:
                row[j] = (row[j] + 1) % 6
    assert rejected(rank(np.sort(drawn, axis=1), subsets), len(subsets))


def test_without_replacement_batches_of_successive_steps_are_independent(seed):
    subsets = list(itertools.combinations(range(4), 2))
    ranks = np.array(
        rank(np.sort(batches_of("without_replacement", 4, 2, 20_000, seed)[0], axis=1), subsets)
    )
    assert not rejected(ranks[:-1] + 6 * ranks[1:], 36)


def test_a_batch_of_all_samples_is_the_data():
    batches = batches_of("without_replacement", 9, 9, 50, seed=1)[0]
    assert np.array_equal(np.sort(batches, axis=1), np.tile(np.arange(9), (50, 1)))


def test_each_epoch_is_a_permutation_with_a_short_last_batch():
    settings = ls.SGD(lr=0.1, batch_size=4, sampling="epochs")
    epochs = batch_indices(settings, 10, seed=1, steps=300).reshape(100, 12)
    assert np.array_equal(epochs[:, 10:], np.full((100, 2), -1))
    assert np.array_equal(np.sort(epochs[:, :10], axis=1), np.tile(np.arange(10), (100, 1)))


def test_every_permutation_is_equally_likely_and_epochs_are_independent(seed):
    orders = list(itertools.permutations(range(4)))
    epochs = batches_of("epochs", 4, 2, 40_000, seed)[0].reshape(20_000, 4)
    ranks = np.array(rank(epochs, orders))
    assert not rejected(ranks, 24)
    assert not rejected(ranks[:-1] + 24 * ranks[1:], 576)
    # Control: the shuffle that swaps every place with any place.
    generator = np.random.default_rng(seed)
    naive = np.tile(np.arange(4), (20_000, 1))
    rows = np.arange(20_000)
    for i in range(4):
        j = generator.integers(0, 4, 20_000)
        naive[rows, i], naive[rows, j] = naive[rows, j], naive[rows, i]
    assert rejected(rank(naive, orders), 24)


@pytest.mark.parametrize("sampling", ["with_replacement", "without_replacement", "epochs"])
@pytest.mark.parametrize("first_step", [1, 63, 64, 130])
def test_batches_do_not_depend_on_where_the_reading_begins(sampling, first_step):
    settings = ls.SGD(lr=0.1, batch_size=5, sampling=sampling)
    whole = batch_indices(settings, 23, seed=2, replica=3, steps=210)
    part = batch_indices(settings, 23, seed=2, replica=3, first_step=first_step, steps=80)
    assert np.array_equal(part, whole[first_step : first_step + 80])


def test_normals_are_standard_and_do_not_depend_on_the_number_of_parameters(seed):
    few = gradient_normals(3, seed=seed, steps=2000)
    many = gradient_normals(50, seed=seed, steps=2000)
    assert np.array_equal(many[:, :3], few)
    assert abs(many.mean()) < 5 / np.sqrt(many.size)
    assert abs(many.var() - 1) < 5 * np.sqrt(2 / many.size)
    covariance = many.T @ many / 2000 - np.eye(50)
    assert np.abs(covariance).max() < 7 * np.sqrt(2 / 2000)
    assert stats.kstest(many.ravel()[::7], "norm").pvalue > LEVEL


@pytest.mark.parametrize("sampling", ["without_replacement", "epochs"])
def test_a_batch_larger_than_the_data_is_refused(sampling):
    with pytest.raises(ls.InputError, match="batch_size = 8: must be at most 7 samples"):
        batches_of(sampling, 7, 8, 1, seed=0)


def test_orders_that_would_not_fit_the_memory_are_refused(monkeypatch):
    monkeypatch.setattr(training.batches, "ORDER_BYTES", 4 * 3 * 10)
    problem = ls.LinearRegression.from_data(np.ones((10, 1)), np.arange(10.0))
    settings = ls.SGD(lr=0.1, batch_size=4, sampling="epochs")
    assert training.run(problem, settings, replicas=3, steps=2).sizes["replica"] == 3
    with pytest.raises(
        ls.InputError, match="replicas = 4: at most 3 at a time for epochs of 10 samples"
    ):
        training.run(problem, settings, replicas=4, steps=2)
