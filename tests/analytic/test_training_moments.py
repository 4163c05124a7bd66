"""Moments of real SGD: against the enumeration of all minibatches, and closed forms for additive
noise.

Thresholds are 5 standard errors. Each comparison is repeated with a wrong expectation, which must
be rejected.
"""

import itertools

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd import training

SIGMAS = 5.0


def far(samples, expected):
    """Whether means over the first axis are further from `expected` than chance allows,
    anywhere.
    """
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    return bool(np.any(np.abs(samples.mean(axis=0) - expected) > SIGMAS * error + 1e-13))


def products(states):
    return np.einsum("...i,...j->...ij", states, states)


# --- minibatches of data --------------------------------------------------------------------------

X = np.array([[1.0, 0.3], [-0.5, 0.8], [0.2, -1.1]])
Y = np.array([1.0, -2.0, 0.5])
STEPS = 4
SEQUENCES = {
    "with_replacement": list(
        itertools.product(itertools.product(range(3), repeat=2), repeat=STEPS)
    ),
    "without_replacement": list(
        itertools.product(itertools.combinations(range(3), 2), repeat=STEPS)
    ),
    "epochs": [
        (a[:2], a[2:], b[:2], b[2:])
        for a, b in itertools.product(itertools.permutations(range(3)), repeat=2)
    ],
}


def enumerated(sampling, settings):
    """State (theta, v) after all equally likely sequences of batches, (sequence, 4)."""
    states = []
    for sequence in SEQUENCES[sampling]:
        theta, velocity = np.zeros(2), np.zeros(2)
        for batch in map(list, sequence):
            slope = (
                X[batch].T @ (X[batch] @ theta - Y[batch]) / len(batch)
                + settings.weight_decay * theta
            )
            velocity = settings.momentum * velocity - slope
            theta = theta + settings.lr * velocity
        states.append([*theta, *velocity])
    return np.array(states)


@pytest.mark.parametrize("sampling", SEQUENCES)
def test_minibatch_moments_equal_the_enumeration_of_all_batches(sampling, seed):
    settings = ls.SGD(lr=0.3, batch_size=2, momentum=0.6, weight_decay=0.1, sampling=sampling)
    problem = ls.LinearRegression.from_data(X, Y)
    run = training.run(problem, settings, replicas=20_000, steps=STEPS, seed=seed)
    states = np.concatenate([run["final_position"].values, run["final_velocity"].values], axis=1)
    moments = {name: enumerated(name, settings) for name in SEQUENCES}
    assert not far(states, moments[sampling].mean(axis=0))
    assert not far(products(states), products(moments[sampling]).mean(axis=0))
    for other in set(SEQUENCES) - {sampling}:
        assert far(products(states), products(moments[other]).mean(axis=0))


# --- additive noise -------------------------------------------------------------------------------


def map_moments(problem, settings, steps):
    """Mean and covariance of (theta, v) after `steps` from rest at zero, by iterating the linear
    map of SGD.
    """
    size, lr = problem.parameters, settings.lr
    stiffness, identity = problem.hessian + settings.weight_decay * np.eye(size), np.eye(size)
    step = np.block([
        [identity - lr * stiffness, lr * settings.momentum * identity],
        [-stiffness, settings.momentum * identity],
    ])  # fmt: skip
    kick = np.vstack([lr * identity, identity])
    noise = kick @ problem.noise_covariance @ kick.T / settings.batch_size
    mean, covariance = np.zeros(2 * size), np.zeros((2 * size, 2 * size))
    for _ in range(steps):
        mean = step @ mean + kick @ problem.hessian @ problem.minimiser
        covariance = step @ covariance @ step.T + noise
    return mean, covariance


DENSE = ls.LinearRegression(
    hessian=np.array([[1.0, 0.3], [0.3, 0.5]]),
    minimiser=np.array([1.0, -2.0]),
    noise_covariance=np.array([[0.5, -0.4], [-0.4, 2.0]]),
)
DIAGONAL = ls.LinearRegression.from_spectrum(
    [2.0, 0.1], noise_scale=3.0, minimiser=np.array([1.0, -2.0])
)


@pytest.mark.parametrize("problem", [DENSE, DIAGONAL])
@pytest.mark.parametrize("steps", [1, 7, 200])
def test_additive_noise_has_the_moments_of_the_linear_map(problem, steps, seed):
    settings = ls.SGD(lr=0.2, batch_size=4, momentum=0.7, weight_decay=0.05)
    run = training.run(problem, settings, replicas=10_000, steps=steps, seed=seed)
    states = np.concatenate([run["final_position"].values, run["final_velocity"].values], axis=1)
    mean, covariance = map_moments(problem, settings, steps)
    assert not far(states, mean)
    assert not far(products(states - mean), covariance)
    assert far(products(states - mean), 0.8 * covariance)


