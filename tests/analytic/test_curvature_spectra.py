"""Eigenvalues, traces, norms and densities of operators against dense linear algebra."""

import numpy as np
import pytest
import torch
from dense_curvature import dense_of, model_of

from langevin_sgd.curvature import traces
from langevin_sgd.curvature.lanczos import eigenpairs
from langevin_sgd.curvature.operators import from_matrix, hessian, noise_covariance
from langevin_sgd.curvature.probes import gaussian_probes, random_points, sign_probes
from langevin_sgd.curvature.spectral_density import spectral_density
from langevin_sgd.curvature.traces import squared_frobenius_norm, trace

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def decaying(size=120):
    """A matrix with few large eigenvalues of both signs, of known spectrum."""
    generator = torch.Generator().manual_seed(3)
    q = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))[0]
    values = 10.0 / torch.arange(1, size + 1, dtype=torch.float64) ** 1.5
    values[3::4] *= -1
    return q @ torch.diag(values) @ q.mT, values


@pytest.mark.parametrize("which", ["largest", "smallest", "magnitude"])
def test_extreme_eigenvalues_are_those_of_the_dense_matrix(which):
    matrix, values = decaying()
    found = eigenpairs(from_matrix((matrix + matrix.mT) / 2), 6, which=which)
    expected = {
        "largest": values.sort(descending=True).values,
        "smallest": values.sort().values,
        "magnitude": values[values.abs().argsort(descending=True)],
    }[which][:6]
    assert found.converged
    torch.testing.assert_close(found.values, expected, rtol=1e-9, atol=1e-9)
    left = matrix @ found.vectors - found.vectors * found.values
    torch.testing.assert_close(left.norm(dim=0), found.residuals, rtol=1e-6, atol=1e-12)
    one = found.vectors.mT @ found.vectors
    torch.testing.assert_close(one, torch.eye(6).double(), rtol=0, atol=1e-12)
    assert found.products < len(values)


def test_eigenvalues_of_a_network_and_of_its_noise():
    model, dense = model_of("cnn", "cross_entropy")[0], dense_of("cnn", "cross_entropy")
    for operator, matrix in ((hessian(model), dense.H), (noise_covariance(model), dense.Sigma)):
        expected = torch.linalg.eigvalsh(matrix).flip(0)
        found = eigenpairs(operator, 5)
        torch.testing.assert_close(found.values, expected[:5], rtol=1e-9, atol=1e-10)


def test_equal_eigenvalues_and_low_rank_are_found_whole():
    matrix = torch.diag(torch.tensor([5.0, 5, 5, 1, 0, 0, 0, 0, 0, 0])).double()
    found = eigenpairs(from_matrix(matrix), 4)
    assert found.values.tolist() == pytest.approx([5, 5, 5, 1])
    assert eigenpairs(from_matrix(torch.zeros(4, 4).double()), 2).values.tolist() == [0, 0]
    assert eigenpairs(from_matrix(torch.eye(1).double())).values.tolist() == [1]


def test_too_few_products_are_said_and_bounded_by_the_residual():
    matrix, values = decaying()
    found = eigenpairs(from_matrix((matrix + matrix.mT) / 2), 6, max_products=8)
    assert not found.converged
    assert found.products == 8
    apart = (values[:, None] - found.values).abs().amin(0)
    assert bool((apart <= found.residuals + 1e-12).all())


def pull(estimate, expected):
    assert estimate.valid
    return (estimate.value - expected) / estimate.standard_error


@pytest.mark.parametrize("deflate", [0, 8])
def test_traces_and_norms_are_unbiased(deflate, seed):
    matrix, values = decaying()
    operator = from_matrix((matrix + matrix.mT) / 2)
    words = {"probes": 200, "deflate": deflate, "seed": seed}
    assert abs(pull(trace(operator, **words), float(values.sum()))) < 5
    squares = squared_frobenius_norm(operator, **words)
    assert abs(pull(squares, float(values.square().sum()))) < 5
    # Control: a factor of 3/2.
    assert abs(pull(squares, 1.5 * float(values.square().sum()))) > 4


