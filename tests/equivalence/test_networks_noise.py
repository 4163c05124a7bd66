"""Langevin noise of networks against the enumeration of all minibatches, by autograd."""

import itertools

import numpy as np
import pytest
import torch
from in_one_call import train_networks_of

import langevin_sgd as ls
from langevin_sgd.models.networks import FullyConnected, OwnNetwork
from langevin_sgd.training.networks.langevin_noise import AllPoints

pytestmark = pytest.mark.usefixtures("one_torch_thread")

POINTS, BATCH, LR, ALPHA = 5, 2, 0.7, 3.0
FITTED, STEP_LIMIT = ls.Status.FINISHED, ls.Status.STEP_LIMIT


class SameWeights(FullyConnected):
    """All replicas begin with the same weights."""

    def initial_weights(self, seed, replica=0):
        return super().initial_weights(seed, 0)


NETWORK = SameWeights(dimension=3, width=4, depth=1, activation="gelu")


def points(count=POINTS):
    X = np.random.default_rng(7).normal(size=(count, 3))
    return X, np.where(X[:, 0] + 0.3 * X[:, 1] > 0, 1.0, -1.0)


def gradients(network=NETWORK, seed=1):
    """Of the square loss at every point, at the initial weights, (point, parameter): autograd."""
    X, y = (torch.from_numpy(a) for a in points())
    module = network.module(seed, 0, precision="float64")
    f0 = module(X).detach()
    losses = (ALPHA * (module(X) - f0) - y) ** 2 / 2 / ALPHA
    rows = [
        torch.autograd.grad(loss, list(module.parameters()), retain_graph=True) for loss in losses
    ]
    return np.stack([torch.cat([g.reshape(-1) for g in row]).numpy() for row in rows])


def enumerated(sampling):
    """Mean and covariance of a step over all minibatches."""
    g = gradients()
    many = (
        itertools.combinations
        if sampling == "without_replacement"
        else (lambda a, n: itertools.product(a, repeat=n))
    )
    steps = np.array([-LR * g[list(batch)].mean(0) for batch in many(range(POINTS), BATCH)])
    return steps.mean(0), np.cov(steps.T, bias=True)


def one_step(replicas, *, noise, sampling="without_replacement", **changes):
    """Weights before a step, and what one step adds to them, (replica, parameter)."""
    options = {
        "lr": LR,
        "alpha": ALPHA,
        "loss": "square",
        "batch_size": BATCH,
        "max_steps": 1,
        "seed": 1,
        **changes,
    }
    runs = train_networks_of(
        NETWORK, points(), replicas=replicas, noise=noise, sampling=sampling, keep_weights=True,
        precision="float64",
        **options,
    )  # fmt: skip
    start = np.concatenate([w.ravel() for w in NETWORK.initial_weights(1)])
    return runs["final_weights"].values - start


@pytest.mark.parametrize("sampling", ["without_replacement", "with_replacement"])
def test_factors_span_the_covariance_of_all_minibatches(sampling, monkeypatch):
    """With unit vectors for normals, steps give a square root of the covariance: exact to
    rounding.
    """
    mean, covariance = enumerated(sampling)
    units = np.eye(POINTS)
    monkeypatch.setattr(AllPoints, "_normals", lambda self, members, count, step: units[members])
    root = one_step(POINTS, noise="minibatch_covariance", sampling=sampling) - mean
    np.testing.assert_allclose(root.T @ root, covariance, rtol=1e-11, atol=1e-14)
    other = "with_replacement" if sampling == "without_replacement" else "without_replacement"
    assert np.abs(root.T @ root - enumerated(other)[1]).max() > 0.2 * np.abs(covariance).max()


def test_steps_have_that_law():
    """Sample mean and covariance of many steps, within 5 standard errors; isotropic noise is told
    apart.
    """
    replicas = 4000
    mean, covariance = enumerated("without_replacement")
    right = one_step(replicas, noise="minibatch_covariance")
    errors = np.sqrt(
        (covariance**2 + np.outer(np.diag(covariance), np.diag(covariance))) / replicas
    )
    assert (
        np.abs(right.mean(0) - mean) < 5 * np.sqrt(np.diag(covariance) / replicas) + 1e-12
    ).all()
    assert (np.abs(np.cov(right.T) - covariance) < 5 * errors + 1e-12).all()
    round_ones = one_step(replicas, noise="isotropic")
    size = np.trace(covariance)
    assert (np.abs(round_ones.mean(0) - mean) < 5 * np.sqrt(size / len(mean) / replicas)).all()
    isotropic = size / len(mean) * np.eye(len(mean))
    errors = size / len(mean) * np.sqrt((1 + np.eye(len(mean))) / replicas)
    assert (np.abs(np.cov(round_ones.T) - isotropic) < 5 * errors).all()
    assert (np.abs(np.cov(right.T) - isotropic) > 5 * errors).any()  # control


