"""Sharpness of batches and along updates, against enumeration, linear models and dense Hessians."""

import itertools

import numpy as np
import pytest
import torch
from dense_curvature import Dense, dense_of, model_of, module_of

from langevin_sgd.curvature.batch_sharpness import batch_sharpness
from langevin_sgd.curvature.critical_sharpness import update_curvature
from langevin_sgd.curvature.torch_model import TorchModel

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def pull(estimate, expected):
    assert estimate.valid
    return (estimate.value - expected) / estimate.standard_error


def over_all_batches(name, points, size, *, replacement):
    """The four sharpnesses from every batch there is, by dense matrices."""
    _, x, t = model_of(name, points=points)
    dense = dense_of(name, points=points)
    places = (
        itertools.product(range(points), repeat=size)
        if replacement
        else itertools.combinations(range(points), size)
    )
    rows = []
    for batch in map(list, places):
        part = Dense(module_of(name), x[batch], t[batch], "square")
        g = part.gbar
        rows.append([float(v) for v in (g @ part.H @ g, g @ g, g @ dense.H @ g)])
    own, squares, full = np.array(rows).T
    return (
        (own / squares).mean(),
        own.mean() / squares.mean(),
        squares.mean() / (2 * dense.L),
        full.mean() / float(dense.gbar @ dense.gbar),
    )


@pytest.mark.parametrize("sampling", ["with_replacement", "without_replacement"])
def test_batch_sharpness_is_the_mean_over_all_batches(sampling, seed):
    expected = over_all_batches("tanh", 6, 2, replacement=sampling == "with_replacement")
    model = model_of("tanh", points=6)[0]
    found = batch_sharpness(model, 2, batches=150, sampling=sampling, interaction=True, seed=seed)
    kinds = (found.mean_of_ratios, found.ratio_of_means, found.criticality, found.interaction)
    for estimate, value in zip(kinds, expected, strict=True):
        assert abs(pull(estimate, value)) < 5
    # Control: they are not one quantity.
    assert abs(pull(found.mean_of_ratios, expected[1])) > 4
    assert abs(pull(found.interaction, expected[2])) > 4


def linear(points=12, size=5):
    torch.manual_seed(2)
    module = torch.nn.Linear(size, 1, bias=False).double()
    x, y = torch.randn(points, size).double(), torch.randn(points).double()
    return TorchModel(module, x, y), x.T @ x / points


def test_one_point_of_a_linear_model_sees_the_trace_and_all_points_the_top():
    model, H = linear()
    single = batch_sharpness(model, 1, batches=400, seed=3).mean_of_ratios
    assert abs(pull(single, float(H.trace()))) < 5
    whole = batch_sharpness(model, 12, batches=2).mean_of_ratios
    g = model.gradient()
    assert whole.value == pytest.approx(float(g @ H @ g / (g @ g)))
    assert whole.value <= float(torch.linalg.eigvalsh(H)[-1])


def test_what_is_not_defined_says_so():
    model = model_of("cnn", "cross_entropy")[0]
    found = batch_sharpness(model, 3, batches=2)
    assert not found.criticality.valid
    assert "square loss only" in found.criticality.note
    assert not found.interaction.valid
    exact = torch.nn.Linear(2, 1)
    torch.nn.init.zeros_(exact.weight)
    torch.nn.init.zeros_(exact.bias)
    zero = TorchModel(exact, torch.ones(3, 2), torch.zeros(3))
    found = batch_sharpness(zero, 1, batches=4, interaction=True)
    kinds = (found.mean_of_ratios, found.ratio_of_means, found.criticality, found.interaction)
    assert not any(estimate.valid for estimate in kinds)


# --- along an update ------------------------------------------------------------------------------


def test_a_quadratic_loss_is_harmonic():
    model, H = linear()
    for u in (None, model.gradient() + 0.1):
        found = update_curvature(model, u)
        u = model.gradient() if u is None else u
        assert found.curvature == pytest.approx(float(u @ H @ u), rel=1e-6)
        assert found.local_sharpness == pytest.approx(found.critical_sharpness, rel=1e-5)
        assert found.anharmonicity == pytest.approx(1, rel=1e-5)


class Exponential(torch.nn.Module):
    """Output w with l = (e^w - w)-like loss by cross-entropy of (w, -w) at both classes."""

    def __init__(self, w):
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor(w, dtype=torch.float64))

    def forward(self, x):
        return torch.stack([self.w * x[:, 0], -self.w * x[:, 0]], 1)


def test_an_anharmonic_loss_has_the_steps_that_one_can_write_down():
    """L(w) = (3 log(1 + e^-2w) + log(1 + e^2w))/4; h_c solves L(w - h g) = L(w)."""
    x, t = torch.ones(4, 1).double(), torch.tensor([0, 0, 0, 1])
    model = TorchModel(Exponential(-1.0), x, t, loss="cross_entropy")

    def loss(w):
        return (3 * np.log1p(np.exp(-2 * w)) + np.log1p(np.exp(2 * w))) / 4

    p = 1 / (1 + np.exp(2.0))
    g, second = 2 * (p - 0.75), 4 * p * (1 - p)
    found = update_curvature(model)
    assert found.slope == pytest.approx(g**2)
    assert found.curvature == pytest.approx(second * g**2, rel=1e-5)
    assert loss(-1 - found.critical_step * g) == pytest.approx(loss(-1.0), rel=1e-6)
    lower = np.linspace(1e-3, 0.999, 500) * found.critical_step
    assert (loss(-1 - lower * g) < loss(-1.0)).all()
    assert found.anharmonicity == pytest.approx(2 / found.critical_step / second, rel=1e-5)
    assert abs(found.anharmonicity - 1) > 0.05


def test_a_loss_that_never_comes_back_has_no_critical_step():
    x, t = torch.ones(4, 1).double(), torch.zeros(4, dtype=torch.int64)
    found = update_curvature(TorchModel(Exponential(1.0), x, t, loss="cross_entropy"))
    assert found.critical_step is None
    assert found.critical_sharpness is None
    assert found.anharmonicity is None
    assert found.curvature > 0


@pytest.mark.parametrize(("name", "loss"), [("outputs", "cross_entropy"), ("shared", "square")])
def test_local_curvature_of_a_network_is_that_of_its_hessian(name, loss):
    """Control: without the pair's second step the cubic term is in it."""
    model, dense = model_of(name, loss)[0], dense_of(name, loss)
    expected = float(dense.gbar @ dense.H @ dense.gbar)
    found = update_curvature(model)
    assert found.curvature == pytest.approx(expected, rel=1e-5)
    assert abs(found.curvature - expected) < max(found.cubic, 1e-6 * expected)
    single = update_curvature(model_of(name, loss, module=module_of(name).float())[0])
    assert single.curvature == pytest.approx(expected, rel=0.03)
    assert single.cubic > abs(found.curvature - expected)
