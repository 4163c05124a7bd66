"""Alignment of noise and curvature: Gram matrices against dense ones, estimators against both."""

import itertools

import numpy as np
import pytest
import torch
from dense_curvature import Dense, dense_of, model_of, module_of

from langevin_sgd.curvature.alignment import (
    alignment,
    alignment_of_gram,
    alignment_range,
    contracted,
    directional_alignment,
    subspace_overlap,
)
from langevin_sgd.curvature.alignment_estimates import alignment_by_products, alignment_by_subsets
from langevin_sgd.curvature.gram import gram_of_outputs
from langevin_sgd.curvature.lanczos import eigenpairs
from langevin_sgd.curvature.operators import hessian, noise_covariance
from langevin_sgd.curvature.tangent_kernel import tangent_kernel
from langevin_sgd.curvature.torch_model import TorchModel
from langevin_sgd.curvature.u_statistics import moments_of_subset
from langevin_sgd.models.networks import FullyConnected

pytestmark = pytest.mark.usefixtures("one_torch_thread")

CASES = [("tanh", "square"), ("outputs", "square"), ("cnn", "cross_entropy"), ("shared", "square")]


def exact(dense):
    """Of dense matrices: tr(Sigma G), |G|_F, |Sigma|_F."""
    product = float((dense.Sigma * dense.G).sum())
    return product, float(dense.G.norm()), float(dense.Sigma.norm())


@pytest.mark.parametrize(("name", "loss"), CASES)
def test_alignment_is_that_of_the_dense_matrices(name, loss):
    model, dense = model_of(name, loss)[0], dense_of(name, loss)
    found = alignment(model)
    product, curvature, noise = exact(dense)
    assert float(found.trace_product) == pytest.approx(product)
    assert float(found.mu) == pytest.approx(product / (2 * dense.L * curvature**2))
    assert float(found.cosine) == pytest.approx(product / (curvature * noise))
    assert float(found.size) == pytest.approx(noise / (2 * dense.L * curvature))
    assert float(found.mu) == pytest.approx(float(found.cosine * found.size))
    traces = float(dense.Sigma.trace() * dense.G.trace())
    isotropic = traces / (2 * model.size * dense.L * curvature**2)
    assert float(found.isotropic_mu(model.size)) == pytest.approx(isotropic)


def test_many_networks_of_the_package_at_once():
    network = FullyConnected(dimension=6, width=4, depth=1, activation="gelu")
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, 8, 6, generator=generator, dtype=torch.float64)
    y = torch.randn(2, 8, generator=generator, dtype=torch.float64)
    replicas = network.replicas([(3, 0), (3, 1)], torch.float64)
    residuals = replicas.outputs(x) - y
    kernel = tangent_kernel(replicas, x)[:, :, None, :, None]
    found = alignment_of_gram(kernel, residuals[..., None], residuals.square().mean(1) / 2)
    for r in range(2):
        alone = TorchModel(network.module(3, r, precision="float64"), x[r], y[r])
        assert float(found.mu[r]) == pytest.approx(float(alignment(alone).mu))


def quadratic_form(J, r):
    """mu of residuals (point, output) with features J, from dense matrices."""
    n = len(J)
    flat = J.flatten(0, 1)
    G, g = flat.T @ flat / n, torch.einsum("iad,ia->id", J, r)
    Sigma = g.T @ g / n - torch.outer(g.mean(0), g.mean(0))
    size = max(float(r.square().sum()), 1e-300)
    return float((Sigma * G).sum() / (size / n * G.square().sum()))


@pytest.mark.parametrize(("n", "k", "d"), [(10, 1, 25), (8, 1, 5), (5, 3, 40), (6, 2, 7)])
def test_the_range_of_alignment_holds_all_residuals_and_is_reached(n, k, d):
    generator = torch.Generator().manual_seed(n)
    J = torch.randn(n, k, d, generator=generator, dtype=torch.float64)
    K = torch.einsum("iad,jbd->iajb", J, J)
    least, largest = alignment_range(K)
    flat = J.flatten(0, 1)
    found = []
    for _ in range(300):
        r = flat @ torch.randn(d, generator=generator, dtype=torch.float64)
        found.append(quadratic_form(J, r.reshape(n, k)))
    assert least - 1e-12 <= min(found) <= max(found) <= largest + 1e-12

    # Reached: the form is put together from its values, on the range of the features.
    basis = torch.linalg.qr(flat)[0] if d < n * k else torch.eye(n * k).double()

    def value(u):
        r = (basis @ u).reshape(n, k)
        return quadratic_form(J, r) * float(r.square().sum())

    one = torch.eye(basis.shape[1]).double()
    form = [[(value(a + b) - value(a - b)) / 4 if a is not b else 0 for b in one] for a in one]
    M = torch.tensor(form).double()
    M += torch.diag(torch.tensor([value(a) for a in one]) - M.diagonal())
    extremes = torch.linalg.eigvalsh(M)
    assert (least, largest) == pytest.approx((float(extremes[0]), float(extremes[-1])))
    if d >= n * k and k == 1:
        assert float(M.trace()) / n == pytest.approx(1 - 1 / n)


