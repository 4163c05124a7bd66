"""Scales of fully connected networks at the start, from the definition and by their size in wide
networks.
"""

import math

import numpy as np
import pytest
import torch

from langevin_sgd.models.networks import FullyConnected

MEAN_SQUARE = {"relu": 1 / 2, "gelu": 0.42522148, "linear": 1.0}
"""E phi(z)^2; that of gelu by quadrature in `test_mean_squares_of_activations`."""


def phi(z, activation):
    if activation == "relu":
        return np.maximum(z, 0)
    return (
        z * np.array([(1 + math.erf(x / math.sqrt(2))) / 2 for x in z.ravel()]).reshape(z.shape)
        if activation == "gelu"
        else z
    )


@pytest.mark.parametrize("activation", MEAN_SQUARE)
def test_mean_squares_of_activations(activation):
    z = np.linspace(-12, 12, 20_001)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    assert float((phi(z, activation) ** 2 * density).sum()) == pytest.approx(
        MEAN_SQUARE[activation], abs=1e-6
    )


@pytest.mark.parametrize("activation", MEAN_SQUARE)
@pytest.mark.parametrize("scaling", ["mean_field", "ntk"])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_outputs_are_those_of_the_definition(activation, scaling, depth):
    """z = W a / sqrt(fan_in), a = phi(z) / sqrt(E phi^2), f = w.a / h or w.a / sqrt(h), layer by
    layer.
    """
    network = FullyConnected(
        dimension=5, width=9, depth=depth, activation=activation, output_scaling=scaling
    )
    X = np.random.default_rng(0).normal(size=(4, 5))
    *hidden, last = network.initial_weights(3, 2)
    a = X
    for w in hidden:
        a = phi(a @ w / math.sqrt(len(w)), activation) / math.sqrt(MEAN_SQUARE[activation])
    expected = a @ last[:, 0] / (9 if scaling == "mean_field" else 3)
    found = network.module(3, 2, precision="float64")(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    stacked = (
        network.replicas([(3, 2)], torch.float64).outputs(torch.from_numpy(X)[None])[0].numpy()
    )
    np.testing.assert_allclose(stacked, expected, rtol=1e-5)


def test_weights_are_standard_normals():
    """Mean, variance, fourth moment and independence of layers and replicas, within 6 standard
    errors.
    """
    network = FullyConnected(dimension=40, width=50, depth=2)
    draws = [network.initial_weights(1, r) for r in range(4)]
    for layer in range(3):
        w = np.stack([one[layer] for one in draws])
        numbers = w.ravel()
        error = 6 / math.sqrt(numbers.size)
        assert abs(numbers.mean()) < error
        assert abs((numbers**2).mean() - 1) < error * math.sqrt(2)
        assert abs((numbers**4).mean() - 3) < error * math.sqrt(96)
        assert abs((w[0] * w[1]).mean()) < 6 / math.sqrt(w[0].size)
    assert abs((draws[0][0] * draws[0][1][:40]).mean()) < 6 / math.sqrt(2000)
