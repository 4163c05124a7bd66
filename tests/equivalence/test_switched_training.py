"""Training whose settings change on the way is two calls of training.run, bit for bit."""

from dataclasses import replace

import numpy as np
import pytest

import langevin_sgd as ls

MARGIN = 1 / 16
PERCEPTRON = ls.Perceptron(data=ls.data.DepletedSign(points=256, dimension=16), margin=MARGIN)
LOUD = ls.SGD(lr=1.0, batch_size=1, sampling="without_replacement")
QUIET = replace(LOUD, lr=MARGIN / 8)
LATE = ls.experiments.Switch(first=QUIET, second=LOUD, at=ls.Stop(unfit=0.1))
IMAGES = ls.data.BinaryImages(points=64, test_points=64)
NETWORK = ls.NetworkProblem(
    ls.models.networks.FullyConnected(dimension=IMAGES.dimension, width=8, depth=1),
    IMAGES,
    alpha=64.0,
)
WARM = ls.SGD(lr=0.05, batch_size=4, sampling="without_replacement")
COLD = replace(WARM, batch_size=32)
KEEPING = ls.training.NetworkEngine(keep_weights=True)


def same(one, other, names):
    for name in names:
        np.testing.assert_array_equal(one[name].values, other[name].values, err_msg=name)


def test_a_perceptron_goes_on_from_the_weights_with_batches_of_its_own():
    found = ls.experiments.run_switched(PERCEPTRON, LATE, replicas=4, seed=3)
    before = ls.training.run(PERCEPTRON, QUIET, replicas=4, seed=3, stop=LATE.at)
    others = ls.training.PerceptronEngine(batch_seed=ls.derive_seed(3, "after the switch"))
    weights = before["final_weights"].values
    after = ls.training.run(PERCEPTRON, LOUD, replicas=4, seed=3, start=weights, engine=others)
    same(found, after, ("final_weights", "norm", "signal", "status", "unfit"))
    for name in ("steps", "updates", "visits", "t_star"):
        np.testing.assert_array_equal(found[name], before[name] + after[name], err_msg=name)
        assert found[name].attrs == after[name].attrs
    for name in ("t_star", "steps", "norm", "signal", "noise", "unfit_fraction", "status"):
        np.testing.assert_array_equal(found[f"switch_{name}"], before[name], err_msg=name)
    assert (found["switch_unfit_fraction"] <= 0.1).all()
    never = ls.training.run(PERCEPTRON, QUIET, replicas=4, seed=3)  # control
    assert (found["norm"] > 2 * never["norm"]).all()


def test_the_moment_of_the_switch_counts():
    """Noise that ends early leaves weights as without any, noise that ends late does not."""
    early = ls.experiments.Switch(first=LOUD, second=QUIET, at=ls.Stop(unfit=0.3))
    late = replace(early, at=ls.Stop(unfit=0.01))
    one, other = (
        ls.experiments.run_switched(PERCEPTRON, switch, replicas=4, seed=3)
        for switch in (early, late)
    )
    assert (other["switch_steps"] > one["switch_steps"]).all()
    assert (other["norm"] > one["norm"]).all()


def test_a_switch_after_so_many_steps():
    """Times are those of both parts, also where the last steps before the switch change nothing."""
    switch = replace(LATE, at=ls.Stop(max_steps=200))
    found = ls.experiments.run_switched(PERCEPTRON, switch, replicas=4, seed=3)
    assert (found["switch_steps"] == 200).all()
    assert (found["switch_status"] == ls.Status.STEP_LIMIT).all()
    assert (found["status"] == ls.Status.FINISHED).all()
    after = found["last_update_step"].values - 200
    np.testing.assert_allclose(found["t_star"], 200 * QUIET.lr + after * LOUD.lr, rtol=1e-13)


