"""Exact minibatch moments against the enumeration of every batch, and against real SGD."""

import itertools

import numpy as np
import pytest

from langevin_sgd import SGD, InputError, LinearRegression
from langevin_sgd.theory import DiscreteLaw, Gaussian, largest_stable_lr
from langevin_sgd.theory.stability import largest_stable_stiffness, noise_feedback

SAMPLES = 6


def small_problem(samples=SAMPLES):
    rng = np.random.default_rng(3)
    return LinearRegression.from_data(rng.normal(size=(samples, 2)), rng.normal(size=samples))


def batch_maps(problem, settings):
    """The affine map of (theta, v, 1) of every batch that can be drawn, from the update rule."""
    size, lr, beta, decay = (
        settings.batch_size,
        settings.lr,
        settings.momentum,
        settings.weight_decay,
    )
    keep = 1 - settings.dampening
    if settings.sampling == "with_replacement":
        batches = itertools.product(range(problem.samples), repeat=size)
    else:
        batches = itertools.combinations(range(problem.samples), size)
    maps = []
    for batch in map(list, batches):
        inputs, targets = problem.X[batch], problem.y[batch]
        pull = np.hstack([inputs.T @ inputs / size + decay * np.eye(2), np.zeros((2, 2))])
        push = -inputs.T @ targets[:, None] / size
        gradient = np.hstack([pull, push])
        velocity = (
            np.hstack([np.zeros((2, 2)), beta * np.eye(2), np.zeros((2, 1))]) - keep * gradient
        )
        step = beta * velocity - gradient if settings.nesterov else velocity
        position = np.eye(2, 5) + lr * step
        maps.append(np.vstack([position, velocity, np.eye(5)[4]]))
    return maps


