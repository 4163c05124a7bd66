"""What the claims about flat minima measure, on data made for it."""

import numpy as np
import pytest
import xarray as xr
from langevin_sgd.validation.flat_minima import (
    _minima,
    _search,
    alignment_bound,
    distance_to_threshold,
    sharpness_contest,
    stability_bound,
)

import langevin_sgd as ls
from langevin_sgd.theory.stability.edge import edge_lr
from langevin_sgd.theory.stability.minimum import InterpolatingMinimum

REPLICAS = 4


def kernels(case, over_the_edge):
    """Kernels at which the learning rate of a case is so many times the edge, (replica, n, n)."""
    features = np.random.default_rng(3).normal(size=(REPLICAS, _minima.POINTS, 60))
    raw = features @ features.transpose(0, 2, 1)
    edges = [edge_lr(InterpolatingMinimum(kernel=kernel), case.settings) for kernel in raw]
    return raw * (np.array(edges) * over_the_edge / case.lr)[:, None, None]


def made(over_the_edge=1.0, *, before=2.0, loss=1e-9):
    """Searches that end where lr is so many times the edge, having begun at `before`."""
    data = {}
    count = _minima.STAGES
    for case in _minima.CASES:
        moments = [kernels(case, before)] * count + [kernels(case, over_the_edge)] * 2
        residuals = np.random.default_rng(4).normal(size=(count + 2, REPLICAS, _minima.POINTS))
        rates = np.array([*(case.lr * np.arange(1, count + 1) / count), case.lr, case.lr])
        data[case.label] = xr.Dataset(
            {
                "kernel": (("moment", "replica", "point", "other_point"), np.array(moments)),
                "residual": (("moment", "replica", "point"), residuals),
                "loss": (("moment", "replica"), np.full((count + 2, REPLICAS), loss)),
                "lr": (("moment",), rates),
            }
        )
    return data


def test_the_distance_is_that_of_the_end():
    for ratio in (1.0, 1.3):
        data = made(ratio)
        for size in _minima.RATES:
            found = distance_to_threshold.mean_distance(data, size)
            assert found.value == pytest.approx(np.log(ratio), abs=1e-9)
            begun = distance_to_threshold.at_start(data, size)
            assert begun.value == pytest.approx(np.log(2), abs=1e-9)  # the placebo


def test_a_search_that_was_never_beyond_the_edge_says_nothing():
    """Nor does one that has not fitted its points. Control: one that was, and has."""
    assert _minima.not_stopped(made()) is None
    assert "never beyond" in _minima.not_stopped(made(before=0.5))
    for loss in (1.0, np.nan):
        assert "4 of 4 replicas" in _minima.not_stopped(made(loss=loss))


def test_a_replica_that_was_just_thrown_off_is_left_out_of_all_searches():
    """By its loss alone, in one search or in all."""
    data = made()
    one = data[_minima.CASES[2].label]
    one["loss"][-1, 1] = np.inf
    one["kernel"][-1, 1] = np.nan
    assert _minima.fitted(data).tolist() == [0, 2, 3]
    assert _minima.not_stopped(data) is None
    for case in _minima.CASES:
        np.testing.assert_allclose(_minima.distances(data, case, _minima.exact), 0, atol=1e-9)


def test_the_contest_is_won_by_who_is_nearest():
    """At 1.1 times the edge the exact theory is at ln 1.1; a rival that allows 1.1 times as much is
    right, one that allows half as much far off.
    """
    data = made(1.1)

    def allowing(factor):
        return lambda minimum, settings, residuals: factor * edge_lr(minimum, settings)

    far, right = (sharpness_contest.lead(data, allowing(factor)) for factor in (0.5, 1.1001))
    assert far.value == pytest.approx(np.log(np.log(2.2) / np.log(1.1)), abs=1e-6)
    assert right.value < -4
    silent = sharpness_contest.lead(
        data, lambda minimum, settings, residuals: None if settings.batch_size == 32 else 1.0
    )
    assert np.isfinite(silent.value)


def test_the_bound_is_judged_by_the_worst_search():
    data = made()
    one = _minima.CASES[0]
    before = stability_bound.worst(data).value
    sharper = data[one.label].copy()
    sharper["kernel"] = sharper["kernel"] * 50.0
    after = stability_bound.worst({**data, one.label: sharper}).value
    own = _minima.distances(data, one, _minima.of_frobenius)
    assert after == pytest.approx(np.log(50) + own.mean(), abs=1e-9)
    assert before < 0 < after


