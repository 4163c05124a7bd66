"""Gradients, Gram matrices and products with matrices of a torch module, against dense autograd."""

import pytest
import torch
from dense_curvature import dense_of, model_of, module_of

from langevin_sgd.curvature import linear_layers, sample_gradients
from langevin_sgd.curvature.gram import (
    gram_of_losses,
    gram_of_outputs,
    losses_by_layer,
    outputs_by_layer,
)
from langevin_sgd.curvature.loss_gradients import loss_gradient_norms, loss_gradients
from langevin_sgd.curvature.operators import gauss_newton, hessian, noise_covariance
from langevin_sgd.curvature.replica_operators import replica_operator
from langevin_sgd.curvature.torch_model import TorchModel
from langevin_sgd.models.networks import FullyConnected, SimpleCNN

pytestmark = pytest.mark.usefixtures("one_torch_thread")


CASES = [
    ("tanh", "square"),
    ("outputs", "square"),
    ("outputs", "cross_entropy"),
    ("cnn", "square"),
    ("cnn", "cross_entropy"),
    ("shared", "square"),
]


def close(actual, expected, rtol=1e-9):
    scale = float(expected.abs().max())
    torch.testing.assert_close(actual, expected, rtol=rtol, atol=rtol * scale)


@pytest.fixture(params=CASES, ids="-".join)
def pair(request):
    return model_of(*request.param)[0], dense_of(*request.param)


def test_loss_and_gradients_are_those_of_autograd(pair):
    model, dense = pair
    close(model.losses(), dense.losses)
    assert model.loss == pytest.approx(dense.L, rel=1e-12)
    close(model.gradient(), dense.gbar)
    close(loss_gradients(model), dense.g)
    close(loss_gradient_norms(model), dense.g.norm(dim=1))


@pytest.mark.parametrize(
    ("operator", "matrix"), [(hessian, "H"), (gauss_newton, "G"), (noise_covariance, "Sigma")]
)
def test_products_are_those_of_the_dense_matrix(pair, operator, matrix):
    model, dense = pair
    expected = getattr(dense, matrix)
    one = torch.eye(model.size, dtype=torch.float64)
    close(operator(model).times(one), expected)
    vector = torch.linspace(-1, 1, model.size, dtype=torch.float64)
    close(operator(model).times(vector), expected @ vector)


def test_gram_matrices_are_products_of_the_rows(pair):
    model, dense = pair
    close(gram_of_losses(model), dense.g @ dense.g.T)
    close(gram_of_outputs(model), torch.einsum("iad,jbd->iajb", dense.J, dense.J))


@pytest.mark.parametrize("most", [1, 100, 2**24])
@pytest.mark.parametrize("name", ["outputs", "cnn", "shared"])
def test_each_layer_has_the_gram_matrix_of_its_own_gradients(name, most, monkeypatch):
    """However many numbers are held at a time."""
    monkeypatch.setattr(sample_gradients, "MOST_NUMBERS", most)
    model, dense = model_of(name)[0], dense_of(name)
    ends = torch.tensor([0, *(w.numel() for w in model.weights)]).cumsum(0)
    place = {name: slice(a, b) for name, a, b in zip(model.names, ends, ends[1:], strict=False)}
    of_outputs, of_losses = dict(outputs_by_layer(model)), dict(losses_by_layer(model))
    assert sorted(of_outputs) == sorted(of_losses) == sorted(model.names)
    for layer in model.names:
        J, g = dense.J[..., place[layer]], dense.g[:, place[layer]]
        close(of_outputs[layer], torch.einsum("iad,jbd->iajb", J, J))
        close(of_losses[layer], g @ g.T)


def names_of_outer_products(model):
    factors = model.output_gradients()[:, None]
    return sorted(name for name, _, _ in linear_layers.outer_products(model, factors))


def test_outer_products_are_taken_where_they_hold_and_nowhere_else(monkeypatch):
    """A layer that acts twice has none, nor has a weight that is used outside of its layer."""
    assert names_of_outer_products(model_of("cnn")[0]) == ["4.weight", "6.bias", "6.weight"]
    assert names_of_outer_products(model_of("shared")[0]) == []
    monkeypatch.setattr(linear_layers, "_compare", lambda *_: None)
    assert names_of_outer_products(model_of("shared")[0]) == ["last.bias", "last.weight"]