def test_alignment_along_a_direction_and_overlap_of_spaces():
    model, dense = model_of("outputs")[0], dense_of("outputs")
    vectors = torch.randn(model.size, 3, generator=torch.Generator().manual_seed(4)).double()
    found = directional_alignment(model, vectors)
    for v, g in zip(vectors.mT, found, strict=True):
        assert float(g) == pytest.approx(
            float(v @ dense.Sigma @ v / (2 * dense.L * v @ dense.G @ v))
        )
    noise, curvature = (eigenpairs(of(model), 3).vectors for of in (noise_covariance, hessian))
    U, V = (torch.linalg.eigh(m)[1][:, -3:] for m in (dense.Sigma, dense.H))
    expected = float((U.T @ V).square().sum() / 3)
    assert subspace_overlap(noise, curvature) == pytest.approx(expected, rel=1e-5)
    assert subspace_overlap(noise[:, :2], noise) == pytest.approx(1)
    assert subspace_overlap(noise, noise[:, :2]) == pytest.approx(2 / 3)


@pytest.mark.parametrize(("name", "loss"), [("tanh", "square"), ("outputs", "cross_entropy")])
def test_subsets_are_unbiased_over_all_that_there_are(name, loss):
    """The mean over every subset of 5 of 8 points is the exact value: no chance is left. Control:
    the formulas for all points, put to the subsets alone, are off by a third and more.
    """
    model, dense = model_of(name, loss, points=8)[0], dense_of(name, loss, points=8)
    gram, gradients, roots = gram_of_outputs(model), model.output_gradients(), model.hessian_roots()
    unbiased, plug_in = [], []
    for chosen in itertools.combinations(range(8), 5):
        i = torch.tensor(chosen)
        part = contracted(gram[i][:, :, i], gradients[i], roots[i])
        unbiased.append(moments_of_subset(part, 8))
        plug_in.append(moments_of_subset(part, 5))
    product, curvature, noise = exact(dense)
    expected = [product, curvature**2, noise**2]
    assert np.mean(unbiased, 0) == pytest.approx(expected)
    off = np.abs(np.mean(plug_in, 0) / expected - 1)
    assert off[1] > 0.1
    assert off[2] > 0.1
    assert moments_of_subset(contracted(gram, gradients, roots), 8) == pytest.approx(expected)


def pull(estimate, expected):
    assert estimate.valid
    return (estimate.value - expected) / estimate.standard_error


def test_estimates_from_subsets_meet_the_exact_alignment(seed):
    model = model_of("tanh", points=24)[0]
    found, true = alignment_by_subsets(model, 12, subsets=60, seed=seed), alignment(model)
    assert abs(pull(found.trace_product, float(true.trace_product))) < 5
    assert abs(pull(found.squared_curvature, float(true.norm_of_curvature**2))) < 5
    assert abs(pull(found.squared_noise, float(true.norm_of_noise**2))) < 5
    assert abs(pull(found.mu, float(true.mu))) < 5
    assert abs(pull(found.cosine, float(true.cosine))) < 5
    assert abs(pull(found.size, float(true.size))) < 5
    whole = alignment_by_subsets(model, 24, subsets=2)
    assert whole.mu.value == pytest.approx(float(true.mu))


def test_estimates_from_products_meet_the_exact_alignment(seed):
    """With a mean gradient that is large. Control: without it taken out tr(Sigma G) would be larger
    by g.G g.
    """
    _, x, t = model_of("outputs", points=24)
    model = TorchModel(module_of("outputs"), x, t + 3)
    found, true = alignment_by_products(model, probes=150, deflate=4, seed=seed), alignment(model)
    assert abs(pull(found.trace_product, float(true.trace_product))) < 5
    assert abs(pull(found.squared_curvature, float(true.norm_of_curvature**2))) < 5
    assert abs(pull(found.squared_noise, float(true.norm_of_noise**2))) < 5
    assert abs(pull(found.mu, float(true.mu))) < 5
    assert abs(pull(found.cosine, float(true.cosine))) < 5
    assert abs(pull(found.size, float(true.size))) < 5
    dense = Dense(module_of("outputs"), x, t + 3, "square")
    uncentred = float(true.trace_product + dense.gbar @ dense.G @ dense.gbar)
    assert abs(pull(found.trace_product, uncentred)) > 4