@pytest.mark.filterwarnings(
    "ignore:build. makes modules of the same weights"
)  # those of NETWORK, by intent
def test_the_same_with_a_module_of_ones_own():
    def build():
        return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))

    options = {
        "lr": 0.3,
        "batch_size": 2,
        "max_steps": 3,
        "seed": 1,
        "replicas": 2,
        "precision": "float64",
    }
    for noise in ("minibatch_covariance", "isotropic"):
        runs = train_networks_of(
            OwnNetwork(build=build), points(), noise=noise, keep_weights=True, **options
        )
        assert np.isfinite(runs["final_weights"]).all()
        assert (runs["weight_change"] > 0).all()
    own = OwnNetwork(build=lambda: NETWORK.module(1, precision="float64"))
    for noise in ("minibatch_covariance", "isotropic"):
        given = {"noise": noise, "keep_weights": True, **options, "replicas": [0]}
        np.testing.assert_allclose(
            train_networks_of(own, points(), **given)["final_weights"],
            train_networks_of(NETWORK, points(), **given)["final_weights"],
            rtol=1e-10,
        )


@pytest.mark.parametrize("noise", ["minibatch_covariance", "isotropic"])
def test_batches_of_all_points_have_no_noise(noise):
    full = {"batch_size": POINTS, "max_steps": 20}
    np.testing.assert_allclose(
        one_step(2, noise=noise, **full), one_step(2, noise="sgd", **full), rtol=1e-10, atol=1e-13
    )


@pytest.mark.parametrize("noise", ["minibatch_covariance", "isotropic"])
def test_noise_is_a_function_of_seed_number_and_step(noise):
    """Not of who else is there, nor of how many steps are made or points there are at a time."""
    X, y = points(30)
    options = {
        "lr": 0.5,
        "batch_size": 3,
        "seed": 2,
        "noise": noise,
        "keep_weights": True,
        "precision": "float64",
    }
    network = FullyConnected(dimension=3, width=6, depth=2)
    many = train_networks_of(
        network, (X, y), replicas=10, points=[30, 20], max_steps=100, **options
    )
    for variant, r in ((0, 0), (1, 6)):
        count = (30, 20)[variant]
        alone = train_networks_of(
            network, (X, y), replicas=[r], points=count, max_steps=100, schedule=[7, 9], **options
        )
        np.testing.assert_allclose(
            alone["final_weights"][0], many["final_weights"][variant, r], rtol=1e-9, atol=1e-12
        )
    other = train_networks_of(
        network, (X, y), replicas=[0], points=30, max_steps=100, **{**options, "seed": 3}
    )
    assert np.abs(other["final_weights"][0] - many["final_weights"][0, 0]).max() > 1e-3


@pytest.mark.parametrize("noise", ["minibatch_covariance", "isotropic"])
def test_noise_ends_where_all_points_are_fitted(noise):
    X, y = points(30)
    network = FullyConnected(dimension=3, width=40, depth=1)
    options = {"lr": 10.0, "batch_size": 3, "seed": 2, "replicas": 6, "noise": noise}
    runs = train_networks_of(network, (X, y), max_steps=5000, keep_weights=True, **options)
    assert (runs["status"] == FITTED).all()
    assert (runs["unfit_fraction"] == 0).all()
    longest = int(np.argmax(runs["last_update_step"].values))
    last = int(runs["last_update_step"][longest])
    one_less = train_networks_of(network, (X, y), max_steps=last - 1, **options)
    assert int(one_less["status"][longest]) == STEP_LIMIT
    exact = train_networks_of(network, (X, y), max_steps=last, keep_weights=True, **options)
    assert (exact["status"] == FITTED).all()
    np.testing.assert_allclose(exact["final_weights"], runs["final_weights"], rtol=1e-6)


def test_epochs_have_no_langevin_noise():
    with pytest.raises(ls.InputError, match=r"^noise = .*independent batches"):
        train_networks_of(
            NETWORK,
            points(),
            lr=1.0,
            batch_size=2,
            max_steps=1,
            noise="isotropic",
            sampling="epochs",
        )
