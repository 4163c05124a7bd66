"""What is reported of networks beside losses: errors at zero, test points, layers, temperatures,
frozen layers.
"""

import numpy as np
import pytest
import torch
from in_one_call import train_networks_of

import langevin_sgd as ls
from langevin_sgd.models.networks import FullyConnected, SimpleCNN, random_features
from langevin_sgd.training.observables import KernelChange

pytestmark = pytest.mark.usefixtures("one_torch_thread")

NETWORK = FullyConnected(dimension=6, width=12, depth=2)
FROZEN = FullyConnected(
    dimension=6, width=8, depth=3, activation="gelu", frozen=2, output_scaling="ntk"
)
NAMES = ("loss", "train_error", "unfit_fraction", "test_loss", "test_error")


def points(count, seed):
    X = np.random.default_rng(seed).normal(size=(count, 6))
    return X, np.where(X[:, 0] + 0.3 * X[:, 1] ** 2 > 0.2, 1.0, -1.0)


def train(data, network=NETWORK, **options):
    given = {
        "alpha": 3.0,
        "lr": 1.5,
        "batch_size": 4,
        "max_steps": 40,
        "seed": 6,
        "keep_weights": True,
    }
    return train_networks_of(network, data, **{**given, "precision": "float64", **options})


def split(network, flat):
    """Weights (parameter,) of a network as its trained layers."""
    shapes = (
        network.shapes.values()
        if isinstance(network.shapes, dict)
        else network.shapes[network.frozen :]
    )
    sizes = [int(np.prod(shape)) for shape in shapes]
    return np.split(flat, np.cumsum(sizes)[:-1])


def trained_parameters(module):
    return [p for p in module.parameters() if p.requires_grad]


def modules(network, weights, r=0):
    """The network at step 0, and with the weights of a result."""
    start, now = (network.module(6, r, precision="float64") for _ in range(2))
    torch.nn.utils.vector_to_parameters(torch.from_numpy(weights.copy()), trained_parameters(now))
    return start, now


def expected(start, now, X, y, alpha):
    x = torch.from_numpy(X)
    margins = y * alpha * (now(x) - start(x)).detach().numpy()
    return np.maximum(0, 1 - margins).mean() / alpha, np.mean(margins <= 0), np.mean(margins < 1)


@pytest.mark.parametrize("tests", [30, 17])
def test_errors_and_losses_of_both_sets_are_those_of_the_module(tests):
    """As many test points as training points: outputs at step 0 of one set must not serve the
    other.
    """
    train_set, test_set = points(30, 2), points(tests, 3)
    runs = train((*train_set, *test_set), replicas=2, max_steps=15)
    for r in range(2):
        start, now = modules(NETWORK, runs["final_weights"].values[r], r)
        loss, error, unfit = expected(start, now, *train_set, 3.0)
        test_loss, test_error, _ = expected(start, now, *test_set, 3.0)
        found = [float(runs[name][r]) for name in NAMES]
        np.testing.assert_allclose(found, [loss, error, unfit, test_loss, test_error], rtol=1e-9)
        assert unfit > error > 0
        assert abs(test_loss - loss) > 1e-3  # control


def test_a_predictor_of_zero_is_wrong():
    """At step 0 the predictor is exactly zero: no side of the boundary."""
    runs = train((*points(30, 2), *points(30, 3)), schedule=[0, 10])
    for name in ("train_error", "test_error", "unfit_fraction"):
        assert float(runs[f"recorded_{name}"][0, 0]) == 1.0
        assert float(runs[f"recorded_{name}"][1, 0]) < 1.0
    assert float(runs["recorded_loss"][0, 0]) == pytest.approx(1 / 3.0, rel=1e-12)
    assert float(runs["recorded_weight_change"][0, 0]) == 0.0


@pytest.mark.parametrize(
    "network", [NETWORK, FROZEN, SimpleCNN(image=(1, 4, 4), width=2)], ids=["all", "frozen", "cnn"]
)
def test_changes_by_layer_are_those_of_the_weights(network):
    X = np.random.default_rng(1).normal(size=(20, network.dimension))
    runs = train((X, np.where(X[:, 0] > 0, 1.0, -1.0)), network)
    given = network.initial_weights(6, 0)
    start = list(given.values()) if isinstance(given, dict) else given[network.frozen :]
    moved = [
        w - w0.ravel()
        for w, w0 in zip(split(network, runs["final_weights"].values[0]), start, strict=True)
    ]
    changes = [np.linalg.norm(m) / np.linalg.norm(w0) for m, w0 in zip(moved, start, strict=True)]
    np.testing.assert_allclose(runs["layer_weight_change"][0], changes, rtol=1e-9)
    assert runs["layer"].values.tolist() == network.layers
    whole = np.linalg.norm(np.concatenate(moved)) / np.linalg.norm(
        np.concatenate([w0.ravel() for w0 in start])
    )
    assert float(runs["weight_change"][0]) == pytest.approx(whole, rel=1e-9)


def test_reported_temperatures_are_those_given():
    runs = train(
        points(30, 2), temperature_per_width=[0.1, 0.02, 0.1], batch_size=[2, 4, 3],
        momentum=[0.0, 0.5, 0.9], max_steps=3,
    )  # fmt: skip
    np.testing.assert_allclose(runs["temperature_per_width"], [0.1, 0.02, 0.1], rtol=1e-15)
    np.testing.assert_allclose(runs["lr"], [0.1 * 2 * 12, 0.02 * 4 * 12, 0.1 * 3 * 12], rtol=1e-15)
    given = train(
        points(30, 2),
        lr=[2.4, 0.96, 3.6],
        batch_size=[2, 4, 3],
        momentum=[0.0, 0.5, 0.9],
        max_steps=3,
    )
    np.testing.assert_allclose(given["temperature_per_width"], [0.1, 0.02, 0.1], rtol=1e-15)


