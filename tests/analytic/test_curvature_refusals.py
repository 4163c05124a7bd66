"""What cannot be measured is refused in one line that names the way out."""

import warnings

import pytest
import torch
from dense_curvature import model_of
from torch.nn import BatchNorm1d, Dropout, LayerNorm, Linear, Sequential
from torch.utils.data import DataLoader, TensorDataset

import langevin_sgd as ls
from langevin_sgd.checks import memory
from langevin_sgd.curvature.alignment import (
    alignment,
    alignment_of_gram,
    alignment_range,
    directional_alignment,
    subspace_overlap,
)
from langevin_sgd.curvature.alignment_estimates import alignment_by_products, alignment_by_subsets
from langevin_sgd.curvature.batch_sharpness import batch_sharpness
from langevin_sgd.curvature.critical_sharpness import update_curvature
from langevin_sgd.curvature.gram import gram_of_losses, gram_of_outputs
from langevin_sgd.curvature.lanczos import eigenpairs
from langevin_sgd.curvature.loss_gradients import loss_gradient_norms, loss_gradients
from langevin_sgd.curvature.operators import from_matrix, gauss_newton, hessian, noise_covariance
from langevin_sgd.curvature.replica_operators import replica_operator
from langevin_sgd.curvature.spectral_density import spectral_density
from langevin_sgd.curvature.torch_model import TorchModel
from langevin_sgd.curvature.traces import squared_frobenius_norm, trace
from langevin_sgd.models.networks import FullyConnected

pytestmark = pytest.mark.usefixtures("one_torch_thread")

X, Y = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.zeros(6)
CLASSES = torch.tensor([0, 1, 2, 0, 1, 2])