SETTINGS = [
    SGD(lr=0.05, batch_size=2, momentum=0.8, weight_decay=0.1),
    SGD(lr=0.1, batch_size=1),
    SGD(
        lr=0.05,
        batch_size=2,
        momentum=0.8,
        weight_decay=0.1,
        sampling="without_replacement",
        nesterov=True,
    ),
    SGD(lr=0.1, batch_size=3, momentum=0.5, sampling="without_replacement"),
    SGD(lr=0.05, batch_size=2, momentum=0.8, weight_decay=0.1, dampening=0.3),
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_moments_are_the_average_over_all_batches(settings):
    problem = small_problem()
    first = Gaussian(np.arange(4.0) / 3, np.diag([1.0, 2, 3, 4]) + 0.3)
    law = DiscreteLaw(problem, settings, noise="minibatch", start=first)
    maps = batch_maps(problem, settings)
    state = np.append(first.mean, 1.0)
    second = np.outer(state, state)
    second[:4, :4] += first.covariance
    times = np.arange(6)
    means, covariances = law.mean(times), law.covariance(times)
    for step in times:
        mean = second[:4, 4]
        np.testing.assert_allclose(means[step], mean, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(
            covariances[step], second[:4, :4] - np.outer(mean, mean), rtol=1e-10, atol=1e-14
        )
        second = np.mean([one @ second @ one.T for one in maps], axis=0)
    own = np.einsum("il,tij,jl->tl", law.modes.vectors, covariances[:, 2:, :2], law.modes.vectors)
    np.testing.assert_allclose(law.mode_covariance(times)[..., 1, 0], own, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("settings", SETTINGS)
def test_stationary_law_is_the_fixed_point_of_the_enumerated_map(settings):
    problem = small_problem()
    law = DiscreteLaw(problem, settings, noise="minibatch")
    maps = batch_maps(problem, settings)
    transfer = np.mean([np.kron(one, one) for one in maps], axis=0)
    # The eigenvector at eigenvalue one, normalised to second moment one of the constant component.
    values, vectors = np.linalg.eig(transfer)
    fixed = vectors[:, np.argmin(np.abs(values - 1))].real.reshape(5, 5)
    fixed /= fixed[4, 4]
    mean = fixed[:4, 4]
    covariance = fixed[:4, :4] - np.outer(mean, mean)
    gaussian = law.stationary()
    np.testing.assert_allclose(gaussian.mean, mean, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        gaussian.covariance, covariance, rtol=1e-8, atol=1e-10 * covariance.max()
    )
    one_step = np.mean(maps, axis=0)[:4, :4]
    lagged = [np.linalg.matrix_power(one_step, lag) @ covariance for lag in (0, 1, 9)]
    np.testing.assert_allclose(
        law.autocovariance([0, 1, 9]), lagged, rtol=1e-7, atol=1e-9 * covariance.max()
    )
    displacement = [2 * np.trace((covariance - late)[:2, :2]) for late in lagged]
    np.testing.assert_allclose(
        law.mean_square_displacement([0, 1, 9]), displacement, rtol=1e-7, atol=1e-14
    )


@pytest.mark.parametrize("settings", [SETTINGS[0], SETTINGS[1], SETTINGS[3]])
def test_mean_square_limit_is_where_the_enumerated_map_turns_unstable(settings):
    problem = small_problem()
    limit = largest_stable_lr(problem, settings)
    assert limit < settings.lr * largest_stable_stiffness(settings) / problem.eigenvalues[0]

    def radius(lr):
        at = SGD(**{**settings.to_dict(), "lr": lr})
        centred = [one[:4, :4] for one in batch_maps(problem, at)]
        return np.abs(
            np.linalg.eigvals(np.mean([np.kron(one, one) for one in centred], axis=0))
        ).max()

    assert radius(limit) == pytest.approx(1, abs=1e-8)
    assert radius(0.9 * limit) < 1 < radius(1.1 * limit)
    unstable = SGD(**{**settings.to_dict(), "lr": 1.05 * limit})
    assert noise_feedback(problem, unstable) > 1
    with pytest.raises(InputError, match="diverges in the mean square"):
        DiscreteLaw(problem, unstable, noise="minibatch").stationary()


def test_full_batches_make_no_noise():
    problem = small_problem()
    settings = SGD(lr=0.1, batch_size=SAMPLES, momentum=0.5, sampling="without_replacement")
    law = DiscreteLaw(problem, settings, noise="minibatch", start=np.ones(2))
    assert np.all(law.covariance(7) == 0)
    assert np.all(law.stationary().covariance == 0)
    assert largest_stable_lr(problem, settings) == pytest.approx(3 / problem.eigenvalues[0])


def test_real_sgd_follows_the_minibatch_law_and_not_additive_noise():
    """40 000 replicas; alarm below 1e-4 over all entries; the control is the law with frozen
    noise.
    """
    problem, replicas, steps = small_problem(10), 40_000, 30
    settings = SGD(lr=0.12, batch_size=2, momentum=0.5)
    rng = np.random.default_rng(8)
    theta, velocity = np.zeros((replicas, 2)), np.zeros((replicas, 2))
    for _ in range(steps):
        batch = rng.integers(10, size=(replicas, 2))
        inputs = problem.X[batch]
        error = np.einsum("rbp,rp->rb", inputs, theta) - problem.y[batch]
        velocity = 0.5 * velocity - np.einsum("rbp,rb->rp", inputs, error) / 2
        theta = theta + 0.12 * velocity
    states = np.hstack([theta, velocity])
    deviation = states - states.mean(axis=0)
    products = np.einsum("ri,rj->rij", deviation, deviation)
    error = products.std(axis=0) / np.sqrt(replicas)
    pull = {
        noise: np.abs(
            products.mean(axis=0) - DiscreteLaw(problem, settings, noise=noise).covariance(steps)
        )
        / error
        for noise in ("minibatch", "additive")
    }
    assert pull["minibatch"].max() < 4.8
    assert pull["additive"].max() > 10


def test_many_parameters_agree_with_the_recursion():
    rng = np.random.default_rng(1)
    problem = LinearRegression.from_data(rng.normal(size=(80, 25)), rng.normal(size=80))
    settings = SGD(lr=0.05, batch_size=4, momentum=0.6, weight_decay=0.05)
    law = DiscreteLaw(problem, settings, noise="minibatch")
    np.testing.assert_allclose(
        law.covariance(4000), law.stationary().covariance, rtol=1e-7, atol=1e-11
    )


def test_mean_square_stability_needs_data():
    with pytest.raises(InputError, match="needs data"):
        noise_feedback(LinearRegression.from_spectrum([1.0]), SGD(lr=0.1, batch_size=1))