@pytest.mark.parametrize("sampling", ["with_replacement", "without_replacement", "epochs"])
def test_the_noise_temperature_has_the_factors_of_lr_momentum_and_sampling(sampling):
    runs = train(
        points(30, 2), lr=[0.3, 0.6, 0.3, 0.3], momentum=[0.0, 0.0, 0.75, 0.0],
        batch_size=[5, 5, 5, 6],
        sampling=sampling, record=["noise_temperature"], schedule=[0],
        max_steps=1,
    )  # fmt: skip
    noise, temperature = (
        runs[f"recorded_{name}"].values[:, 0] for name in ("gradient_noise", "noise_temperature")
    )
    factor = (
        {5: 1 / 5, 6: 1 / 6}
        if sampling == "with_replacement"
        else {5: 25 / (5 * 29), 6: 24 / (6 * 29)}
    )
    weights = runs.sizes["parameter"]
    rates = [0.3 * factor[5], 0.6 * factor[5], 0.3 / 0.25 * factor[5], 0.3 * factor[6]]
    np.testing.assert_allclose(noise, noise[0], rtol=1e-12)
    np.testing.assert_allclose(temperature, np.array(rates) * noise[0] / (2 * weights), rtol=1e-12)


@pytest.mark.parametrize(
    "network", [FROZEN, random_features(6, 30)], ids=["two of three", "random features"]
)
@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_frozen_layers_stay_and_count_nowhere(network, momentum):
    """Against autograd of the trained weights alone: steps, weights, kernel, gradient noise."""
    X, y = points(12, 2)
    runs = train(
        (X, y), network, batch_size=12, momentum=momentum, loss="square", max_steps=9,
        record=["noise_temperature", KernelChange(points=5)],
    )  # fmt: skip
    start, module = (network.module(6, 0, precision="float64") for _ in range(2))
    trained = trained_parameters(module)
    optimiser, x = torch.optim.SGD(trained, lr=1.5, momentum=momentum), torch.from_numpy(X)
    f0, target = start(x).detach(), torch.from_numpy(y)
    for _ in range(9):
        optimiser.zero_grad()
        ((3.0 * (module(x) - f0) - target) ** 2 / 2 / 3.0).mean().backward()
        optimiser.step()
    flat = torch.cat([p.detach().reshape(-1) for p in trained]).numpy()
    np.testing.assert_allclose(runs["final_weights"][0], flat, rtol=1e-9, atol=1e-12)
    assert runs.sizes["parameter"] == sum(p.numel() for p in trained) < network.parameters

    def jacobian(one):
        rows = [torch.autograd.grad(f, trained_parameters(one), retain_graph=True) for f in one(x)]
        return torch.stack([torch.cat([g.reshape(-1) for g in row]) for row in rows]).numpy()

    before, after = (jacobian(one)[:5] @ jacobian(one)[:5].T for one in (start, module))
    change = np.linalg.norm(after - before) / np.linalg.norm(before)
    assert float(runs["kernel_change"][0]) == pytest.approx(change, rel=1e-8, abs=1e-12)
    gradients = (3.0 * (module(x) - f0) - target).detach().numpy()[:, None] * jacobian(module)
    assert float(runs["gradient_noise"][0]) == pytest.approx(gradients.var(axis=0).sum(), rel=1e-9)


def test_random_features_are_linear_in_their_weights():
    """f = w . phi / sqrt(h) with phi of mean square one: the kernel never moves, and outputs have
    variance one.
    """
    network = random_features(6, 40)
    X, y = points(25, 4)
    runs = train((X, y), network, record=[KernelChange(points=9)])
    assert float(runs["kernel_change"][0]) == 0.0
    first, w0 = network.initial_weights(6, 0)
    features = np.maximum(0, X @ first / np.sqrt(6)) * np.sqrt(2)
    w = runs["final_weights"].values[0]
    margins = 3.0 * y * (features @ (w - w0[:, 0])) / np.sqrt(40)
    assert float(runs["loss"][0]) == pytest.approx(
        np.maximum(0, 1 - margins).mean() / 3.0, rel=1e-9
    )
    x = torch.from_numpy(X[:1] / np.sqrt(np.mean(X[:1] ** 2))).expand(2000, 1, -1)
    outputs = network.replicas([(5, r) for r in range(2000)], torch.float64).outputs(x)
    assert abs(float(outputs.var()) - 1) < 6 * np.sqrt(2 / 2000) * 1.2


@pytest.mark.parametrize("activation", ["relu", "gelu", "linear"])
@pytest.mark.parametrize("scaling", ["mean_field", "ntk"])
def test_float32_is_float64_but_for_rounding(activation, scaling):
    network = FullyConnected(
        dimension=6, width=19, depth=3, activation=activation, output_scaling=scaling
    )
    data = (*points(23, 2), *points(11, 3))
    options = {
        "max_steps": 20,
        "lr": 0.2,
        "momentum": 0.5,
        "schedule": [0, 7, 20],
        "alpha": 1.5,
    }
    options |= {
        "record": ["margins", "noise_temperature", "signal", KernelChange(points=5)],
        "loss": "square",
    }
    single, double = (
        train(data, network, precision=kind, **options) for kind in ("float32", "float64")
    )
    for name in double.data_vars:
        np.testing.assert_allclose(
            single[name], double[name], rtol=2e-3, atol=2e-5, err_msg=str(name)
        )
    np.testing.assert_allclose(
        single["final_weights"], double["final_weights"], rtol=1e-4, atol=1e-5
    )
    assert not np.array_equal(single["final_weights"], double["final_weights"])
    assert ls.dataset.provenance(single)["engine"]["precision"] == "float32"
