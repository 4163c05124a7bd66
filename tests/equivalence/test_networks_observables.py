"""What is observed on networks against autograd and plain numpy, one network at a time."""

import itertools

import numpy as np
import pytest
import torch
from in_one_call import train_networks_of

import langevin_sgd as ls
from langevin_sgd.models.networks import FullyConnected, OwnNetwork
from langevin_sgd.training.observables import KernelChange, TrainingKernel

pytestmark = pytest.mark.usefixtures("one_torch_thread")

NETWORK = FullyConnected(dimension=6, width=12, depth=2)
RECORD = ("margins", "noise_temperature", "signal", KernelChange(points=5))
NUMBER = 4
"""Of the replica."""
ALPHA, LR, POINTS, STEPS = [3.0, 6.0, 30.0], [1.5, 1.0, 0.9], [30, 24, 27], 40


def points(count=30, seed=2):
    X = np.random.default_rng(seed).normal(size=(count, 6))
    return X, np.where(X[:, 0] + 0.3 * X[:, 1] ** 2 > 0.2, 1.0, -1.0)


DATA = (*points(), *points(17, seed=3))


def own():
    return torch.nn.Sequential(torch.nn.Linear(6, 9), torch.nn.Tanh(), torch.nn.Linear(9, 1))


def train(network=NETWORK, **options):
    given = {
        "alpha": ALPHA,
        "lr": LR,
        "points": POINTS,
        "batch_size": 4,
        "max_steps": STEPS,
        "seed": 6,
    }
    given |= {"precision": "float64", "keep_weights": True, "record": RECORD, "replicas": [NUMBER]}
    return train_networks_of(network, DATA, **{**given, **options})


def module_of(network, weights=None):
    given = {"precision": "float64"} if isinstance(network, FullyConnected) else {}
    module = network.module(6, NUMBER, **given).double()
    if weights is not None:
        torch.nn.utils.vector_to_parameters(torch.from_numpy(weights.copy()), module.parameters())
    return module


def jacobian(module, X):
    rows = [
        torch.autograd.grad(f, list(module.parameters()), retain_graph=True)
        for f in module(X).reshape(-1)
    ]
    return torch.stack([torch.cat([g.reshape(-1) for g in row]) for row in rows]).numpy()


def outputs(module, X):
    return module(torch.from_numpy(X)).detach().numpy().reshape(-1)


@pytest.fixture(scope="module", params=["written", "own"])
def case(request):
    network = NETWORK if request.param == "written" else OwnNetwork(build=own)
    return network, train(network)


def test_margins(case):
    network, runs = case
    for r, (alpha, count) in enumerate(zip(ALPHA, POINTS, strict=True)):
        start, now = (
            module_of(network),
            module_of(network, runs["final_weights"].values[r]),
        )
        for prefix, X, y in (("", *(a[:count] for a in DATA[:2])), ("test_", *DATA[2:])):
            margins = y * alpha * (outputs(now, X) - outputs(start, X))
            assert float(runs[f"{prefix}mean_margin"][r]) == pytest.approx(margins.mean(), rel=1e-9)
            expected = np.quantile(margins, runs["margin_quantile"].values)
            np.testing.assert_allclose(runs[f"{prefix}margin"][r], expected, rtol=1e-9)
            fraction = np.mean(margins < 1) if not prefix else np.nan
            assert prefix or float(runs["unfit_fraction"][r]) == pytest.approx(fraction)
    assert abs(float(runs["mean_margin"][0]) - float(runs["test_mean_margin"][0])) > 1e-3  # control


def test_gradient_noise_is_the_covariance_of_single_points(case):
    network, runs = case
    for r, (alpha, count) in enumerate(zip(ALPHA, POINTS, strict=True)):
        X, y = DATA[0][:count], DATA[1][:count]
        start, now = (
            module_of(network),
            module_of(network, runs["final_weights"].values[r]),
        )
        unfit = y * alpha * (outputs(now, X) - outputs(start, X)) < 1
        assert 0 < unfit.sum() < count
        gradients = -(y * unfit)[:, None] * jacobian(now, torch.from_numpy(X))
        trace = np.trace(np.cov(gradients.T, bias=True))
        assert float(runs["gradient_noise"][r]) == pytest.approx(trace, rel=1e-9)
        assert (
            abs((gradients**2).sum(1).mean() / trace - 1) > 1e-3
        )  # control: the mean is subtracted
        expected = LR[r] * (count - 4) / (4 * (count - 1)) * trace / (2 * gradients.shape[1])
        assert float(runs["noise_temperature"][r]) == pytest.approx(expected, rel=1e-9)


