"""Networks with momentum against ``torch.optim.SGD``, and when they end."""

import math

import numpy as np
import pytest
import torch
from in_one_call import train_networks_of

import langevin_sgd as ls
from langevin_sgd.models.networks import FullyConnected, OwnNetwork, random_features
from langevin_sgd.training.batches import batch_indices

pytestmark = pytest.mark.usefixtures("one_torch_thread")

NETWORK = FullyConnected(dimension=6, width=20, depth=2)
MOMENTUM = [0.0, 0.5, 0.9, 0.95]
NUMBER = 2
"""Of the replica."""
FITTED = ls.Status.FINISHED


def points(count=40, seed=2):
    X = np.random.default_rng(seed).normal(size=(count, 6))
    return X, np.where(X[:, 0] + 0.3 * X[:, 1] ** 2 > 0.2, 1.0, -1.0)


def module_of(network, seed, replica):
    given = {"precision": "float64"} if isinstance(network, FullyConnected) else {}
    return network.module(seed, replica, **given).double()


def alone(network, momentum, *, lr, steps, replica, alpha=2.0, seed=3):
    """Weights, PyTorch's momentum buffers, and the last step with an unfit point."""
    X, y = (torch.from_numpy(a) for a in points())
    module = module_of(network, seed, replica)
    trained = [p for p in module.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(trained, lr=lr, momentum=momentum)
    f0, last = module(X).detach().reshape(-1), 0
    settings = ls.SGD(lr=lr, batch_size=5, sampling="without_replacement")
    for step, batch in enumerate(
        batch_indices(settings, 40, seed=seed, replica=replica, steps=steps)
    ):
        optimiser.zero_grad()
        short = torch.relu(1 - y[batch] * alpha * (module(X[batch]).reshape(-1) - f0[batch]))
        last = step + 1 if bool(short.any()) else last
        (short / alpha).mean().backward()
        optimiser.step()
    buffers = [optimiser.state[p].get("momentum_buffer") for p in trained]
    return [p.detach() for p in trained], buffers, last


def flat(tensors):
    return torch.cat([t.reshape(-1) for t in tensors]).numpy()


def own():
    return torch.nn.Sequential(torch.nn.Linear(6, 9), torch.nn.Tanh(), torch.nn.Linear(9, 1))


NETWORKS = {
    "relu": NETWORK,
    "random_features": random_features(6, 30),
    "own": OwnNetwork(build=own),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_momentum_is_that_of_torch(name):
    """One momentum for each replica; the velocity is minus PyTorch's buffer."""
    network = NETWORKS[name]
    options = {
        "lr": 0.3,
        "alpha": 2.0,
        "batch_size": 5,
        "max_steps": 100,
        "seed": 3,
        "precision": "float64",
    }
    runs = train_networks_of(
        network, points(), momentum=MOMENTUM, replicas=[NUMBER], keep_weights=True, **options
    )
    for r, momentum in enumerate(MOMENTUM):
        weights, buffers, last = alone(network, momentum, lr=0.3, steps=100, replica=NUMBER)
        np.testing.assert_allclose(runs["final_weights"][r], flat(weights), rtol=1e-10, atol=1e-12)
        assert int(runs["last_update_step"][r]) == last
        if momentum:
            np.testing.assert_allclose(
                runs["final_velocity"][r], -flat(buffers), rtol=1e-9, atol=1e-12
            )
    weights, _, _ = alone(network, 0.8, lr=0.3, steps=100, replica=NUMBER)
    assert (
        np.abs(runs["final_weights"][2] - flat(weights)).max() > 1e-3
    )  # control: another momentum


def test_training_ends_once_the_velocity_has_faded():
    """No look finds a point unfit later, though the weights go on after the last step with an unfit
    point.
    """
    options = {
        "alpha": 3.0,
        "batch_size": 5,
        "seed": 3,
        "precision": "float64",
        "keep_weights": True,
        "lr": 0.5,
    }
    runs = train_networks_of(
        NETWORK, points(), momentum=[0.8, 0.95, 0.9], max_steps=20_000, replicas=[NUMBER], **options
    )
    assert (runs["status"] == FITTED).all()
    X, y = (torch.from_numpy(a) for a in points())
    for r, momentum in enumerate([0.8, 0.95, 0.9]):
        last, steps = int(runs["last_update_step"][r]), int(runs["steps"][r])
        assert steps - last >= 8 + math.log(np.finfo(float).eps) / math.log(momentum)
        assert float(runs["t_star"][r]) == 0.5 * last
        module, start = (module_of(NETWORK, 3, NUMBER) for _ in range(2))
        torch.nn.utils.vector_to_parameters(
            torch.from_numpy(runs["final_weights"].values[r].copy()), module.parameters()
        )
        assert bool((3.0 * y * (module(X) - start(X)) >= 1).all())
        one = {"replicas": [NUMBER], "momentum": momentum, **options}
        stopped = train_networks_of(NETWORK, points(), max_steps=last, **one)
        beyond = np.abs(runs["final_weights"][r] - stopped["final_weights"][0]).max()
        assert beyond > 1e-6
        later = train_networks_of(NETWORK, points(), max_steps=3000, start=stopped, **one)
        np.testing.assert_allclose(
            later["final_weights"][0], runs["final_weights"][r], rtol=1e-11, atol=1e-12
        )


def test_momentum_zero_is_plain_sgd():
    options = {
        "lr": 0.5,
        "alpha": 2.0,
        "batch_size": 5,
        "max_steps": 300,
        "seed": 3,
        "keep_weights": True,
    }
    plain = train_networks_of(NETWORK, points(), replicas=4, **options)
    mixed = train_networks_of(NETWORK, points(), momentum=[0.0, 0.9], replicas=4, **options)
    np.testing.assert_allclose(
        mixed["final_weights"][0], plain["final_weights"], rtol=1e-4, atol=1e-5
    )
    assert (mixed["final_velocity"][0] == 0).all()
    assert (mixed["final_velocity"][1] != 0).any("parameter").all()
    assert plain.identical(
        train_networks_of(NETWORK, points(), momentum=0.0, replicas=4, **options)
    )


def test_divergence_and_dead_networks_are_found_with_momentum():
    options = {"batch_size": 5, "max_steps": 3000, "seed": 1, "momentum": 0.9}
    deep = FullyConnected(dimension=6, width=20, depth=4)
    overflow = train_networks_of(deep, points(), lr=1e12, alpha=1e-9, **options)
    assert overflow["status"].values.tolist() == [ls.Status.DIVERGED]
    dead = train_networks_of(NETWORK, points(), lr=1e4, **options)
    assert dead["status"].values.tolist() == [ls.Status.STUCK]


@pytest.mark.parametrize("noise", ["minibatch_covariance", "isotropic"])
def test_langevin_noise_has_momentum_too(noise):
    """Without noise, which batches of all points have not, it is gradient descent with momentum."""
    options = {
        "lr": 0.5,
        "batch_size": 40,
        "max_steps": 60,
        "seed": 3,
        "precision": "float64",
        "momentum": 0.8,
    }
    options |= {"keep_weights": True, "replicas": 2}
    noisy, plain = (
        train_networks_of(NETWORK, points(), noise=kind, **options) for kind in (noise, "sgd")
    )
    for name in ("final_weights", "final_velocity"):
        np.testing.assert_allclose(noisy[name], plain[name], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("momentum", [1.0, -0.1, [0.5, math.nan]])
def test_bad_momentum_is_one_line(momentum):
    with pytest.raises(ls.InputError, match="momentum"):
        train_networks_of(NETWORK, points(), lr=0.1, batch_size=5, max_steps=10, momentum=momentum)
