"""Alignment of the noise, batch sharpness and bounds, against matrices in parameter space."""

import itertools
import sys
from dataclasses import replace

import numpy as np
import pytest

from langevin_sgd import SGD, InputError
from langevin_sgd.theory.settings import noise_factor
from langevin_sgd.theory.stability.alignment import alignment, alignment_matrix, alignment_range
from langevin_sgd.theory.stability.batch_sharpness import batch_sharpness
from langevin_sgd.theory.stability.bounds import edge_bounds, frobenius_bound_lr
from langevin_sgd.theory.stability.edge import edge_lr, growth_factor
from langevin_sgd.theory.stability.minimum import InterpolatingMinimum
from langevin_sgd.theory.stability.predict import predict_stability
from langevin_sgd.theory.stability.second_moment import mean_loss

SHAPES = [(8, 1, 12), (8, 1, 5), (5, 3, 20)]


def made(shape, seed=0):
    rng = np.random.default_rng(seed)
    jacobians = rng.normal(size=shape)
    residuals = rng.normal(size=shape[:2])
    features = jacobians if shape[1] > 1 else jacobians[:, 0]
    minimum = InterpolatingMinimum.from_features(features)
    return jacobians, residuals, minimum


def dense(jacobians, residuals):
    """Sigma, G and 2 L in parameter space."""
    gradients = np.einsum("ikd,ik->id", jacobians, residuals)
    mean = gradients.mean(axis=0)
    sigma = gradients.T @ gradients / len(gradients) - np.outer(mean, mean)
    whole = np.einsum("ikd,ike->de", jacobians, jacobians) / len(gradients)
    return sigma, whole, (residuals**2).sum() / len(gradients)


@pytest.mark.parametrize("shape", SHAPES)
def test_alignment_by_the_kernel_is_that_of_the_matrices(shape):
    jacobians, residuals, minimum = made(shape)
    sigma, whole, double_loss = dense(jacobians, residuals)
    found = alignment(minimum, residuals)
    norms = np.linalg.norm(sigma), np.linalg.norm(whole)
    product = np.trace(sigma @ whole)
    assert found.trace_sigma_g == pytest.approx(product, rel=1e-12)
    assert found.norm_sigma == pytest.approx(norms[0], rel=1e-12)
    assert found.trace_sigma == pytest.approx(np.trace(sigma), rel=1e-12)
    assert found.loss == pytest.approx(double_loss / 2, rel=1e-12)
    assert found.cosine == pytest.approx(product / (norms[0] * norms[1]), rel=1e-12)
    assert found.size == pytest.approx(norms[0] / (double_loss * norms[1]), rel=1e-12)
    assert found.mu == pytest.approx(found.cosine * found.size, rel=1e-12)
    assert minimum.frobenius_norm == pytest.approx(norms[1], rel=1e-12)
    # Controls: the second moment of the gradients instead of their covariance, isotropic noise.
    gradients = np.einsum("ikd,ik->id", jacobians, residuals)
    assert abs(np.trace(gradients.T @ gradients @ whole) / len(gradients) / product - 1) > 0.01
    isotropic = np.trace(sigma) * np.trace(whole) / whole.shape[0]
    assert abs(isotropic / product - 1) > 0.1


@pytest.mark.parametrize("shape", SHAPES)
def test_alignment_is_a_quadratic_form_within_its_range(shape):
    _, residuals, minimum = made(shape)
    matrix, (lowest, highest) = alignment_matrix(minimum), alignment_range(minimum)
    flat = residuals.ravel()
    assert flat @ matrix @ flat / (flat @ flat) == pytest.approx(
        alignment(minimum, residuals).mu, rel=1e-12
    )
    rng = np.random.default_rng(3)
    within = minimum.kernel @ rng.normal(size=(len(flat), 2000))
    values = np.einsum("ir,ij,jr->r", within, matrix, within) / (within**2).sum(axis=0)
    assert lowest < values.min() < values.max() < highest
    # The extremes are reached, by the eigenvectors.
    basis = minimum.vectors
    eigenvectors = np.linalg.eigh(basis.T @ matrix @ basis)[1]
    for place, value in ((0, lowest), (-1, highest)):
        worst = (basis @ eigenvectors[:, place]).reshape(residuals.shape)
        assert alignment(minimum, worst).mu == pytest.approx(value, rel=1e-9)
    if shape[1] == 1:
        assert np.trace(matrix) / shape[0] == pytest.approx(1 - 1 / shape[0], rel=1e-12)
        assert lowest < 1 - 1 / shape[0] < highest


