"""Velocities of networks: what momentum keeps of a step, noise included, step by step."""

import numpy as np
import pytest
from in_one_call import train_networks_of

from langevin_sgd.models.networks import FullyConnected, OwnNetwork

pytestmark = pytest.mark.usefixtures("one_torch_thread")

LR, MOMENTUM = 0.3, 0.8


def own():
    import torch

    return torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1))


NETWORKS = {
    "written": FullyConnected(dimension=4, width=7, depth=2, activation="gelu"),
    "frozen": FullyConnected(dimension=4, width=7, depth=2, activation="gelu", frozen=1),
    "own": OwnNetwork(build=own),
}


def train(network, noise, momentum, **options):
    X = np.random.default_rng(3).normal(size=(9, 4))
    data = X, np.where(X[:, 0] > 0, 1.0, -1.0)
    given = {
        "lr": LR,
        "batch_size": 3,
        "max_steps": 1,
        "loss": "square",
        "precision": "float64",
        "keep_weights": True,
    }
    runs = train_networks_of(
        NETWORKS[network], data, noise=noise, momentum=momentum, seed=5, **given, **options
    )
    return runs, runs["final_weights"].values


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("noise", ["sgd", "minibatch_covariance", "isotropic"])
def test_a_velocity_holds_all_of_a_step(noise, network):
    """The weights move by lr times the velocity; the next step keeps `momentum` of it and adds the
    same kick.
    """
    begin, start = train(network, noise, 1e-9, replicas=3, alpha=2.0)
    first, weights = train(network, noise, MOMENTUM, replicas=3, alpha=2.0)
    np.testing.assert_allclose(
        weights, start, rtol=1e-12
    )  # momentum does nothing in the first step
    velocity = first["final_velocity"].values
    np.testing.assert_allclose(begin["final_velocity"], velocity, rtol=1e-12)
    second, moved = train(network, noise, MOMENTUM, start=first, replicas=3, alpha=2.0)
    _, kicked = train(network, noise, 0.0, start=first, replicas=3, alpha=2.0)
    np.testing.assert_allclose(moved - kicked, LR * MOMENTUM * velocity, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        LR * second["final_velocity"].values, moved - weights, rtol=1e-9, atol=1e-12
    )
    assert np.abs(velocity[0] - velocity[1]).max() > 1e-3  # replicas have kicks of their own
