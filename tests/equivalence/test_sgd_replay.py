"""The compiled SGD on the same batches and the same noise as other code: torch.optim.SGD, and the
update in NumPy.
"""

import numpy as np
import pytest
import torch

import langevin_sgd as ls
from langevin_sgd import training
from langevin_sgd.covariance import covariance_root
from langevin_sgd.simulation import memory, trajectories
from langevin_sgd.training.batches import batch_indices, gradient_normals

STEPS = 41
EVERY = np.arange(STEPS + 1)
SAMPLINGS = ("with_replacement", "without_replacement", "epochs")
OPTIONS = [
    {},
    {"momentum": 0.9},
    {"momentum": 0.9, "weight_decay": 0.3},
    {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
    {"momentum": 0.7, "dampening": 0.4, "weight_decay": 0.2},
    {"weight_decay": 0.5, "dampening": 0.4},
]


def regression(samples=29, parameters=11):
    generator = np.random.default_rng(3)
    X = generator.normal(size=(samples, parameters)) * np.geomspace(1, 0.1, parameters)
    return ls.LinearRegression.from_data(
        X, X @ generator.normal(size=parameters) + generator.normal(size=samples)
    )


def path(problem, settings, **arguments):
    run = training.run(
        problem,
        settings,
        steps=STEPS,
        record=ls.record.states(),
        schedule=EVERY,
        **{"seed": 5, **arguments},
    )
    return run["position"].values, run["velocity"].values


def torch_path(problem, settings, batches, start, first_buffer=None):
    """Positions and buffers of torch.optim.SGD, autograd and all."""
    X, y = torch.from_numpy(problem.X), torch.from_numpy(problem.y)
    theta = torch.tensor(start, requires_grad=True)
    options = settings.to_dict()
    optimizer = torch.optim.SGD(
        [theta],
        **{
            name: options[name]
            for name in ("lr", "momentum", "weight_decay", "dampening", "nesterov")
        },
    )
    if first_buffer is not None:
        optimizer.state[theta]["momentum_buffer"] = torch.tensor(first_buffer)
    positions, buffers = [start], []
    for batch in batches:
        chosen = torch.from_numpy(batch[batch >= 0])
        optimizer.zero_grad()
        (0.5 * torch.mean((X[chosen] @ theta - y[chosen]) ** 2)).backward()
        optimizer.step()
        positions.append(theta.detach().numpy().copy())
        if settings.momentum:
            buffers.append(optimizer.state[theta]["momentum_buffer"].numpy().copy())
    return np.array(positions), np.array(buffers)


def assert_equal_to_rounding(found, expected):
    assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_equals_torch_on_the_same_batches(options, sampling):
    problem = regression()
    settings = ls.SGD(lr=0.1, batch_size=6, sampling=sampling, **options)
    start = np.random.default_rng(0).normal(size=11)
    position, velocity = path(problem, settings, start=start, first_replica=2)
    batches = batch_indices(settings, 29, seed=5, replica=2, steps=STEPS)
    expected, buffers = torch_path(problem, settings, batches, start)
    assert_equal_to_rounding(position[:, 0], expected)
    if settings.momentum:
        assert_equal_to_rounding(velocity[1:, 0], -buffers)
    other = batch_indices(settings, 29, seed=6, replica=2, steps=STEPS)
    assert np.abs(position[:, 0] - torch_path(problem, settings, other, start)[0]).max() > 1e-3


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 5, 29])
def test_every_batch_size_equals_torch(batch_size):
    problem, start = regression(), np.zeros(11)
    settings = ls.SGD(lr=0.02, batch_size=batch_size, momentum=0.9, sampling="epochs")
    batches = batch_indices(settings, 29, seed=5, steps=STEPS)
    assert_equal_to_rounding(
        path(problem, settings)[0][:, 0], torch_path(problem, settings, batches, start)[0]
    )