def test_alignment_of_gaussian_inputs_lies_between_one_and_two():
    """mu = 1 + d.S^3 d/(2 L ||S||^2) for a linear model on very many samples; alarm below 1e-3."""
    values, samples = 1 / np.arange(1, 6), 400
    rng = np.random.default_rng(5)
    x, delta = rng.normal(size=(samples, 5)) * np.sqrt(values), np.array([1.0, 0.3, 0.2, 0.1, 0.5])
    found = alignment(InterpolatingMinimum.from_features(x), x @ delta).mu
    known = 1 + (delta**2 @ values**3) / ((delta**2 @ values) * (values**2).sum())
    assert found == pytest.approx(known, rel=0.15)
    assert known > 1.4


# --- batch sharpness ------------------------------------------------------------------------------


def enumerated_sharpness(jacobians, residuals, settings):
    samples, size = len(jacobians), settings.batch_size
    if settings.sampling == "with_replacement":
        batches = itertools.product(range(samples), repeat=size)
    else:
        batches = itertools.combinations(range(samples), size)
    square, curved = [], []
    for batch in map(list, batches):
        gradient = np.einsum("ikd,ik->d", jacobians[batch], residuals[batch]) / size
        square.append(gradient @ gradient)
        curved.append(((jacobians[batch] @ gradient) ** 2).sum() / size)
    square, curved = np.array(square), np.array(curved)
    double_loss = (residuals**2).sum() / samples
    means = curved.mean() / square.mean(), square.mean() / double_loss
    return (curved / square).mean(), *means


@pytest.mark.parametrize("sampling", ["with_replacement", "without_replacement"])
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("shape", [(6, 1, 9), (5, 2, 12)])
def test_batch_sharpness_is_the_average_over_all_batches(sampling, size, shape):
    jacobians, residuals, minimum = made(shape)
    settings = SGD(lr=0.1, batch_size=size, sampling=sampling)
    known = enumerated_sharpness(jacobians, residuals, settings)
    found = batch_sharpness(minimum, settings, residuals)
    numbers = found.mean_of_ratio.value, found.ratio_of_means.value, found.criticality
    np.testing.assert_allclose(numbers, known, rtol=1e-12)
    assert found.exact
    assert found.mean_of_ratio.standard_error == 0
    assert abs(known[0] / known[1] - 1) > 0.01
    assert abs(known[2] / known[1] - 1) > 0.01
    if size == 1 and shape[1] == 1:
        assert numbers[0] == pytest.approx(minimum.trace, rel=1e-12)


def test_drawn_batches_agree_with_all_of_them(monkeypatch):
    """Both ways of drawing; 3 standard errors of 20 000 batches, the other way is the control."""
    _, residuals, minimum = made((9, 1, 12))
    exact = {}
    for sampling in ("with_replacement", "without_replacement"):
        settings = SGD(lr=0.1, batch_size=4, sampling=sampling)
        exact[sampling] = batch_sharpness(minimum, settings, residuals)
    monkeypatch.setattr(sys.modules[batch_sharpness.__module__], "MOST_BATCHES", 10)
    for sampling, known in exact.items():
        settings = SGD(lr=0.1, batch_size=4, sampling=sampling)
        found = batch_sharpness(minimum, settings, residuals, seed=1)
        other = exact[({*exact} - {sampling}).pop()]
        assert not found.exact
        for name in ("mean_of_ratio", "ratio_of_means"):
            one = getattr(found, name)
            assert abs(one.value - getattr(known, name).value) < 3.5 * one.standard_error
            assert abs(one.value - getattr(other, name).value) > 10 * one.standard_error


def test_the_document_has_errors_where_batches_were_drawn(monkeypatch):
    _, residuals, _ = made((9, 1, 12))
    words = {"features": made((9, 1, 12))[0][:, 0], "batch_size": 4, "residuals": residuals[:, 0]}
    exact = predict_stability(**words)["batch_sharpness"]
    assert set(exact) == {"mean_of_ratio", "ratio_of_means"}
    monkeypatch.setattr(sys.modules[batch_sharpness.__module__], "MOST_BATCHES", 10)
    drawn = predict_stability(**words, seed=1)["batch_sharpness"]
    errors = {"mean_of_ratio_standard_error", "ratio_of_means_standard_error"}
    assert set(drawn) == set(exact) | errors
    assert drawn == predict_stability(**words, seed=1)["batch_sharpness"]
    assert drawn != predict_stability(**words, seed=2)["batch_sharpness"]


