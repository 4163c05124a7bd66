"""Networks trained in batches against the same networks trained one at a time: autograd, and plain
Python.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from in_one_call import train_networks_of

import langevin_sgd as ls
from langevin_sgd.curvature.tangent_kernel import tangent_kernel
from langevin_sgd.models.networks import (
    FullyConnected,
    OwnNetwork,
    random_features,
    two_layer_linear,
)
from langevin_sgd.training.batches import batch_indices

pytestmark = pytest.mark.usefixtures("one_torch_thread")

NETWORKS = {
    "relu": FullyConnected(dimension=7, width=12, depth=2),
    "gelu": FullyConnected(dimension=7, width=12, depth=2, activation="gelu"),
    "deep": FullyConnected(dimension=7, width=16, depth=5, output_scaling="ntk"),
    "random_features": random_features(7, 20),
    "two_layer_linear": two_layer_linear(7, 5),
}
ALPHA = [0.5, 4.0, 64.0]
LR = [0.3, 2.0, 0.7]
POINTS = [40, 25, 33]
STEPS = 100
NUMBER = 5
"""Of the replica."""


def points(seed=0, count=40, dimension=7):
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(count, dimension))
    return X, np.where(X[:, 0] * X[:, 1] + X[:, 2] > 0, 1.0, -1.0)


def hinge(o, y):
    return torch.relu(1 - o * y)


LOSSES = {
    "hinge": hinge,
    "quadratic_hinge": lambda o, y: hinge(o, y) ** 2,
    "soft_hinge": lambda o, y: (
        lambda x: torch.where(x > 0, x * torch.exp(-0.5 / x.clamp(min=1e-6)), 0.0)
    )(1 - o * y),
    "square": lambda o, y: (o - y) ** 2 / 2,
    "logistic": lambda o, y: torch.nn.functional.softplus(-o * y),
}


def alone(network, X, y, *, alpha, lr, batches, precision, loss="hinge", seed=3, replica=0):
    """One network, autograd, one step at a time: final module, and the last step with a
    gradient.
    """
    made = network.module(
        seed, replica, **({} if isinstance(network, OwnNetwork) else {"precision": precision})
    )
    module = made.to(getattr(torch, precision))
    X, y = (torch.from_numpy(a).to(getattr(torch, precision)) for a in (X, y))
    trained = [p for p in module.parameters() if p.requires_grad]
    f0, last = module(X).detach().reshape(-1), 0
    for step, batch in enumerate(batches):
        chosen = torch.from_numpy(batch[batch >= 0])
        module.zero_grad()
        o = alpha * (module(X[chosen]).reshape(-1) - f0[chosen])
        (LOSSES[loss](o, y[chosen]) / alpha).mean().backward()
        with torch.no_grad():
            last = step + 1 if any(p.grad.any() for p in trained) else last
            for p in trained:
                p -= lr * p.grad
    return module, last


def flat(module):
    return (
        torch.cat([p.detach().reshape(-1) for p in module.parameters() if p.requires_grad])
        .double()
        .numpy()
    )


def compare(
    network, *, loss="hinge", precision="float64", sampling="without_replacement", batch_size=6
):
    X, y = points()
    options = {"sampling": sampling, "loss": loss, "precision": precision, "seed": 3}
    runs = train_networks_of(
        network, (X, y), alpha=ALPHA, lr=LR, points=POINTS, batch_size=batch_size, max_steps=STEPS,
        keep_weights=True, replicas=[NUMBER],
        **options,
    )  # fmt: skip
    differences = []
    for r, (alpha, lr, count) in enumerate(zip(ALPHA, LR, POINTS, strict=True)):
        settings = ls.SGD(lr=lr, batch_size=batch_size, sampling=sampling)
        batches = batch_indices(settings, count, seed=3, replica=NUMBER, steps=STEPS)
        given = {
            "alpha": alpha,
            "lr": lr,
            "batches": batches,
            "precision": precision,
            "loss": loss,
            "replica": NUMBER,
        }
        module, last = alone(network, X[:count], y[:count], **given)
        if loss == "hinge":
            assert runs["last_update_step"][r] == last
        expected = flat(module)
        differences.append(
            np.abs(runs["final_weights"][r] - expected).max() / np.abs(expected).max()
        )
    return max(differences)


@pytest.mark.parametrize("name", NETWORKS)
def test_float64_follows_autograd(name):
    assert compare(NETWORKS[name]) < 1e-12


@pytest.mark.parametrize("loss", list(LOSSES)[1:])
def test_other_losses_follow_autograd(loss):
    assert compare(NETWORKS["relu"], loss=loss) < 1e-12


@pytest.mark.parametrize("sampling", ["with_replacement", "epochs"])
def test_other_samplings_follow_autograd(sampling):
    assert compare(NETWORKS["relu"], sampling=sampling, batch_size=7) < 1e-12


def test_float32_follows_autograd():
    assert compare(NETWORKS["relu"], precision="float32") < 1e-5


def test_other_batches_do_not_follow():
    """Control: the comparison sees other minibatches."""
    X, y = points()
    batches = batch_indices(ls.SGD(lr=1, batch_size=6), 40, seed=4, steps=STEPS)
    runs = train_networks_of(
        NETWORKS["relu"],
        (X, y),
        lr=0.3,
        batch_size=6,
        max_steps=STEPS,
        precision="float64",
        seed=3,
        keep_weights=True,
    )
    module, _ = alone(
        NETWORKS["relu"], X, y, alpha=1.0, lr=0.3, batches=batches, precision="float64"
    )
    assert np.abs(runs["final_weights"][0] - flat(module)).max() > 1e-3


def own():
    return torch.nn.Sequential(torch.nn.Linear(7, 9), torch.nn.Tanh(), torch.nn.Linear(9, 1))


def test_a_module_of_ones_own_follows_autograd():
    network = OwnNetwork(build=own, width=9)
    assert compare(network, precision="float64") < 1e-12


def test_own_modules_made_in_threads_are_functions_of_their_numbers():
    network = OwnNetwork(build=lambda: torch.nn.Linear(60, 90))

    def weights(number):
        return torch.nn.utils.parameters_to_vector(network.module(1, number).parameters()).tolist()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(weights, range(200))) == [weights(number) for number in range(200)]


def test_kernel_of_ones_own_module_is_that_of_the_written_backward_pass():
    network = NETWORKS["gelu"]
    x = torch.from_numpy(points()[0][:6])[None]
    written = tangent_kernel(network.replicas([(1, 0)], torch.float64), x)
    module = network.module(1, precision="float64")
    replicas = OwnNetwork(build=lambda: module).replicas([(1, 0)], torch.float64)
    vectorised = tangent_kernel(replicas, x)
    torch.testing.assert_close(vectorised, written, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_and_kernel_of_autograd(name):
    network = NETWORKS[name]
    X = torch.from_numpy(points()[0][:5])
    replicas = network.replicas([(1, 0), (1, 7)], torch.float64)
    kernels = tangent_kernel(replicas, X.expand(2, -1, -1))
    factors = torch.linspace(-1, 2, 5, dtype=torch.float64)
    before = [w.clone() for w in replicas.trained]
    with torch.no_grad():
        replicas.step(X.expand(2, -1, -1), lambda f: factors.expand_as(f))
    for r, number in enumerate((0, 7)):
        module = network.module(1, number, precision="float64")
        trained = [p for p in module.parameters() if p.requires_grad]
        rows = [torch.autograd.grad(f, trained, retain_graph=True) for f in module(X)]
        jacobian = torch.stack([torch.cat([g.reshape(-1) for g in row]) for row in rows])
        torch.testing.assert_close(kernels[r], jacobian @ jacobian.T, rtol=1e-12, atol=1e-14)
        moved = torch.cat(
            [(w[r] - w0[r]).reshape(-1) for w, w0 in zip(replicas.trained, before, strict=True)]
        )
        torch.testing.assert_close(moved, factors @ jacobian, rtol=1e-11, atol=1e-13)


def test_initial_outputs_have_the_stated_size():
    """Neurons of every layer have mean square one: the output is w.a/h with variance 1/h, within 5
    standard errors.
    """
    for activation in ("relu", "gelu", "linear"):
        network = FullyConnected(dimension=30, width=200, depth=1, activation=activation)
        X = np.random.default_rng(1).normal(size=(1, 30))
        x = torch.from_numpy(X / np.sqrt(np.mean(X**2))).expand(4000, 1, -1)
        f = network.replicas([(5, r) for r in range(4000)], torch.float64).outputs(x)
        assert abs(200 * float(f.var()) - 1) < 5 * np.sqrt(2 / 4000) * 1.1


def test_initial_weights_are_a_function_of_seed_and_number():
    network = NETWORKS["relu"]
    many = network.replicas([(5, 3), (6, 0), (5, 0)], torch.float64)
    for r, draw in enumerate([(5, 3), (6, 0), (5, 0)]):
        for stack, w in zip(many.weights, network.initial_weights(*draw), strict=True):
            assert np.array_equal(stack[r].numpy(), w)
    assert not np.array_equal(many.weights[0][0], many.weights[0][2])
