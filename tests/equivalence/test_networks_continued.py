"""Training that ends when few points are unfit, and training taken up again with other settings."""

import numpy as np
import pytest
import torch
from in_one_call import train_networks_of

import langevin_sgd as ls
from langevin_sgd.models.networks import FullyConnected
from langevin_sgd.training.batches import batch_indices
from langevin_sgd.training.observables import KernelChange

pytestmark = pytest.mark.usefixtures("one_torch_thread")

NETWORK = FullyConnected(dimension=6, width=40, depth=2)
FITTED, STEP_LIMIT, REACHED = ls.Status.FINISHED, ls.Status.STEP_LIMIT, ls.Status.REACHED
NUMBER = 2
"""Of the replica."""
OPTIONS = {
    "alpha": [1.0, 10.0, 3.0],
    "seed": 4,
    "precision": "float64",
    "keep_weights": True,
    "replicas": [NUMBER],
}
RECORD = ("margins", "noise_temperature", "signal", KernelChange(points=6))


def points(count=40, seed=2):
    X = np.random.default_rng(seed).normal(size=(count, 6))
    return X, np.where(X[:, 0] + 0.3 * X[:, 1] ** 2 > 0.2, 1.0, -1.0)


DATA = (*points(), *points(20, seed=3))


def train(**options):
    return train_networks_of(NETWORK, DATA, **{**OPTIONS, **options})


@pytest.mark.parametrize(
    "way",
    [
        {"batch_size": 4},
        {"batch_size": 7, "sampling": "epochs"},
        {"batch_size": 4, "momentum": [0.0, 0.7, 0.7]},
        {"batch_size": 4, "noise": "minibatch_covariance"},
        {"batch_size": 4, "noise": "isotropic"},
    ],
)
def test_a_run_in_two_calls_is_the_run(way):
    """Random numbers go on where they were; w0, f0 and times are those of step 0."""
    whole = train(lr=5.0, max_steps=2000, record=RECORD, **way)
    first = train(lr=5.0, max_steps=77, **way)
    second = train(lr=5.0, max_steps=1923, record=RECORD, start=first, **way)
    assert (first["status"] == STEP_LIMIT).all()
    assert (whole["status"] == FITTED).any()
    for name in ("status", "last_update_step"):
        assert second[name].equals(whole[name])
    for name in (
        "t_star",
        "final_weights",
        "weight_change",
        "test_error",
        "kernel_change",
        "signal",
        "noise",
        "mean_margin",
    ):
        np.testing.assert_allclose(second[name], whole[name], rtol=1e-9, atol=1e-11, err_msg=name)


def test_other_settings_after_the_switch_follow_autograd():
    """The whole of it once more in plain torch, one network at a time."""
    first = train(lr=2.0, batch_size=4, max_steps=1000, unfit=0.5)
    assert (first["status"] == REACHED).all()
    second = train(lr=[4.0, 1.0, 4.0], batch_size=9, max_steps=30, start=first)
    assert np.array_equal(second["steps"], first["steps"] + 30)
    np.testing.assert_allclose(second["time"], 2.0 * first["steps"] + 30 * second["lr"])
    X, y = (torch.from_numpy(a) for a in points())
    for r, alpha in enumerate(OPTIONS["alpha"]):
        module = NETWORK.module(4, NUMBER, precision="float64")
        f0, switch, last = module(X).detach(), int(first["steps"][r]), 0
        for begin, steps, size, lr in (
            (0, switch, 4, 2.0),
            (switch, 30, 9, float(second["lr"][r])),
        ):
            settings = ls.SGD(lr=lr, batch_size=size, sampling="without_replacement")
            batches = batch_indices(
                settings, 40, seed=4, replica=NUMBER, first_step=begin, steps=steps
            )
            for step, batch in enumerate(batches):
                losses = torch.relu(1 - y[batch] * alpha * (module(X[batch]) - f0[batch])) / alpha
                grads = torch.autograd.grad(losses.mean(), list(module.parameters()))
                last = begin + step + 1 if any(g.any() for g in grads) else last
                with torch.no_grad():
                    for w, g in zip(module.parameters(), grads, strict=True):
                        w -= lr * g
        expected = torch.cat([w.detach().reshape(-1) for w in module.parameters()]).numpy()
        np.testing.assert_allclose(second["final_weights"][r], expected, rtol=1e-9, atol=1e-11)
        assert int(second["last_update_step"][r]) == last
        spent = (
            2.0 * switch + float(second["lr"][r]) * (last - switch) if last > switch else 2.0 * last
        )
        assert float(second["t_star"][r]) == pytest.approx(spent)
    unswitched = train(lr=[4.0, 1.0, 4.0], batch_size=9, max_steps=30)
    assert np.abs(unswitched["final_weights"] - second["final_weights"]).max() > 1e-2  # control


def test_training_ends_at_the_first_look_at_few_unfit_points():
    looks = np.arange(16, 1001, 16)
    whole = train(lr=2.0, batch_size=4, max_steps=1000, schedule=looks)
    for fraction in (0.6, 0.2):
        runs = train(lr=2.0, batch_size=4, max_steps=1000, unfit=fraction)
        for r in range(3):
            few = whole["recorded_unfit_fraction"].values[r] <= fraction
            assert int(runs["steps"][r]) == looks[few.argmax()]
            assert int(runs["status"][r]) == REACHED
            assert float(runs["unfit_fraction"][r]) <= fraction
    never = train(lr=1e-4, batch_size=4, max_steps=50, unfit=0.2)
    assert (never["status"] == STEP_LIMIT).all()


def test_what_had_ended_ends_again_at_once():
    done = train(lr=5.0, batch_size=4, max_steps=9000)
    assert (done["status"] == FITTED).all()
    again = train(lr=9.0, batch_size=4, max_steps=9000, start=done)
    assert (again["status"] == FITTED).all()
    for name in ("t_star", "last_update_step", "final_weights", "weight_change"):
        assert again[name].equals(done[name])


def test_a_time_limit_is_a_status():
    runs = train(lr=1e-5, batch_size=4, max_steps=10**9, seconds=0.2)
    assert runs["status"].values.tolist() == [ls.Status.TIME_LIMIT] * 3
    assert (runs["steps"] >= 64).all()
    assert np.isfinite(runs["test_error"]).all()
    assert train(lr=0.5, batch_size=4, max_steps=500, seconds=600)["final_weights"].equals(
        train(lr=0.5, batch_size=4, max_steps=500)["final_weights"]
    )


def test_a_start_that_does_not_fit_is_one_line():
    first = train(lr=0.5, batch_size=4, max_steps=10)
    other = FullyConnected(dimension=6, width=40, depth=2, activation="gelu")
    options = {"lr": 0.5, "batch_size": 4, "max_steps": 10, "start": first}
    for network, changes in (
        (other, {}), (NETWORK, {"seed": 5}), (NETWORK, {"replicas": [1]}),
        (NETWORK, {"seconds": 0.0}),
        (NETWORK, {"start": first.drop_vars("final_weights")}), (NETWORK, {"unfit": 1.0}),
        (NETWORK,
            {"start": ls.training.run(ls.LinearRegression.from_data(*points()),
                ls.SGD(lr=0.1, batch_size=1),
                                            steps=1)}),
    ):  # fmt: skip
        with pytest.raises(ls.InputError) as caught:
            train_networks_of(network, DATA, **{**options, **changes})
        assert "\n" not in str(caught.value)
