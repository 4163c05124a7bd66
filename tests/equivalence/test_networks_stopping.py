"""When networks stop: exact times against a slow search, statuses, what is recorded, replicas that
leave the batch.
"""

import warnings

import numpy as np
import pytest
import torch
from in_one_call import train_networks_of

import langevin_sgd as ls
from langevin_sgd.models.networks import FullyConnected
from langevin_sgd.training.batches import batch_indices
from langevin_sgd.training.observables import KernelChange

pytestmark = pytest.mark.usefixtures("one_torch_thread")

NETWORK = FullyConnected(dimension=6, width=10, depth=2)
FITTED, STEP_LIMIT = ls.Status.FINISHED, ls.Status.STEP_LIMIT
DIVERGED, STUCK = ls.Status.DIVERGED, ls.Status.STUCK


def points(count=30, seed=2, dimension=6):
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(count, dimension))
    return X, np.where(X[:, 0] + 0.3 * X[:, 1] ** 2 > 0.2, 1.0, -1.0)


def slow_search(X, y, *, alpha, lr, batch_size, replica, seed, most):
    """First step after which all points are fitted: the whole training set is looked at after every
    step.
    """
    weights = [torch.from_numpy(w).requires_grad_() for w in NETWORK.initial_weights(seed, replica)]
    X, y = torch.from_numpy(X), torch.from_numpy(y)

    def f(x):
        for w, scale in zip(weights[:-1], NETWORK.scales[:-1], strict=True):
            x = torch.relu(scale * (x @ w))
        return NETWORK.scales[-1] * (x @ weights[-1])[:, 0]

    f0 = f(X).detach()
    settings = ls.SGD(lr=lr, batch_size=batch_size, sampling="without_replacement")
    for step, batch in enumerate(
        batch_indices(settings, len(X), seed=seed, replica=replica, steps=most)
    ):
        if bool((alpha * (f(X).detach() - f0) * y >= 1).all()):
            return step, [w.detach().numpy() for w in weights]
        margins = y[batch] * (f(X[batch]) - f0[batch])
        gradients = torch.autograd.grad(torch.relu(1 / alpha - margins).mean(), weights)
        with torch.no_grad():
            for w, gradient in zip(weights, gradients, strict=True):
                w -= lr * gradient
    raise AssertionError("not fitted")


def test_stopping_time_is_exact():
    X, y = points()
    alpha, lr, size = [1.0, 10.0, 300.0, 1.0], [1.0, 0.5, 2.0, 1.0], [4, 1, 4, 30]
    runs = train_networks_of(
        NETWORK, (X, y), alpha=alpha, lr=lr, batch_size=size, max_steps=20_000, seed=1,
        replicas=[3], precision="float64",
        keep_weights=True,
    )  # fmt: skip
    assert (runs["status"] == FITTED).all()
    assert (runs["unfit_fraction"] == 0).all()
    assert (runs["loss"] == 0).all()
    assert (runs["train_error"] == 0).all()
    for r in range(4):
        step, weights = slow_search(
            X,
            y,
            alpha=alpha[r],
            lr=lr[r],
            batch_size=size[r],
            replica=3,
            seed=1,
            most=int(runs["steps"][r]),
        )
        assert int(runs["last_update_step"][r]) == step
        assert float(runs["t_star"][r]) == lr[r] * step
        expected = np.concatenate([w.ravel() for w in weights])
        np.testing.assert_allclose(runs["final_weights"][r], expected, rtol=1e-8, atol=1e-9)
        start = np.concatenate([w.ravel() for w in NETWORK.initial_weights(1, 3)])
        change = np.linalg.norm(expected - start) / np.linalg.norm(start)
        assert float(runs["weight_change"][r]) == pytest.approx(change, rel=1e-8)


def test_divergence_is_a_status_and_never_a_number():
    X, y = points()
    deep = FullyConnected(dimension=6, width=10, depth=3)
    test = points(20, seed=3)
    runs = train_networks_of(
        deep, (X, y, *test), lr=[0.5, 1e5], alpha=1e-2, loss="square", batch_size=5, max_steps=300,
        seed=1,
        schedule=[0, 10, 200, 300], record=[KernelChange(points=4)], keep_weights=True,
    )  # fmt: skip
    assert runs["status"].values.tolist() == [STEP_LIMIT, DIVERGED]
    gone = runs.isel(variant=1)
    for name in (
        "t_star",
        "loss",
        "train_error",
        "test_loss",
        "test_error",
        "weight_change",
        "kernel_change",
    ):
        assert np.isnan(gone[name])
        assert np.isfinite(runs[name][0])
    assert np.isnan(gone["final_weights"]).all()
    assert np.isnan(gone["recorded_loss"][2:]).all()
    assert np.isfinite(runs["recorded_loss"][0]).all()