def test_noise_temperature_is_half_the_variance_of_minibatches_in_the_time():
    """All minibatches of five points: variance of lr times their mean gradient, a weight and a unit
    of lr * step.
    """
    options = {
        "points": 5,
        "batch_size": 2,
        "max_steps": 1,
        "alpha": 1.0,
        "lr": 0.5,
        "schedule": [0],
    }
    for sampling, batches in (
        ("without_replacement", itertools.combinations(range(5), 2)),
        ("with_replacement", itertools.product(range(5), repeat=2)),
    ):
        for momentum in (0.0, 0.9):
            runs = train(sampling=sampling, momentum=momentum, **options)
            gradients = DATA[1][:5, None] * jacobian(
                module_of(NETWORK), torch.from_numpy(DATA[0][:5])
            )
            if momentum == 0:
                steps = np.array([0.5 * gradients[list(batch)].mean(0) for batch in batches])
            expected = steps.var(0).mean() / 0.5 / 2 / (1 - momentum)
            assert float(runs["recorded_noise_temperature"][0, 0]) == pytest.approx(
                expected, rel=1e-9
            )


def test_signal_and_noise(case):
    network, runs = case
    X, y = torch.from_numpy(DATA[2]), DATA[3]
    for r in range(3):
        towards = (y[:, None] * jacobian(module_of(network), X)).mean(0)
        w0 = torch.nn.utils.parameters_to_vector(module_of(network).parameters()).detach().numpy()
        moved = runs["final_weights"].values[r] - w0
        along = moved @ towards / np.linalg.norm(towards)
        across = np.linalg.norm(moved - along * towards / np.linalg.norm(towards))
        assert float(runs["signal"][r]) == pytest.approx(along / np.linalg.norm(w0), rel=1e-9)
        assert float(runs["noise"][r]) == pytest.approx(across / np.linalg.norm(w0), rel=1e-9)
        wrong = jacobian(module_of(network), X).mean(0)  # control: without the labels
        assert abs(moved @ wrong / np.linalg.norm(wrong) / along - 1) > 1e-2


def test_of_a_perceptron_they_are_the_parts_along_and_across_the_teacher():
    """Up to the sampling of the test points: within 5 sqrt(d / points) of the direction."""
    law = ls.data.DepletedSign(points=60, dimension=10)
    X, y = law.sample(1)[:2]
    test = ls.data.DepletedSign(points=40_000, dimension=10).sample(2)[:2]
    perceptron = OwnNetwork(build=lambda: torch.nn.Linear(10, 1, bias=False), name="perceptron")
    runs = train_networks_of(
        perceptron, (X, y, *test), lr=1.0, batch_size=2, max_steps=200, seed=1, record=["signal"],
        keep_weights=True,
        precision="float64",
    )  # fmt: skip
    w0 = next(perceptron.module(1).parameters()).detach().double().numpy()[0]
    moved = (runs["final_weights"].values[0] - w0) / np.linalg.norm(w0)
    slack = 5 * np.sqrt(10 / 40_000) * np.linalg.norm(moved)
    assert abs(float(runs["signal"][0]) - moved[0]) < slack
    assert abs(float(runs["noise"][0]) - np.linalg.norm(moved[1:])) < slack
    assert np.linalg.norm(moved[1:]) > 2 * slack


def test_the_kernel_is_that_of_jacobians(case):
    network, runs = case
    probe = torch.from_numpy(DATA[2][:5])
    for r in range(3):
        start, now = (
            jacobian(module_of(network, w), probe) for w in (None, runs["final_weights"].values[r])
        )
        change = np.linalg.norm(now @ now.T - start @ start.T) / np.linalg.norm(start @ start.T)
        assert float(runs["kernel_change"][r]) == pytest.approx(change, rel=1e-9)


def test_the_schedule_records_what_a_run_of_that_length_ends_with():
    long = train(schedule=[0, 13, STEPS, 500], max_steps=500)
    for row, steps in ((1, 13), (2, STEPS), (3, 500)):
        short = train(max_steps=steps)
        for name in long.data_vars:
            if str(name).startswith("recorded_"):
                final = short[str(name).removeprefix("recorded_")]
                np.testing.assert_allclose(
                    long[name][:, row], final, rtol=1e-9, atol=1e-13, err_msg=str(name)
                )
    assert (long["recorded_kernel_change"][:, 0] == 0).all()
    assert (long["recorded_signal"][:, 0] == 0).all()
    assert long["recorded_layer_weight_change"].dims == ("variant", "step", "layer")
    plain = train(record=(), max_steps=STEPS)
    assert "signal" not in plain
    assert plain["final_weights"].equals(train(max_steps=STEPS)["final_weights"])