def test_the_error_over_seeds_is_the_one_that_is_stated(seed):
    """And taking out large eigenvalues lowers it."""
    matrix, values = decaying(60)
    operator = from_matrix((matrix + matrix.mT) / 2)
    spread = {}
    for deflate in (0, 6):
        found = [
            squared_frobenius_norm(operator, probes=16, deflate=deflate, seed=seed + i)
            for i in range(60)
        ]
        sample = np.array([each.value for each in found])
        stated = np.sqrt(np.mean([each.standard_error**2 for each in found]))
        spread[deflate] = sample.std(ddof=1)
        assert 0.7 < stated / spread[deflate] < 1.4
        assert abs(sample.mean() - float(values.square().sum())) < 5 * spread[deflate] / 60**0.5
    assert spread[6] < 0.2 * spread[0]


def test_pairs_that_have_not_converged_leave_norms_unbiased(seed, monkeypatch):
    """One product finds no eigenvector: the residual belongs to the norm."""
    matrix = torch.eye(8, dtype=torch.float64).flip(0)
    operator = from_matrix(matrix)
    poor = eigenpairs(operator, which="magnitude", max_products=1, seed=seed)
    monkeypatch.setattr(traces, "eigenpairs", lambda *_, **__: poor)
    found = squared_frobenius_norm(operator, probes=3000, deflate=1, seed=seed)
    assert abs(pull(found, float(matrix.square().sum()))) < 5
    assert float(poor.residuals[0] ** 2) > 8 * found.standard_error


def test_all_eigenvalues_taken_out_leave_nothing_to_chance():
    matrix, values = decaying(12)
    operator = from_matrix((matrix + matrix.mT) / 2)
    found = squared_frobenius_norm(operator, probes=2, deflate=12)
    assert found.value == pytest.approx(float(values.square().sum()))
    assert found.standard_error == pytest.approx(0, abs=1e-12)
    assert trace(operator, probes=2, deflate=12).value == pytest.approx(float(values.sum()))


def test_quadrature_is_exact_for_polynomials():
    """Up to degree 2m - 1, for each probe z: sum tau theta^k = z.A^k z / z.z; not beyond."""
    matrix, _ = decaying(30)
    density = spectral_density(from_matrix((matrix + matrix.mT) / 2), probes=3, products=4, seed=2)
    np.testing.assert_allclose(density.weights.sum(1), 1)
    for probe in range(3):
        z = sign_probes(30, 2**40 + probe, 1, 2, matrix)[:, 0]
        moments = [float(z @ torch.linalg.matrix_power(matrix, k) @ z) / 30 for k in range(9)]
        mine = [float((density.weights * density.nodes**k).sum(1)[probe]) for k in range(9)]
        assert mine[:8] == pytest.approx(moments[:8])
        assert mine[8] != pytest.approx(moments[8])


def test_the_density_of_a_network_is_that_of_its_eigenvalues(seed):
    hessian_of_network = dense_of("cnn").H
    values = torch.linalg.eigvalsh(hessian_of_network).numpy()
    operator = from_matrix((hessian_of_network + hessian_of_network.mT) / 2)
    density = spectral_density(operator, probes=200, products=30, seed=seed)
    assert abs(pull(density.moment(1), values.mean())) < 5
    assert abs(pull(density.moment(2), (values**2).mean())) < 5
    width, places = 0.3, np.linspace(values.min() - 2, values.max() + 2, 400)
    kernel = np.exp(-0.5 * ((places[:, None] - values) / width) ** 2).mean(1)
    exact = kernel / (width * np.sqrt(2 * np.pi))
    mine = density.at(places, width)
    assert np.trapezoid(mine, places) == pytest.approx(1, abs=1e-3)
    assert np.abs(mine - exact).max() < 0.1 * exact.max()


def test_probes_are_functions_of_seed_and_number():
    like = torch.zeros(1)
    many = gaussian_probes(7, 0, 5, 3, like)
    assert torch.equal(many[:, 2:4], gaussian_probes(7, 2, 2, 3, like))
    assert set(sign_probes(50, 0, 2, 3, like).unique().tolist()) == {-1.0, 1.0}
    distinct = random_points(9, 9, 4, 1, "without_replacement")
    assert sorted(distinct.tolist()) == list(range(9))
    draws = torch.cat([random_points(4, 50, i, 1, "with_replacement") for i in range(40)])
    assert torch.bincount(draws).double().std() < 4 * 2000**0.5 / 2