def test_hinge_that_overflows_does_not_look_fitted():
    X, y = points()
    deep = FullyConnected(dimension=6, width=10, depth=4)
    runs = train_networks_of(deep, (X, y), lr=1e12, alpha=1e-9, batch_size=5, max_steps=400, seed=1)
    assert runs["status"].values.tolist() == [DIVERGED]


def test_a_network_dead_at_its_unfit_points_is_given_up_and_a_slow_one_is_not():
    X, y = points()
    runs = train_networks_of(
        NETWORK,
        (X, y),
        lr=[1e4, 0.3, 1e-6],
        replicas=[1],
        batch_size=5,
        max_steps=1000,
        seed=1,
        precision="float64",
        keep_weights=True,
    )
    assert runs["status"].values.tolist() == [STUCK, FITTED, STEP_LIMIT]
    assert float(runs["unfit_fraction"][0]) > 0
    assert int(runs["steps"][0]) < 1000
    module = NETWORK.module(precision="float64")
    torch.nn.utils.vector_to_parameters(
        torch.from_numpy(runs["final_weights"].values[0].copy()), module.parameters()
    )
    rows = [
        torch.autograd.grad(f, list(module.parameters()), retain_graph=True)
        for f in module(torch.from_numpy(X))
    ]
    x = torch.from_numpy(X)
    margins = y * (module(x) - NETWORK.module(1, 1, precision="float64")(x)).detach().numpy()
    unfit = np.flatnonzero(margins < 1)
    assert len(unfit) > 0
    assert not any(g.any() for point in unfit for g in rows[point])


def test_step_limit_counts_as_censored():
    X, y = points()
    runs = train_networks_of(NETWORK, (X, y), lr=1e-4, batch_size=5, max_steps=70, seed=1)
    assert runs["status"].values.tolist() == [STEP_LIMIT]
    assert int(runs["steps"][0]) == 70
    assert float(runs["unfit_fraction"][0]) > 0


def test_replicas_that_leave_do_not_disturb_the_rest():
    """Many replicas of very different lengths give what each gives alone, to rounding; a repeated
    run every bit.
    """
    X, y = points(60)
    lr = np.geomspace(0.02, 3.0, 12)
    options = {
        "max_steps": 6000,
        "precision": "float64",
        "keep_weights": True,
        "batch_size": 4,
        "alpha": 3.0,
    }
    together = train_networks_of(NETWORK, (X, y), lr=lr, seed=4, schedule=[0, 100, 1000], **options)
    assert len(set(together["steps"].values.tolist())) > 4
    again = train_networks_of(NETWORK, (X, y), lr=lr, seed=4, schedule=[0, 100, 1000], **options)
    assert together.identical(again)
    for r in (0, 5, 11):
        one = train_networks_of(NETWORK, (X, y), lr=lr[r], seed=4, replicas=1, **options)
        assert int(one["last_update_step"][0]) == int(together["last_update_step"][r])
        np.testing.assert_allclose(
            one["final_weights"][0], together["final_weights"][r], rtol=1e-9, atol=1e-9
        )


def test_threads_do_not_matter(monkeypatch):
    law = ls.data.DepletedSign(points=40, dimension=6)
    options = {
        "lr": 1.0,
        "batch_size": 4,
        "max_steps": 500,
        "seed": 5,
        "replicas": 40,
        "alpha": 10.0,
    }
    two = train_networks_of(NETWORK, law, **options)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    assert two.identical(train_networks_of(NETWORK, law, **options))


def test_schedule_records_the_state_after_so_many_steps():
    X, y = points()
    options = {"lr": 0.5, "batch_size": 5, "seed": 6, "precision": "float64"}
    runs = train_networks_of(
        NETWORK, (X, y), max_steps=5000, schedule=[0, 17, 64, 100, 5000], **options
    )
    assert float(runs["recorded_loss"][0, 0]) == pytest.approx(1.0)
    assert float(runs["recorded_unfit_fraction"][0, 0]) == 1.0
    short = train_networks_of(NETWORK, (X, y), max_steps=17, **options)
    for name in ("loss", "unfit_fraction", "weight_change", "train_error"):
        assert float(runs[f"recorded_{name}"][1, 0]) == float(short[name][0])
        assert float(runs[f"recorded_{name}"][4, 0]) == float(runs[name][0])


def test_kernel_change_is_that_of_jacobians():
    X, y = points()
    runs = train_networks_of(
        NETWORK, (X, y, *points(9, seed=8)), lr=1.0, alpha=0.5, batch_size=5, max_steps=200, seed=6,
        record=[KernelChange(points=7)],
        precision="float64", keep_weights=True,
    )  # fmt: skip

    def kernel(weights):
        module = NETWORK.module(precision="float64")
        torch.nn.utils.vector_to_parameters(torch.from_numpy(weights), module.parameters())
        probe = torch.from_numpy(points(9, seed=8)[0][:7])
        rows = [
            torch.autograd.grad(f, list(module.parameters()), retain_graph=True)
            for f in module(probe)
        ]
        jacobian = torch.stack([torch.cat([g.reshape(-1) for g in row]) for row in rows])
        return jacobian @ jacobian.T

    start = kernel(np.concatenate([w.ravel() for w in NETWORK.initial_weights(6, 0)]))
    now = kernel(runs["final_weights"].values[0].copy())
    assert float(runs["kernel_change"][0]) == pytest.approx(
        float((now - start).norm() / start.norm()), rel=1e-9
    )


