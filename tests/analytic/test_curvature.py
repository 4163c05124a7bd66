"""Gradients, kernels and Hessians of networks against autograd, through the protocol alone."""

import numpy as np
import pytest
import torch

import langevin_sgd as ls
from langevin_sgd.curvature.gradient_noise import mean_and_trace, variance_factor
from langevin_sgd.curvature.hessian import gauss_newton_product, loss_hessian_product
from langevin_sgd.curvature.sample_gradients import per_sample_gradients, squared_gradients
from langevin_sgd.curvature.tangent_kernel import kernel_change, tangent_kernel
from langevin_sgd.models.networks import (
    FullyConnected,
    MobileCNN,
    OwnNetwork,
    ResNet18,
    SimpleCNN,
)
from langevin_sgd.models.networks.interface import require_capability


def own():
    return torch.nn.Sequential(torch.nn.Linear(64, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))


NETWORKS = {
    "relu": FullyConnected(dimension=64, width=5, depth=2),
    "gelu": FullyConnected(dimension=64, width=5, depth=3, activation="gelu", frozen=1),
    "own": OwnNetwork(build=own),
    "simple_cnn": SimpleCNN(image=(1, 8, 8), width=2),
    "mobile_cnn": MobileCNN(image=(1, 8, 8), width=1),
    "resnet18": ResNet18(image=(1, 8, 8), width=1),
}
DRAWS = [(1, 0), (1, 7)]


def inputs(count=4):
    x = np.random.default_rng(0).normal(size=(len(DRAWS), count, 64))
    return torch.from_numpy(x)


def module_of(network, seed, replica):
    """One network as a module, and the parameters that are trained."""
    if isinstance(network, OwnNetwork):
        module = network.module(seed, replica).double()
    else:
        module = network.module(seed, replica, precision="float64")
    return module, [p for p in module.parameters() if p.requires_grad]


def jacobian(network, draw, x):
    module, trained = module_of(network, *draw)
    rows = []
    for output in module(x).reshape(-1):
        gradients = torch.autograd.grad(output, trained, retain_graph=True)
        rows.append(torch.cat([g.reshape(-1) for g in gradients]))
    return torch.stack(rows)


def close(actual, expected):
    torch.testing.assert_close(
        actual, expected, rtol=1e-9, atol=1e-11 * float(expected.abs().max())
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_squares_and_kernel_are_those_of_autograd(name):
    x, replicas = inputs(), NETWORKS[name].replicas(DRAWS, torch.float64)
    gradients = per_sample_gradients(replicas, x)
    squares, kernel = squared_gradients(replicas, x), tangent_kernel(replicas, x)
    for r, draw in enumerate(DRAWS):
        expected = jacobian(NETWORKS[name], draw, x[r])
        close(gradients[r], expected)
        close(squares[r], expected.square().sum(1))
        close(kernel[r], expected @ expected.T)


@pytest.mark.parametrize("name", NETWORKS)
def test_products_with_the_hessian_are_those_of_autograd(name):
    """The loss is sum_b sin(b + f_b), whose derivatives are cos and -sin."""
    network, x = NETWORKS[name], inputs()
    replicas = network.replicas(DRAWS, torch.float64)
    generator = torch.Generator().manual_seed(3)
    direction = [
        torch.randn(w.shape, generator=generator, dtype=torch.float64) for w in replicas.trained
    ]
    place = torch.arange(x.shape[1])
    phase = place + replicas.outputs(x)
    first, second = torch.cos(phase), -torch.sin(phase)
    products = loss_hessian_product(replicas, x, first, second, direction)
    of_gauss_newton = gauss_newton_product(replicas, x, second, direction)
    for r, draw in enumerate(DRAWS):
        module, trained = module_of(network, *draw)
        loss = torch.sin(place + module(x[r]).reshape(-1)).sum()
        gradient = torch.autograd.grad(loss, trained, create_graph=True)
        along = sum((g * v[r]).sum() for g, v in zip(gradient, direction, strict=True))
        expected = torch.autograd.grad(along, trained)
        close(
            torch.cat([part[r].reshape(-1) for part in products]),
            torch.cat([part.reshape(-1) for part in expected]),
        )
        rows, v = jacobian(network, draw, x[r]), torch.cat([v[r].reshape(-1) for v in direction])
        close(
            torch.cat([part[r].reshape(-1) for part in of_gauss_newton]),
            rows.T @ (second[r].detach() * (rows @ v)),
        )


def test_moments_of_gradients_are_those_of_the_rows():
    network, x = NETWORKS["own"], inputs(6)
    replicas = network.replicas(DRAWS, torch.float64)
    pull = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 6)))
    points = torch.full((2, 1), 6)
    pieces = [(x[:, :4], pull[:, :4]), (x[:, 4:], pull[:, 4:])]
    mean, trace = mean_and_trace(replicas, pieces, points)
    for r, draw in enumerate(DRAWS):
        gradients = pull[r][:, None] * jacobian(network, draw, x[r])
        close(torch.cat([part[r].reshape(-1) for part in mean]), gradients.mean(0))
        assert float(trace[r]) == pytest.approx(float(gradients.var(0, correction=0).sum()))


def test_the_factor_of_a_minibatch_is_that_of_all_its_means():
    values = np.random.default_rng(2).normal(size=5)
    settings = ls.SGD(lr=0.1, batch_size=2, sampling="without_replacement")
    pairs = [(values[i] + values[j]) / 2 for i in range(5) for j in range(5) if i != j]
    assert np.var(pairs) == pytest.approx(variance_factor(settings, 5) * np.var(values))
    with_replacement = ls.SGD(lr=0.1, batch_size=2)
    pairs = [(a + b) / 2 for a in values for b in values]
    assert np.var(pairs) == pytest.approx(variance_factor(with_replacement, 5) * np.var(values))


def test_change_of_a_kernel_is_relative_to_the_first():
    start = torch.eye(3).expand(2, 3, 3)
    assert kernel_change(1.5 * start, start).tolist() == pytest.approx([0.5, 0.5])


def test_what_a_network_cannot_do_is_said():
    class OutputsOnly:
        can = frozenset()

    message = "^hessian: needs second_derivatives of a network, and this one has neither of them"
    with pytest.raises(ls.InputError, match=message):
        require_capability(OutputsOnly(), "second_derivatives", by="hessian")
