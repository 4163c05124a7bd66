"""Curvature of a torch module 64-128-128-10 on 512 points, float32, one thread: time beside that of
one gradient of all points.

Products with the Hessian by one vector and by sixteen; Gram matrix of the gradients of the loss
layer by layer, and from all gradients held at once; ten eigenpairs by us, and by SciPy with the
products of a peer where it is installed.
"""

import time

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch.nn import Linear, Sequential, Tanh

from langevin_sgd.curvature.alignment import alignment
from langevin_sgd.curvature.gram import gram_of_losses
from langevin_sgd.curvature.lanczos import eigenpairs
from langevin_sgd.curvature.loss_gradients import loss_gradients
from langevin_sgd.curvature.operators import gauss_newton, hessian, noise_covariance
from langevin_sgd.curvature.torch_model import TorchModel

POINTS, TOLERANCE = 512, 1e-3
pytestmark = pytest.mark.usefixtures("one_torch_thread")


def module():
    torch.manual_seed(0)
    layers = [Linear(64, 128), Tanh(), Linear(128, 128), Tanh(), Linear(128, 10)]
    return Sequential(*layers)


def data():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(POINTS, 64, generator=generator)
    return x, torch.randint(0, 10, (POINTS,), generator=generator)


def backward(network, x, y):
    """One gradient as anybody would take it."""

    def gradient():
        loss = torch.nn.functional.cross_entropy(network(x), y)
        return torch.autograd.grad(loss, list(network.parameters()))

    return gradient


def double_backward(network, x, y, vector):
    """A product with the Hessian by two reverse passes, as most tools take it."""
    parameters = list(network.parameters())

    def product():
        loss = torch.nn.functional.cross_entropy(network(x), y)
        gradient = torch.autograd.grad(loss, parameters, create_graph=True)
        flat = torch.cat([g.reshape(-1) for g in gradient])
        return torch.autograd.grad(flat @ vector, parameters)

    return product


def scipy_eigenpairs(matmul, size):
    operator = LinearOperator((size, size), matvec=matmul, dtype=np.float32)
    start = np.random.default_rng(0).normal(size=size).astype(np.float32)
    return lambda: eigsh(operator, 10, which="LA", tol=TOLERANCE, v0=start)


def peer(network, x, y):
    """The Hessian of curvlinops, for SciPy."""
    curvlinops = pytest.importorskip("curvlinops")
    loss = torch.nn.CrossEntropyLoss()
    parameters = list(network.parameters())
    return curvlinops.HessianLinearOperator(network, loss, parameters, [(x, y)]).to_scipy()


def side_by_side(benchmark, rows, unit, rounds=5):
    """Print the best processor times of some calls, all of them in every round."""
    best = dict.fromkeys(rows, np.inf)

    def round_of_all():
        for name, call in rows.items():
            begun = time.process_time()
            call()
            best[name] = min(best[name], time.process_time() - begun)

    benchmark.pedantic(round_of_all, rounds=rounds, warmup_rounds=1)
    lines = [f"  {name:<52} {1e3 * t:9.2f} ms {t / best[unit]:8.2f} x" for name, t in best.items()]
    print("", __doc__, *lines, sep="\n")


def test_products(benchmark):
    network, (x, y) = module(), data()
    model = TorchModel(network, x, y, loss="cross_entropy")
    vector, kept = torch.ones(model.size), hessian(model)
    block = torch.randn(model.size, 16, generator=torch.Generator().manual_seed(2))
    rows = {
        "gradient by autograd": backward(network, x, y),
        "Hessian, the first vector": lambda: hessian(model).of_block(vector[:, None]),
        "Hessian, each further vector": lambda: kept.of_block(vector[:, None]),
        "Hessian by two reverse passes, a vector": double_backward(network, x, y, vector),
        "Hessian, 16 vectors together": lambda: kept.of_block(block),
        "Gauss-Newton, a vector": lambda: gauss_newton(model).of_block(vector[:, None]),
        "noise covariance, a vector": lambda: noise_covariance(model).of_block(vector[:, None]),
    }
    side_by_side(benchmark, rows, "gradient by autograd")


def test_gram_matrices(benchmark):
    network, (x, y) = module(), data()
    model = TorchModel(network, x, y, loss="cross_entropy")

    def materialised():
        rows = loss_gradients(model)
        return rows @ rows.mT

    rows = {
        "Gram matrix from all gradients": materialised,
        "Gram matrix, layer by layer": lambda: gram_of_losses(model),
        "alignment, 10 outputs": lambda: alignment(model.take(torch.arange(128))),
    }
    side_by_side(benchmark, rows, "Gram matrix from all gradients", rounds=3)


def test_ten_eigenpairs(benchmark):
    network, (x, y) = module(), data()
    model = TorchModel(network, x, y, loss="cross_entropy")
    operator = hessian(model)

    def product(v):
        return operator.of_block(torch.from_numpy(np.asarray(v, np.float32).reshape(-1, 1))).numpy()

    rows = {
        "ten eigenpairs": lambda: eigenpairs(operator, 10, tolerance=TOLERANCE),
        "SciPy with our products": scipy_eigenpairs(product, model.size),
    }
    side_by_side(benchmark, rows, "ten eigenpairs", rounds=3)


def test_ten_eigenpairs_beside_a_peer(benchmark):
    network, (x, y) = module(), data()
    model = TorchModel(network, x, y, loss="cross_entropy")
    theirs = peer(network, x, y)
    ours = hessian(model)
    vector = np.ones(model.size, np.float32)
    column = torch.from_numpy(vector)[:, None]
    rows = {
        "ten eigenpairs": lambda: eigenpairs(ours, 10, tolerance=TOLERANCE),
        "SciPy with products of curvlinops": scipy_eigenpairs(theirs.matvec, model.size),
        "a product with the Hessian": lambda: ours.of_block(column),
        "the same by curvlinops": lambda: theirs.matvec(vector),
    }
    side_by_side(benchmark, rows, "ten eigenpairs", rounds=3)