def test_stationary_variance_of_one_mode(seed):
    """Closed form of the discrete map: lr q (1+m) / ((1-m) k (2(1+m) - lr k)), q = noise per step
    (derived).
    """
    settings = ls.SGD(lr=0.5, batch_size=2, momentum=0.5)
    run = training.run(
        ls.LinearRegression.from_spectrum([1.5]), settings, replicas=20_000, steps=100, seed=seed
    )
    q, k, m = 1.5 / 2, 1.5, 0.5
    exact = 0.5 * q * (1 + m) / ((1 - m) * k * (2 * (1 + m) - 0.5 * k))
    squares = run["final_position"].values[:, 0] ** 2
    assert not far(squares, exact)
    assert far(
        squares, exact * (1 - 0.5 * k / (2 * (1 + m)))
    )  # the SDE's variance, without the discrete correction


def test_two_thousand_modes(seed):
    """Diagonal problems of many modes: every mode has its stationary variance (plain SGD: lr q / (k
    (2 - lr k))).
    """
    values = np.arange(1.0, 2001.0) ** -0.5
    settings = ls.SGD(lr=0.5, batch_size=1)
    run = training.run(
        ls.LinearRegression.from_spectrum(values), settings, replicas=64, steps=800, seed=seed
    )
    normalised = run["final_position"].values ** 2 * (2 - 0.5 * values) / 0.5
    assert not far(normalised.mean(axis=1), 1.0)
    assert not far(normalised.ravel(), 1.0)


# --- what a run reports ---------------------------------------------------------------------------


def test_a_diverging_replica_is_stopped_and_reported():
    """Growth by -2 per step from 1: |theta| first exceeds 1e100 at step 333; a replica at the
    minimum stays there.
    """
    problem = ls.LinearRegression.from_spectrum([1.0], noise_scale=0.0)
    schedule = np.array([0, 1, 300, 332, 333, 340, 400])
    start = np.array([[0.0], [1.0]])
    run = training.run(
        problem, ls.SGD(lr=3.0, batch_size=1), replicas=2, steps=400, schedule=schedule, start=start
    )
    assert run["status"].values.tolist() == [ls.Status.FINISHED, ls.Status.DIVERGED]
    assert run["status"].attrs["flag_meanings"].split()[5] == "diverged"
    assert run["diverged_step"].values.tolist() == [-1, 333]
    moved = run["squared_displacement"].values
    assert np.array_equal(moved[:, 0], np.zeros(7))
    assert np.allclose(moved[:4, 1], ((-2.0) ** schedule[:4] - 1) ** 2, rtol=1e-12)
    assert np.isnan(moved[4:, 1]).all()
    assert np.isnan(run["final_position"].values[1, 0])
    assert np.isnan(run["final_velocity"].values[1, 0])


def test_infinite_numbers_are_a_divergence_too():
    problem = ls.LinearRegression.from_data(np.array([[1e80]]), np.array([1e300]))
    run = training.run(problem, ls.SGD(lr=1.0, batch_size=1), steps=3)
    assert run["status"].values.tolist() == [ls.Status.DIVERGED]
    assert run["diverged_step"].values.tolist() == [1]


def test_snapshots_are_those_of_the_schedule():
    """The velocity recorded with theta_k is the one that produced it: theta_k - theta_{k-1} = lr *
    v_k.
    """
    settings = ls.SGD(lr=0.2, batch_size=4, momentum=0.7)
    whole = training.run(
        DENSE,
        settings,
        replicas=3,
        steps=50,
        seed=1,
        record=ls.record.states(),
        schedule=np.arange(51),
    )
    position, velocity = whole["position"].values, whole["velocity"].values
    assert np.allclose(np.diff(position, axis=0), 0.2 * velocity[1:], atol=1e-14)
    some = training.run(
        DENSE,
        settings,
        replicas=3,
        steps=50,
        seed=1,
        record=ls.record.states(),
        schedule=np.array([3, 4, 17]),
    )
    assert np.array_equal(some["position"], position[[3, 4, 17]])
    assert np.array_equal(some["final_position"], position[50])
    assert ls.dataset.provenance(some)["seed"] == 1


def test_a_run_without_a_seed_can_be_repeated():
    settings = ls.SGD(lr=0.2, batch_size=4)
    run = training.run(DENSE, settings, steps=5)
    assert training.run(
        DENSE, settings, steps=5, seed=ls.dataset.provenance(run)["seed"]
    ).identical(run)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps = 0"),
        ({"replicas": 0}, "replicas = 0"),
        ({"first_replica": -1}, "first_replica = -1"),
        ({"seed": -1}, "seed = -1"),
        ({"start": np.zeros(3)}, r"start = \(3,\)"),
        ({"start": (np.zeros(2), np.full(2, np.nan))}, "start: velocity"),
        ({"schedule": [3, 2]}, "schedule"),
        ({"settings": ls.SGD(lr=0.1, batch_size=1, sampling="epochs")}, "sampling = 'epochs'"),
    ],
)
def test_bad_input_is_named_in_one_line(arguments, message):
    given = {"problem": DENSE, "settings": ls.SGD(lr=0.1, batch_size=1), "steps": 10, **arguments}
    with pytest.raises(ls.InputError, match=message) as caught:
        training.run(**given)
    assert "\n" not in str(caught.value)