def test_a_given_velocity_is_a_buffer_that_exists():
    """With a buffer from the start PyTorch damps the first gradient too."""
    problem, start = regression(), np.zeros(11)
    settings = ls.SGD(lr=0.1, batch_size=6, momentum=0.7, dampening=0.4)
    batches = batch_indices(settings, 29, seed=5, steps=STEPS)
    velocity = np.random.default_rng(1).normal(size=11)
    expected = torch_path(problem, settings, batches, start, first_buffer=-velocity)[0]
    assert_equal_to_rounding(path(problem, settings, start=(start, velocity))[0][:, 0], expected)
    at_rest = torch_path(problem, settings, batches, start, first_buffer=0 * velocity)[0]
    assert_equal_to_rounding(path(problem, settings, start=(start, 0 * velocity))[0][:, 0], at_rest)
    assert np.abs(path(problem, settings)[0][:, 0] - at_rest).max() > 1e-3


def random_matrices(parameters):
    generator = np.random.default_rng(4)
    factors = generator.normal(size=(2, parameters, parameters))
    return factors @ factors.transpose(0, 2, 1) / parameters


@pytest.mark.parametrize("options", OPTIONS)
def test_additive_noise_equals_numpy(options):
    """Dense matrices, and diagonal ones by the fast path, against the update written out in
    NumPy.
    """
    hessian, covariance = random_matrices(5)
    settings = ls.SGD(lr=0.1, batch_size=3, **options)
    normals = gradient_normals(5, seed=5, replica=1, steps=STEPS)
    cases = [
        (hessian, covariance, covariance_root(covariance) / np.sqrt(3)),
        (
            np.diag(np.diag(hessian)),
            np.diag(np.diag(covariance)),
            np.diag(np.sqrt(np.diag(covariance) / 3)),
        ),
    ]
    for curvature, noise, factor in cases:
        problem = ls.LinearRegression(
            hessian=curvature, minimiser=np.arange(5.0), noise_covariance=noise
        )
        theta, velocity, expected = np.zeros(5), np.zeros(5), [np.zeros(5)]
        for step, normal in enumerate(normals):
            slope = (
                curvature @ (theta - problem.minimiser)
                + factor @ normal
                + settings.weight_decay * theta
            )
            damping = settings.dampening if step and settings.momentum else 0.0
            velocity = settings.momentum * velocity - (1 - damping) * slope
            theta = theta + settings.lr * (
                settings.momentum * velocity - slope if settings.nesterov else velocity
            )
            expected.append(theta)
        assert_equal_to_rounding(
            path(problem, settings, first_replica=1)[0][:, 0], np.array(expected)
        )


PROBLEMS = [
    (regression(), {"sampling": "with_replacement"}),
    (regression(), {"sampling": "without_replacement"}),
    (regression(), {"sampling": "epochs"}),
    (ls.LinearRegression.from_spectrum([1.0, 0.5, 0.1]), {}),
    (regression().with_hessian_noise(), {}),
]


@pytest.mark.parametrize(("problem", "options"), PROBLEMS)
def test_same_bits_however_the_run_is_cut(problem, options, monkeypatch):
    """Threads, replicas beside, chunks, and room for snapshots leave every bit as it is."""
    settings = ls.SGD(lr=0.05, batch_size=4, momentum=0.9, **options)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    whole = path(problem, settings, replicas=37)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    assert np.array_equal(path(problem, settings, replicas=37), whole)
    monkeypatch.setattr(training.linear_regression, "PIECES", 5)
    assert np.array_equal(path(problem, settings, replicas=37), whole)
    alone = path(problem, settings, replicas=2, first_replica=20)
    assert np.array_equal(alone, [part[:, 20:22] for part in whole])
    monkeypatch.setattr(trajectories, "CHUNK_SECONDS", 0.0)
    assert np.array_equal(path(problem, settings, replicas=37), whole)
    monkeypatch.setattr(memory, "BUFFER_BYTES", 1)
    assert np.array_equal(path(problem, settings, replicas=37), whole)
    assert not np.array_equal(path(problem, settings, replicas=37, seed=6), whole)