def test_slopes_of_the_alignment():
    """mu ~ n^-.3 h^.1 is read off."""
    data = {}
    for kind in alignment_bound.KINDS:
        for points, width in alignment_bound.sizes():
            mu = np.full((7, REPLICAS), points**-0.3 * width**0.1)
            mu *= np.exp(np.random.default_rng(0).normal(size=(7, REPLICAS)) / 10)
            data[alignment_bound.label(kind, points, width)] = xr.Dataset(
                {
                    "mu": (("moment", "replica"), mu),
                    "mu_0": (("replica",), np.full(REPLICAS, 1 / (points + width))),
                }
            )
    kind = "network"
    assert alignment_bound.slope(data, kind, "P").value == pytest.approx(-0.3, abs=1e-9)
    assert alignment_bound.slope(data, kind, "h").value == pytest.approx(0.1, abs=1e-9)
    least = alignment_bound.worst(data, kind).value
    assert least == pytest.approx(1 / (alignment_bound.POINTS[-1] + alignment_bound.MIDDLE))


def test_a_search_goes_on_where_it_was_and_kicks_once():
    """Stages are those of one run with the learning rates one after the other; the kick moves every
    weight by a part of itself.
    """
    data = ls.data.BinaryImages(name="digits", points=6)
    network = ls.models.networks.FullyConnected(dimension=64, width=3, depth=1)
    search = _search.Search(
        problem=ls.NetworkProblem(network, data, loss="square"),
        settings=ls.SGD(lr=0.02, batch_size=2, sampling="without_replacement"),
        stages=2,
        stage_steps=5,
        steps=7,
        kick=0.1,
        replicas=2,
        seed=4,
    )
    found = _search.find_minima.function(search)
    assert found["lr"].values.tolist() == [0.01, 0.02, 0.02, 0.02]
    last = None
    for place, (rate, steps, whole) in enumerate([(0.01, 5, 5), (0.02, 5, 10), (0.02, 7, 17)]):
        settings = ls.SGD(lr=rate, batch_size=2, sampling="without_replacement")
        last = _search._go_on(search, settings, steps, last)
        assert int(last["steps"].max()) == whole
        np.testing.assert_array_equal(found["kernel"].values[place], last["training_kernel"].values)
    kicked = _search._kicked(last, search)["final_weights"] / last["final_weights"] - 1
    assert 0.05 < float(kicked.std()) < 0.2
    still = _search._go_on(search, search.settings, 7, last)
    assert not np.array_equal(found["kernel"].values[-1], still["training_kernel"].values)


def test_isotropic_noise_is_that_of_its_trace():
    """Alignment of noise of covariance s^2 1 in the space of the weights, by a dense matrix."""
    data = ls.data.BinaryImages(name="digits", points=5)
    network = ls.models.networks.FullyConnected(
        dimension=64, width=2, depth=1, activation="linear", output_scaling="ntk"
    )
    course = alignment_bound.Course(
        problem=ls.NetworkProblem(network, data, loss="square"),
        settings=ls.SGD(lr=1e-9, batch_size=1, sampling="without_replacement"),
        schedule=(1,),
        replicas=1,
        seed=2,
    )
    found = alignment_bound.noise_along.function(course)
    X, y = data.sample(2, 0)[:2]
    module = network.module(2, 0, precision="float64").double()
    import torch

    rows = []
    for x in torch.from_numpy(np.asarray(X, dtype=float)):
        grads = torch.autograd.grad(module(x[None]).reshape(()), list(module.parameters()))
        rows.append(torch.cat([g.reshape(-1) for g in grads]).numpy())
    features, residuals = np.array(rows), -np.asarray(y, dtype=float)
    gradients = features * residuals[:, None]
    sigma = np.cov(gradients.T, bias=True)
    curvature = features.T @ features / len(y)
    count, loss = features.shape[1], (residuals**2).mean() / 2
    isotropic = np.trace(sigma) / count * np.eye(count)
    scale = 2 * loss * np.linalg.norm(curvature) ** 2
    assert found["isotropic"].item() == pytest.approx(np.trace(isotropic @ curvature) / scale)
    assert found["mu"].item() == pytest.approx(np.trace(sigma @ curvature) / scale, rel=1e-6)
    assert found["isotropic"].item() < 0.3 * found["mu"].item()  # control: not one and the same
