"""Exact invariances of the perceptron: rescaling, rotation, order of the points, nothing but its
own replica.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_one_call import train_perceptrons_of

import langevin_sgd as ls

METHODS = ("plain", "accelerated", "auto")


def train(problem, lr, batch_size, **options):
    settings = ls.SGD(lr=lr, batch_size=batch_size, sampling="without_replacement")
    return train_perceptrons_of(
        problem, settings, **{"replicas": 2, "seed": 5, "max_steps": 20_000, **options}
    )


@given(
    st.sampled_from(METHODS), st.integers(-60, 60), st.integers(2, 60), st.integers(1, 6),
    st.floats(-0.4, 4.0),
    st.integers(1, 3), st.floats(1e-3, 3.0), st.floats(0.1, 4.0),
)  # fmt: skip
def test_lr_and_margin_scale_together(
    method, octaves, points, dimension, chi, batch_size, margin, lr
):
    """(lr, margin) -> 2^k (lr, margin): w -> 2^k w, t* -> 2^k t*, the same steps, bit for bit."""
    law = ls.data.DepletedSign(points=points, dimension=dimension, chi=chi)
    batch_size, factor = min(batch_size, points), 2.0**octaves
    one = train(ls.Perceptron(data=law, margin=margin), lr, batch_size, method=method)
    other = train(
        ls.Perceptron(data=law, margin=factor * margin), factor * lr, batch_size, method=method
    )
    for name in ("steps", "last_update_step", "updates", "visits", "unfit", "status"):
        assert np.array_equal(one[name], other[name])
    for name in ("final_weights", "t_star", "signal"):
        assert np.array_equal(factor * one[name], other[name])


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("chi", [-0.5, 0.0, 1.0])
def test_weights_and_time_at_zero_loss_are_a_matter_of_units(precision, method, chi):
    """To the end of training, with single precision too: delta = 1 and t* ~ T say nothing more."""
    engine = ls.training.PerceptronEngine(precision=precision, method=method)
    law, found = ls.data.DepletedSign(points=64, dimension=8, chi=chi), {}
    for factor in (1.0, 8.0):
        found[factor] = ls.training.run(
            ls.Perceptron(data=law, margin=factor / 64),
            ls.SGD(lr=factor, batch_size=1, sampling="without_replacement"),
            replicas=3,
            stop=ls.Stop(),
            seed=2,
            engine=engine,
        )
        assert (found[factor]["status"] == 0).all()
    assert np.array_equal(found[1.0]["visits"], found[8.0]["visits"])
    for name in ("norm", "signal", "noise", "t_star"):
        assert np.array_equal(8 * found[1.0][name], found[8.0][name])


@given(st.integers(0, 2**32), st.integers(2, 30), st.integers(1, 6))
def test_gradient_descent_turns_with_the_points(seed, points, dimension):
    generator = np.random.default_rng(seed)
    X, y = ls.data.DepletedSign(points=points, dimension=dimension, chi=2.0).sample(seed)
    rotation = np.linalg.qr(generator.normal(size=(dimension, dimension)))[0]
    order = generator.permutation(points)
    one = train(ls.Perceptron.from_data(X, y, margin=0.3), 1.0, points)
    turned = ls.Perceptron.from_data((X @ rotation)[order], y[order], margin=0.3)
    other = train(turned, 1.0, points)
    # A margin met to the last bit may be met one step earlier or later after a rotation.
    assert np.allclose(
        one["final_weights"].values @ rotation, other["final_weights"], rtol=1e-9, atol=1e-9
    )
    assert np.array_equal(one["steps"], other["steps"])


@pytest.mark.parametrize("method", METHODS)
def test_other_replicas_and_threads_do_not_matter(method, monkeypatch):
    problem = ls.Perceptron(data=ls.data.DepletedSign(points=200, dimension=8), margin=0.01)
    together = train(
        problem, 1.0, 2, replicas=7, method=method, max_steps=None, schedule=[10, 1000]
    )
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    assert together.identical(
        train(problem, 1.0, 2, replicas=7, method=method, max_steps=None, schedule=[10, 1000])
    )
    alone = train(
        problem,
        1.0,
        2,
        replicas=1,
        first_replica=4,
        method=method,
        max_steps=None,
        schedule=[10, 1000],
    )
    assert alone.drop_attrs().identical(together.isel(replica=[4]).drop_attrs())
