"""A new kind of network is a class that has what the protocols ask for, and a line in the table."""

from dataclasses import asdict, dataclass

import numpy as np
import pytest
import torch
from in_one_call import train_networks_of

import langevin_sgd as ls
from langevin_sgd.models.networks import OwnNetwork
from langevin_sgd.models.networks.families import FAMILIES, of_family
from langevin_sgd.models.networks.interface import require_dimension
from langevin_sgd.models.networks.sample_gradients import DenseGradients
from langevin_sgd.training.observables import KernelChange


class LinearReplicas:
    """f = w . x, with every formula written by hand."""

    can = frozenset()

    def __init__(self, w):
        self.trained = [w]

    def outputs(self, x):
        return (x * self.trained[0][:, None]).sum(2)

    def step(self, x, factors, into=None, keep=1.0):
        change = (factors(self.outputs(x))[:, :, None] * x).sum(1)
        (self.trained if into is None else into)[0].mul_(keep).add_(change)

    def gradients(self, x):
        return DenseGradients([x])

    def select(self, places):
        return LinearReplicas(self.trained[0][places])


@dataclass(frozen=True, kw_only=True)
class Linear:
    dimension: int
    width: int = 1

    depth = 0
    layers = ("w",)

    @property
    def widest(self):
        return self.dimension

    @property
    def parameters(self):
        return self.dimension

    def describe(self):
        return {"name": "Linear", **asdict(self)}

    def require_trainable(self, inputs):
        require_dimension(self.dimension, inputs)

    def replicas(self, draws, dtype, device="cpu"):
        rows = [
            np.random.default_rng([seed, number]).normal(size=self.dimension)
            for seed, number in draws
        ]
        return LinearReplicas(torch.from_numpy(np.stack(rows)).to(device, dtype))


def data(seed=0, count=20):
    X = np.random.default_rng(seed).normal(size=(count, 4))
    return X, np.where(X[:, 0] + 0.2 * X[:, 1] > 0, 1.0, -1.0)


def as_module():
    return torch.nn.Linear(4, 1, bias=False)


def test_a_network_out_of_the_table_is_refused():
    with pytest.raises(ls.InputError, match=r"^network = .*must be a network of models\.networks"):
        train_networks_of(Linear(dimension=4), data(), lr=0.1, max_steps=3)


def test_one_line_makes_it_train_and_be_observed(monkeypatch):
    """The course of a linear predictor of f - f0 does not depend on its initial weights, so that a
    module of torch has the same.
    """
    monkeypatch.setitem(FAMILIES, "linear", Linear)
    network = of_family("linear", image=(1, 2, 2), width=1)
    options = {
        "lr": [0.05, 0.2],
        "batch_size": 3,
        "momentum": 0.3,
        "max_steps": 60,
        "seed": 2,
        "precision": "float64",
        "record": ("margins", "noise_temperature", KernelChange(points=5)),
        "schedule": [1, 8, 60],
    }
    test = data(1, 9)
    runs, expected = (
        train_networks_of(kind, (*data(), *test), **options)
        for kind in (network, OwnNetwork(build=as_module))
    )
    assert runs["kernel_change"].values.tolist() == [0.0, 0.0]
    for name in ("loss", "margin", "noise_temperature", "test_error", "last_update_step"):
        np.testing.assert_allclose(runs[name].values, expected[name].values, rtol=1e-9)
        recorded = f"recorded_{name}"
        if recorded in runs:
            np.testing.assert_allclose(
                runs[recorded].values, expected[recorded].values, rtol=1e-9, atol=1e-12
            )


def test_it_says_what_it_cannot_do():
    from langevin_sgd.curvature.hessian import gauss_newton_product

    replicas = Linear(dimension=4).replicas([(0, 0)], torch.float64)
    with pytest.raises(ls.InputError, match=r"^gauss_newton_product: needs second_derivatives"):
        gauss_newton_product(replicas, torch.ones(1, 3, 4), torch.ones(1, 3), [torch.ones(1, 4)])