class OverBatch(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Linear(4, 1)

    def forward(self, x):
        z = self.inner(x)
        return z - z.mean(0)


class Noisy(OverBatch):
    def forward(self, x):
        return self.inner(torch.nn.functional.dropout(x, 0.5))


class WithoutSecondDerivatives(OverBatch):
    def forward(self, x):
        return Once.apply(self.inner(x))


class Once(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return x.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, g):
        return g


def refused(message, call, *args, **words):
    with pytest.raises(ls.InputError, match=message) as caught:
        call(*args, **words)
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()


def half_types():
    return Sequential(Linear(4, 3), Linear(3, 1).double())


MODULES = {
    "batch norm": (lambda: Sequential(Linear(4, 3), BatchNorm1d(3), Linear(3, 1)), r"call \.eval"),
    "batch norm without statistics": (
        lambda: Sequential(BatchNorm1d(4, track_running_stats=False), Linear(4, 1)).eval(),
        "take GroupNorm",
    ),
    "dropout": (lambda: Sequential(Dropout(0.1), Linear(4, 1)), r"active dropout: call \.eval"),
    "dropout by hand": (Noisy, "must not draw random numbers"),
    "mean over the batch": (OverBatch, "must treat each point alone"),
    "a class": (lambda: Linear, "a made one and not its class"),
    "no module": (lambda: 3, "^module = 3: must be a torch.nn.Module"),
    "lazy": (lambda: torch.nn.LazyLinear(1), "lazy layers"),
    "two types": (half_types, "on one device"),
    "frozen": (lambda: Linear(4, 1).requires_grad_(False), "no parameter that requires"),
    "other inputs": (lambda: Linear(5, 1), "does not take them"),
    "images out": (lambda: torch.nn.Conv1d(4, 2, 1), "must be one tensor"),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules(name):
    build, message = MODULES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        module = build()
    x = X[:, :, None] if name == "images out" else X
    refused(message, TorchModel, module, x, Y)


def test_what_is_at_rest_is_taken():
    layers = [Linear(4, 3), BatchNorm1d(3), Dropout(0.5), LayerNorm(3), Linear(3, 1)]
    assert TorchModel(Sequential(*layers).eval(), X, Y).outputs == 1
    assert TorchModel(Linear(4, 1), X, Y[:, None].double()).dtype == torch.float32


DATA = {
    "too few targets": (X, Y[:5], {}, "^targets = 5: must be 6 points, as the inputs"),
    "other shape": (X, torch.zeros(6, 2), {}, r"of shape \(6, 1\)"),
    "no tensor": (X, [0] * 6, {}, "^targets = .*must be a tensor"),
    "arrays": (X.numpy(), Y, {}, "^inputs = an array.*must be a tensor"),
    "no points": (X[:0], Y[:0], {}, "at least one point"),
    "NaN": (X * torch.nan, Y, {}, "^loss = nan at point 0"),
    "infinite": (X, Y + torch.inf, {}, "^loss = inf at point 0"),
    "another loss": (X, Y, {"loss": "sqare"}, "did you mean 'square'"),
    "one output": (X, CLASSES, {"loss": "cross_entropy"}, "at least two outputs"),
    "chunk": (X, Y, {"chunk": 0}, "^chunk = 0"),
    "loader": (DataLoader(TensorDataset(X, Y)), Y, {}, "from_loader"),
}


@pytest.mark.parametrize("name", DATA)
def test_data(name):
    x, y, words, message = DATA[name]
    refused(message, TorchModel, Linear(4, 1), x, y, **words)


def test_classes():
    module = Linear(4, 3)
    refused("one_hot", TorchModel, module, X, CLASSES)
    refused(r"0 \.\.\. 2", TorchModel, module, X, CLASSES + 1, loss="cross_entropy")
    refused("of integers", TorchModel, module, X, CLASSES.float(), loss="cross_entropy")


def test_loaders():
    data = TensorDataset(X, Y)
    model = TorchModel.from_loader(Linear(4, 1), DataLoader(data, batch_size=4))
    assert model.points == 6
    shuffled = DataLoader(data, batch_size=4, shuffle=True)
    refused("shuffle=False", TorchModel.from_loader, Linear(4, 1), shuffled)
    dropping = DataLoader(data, batch_size=4, drop_last=True)
    refused("drops points", TorchModel.from_loader, Linear(4, 1), dropping)
    refused("must give pairs", TorchModel.from_loader, Linear(4, 1), DataLoader(X))
    refused("must be a torch.utils.data.DataLoader", TorchModel.from_loader, Linear(4, 1), 3)


def test_more_than_the_memory_holds(monkeypatch):
    model = model_of("cnn")[0]
    with monkeypatch.context() as small:
        small.setattr("langevin_sgd.checks.memory.available_memory", lambda: 1000.0)
        for call in (alignment, gram_of_losses, gram_of_outputs, loss_gradients):
            refused("GiB are free: take fewer points", call, model)
        refused("GiB are free: take fewer", eigenpairs, hessian(model))
        refused("GiB are free: take fewer", spectral_density, hessian(model))
    assert memory.available_memory() > 1000


def test_what_cannot_be_differentiated_twice():
    model = TorchModel(WithoutSecondDerivatives(), X, Y, chunk=4)
    refused("^module: torch.func .* as the Hessian needs", hessian(model).times, model.gradient())
    refused("^module: torch.func .* as gradients at single points needs", loss_gradients, model)


MODEL, MATRIX = model_of("outputs")[0], from_matrix(torch.eye(3))
GRAM = torch.ones(3, 1, 3, 1)
CALLS = [
    *[
        (call, (wrong,), {}, "^model = ")
        for call in (
            alignment,
            alignment_by_products,
            gram_of_losses,
            gram_of_outputs,
            loss_gradients,
            loss_gradient_norms,
            hessian,
            gauss_newton,
            noise_covariance,
            update_curvature,
        )
        for wrong in (None, torch.nn.Linear(1, 1))
    ],
    (MODEL.take, (torch.tensor([9]),), {}, "^places = .*0 to 8"),
    (MODEL.take, (torch.tensor([0.0]),), {}, "^places = "),
    (MODEL.take, ([0],), {}, "^places = "),
    (hessian(MODEL).times, (torch.ones(2),), {}, r"^vectors = .*\(43,\)"),
    (hessian(MODEL).times, (torch.full((43,), torch.nan),), {}, "finite"),
    (hessian(MODEL).times, (3,), {}, "^vectors = 3"),
    (from_matrix, (torch.tensor([[0.0, 1], [0, 0]]),), {}, "^matrix = .*symmetric"),
    (from_matrix, (torch.eye(2) * torch.nan,), {}, "^matrix = "),
    (from_matrix, (torch.zeros(0, 0),), {}, "^matrix = "),
    (eigenpairs, (MATRIX, 4), {}, "^count = 4: .*at most 3"),
    (eigenpairs, (MATRIX, 2), {"which": "top"}, "^which = "),
    (eigenpairs, (MATRIX, 2), {"tolerance": 0}, "^tolerance = "),
    (eigenpairs, (MATRIX, 2), {"max_products": 1}, "^max_products = 1"),
    (eigenpairs, (torch.eye(2),), {}, "^operator = "),
    (eigenpairs, (MATRIX,), {"seed": -1}, "^seed = "),
    (trace, (MATRIX,), {"probes": 1}, "^probes = 1"),
    (trace, (torch.eye(2),), {}, "^operator = "),
    (squared_frobenius_norm, (MATRIX,), {"deflate": -1}, "^deflate = "),
    (spectral_density, (MATRIX,), {"products": 0}, "^products = "),
    (spectral_density(MATRIX).moment, (-1,), {}, "^order = "),
    (spectral_density(MATRIX).at, ([0.0], 0), {}, "^width = "),
    (alignment_of_gram, (torch.eye(2), Y, Y), {}, "^gram = "),
    (alignment_of_gram, (GRAM, Y, torch.tensor(1.0)), {}, "^gradients = "),
    (alignment_of_gram, (GRAM, torch.ones(3, 1), torch.tensor(0.0)), {}, "^loss = .*above zero"),
    (alignment_range, (0 * GRAM,), {}, "^gram = .*zero"),
    (alignment_range, (GRAM[None],), {}, "^gram = .*one network"),
    (directional_alignment, (MODEL, torch.zeros(43, 1)), {}, "^vectors = .*curvature"),
    (subspace_overlap, (torch.ones(3, 1), torch.eye(3)), {}, "^first = .*orthonormal"),
    (subspace_overlap, (torch.eye(3), torch.eye(2)), {}, "^second = "),
    (alignment_by_subsets, (MODEL, 3), {}, "^points = 3"),
    (alignment_by_subsets, (MODEL, 10), {}, "^points = 10"),
    (batch_sharpness, (MODEL, 10), {}, "^batch_size = 10: .*at most 9"),
    (batch_sharpness, (MODEL, 2), {"sampling": "epochs"}, "^sampling = "),
    (batch_sharpness, (MODEL, 2), {"batches": 1}, "^batches = 1"),
    (batch_sharpness, (MODEL, 2), {"interaction": 1}, "^interaction = 1"),
    (update_curvature, (MODEL, -MODEL.gradient()), {}, "^update = .*lowers the loss"),
]


@pytest.mark.parametrize(
    ("call", "args", "words", "message"),
    CALLS,
    ids=[f"{getattr(c[0], '__name__', '')}{i}" for i, c in enumerate(CALLS)],
)
def test_arguments(call, args, words, message):
    refused(message, call, *args, **words)


def test_a_loss_of_zero_and_half_precision():
    exact = Linear(4, 1, bias=False)
    torch.nn.init.zeros_(exact.weight)
    zero = TorchModel(exact, X, Y)
    for call in (alignment, alignment_by_products):
        refused("0/0: move the weights", call, zero)
    rough = TorchModel(Linear(4, 1).bfloat16(), X, Y)
    refused(r"single precision or better: \.float", update_curvature, rough)


def test_replicas():
    replicas = FullyConnected(dimension=4, width=2, depth=1).replicas([(0, 0)], torch.float64)
    refused("^x = .*torch.float64", replica_operator, replicas, X, Y)
    refused("^replica = 1", replica_operator, replicas, X.double(), Y, replica=1)
    refused("^loss = ", replica_operator, replicas, X.double(), Y, loss="cross_entropy")