def test_large_alpha_in_float32_stops_or_warns():
    """Rounding of the margins depends on the batch; runs end all the same, unless the margin is
    lost in rounding.
    """
    X, y = points(100)
    wide = FullyConnected(dimension=6, width=40, depth=2)
    options = {"batch_size": 4, "max_steps": 30_000, "seed": 7, "replicas": 8}
    runs = train_networks_of(wide, (X, y), alpha=2.0**13, lr=0.1, **options)
    assert (runs["status"] == FITTED).all()
    with pytest.warns(UserWarning, match="use float64"):
        train_networks_of(NETWORK, (X, y), alpha=1e7, lr=0.1, batch_size=4, max_steps=10, seed=7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train_networks_of(
            NETWORK,
            (X, y),
            alpha=1e7,
            lr=0.1,
            batch_size=4,
            max_steps=10,
            seed=7,
            precision="float64",
        )


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("alpha", {"alpha": [1.0, -1.0]}),
        ("lr", {"lr": 0.0}),
        ("temperature_per_width", {"temperature_per_width": [1.0], "lr": [1.0]}),
        ("batch_size", {"batch_size": 31}),
        ("points", {"points": 31}),
        ("loss", {"loss": "hinged"}),
        ("vary", {"lr": [1.0, 2.0, 3.0], "alpha": [1.0, 2.0]}),
        ("device", {"device": "tpu"}),
        ("points", {"record": [KernelChange(points=31)]}),
        ("max_steps", {"max_steps": 0}),
        ("schedule", {"schedule": [5, 1000]}),
        ("dimension", {"network": FullyConnected(dimension=5, width=3)}),
        ("data", {"data": (np.ones((3, 6)), np.array([1, 0, 1]))}),
        ("seed", {"seed": -1}),
    ],
)
def test_bad_input_is_one_line(name, options):
    given = {
        "network": NETWORK,
        "data": points(),
        "lr": 0.1,
        "max_steps": 10,
        "seed": 1,
        "batch_size": 5,
        **options,
    }
    with pytest.raises(ls.InputError, match=name) as caught:
        train_networks_of(given.pop("network"), given.pop("data"), **given)
    assert "\n" not in str(caught.value)


def test_sets_of_a_law_lists_and_prefixes_are_the_same_thing():
    law = ls.data.BinaryImages(points=60, test_points=50)
    network = FullyConnected(dimension=64, width=8, depth=1)
    options = {"lr": 2.0, "batch_size": 4, "max_steps": 400, "seed": 9, "alpha": 4.0}
    runs = train_networks_of(network, law, replicas=2, points=[60, 25], **options)
    sets = [law.sample(9, number) for number in (0, 1)]
    fewer = [(X[:25], y[:25], *test) for X, y, *test in sets]
    problem = ls.NetworkProblem(network, sets, alpha=options["alpha"])
    settings = ls.SGD(lr=2.0, batch_size=4, sampling="without_replacement")
    listed = ls.training.run(
        problem, settings, replicas=2, seed=9, stop=ls.Stop(max_steps=400),
        vary={"data": [sets, fewer]},
    )  # fmt: skip
    assert runs.equals(listed)
    assert runs["points"].values.tolist() == [[60, 60], [25, 25]]
    assert len(set(runs["test_error"].values.ravel().tolist())) > 1


def test_temperature_and_pairing():
    X, y = points()
    runs = train_networks_of(
        NETWORK, (X, y), temperature_per_width=[0.1, 0.2, 0.1], batch_size=[2, 4, 2], max_steps=5,
        seed=1, keep_weights=True,
    )  # fmt: skip
    np.testing.assert_allclose(runs["lr"], [0.1 * 2 * 10, 0.2 * 4 * 10, 0.1 * 2 * 10])
    assert np.array_equal(runs["final_weights"][0], runs["final_weights"][2])


def test_batches_of_all_points_are_gradient_descent():
    """Other batches of all points, in other groups, come to the same."""
    X, y = points()
    options = {
        "lr": 1.0,
        "batch_size": 30,
        "max_steps": 50,
        "precision": "float64",
        "keep_weights": True,
    }
    one = train_networks_of(NETWORK, (X, y), seed=2, replicas=[2, 3], **options)
    every = train_networks_of(NETWORK, (X, y), seed=2, replicas=[3], sampling="epochs", **options)
    np.testing.assert_allclose(
        one["final_weights"][1], every["final_weights"][0], rtol=1e-10, atol=1e-12
    )