def test_nothing_depends_on_the_stretches():
    small, large = (model_of("cnn", chunk=chunk)[0] for chunk in (2, 100))
    close(hessian(small).times(small.gradient()), hessian(large).times(large.gradient()), 1e-12)
    close(gram_of_losses(small), gram_of_losses(large), 1e-12)


def test_frozen_weights_are_left_out_and_shared_ones_count_once():
    module = module_of("outputs")
    module[0].weight.requires_grad_(False)
    model, x, _ = model_of("outputs", module=module)
    assert (model.names, model.size) == (["0.bias", "2.weight", "2.bias"], 5 + 15 + 3)
    full = dense_of("outputs")
    assert torch.allclose(model.gradient(), full.gbar[20:])
    tied = torch.nn.Sequential(
        torch.nn.Linear(4, 4, bias=False), torch.nn.Tanh(), torch.nn.Linear(4, 4, bias=False)
    ).double()
    tied[2].weight = tied[0].weight
    model = TorchModel(tied, x, torch.zeros(len(x), 4))
    assert model.size == 16
    rows = loss_gradients(model)
    close(gram_of_losses(model), rows @ rows.mT)


def test_a_model_stays_what_it_was_when_training_goes_on():
    module = module_of("tanh")
    model, *_ = model_of("tanh", module=module)
    before = model.loss
    with torch.no_grad():
        module[0].weight.zero_()
    module.train()
    assert model.losses(torch.zeros(model.size)).mean() == pytest.approx(before)


def test_some_points_are_a_model_of_their_own():
    model, x, t = model_of("cnn", "cross_entropy")
    places = torch.tensor([3, 3, 8])
    part = model.take(places)
    alone = TorchModel(module_of("cnn"), x[places], t[places], loss="cross_entropy")
    close(hessian(part).times(part.gradient()), hessian(alone).times(alone.gradient()))


def test_single_precision_stays_single_and_is_near():
    model = model_of("cnn", module=module_of("cnn").float())[0]
    dense = dense_of("cnn")
    vector = torch.ones(model.size)
    product = hessian(model).times(vector)
    assert product.dtype == torch.float32
    close(product.double(), dense.H @ vector.double(), 1e-4)
    close(gram_of_losses(model), dense.g @ dense.g.T, 1e-4)


def test_attention_has_second_derivatives():
    class Attention(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Linear(4, 12)

        def forward(self, x):
            q, k, v = self.inner(x.reshape(len(x), 1, 2, 4)).chunk(3, -1)
            z = torch.nn.functional.scaled_dot_product_attention(q, k, v)
            return z.flatten(1)[:, :1]

    torch.manual_seed(0)
    x = torch.randn(5, 8, dtype=torch.float64)
    model = TorchModel(Attention().double(), x, torch.ones(5))

    def loss(vector):
        return model.output_loss.value(model.call(model.shaped(vector), x), torch.ones(5, 1)).mean()

    expected = torch.autograd.functional.hessian(loss, model.flat(model.weights))
    close(hessian(model).times(torch.eye(model.size, dtype=torch.float64)), expected)


@pytest.mark.parametrize(
    "network",
    [FullyConnected(dimension=64, width=3, depth=2), SimpleCNN(image=(1, 8, 8), width=1)],
    ids=["fully connected", "cnn"],
)
def test_networks_of_the_package_through_their_protocol(network):
    """One of many replicas, against the module of the same weights."""
    x = torch.randn(6, 64, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    y = torch.tensor([1.0, -1, 1, 1, -1, -1]).double()
    replicas = network.replicas([(1, 0), (1, 7)], torch.float64)
    model = TorchModel(network.module(1, 7, precision="float64"), x, y)
    vector = torch.linspace(-1, 1, model.size).double()
    for own, of_module in ((True, gauss_newton), (False, hessian)):
        operator = replica_operator(replicas, x, y, replica=1, gauss_newton=own)
        close(operator.times(vector), of_module(model).times(vector))
