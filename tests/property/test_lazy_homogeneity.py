"""Linear models: learning rate and margin multiplied by one number multiply weights and times by
it, and change nothing else.

Where f - f0 is linear in w - w0 the gradients of unfit points do not depend on the weights, and a
point is fit where y (f - f0) >= 1/alpha. SGD with (lr, 1/alpha) times c therefore takes the same
steps, with w - w0 times c, batch by batch (derived). Of lazy networks, the limit, follow delta = 1,
t* ~ T, signal and noise ~ T far above the margin, weights ~ lr at B = P, and a change of the kernel
~ T and ~ 1/alpha at fixed T alpha: they say nothing about data or noise, and are no claims.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from in_one_call import train_networks_of

from langevin_sgd.models.networks import FullyConnected, random_features
from langevin_sgd.simulation.status import Status
from langevin_sgd.training.observables import KernelChange


def points(seed):
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(20, 4))
    y = np.where(X[:, 0] > 0.1 * X[:, 1], 1.0, -1.0)
    return X, y, X, y


def train(network, seed, alpha, lr, batch_size=3, **options):
    return train_networks_of(
        network, points(seed), alpha=alpha, lr=lr, batch_size=batch_size, max_steps=4000, seed=seed,
        precision="float64", keep_weights=True, **options,
    )  # fmt: skip


def moved(result, network, seed):
    """Change of the trained weights, those of the last layer."""
    return result["final_weights"].values.ravel() - network.initial_weights(seed, 0)[-1].ravel()


@hypothesis_settings(max_examples=30)
@given(
    st.sampled_from([0.25, 2.0, 8.0, 3.0]), st.integers(0, 2**32),
    st.floats(0.5, 50.0), st.floats(0.05, 0.5), st.sampled_from([1, 3, 20]),
    st.sampled_from([{}, {"momentum": 0.7}, {"noise": "minibatch_covariance"}]),
)  # fmt: skip
def test_random_features_take_the_same_steps(factor, seed, alpha, lr, batch_size, way):
    """At every lr alpha, high or low; to rounding, of weights that carry w0 with them."""
    network = random_features(4, 64)
    one = train(network, seed, alpha, lr, batch_size, **way)
    other = train(network, seed, alpha / factor, lr * factor, batch_size, **way)
    assert one["status"].equals(other["status"])
    assert one["last_update_step"].equals(other["last_update_step"])
    if int(one["status"][0]) == Status.FINISHED:
        np.testing.assert_allclose(
            moved(other, network, seed), factor * moved(one, network, seed), rtol=1e-9, atol=1e-10
        )
        for name in ("t_star", "weight_change"):
            np.testing.assert_allclose(other[name], factor * one[name], rtol=1e-9)


def test_a_margin_that_stays_is_seen():
    """Not so if the learning rate alone is multiplied, or by another number than the margin."""
    network = random_features(4, 64)
    here = train(network, 3, 8.0, 0.2)
    for alpha in (8.0, 8.0 / 2.1):
        there = train(network, 3, alpha, 0.4)
        ratio = float(there["weight_change"][0] / here["weight_change"][0])
        assert abs(ratio - 2.0) > 1e-3


def lazy(alpha, lr, batch_size=3):
    network = FullyConnected(dimension=4, width=16, depth=2, activation="gelu")
    change = KernelChange(points=16)
    result = train(network, 5, alpha, lr, batch_size, record=(change,))
    assert int(result["status"][0]) == Status.FINISHED
    names = ("t_star", "weight_change", "kernel_change")
    return np.array([float(result[name][0]) for name in names])


@pytest.mark.parametrize("batch_size", [3, 20])
def test_lazy_networks_do_so_in_the_limit(batch_size):
    """Of order 1/alpha is left out: time, weights and kernel go as 1/alpha at lr alpha = const,
    to twice as many digits with alpha twice as many octaves.
    """
    for octaves, left in ((12, 3e-2), (20, 1e-4)):
        here = lazy(2.0**octaves, 300 * 2.0**-octaves, batch_size)
        there = lazy(2.0 ** (octaves - 1), 600 * 2.0**-octaves, batch_size)
        np.testing.assert_allclose(there / here, 2.0, rtol=left)
    early = lazy(2.0, 150.0 / 64, batch_size)
    assert np.abs(early / lazy(1.0, 150.0 / 32, batch_size) * 2.0 - 1).max() > 0.01  # not lazy