# --- bounds ---------------------------------------------------------------------------------------

UPPER = ("mean", "spectrum", "matrices", "top_mode", "direction", "trace", "frobenius")


@pytest.mark.parametrize("shape", [*SHAPES, (20, 1, 40), (30, 1, 20)])
@pytest.mark.parametrize("size", [1, 4])
def test_the_edge_lies_between_its_bounds(shape, size):
    _, _, minimum = made(shape, seed=2)
    for sampling in ("with_replacement", "without_replacement"):
        settings = SGD(lr=0.1, batch_size=size, sampling=sampling)
        edge, bounds = edge_lr(minimum, settings), edge_bounds(minimum, settings)
        assert bounds.sufficient < edge
        for name in UPPER:
            assert getattr(bounds, name) > edge * (1 - 1e-12), name
        assert bounds.direction <= bounds.top_mode <= bounds.mean
        assert edge < 0.97 * bounds.mean


def test_bounds_are_those_of_the_matrices():
    jacobians, _, minimum = made((8, 1, 5))
    own = np.einsum("ia,ib->iab", jacobians[:, 0], jacobians[:, 0])
    whole = own.mean(axis=0)
    settings = SGD(lr=0.1, batch_size=3, sampling="without_replacement")
    share, bounds = noise_factor(settings, 8), edge_bounds(minimum, settings)
    top = np.linalg.eigh(whole)[1][:, -1]
    curvature = np.einsum("a,iab,b->i", top, own, top)
    mean, spread = curvature.mean(), curvature.var()
    assert bounds.top_mode == pytest.approx(2 / (mean + share * spread / mean), rel=1e-10)
    squares = (own**2).sum() / 8
    mixed = (1 - share) * (whole**2).sum() + share * squares
    assert bounds.matrices == pytest.approx(2 * np.trace(whole) / mixed, rel=1e-12)
    assert bounds.trace == pytest.approx(2 / (share * np.trace(whole)), rel=1e-12)
    # One step cannot let E|delta|^2 grow at the sufficient edge, and can just beyond it.
    noise = np.einsum("iab,ibc->ac", own, own) / 8 - whole @ whole
    for factor in (1.0, 1.01):
        lr = factor * bounds.sufficient
        shrunk = np.eye(5) - lr * whole
        largest = np.linalg.eigvalsh(shrunk @ shrunk + lr**2 * share * noise)[-1]
        assert (largest < 1 + 1e-10) == (factor == 1.0)
        assert largest == pytest.approx(1, abs=0.05)
    values = minimum.eigenvalues
    sides = share * bounds.spectrum * values / (2 - bounds.spectrum * (1 - share) * values)
    assert sides.sum() == pytest.approx(1, rel=1e-10)


def test_the_frobenius_bound_makes_the_loss_escape():
    """At lr above it E L grows in every step, by at least lr^2 p mu_0 ||H||^2 (Wu, Wang and Su)."""
    _, residuals, minimum = made((10, 1, 30), seed=4)
    settings = SGD(lr=0.1, batch_size=1)
    mu = alignment_range(minimum)[0]
    bound = frobenius_bound_lr(minimum, settings, mu=mu)
    at = replace(settings, lr=1.3 * bound)
    losses = mean_loss(minimum, at, residuals[:, 0], steps=6)
    assert (losses[1:] / losses[:-1]).min() > 1.3**2
    assert growth_factor(minimum, at) > 1.3**2
    quiet = SGD(lr=0.1, batch_size=10, sampling="without_replacement")
    assert frobenius_bound_lr(minimum, quiet, mu=mu) is None
    assert frobenius_bound_lr(minimum, settings, mu=0.0) is None
    four = replace(settings, batch_size=4)
    assert frobenius_bound_lr(minimum, four, mu=mu) == pytest.approx(2 * bound, rel=1e-12)


def test_what_is_no_residual_is_refused():
    _, residuals, minimum = made((8, 1, 5))
    for wrong in (np.zeros(8), residuals[:7], np.full(8, np.nan), np.full((8, 2), 1.0)):
        with pytest.raises(InputError, match="residuals = "):
            alignment(minimum, wrong)
    with pytest.raises(InputError, match=r"momentum = 0.5: must be 0.0"):
        edge_bounds(minimum, SGD(lr=0.1, batch_size=1, momentum=0.5))
