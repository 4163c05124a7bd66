"""Networks with weight decay against ``torch.optim.SGD``, and when they end."""

import numpy as np
import pytest
import torch

import langevin_sgd as ls
from langevin_sgd.models.networks import FullyConnected
from langevin_sgd.training.batches import batch_indices

pytestmark = pytest.mark.usefixtures("one_torch_thread")

NETWORK = FullyConnected(dimension=6, width=20, depth=2)
ALPHA, SEED, REPLICA, LR = 2.0, 3, 2, 0.3


def points(count=40, seed=2):
    X = np.random.default_rng(seed).normal(size=(count, 6))
    return X, np.where(X[:, 0] + 0.3 * X[:, 1] ** 2 > 0.2, 1.0, -1.0)


def settings_of(decay, momentum, lr=LR):
    return ls.SGD(
        lr=lr,
        batch_size=5,
        momentum=momentum,
        weight_decay=decay,
        sampling="without_replacement",
    )


def alone(decay, momentum, *, steps, lr=LR):
    """Weights of a lone network after every step, and how many points are unfit then."""
    X, y = (torch.from_numpy(a) for a in points())
    module = NETWORK.module(SEED, REPLICA, precision="float64")
    trained = [p for p in module.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(trained, lr=lr, momentum=momentum, weight_decay=decay)
    f0 = module(X).detach().reshape(-1)
    settings, weights, unfit = settings_of(decay, momentum, lr), [], []
    for batch in batch_indices(settings, 40, seed=SEED, replica=REPLICA, steps=steps):
        optimiser.zero_grad()
        short = torch.relu(1 - y[batch] * ALPHA * (module(X[batch]).reshape(-1) - f0[batch]))
        (short / ALPHA).mean().backward()
        optimiser.step()
        weights.append(torch.cat([p.detach().reshape(-1) for p in trained]).numpy().copy())
        with torch.no_grad():
            predictor = ALPHA * (module(X).reshape(-1) - f0)
        unfit.append(int((y * predictor < 1).sum()))
    return weights, unfit


def train(decay, *, momentum=0.0, lr=LR, max_steps=100, unfit=0.0):
    return ls.training.run(
        ls.NetworkProblem(NETWORK, points(), alpha=ALPHA),
        settings_of(decay, momentum, lr),
        stop=ls.Stop(unfit=unfit, max_steps=max_steps),
        replicas=[REPLICA],
        seed=SEED,
        engine=ls.training.NetworkEngine(precision="float64", keep_weights=True),
    )


@pytest.mark.parametrize("momentum", [0.0, 0.8])
@pytest.mark.parametrize("steps", [1, 2, 30])
def test_weight_decay_is_that_of_torch(momentum, steps):
    """It pulls towards zero, by the weights before the step, and passes through the momentum."""
    weights, _ = alone(0.05, momentum, steps=steps)
    run = train(0.05, momentum=momentum, max_steps=steps)
    np.testing.assert_allclose(run.final_weights.values[0], weights[-1], rtol=1e-12, atol=1e-14)
    without, _ = alone(0.0, momentum, steps=steps)  # control
    assert not np.allclose(run.final_weights.values[0], without[-1], rtol=1e-6)


def test_the_pull_is_towards_zero_and_not_towards_the_start():
    """From weights at rest in the data, one step of a tiny learning rate of the loss."""
    run = train(0.05, max_steps=1)
    start = train(0.0, max_steps=1)
    weights = NETWORK.module(SEED, REPLICA, precision="float64").parameters()
    initial = torch.cat([w.detach().reshape(-1) for w in weights]).numpy()
    pulled = run.final_weights.values[0] - start.final_weights.values[0]
    np.testing.assert_allclose(pulled, -LR * 0.05 * initial, rtol=1e-9, atol=1e-13)


def test_training_ends_at_the_first_look_that_finds_all_points_fitted():
    """Looks come every 16 steps; what is fitted there does not stay so."""
    _, unfit = alone(1e-4, 0.0, lr=3.0, steps=1500)
    first = next(step for step in range(16, 1500, 16) if unfit[step - 1] == 0)
    run = train(1e-4, lr=3.0, max_steps=1500)
    assert run.status.values.tolist() == [ls.Status.FINISHED]
    assert run.steps.values.tolist() == [first]
    assert run.unfit_fraction.values.tolist() == [0.0]
    assert run.last_update_step.values[0] <= first
    assert max(unfit[first:]) > 0  # control: without an end some would be unfit again


def test_with_strong_decay_training_ends_by_its_step_limit():
    run = train(0.5, max_steps=400)
    assert run.status.values.tolist() == [ls.Status.STEP_LIMIT]
    assert run.unfit_fraction.values[0] > 0


def test_a_fraction_that_may_stay_unfit_ends_it_earlier():
    run, whole = train(0.001, unfit=0.2, max_steps=1500), train(0.001, max_steps=1500)
    assert run.status.values.tolist() == [ls.Status.REACHED]
    assert run.steps.values[0] < whole.steps.values[0]


def test_runs_with_and_without_decay_share_a_call():
    """Each is what it would be alone."""
    runs = ls.training.run(
        ls.NetworkProblem(NETWORK, points(), alpha=ALPHA),
        settings_of(0.0, 0.0),
        stop=ls.Stop(max_steps=60),
        vary={"weight_decay": [0.0, 0.05, 0.02]},
        replicas=[REPLICA],
        seed=SEED,
        engine=ls.training.NetworkEngine(precision="float64", keep_weights=True),
    )
    for k, decay in enumerate((0.0, 0.05, 0.02)):
        single = train(decay, max_steps=60).final_weights.values[0]
        np.testing.assert_allclose(runs.final_weights.values[k, 0], single, rtol=1e-11)


@pytest.mark.parametrize(
    "problem",
    [
        ls.Perceptron(data=ls.data.DepletedSign(points=8, dimension=4), margin=0.1),
        ls.models.OnePassPerceptron(dimension=4, chi=0.0, margin=0.1),
    ],
    ids=lambda problem: type(problem).__name__,
)
def test_perceptrons_refuse_it(problem):
    exact = {} if isinstance(problem, ls.Perceptron) else {"steps": 3}
    with pytest.raises(ls.InputError, match=r"^weight_decay = 0.05: must be 0.0 for a"):
        ls.training.run(problem, settings_of(0.05, 0.0), **exact)
