"""Homogeneous networks: the scale of the initial weights is the same thing as alpha and the
learning rate.

With f(lambda w) = lambda^L f(w), SGD from w0 = lambda u0 with (alpha, lr) is, step by step and
batch by batch, SGD from u0 with (alpha lambda^L, lr lambda^(L-2)) and w = lambda u: derived from
grad f(lambda u) = lambda^(L-1) grad f(u). Momentum and Langevin noise, whose steps are combinations
of the same gradients or scale as they do, keep that. This is behind T ~ alpha^((D-1)/(D+1)) of
Sclocchi, Geiger and Wyart, arXiv 2301.13703.
"""

import numpy as np
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from in_one_call import train_networks_of

from langevin_sgd.models.networks import FullyConnected
from langevin_sgd.simulation.status import Status


class Scaled(FullyConnected):
    """The same network from larger or smaller initial weights."""

    factor = 1.0

    def initial_weights(self, seed, replica=0):
        return [self.factor * w for w in super().initial_weights(seed, replica)]


def scaled(factor, **shape):
    made = Scaled(**shape)
    object.__setattr__(made, "factor", factor)
    return made


def points(seed):
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(20, 4))
    return X, np.where(X[:, 0] > 0.1 * X[:, 1], 1.0, -1.0)


def train(network, seed, alpha, lr, **options):
    return train_networks_of(
        network, points(seed), alpha=alpha, lr=lr, batch_size=3, max_steps=100, seed=seed,
        precision="float64",
        keep_weights=True, **options,
    )  # fmt: skip


@hypothesis_settings(max_examples=40)
@given(
    st.integers(1, 4), st.sampled_from(["relu", "linear"]), st.sampled_from([0.5, 2.0, 4.0]),
    st.integers(0, 2**32),
    st.floats(0.2, 5.0), st.floats(0.05, 0.5), st.booleans(),
    st.sampled_from([{}, {"momentum": 0.7}, {"noise": "minibatch_covariance"},
        {"noise": "isotropic"}]),
)  # fmt: skip
def test_initial_scale_alpha_and_learning_rate(
    depth, activation, factor, seed, alpha, lr, odd, way
):
    factor = 1.1 * factor if odd else factor
    shape = {"dimension": 4, "width": 6, "depth": depth, "activation": activation}
    degree = FullyConnected(**shape).degree
    one = train(scaled(factor, **shape), seed, alpha, lr, **way)
    other = train(
        FullyConnected(**shape), seed, alpha * factor**degree, lr * factor ** (degree - 2), **way
    )
    assert one["status"].equals(other["status"])
    if int(one["status"][0]) in (Status.FINISHED, Status.STEP_LIMIT):
        # The hinge has an edge: rounding of one margin, met once in about 1e10 points, would part
        # the two.
        np.testing.assert_allclose(
            one["final_weights"], factor * other["final_weights"], rtol=1e-9, atol=1e-9
        )
        assert one["last_update_step"].equals(other["last_update_step"])


def test_a_wrong_exponent_is_seen():
    shape = {"dimension": 4, "width": 6, "depth": 2}
    one = train(scaled(2.0, **shape), 1, 1.0, 0.3)
    other = train(FullyConnected(**shape), 1, 8.0, 0.3)
    assert np.abs(one["final_weights"] - 2 * other["final_weights"]).max() > 1e-2


@hypothesis_settings(max_examples=20)
@given(st.integers(1, 3), st.floats(0.3, 3.0), st.integers(0, 2**32))
def test_outputs_are_homogeneous(depth, factor, seed):
    shape = {"dimension": 4, "width": 6, "depth": depth}
    x = torch.from_numpy(points(seed)[0])[None]
    one, other = (
        n.replicas([(seed, 0)], torch.float64).outputs(x)
        for n in (scaled(factor, **shape), scaled(1.0, **shape))
    )
    torch.testing.assert_close(one, factor ** (depth + 1) * other, rtol=1e-12, atol=1e-14)