def test_networks_go_on_with_weights_counters_and_random_numbers():
    at, stop = ls.Stop(unfit=0.3, max_steps=2000), ls.Stop(max_steps=2000)
    switch = ls.experiments.Switch(first=WARM, second=COLD, at=at)
    found = ls.experiments.run_switched(
        NETWORK, switch, replicas=2, seed=5, stop=stop, record="signal", engine=KEEPING
    )
    before = ls.training.run(NETWORK, WARM, replicas=2, seed=5, stop=at, engine=KEEPING)
    after = ls.training.run(
        NETWORK,
        COLD,
        replicas=2,
        seed=5,
        stop=stop,
        start=before,
        record="signal",
        engine=KEEPING,
    )
    same(found, after, [*after.data_vars])
    same(found, before.rename({"weight_change": "switch_weight_change"}), ["switch_weight_change"])
    assert "final_weights" not in ls.experiments.run_switched(
        NETWORK, switch, replicas=2, seed=5, stop=stop
    )
    whole = ls.training.run(NETWORK, WARM, replicas=2, seed=5, stop=stop, engine=KEEPING)  # control
    assert not np.array_equal(whole["final_weights"], found["final_weights"])


def test_the_same_settings_before_and_after_are_no_switch_for_networks():
    switch = ls.experiments.Switch(first=WARM, second=WARM, at=ls.Stop(unfit=0.3, max_steps=20_000))
    stop = ls.Stop(max_steps=20_000)
    found = ls.experiments.run_switched(NETWORK, switch, replicas=2, seed=5, stop=stop)
    whole = ls.training.run(NETWORK, WARM, replicas=2, seed=5, stop=stop)
    same(found, whole, ("status", "last_update_step", "t_star", "weight_change"))


def test_linear_regression_changes_after_so_many_steps():
    problem = ls.LinearRegression(
        minimiser=np.zeros(2), hessian=np.diag([1.0, 0.1]), noise_covariance=np.eye(2)
    )
    switch = ls.experiments.Switch(
        first=ls.SGD(lr=0.1, batch_size=4),
        second=ls.SGD(lr=0.01, batch_size=4),
        at=ls.Stop(max_steps=20),
    )
    found = ls.experiments.run_switched(problem, switch, replicas=2, seed=1, steps=30)
    before = ls.training.run(problem, switch.first, replicas=2, seed=1, steps=20)
    after = ls.training.run(problem, switch.second, replicas=2, seed=1, steps=30, start=before)
    same(found, after, ("final_position", "final_velocity", "status"))
    never = replace(switch, at=ls.Stop(unfit=0.1))
    with pytest.raises(ls.InputError, match=r"switch.at.max_steps = None: must be given"):
        ls.experiments.run_switched(problem, never, seed=1, steps=30)


def test_a_one_pass_perceptron_goes_on_with_fresh_samples():
    problem = ls.models.OnePassPerceptron(dimension=32, chi=0.0, margin=0.1)
    first, second = ls.SGD(lr=1.0, batch_size=1), ls.SGD(lr=0.1, batch_size=1)
    switch = ls.experiments.Switch(first=first, second=second, at=ls.Stop(max_steps=50))
    found = ls.experiments.run_switched(problem, switch, replicas=2, seed=1, steps=60)
    before = ls.training.run(problem, first, replicas=2, seed=1, steps=50)
    after = ls.training.run(problem, second, replicas=2, seed=1, steps=60, start=before)
    same(found, after, ("signal", "noise", "final_position"))


def test_what_is_no_settings_is_refused():
    with pytest.raises(ls.InputError, match=r"^second = 0.1: must be"):
        ls.experiments.Switch(first=WARM, second=0.1, at=ls.Stop())
    with pytest.raises(ls.InputError, match=r"^at = 100: must be"):
        ls.experiments.Switch(first=WARM, second=COLD, at=100)
    with pytest.raises(ls.InputError, match=r"^switch = "):
        ls.experiments.run_switched(PERCEPTRON, WARM, seed=1)