def test_nothing_is_observed_of_what_diverged():
    deep = FullyConnected(dimension=6, width=10, depth=3)
    runs = train(
        deep,
        lr=[0.5, 1e5, 0.5],
        alpha=1e-2,
        loss="square",
        max_steps=300,
        schedule=[*range(12), 300],
    )
    assert runs["status"].values.tolist() == [1, 5, 1]
    for name in (
        "mean_margin",
        "gradient_noise",
        "noise_temperature",
        "signal",
        "noise",
        "kernel_change",
    ):
        assert np.isnan(runs[name][1])
        assert np.isnan(runs[f"recorded_{name}"][1, -1])
        assert np.isfinite(runs[name][0])
    assert np.isnan(runs["margin"][1]).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"record": ["signals"]},
        {"record": 5},
        {"record": [KernelChange(points=18)]},
        {"noise": "white"},
    ],
)
def test_bad_input_is_one_line(changes):
    with pytest.raises(ls.InputError, match=r"record|KernelChange|noise") as caught:
        train(**changes)
    assert "\n" not in str(caught.value)
    with pytest.raises(ls.InputError, match="needs test points"):
        train_networks_of(NETWORK, points(), lr=0.1, batch_size=4, max_steps=5, record=["signal"])


def test_the_training_kernel_is_the_curvature_of_the_loss():
    """Its eigenvalues are those of the Hessian by autograd but for residuals, which are small; the
    gradient is that of kernel and residuals.
    """
    count, alpha = 12, 3.0
    data = tuple(array[:count] for array in DATA[:2])
    network = FullyConnected(dimension=6, width=12, depth=2, activation="gelu")
    runs = train_networks_of(
        network,
        data,
        seed=6,
        replicas=[NUMBER],
        record=TrainingKernel(points=count),
        precision="float64",
        keep_weights=True,
        loss="square",
        alpha=alpha,
        lr=0.4,
        batch_size=4,
        max_steps=4000,
    )
    start, now = module_of(network), module_of(network, runs["final_weights"].values[0])
    X, y = torch.from_numpy(data[0]), torch.from_numpy(data[1])
    missing = alpha * (outputs(now, data[0]) - outputs(start, data[0])) - data[1]
    kernel, residual = runs["training_kernel"].values[0], runs["residual"].values[0]
    np.testing.assert_allclose(residual, missing / np.sqrt(alpha), rtol=1e-9, atol=1e-13)
    assert np.abs(missing).max() < 1e-3

    parameters = list(now.parameters())
    f0 = start(X).detach().reshape(-1)
    loss = ((alpha * (now(X).reshape(-1) - f0) - y) ** 2).mean() / 2 / alpha
    gradient = torch.autograd.grad(loss, parameters, create_graph=True)
    flat = torch.cat([one.reshape(-1) for one in gradient])
    rows = [torch.autograd.grad(one, parameters, retain_graph=True) for one in flat]
    hessian = torch.stack([torch.cat([g.reshape(-1) for g in row]) for row in rows]).numpy()
    own, of_kernel = np.linalg.eigvalsh(hessian)[-count:], np.linalg.eigvalsh(kernel)
    np.testing.assert_allclose(of_kernel[-6:], own[-6:], rtol=2e-2)
    np.testing.assert_allclose(
        residual @ kernel @ residual / count, (flat.detach().numpy() ** 2).sum(), rtol=1e-6
    )
    assert not np.allclose(of_kernel[-6:] * alpha, own[-6:], rtol=0.5)  # control: alpha forgotten


def test_a_training_kernel_needs_all_points_and_the_square_loss():
    given = {"loss": "square", "alpha": 1.0, "points": 30, "lr": 0.1}
    with pytest.raises(ls.InputError, match="points = 29: must be 30, all the training points"):
        train(record=TrainingKernel(points=29), **given)
    with pytest.raises(ls.InputError, match="training_kernel: needs the square loss"):
        train(record=TrainingKernel(points=30), **{**given, "loss": "hinge"})
