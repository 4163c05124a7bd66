"""Laws of synthetic data: moments, distributions, and independence of all their parts."""

import numpy as np
import pytest
from scipy import stats

import langevin_sgd as ls

Z = 6.0
"""Standard errors: beyond once in 500 million."""


def correlation(a, b):
    """In units of its standard error where a and b are independent."""
    return np.corrcoef(a, b)[0, 1] * np.sqrt(len(a))


# --- Gaussian inputs ------------------------------------------------------------------------------

EIGENVALUES = np.array([9.0, 1.0, 0.04])


def pulls(covariance, expected, samples):
    """(row, column) deviations of a covariance of Gaussian variables in units of their standard
    errors.
    """
    variances = np.diagonal(expected)
    errors = np.sqrt((np.outer(variances, variances) + expected**2) / samples)
    return (covariance - expected) / errors


def test_gaussian_inputs_have_the_covariance_of_their_eigenvalues(seed):
    samples = 20_000
    X, _ = ls.data.gaussian_inputs(EIGENVALUES, samples=samples, seed=seed)
    assert np.all(np.abs(pulls(X.T @ X / samples, np.diag(EIGENVALUES), samples)) < Z)
    assert np.all(np.abs(X.mean(axis=0)) < Z * np.sqrt(EIGENVALUES / samples))
    # The root of any one eigenvalue in its place would be seen.
    for place in (0, 2):
        wrong = EIGENVALUES.copy()
        wrong[place] = np.sqrt(wrong[place])
        assert np.abs(pulls(X.T @ X / samples, np.diag(wrong), samples)).max() > Z


def test_labels_of_gaussian_inputs_are_those_of_the_teacher_and_independent_noise(seed):
    samples = 20_000
    X, y = ls.data.gaussian_inputs(
        EIGENVALUES,
        samples=samples,
        label_noise=3.0,
        teacher=lambda X: X @ [1.0, -2.0, 3.0],
        seed=seed,
    )
    noise = y - X @ [1.0, -2.0, 3.0]
    assert abs(noise.var() / 9.0 - 1) < Z * np.sqrt(2 / samples)
    for column in X.T:
        assert abs(correlation(column, noise)) < Z
        assert abs(correlation(column**2, noise**2)) < Z
    assert stats.kstest(noise / 3.0, "norm").pvalue > 1e-7
    plain = ls.data.gaussian_inputs(EIGENVALUES, samples=9, label_noise=0.0, seed=seed)[1]
    assert plain.tolist() == [0.0] * 9


# --- separable points -----------------------------------------------------------------------------


@pytest.mark.parametrize("chi", [-0.5, 0.0, 2.0])
def test_sizes_are_chi_variables_and_signs_are_fair_and_independent_of_them(seed, chi):
    points = 20_000
    X, y = ls.data.DepletedSign(points=points, dimension=3, chi=chi).sample(seed)
    size = np.abs(X[:, 0])
    assert np.array_equal(np.sign(X[:, 0]), y)
    assert abs(y.sum()) < Z * np.sqrt(points)
    assert stats.kstest(size, stats.chi(chi + 1).cdf).pvalue > 1e-7
    assert (
        stats.kstest(size, stats.chi(chi + 1.2).cdf).pvalue < 1e-7
    )  # another exponent would be seen
    assert abs(np.mean(size**2) / (chi + 1) - 1) < Z * np.sqrt(2 / (chi + 1) / points)
    for other in (size, X[:, 1], X[:, 2]):
        assert abs(correlation(y, other)) < Z
    for other in (X[:, 1], X[:, 2], X[:, 1] ** 2):
        assert abs(correlation(size, other)) < Z
    for column in (X[:, 1], X[:, 2]):
        assert stats.kstest(column, "norm").pvalue > 1e-7


def test_points_replicas_and_seeds_share_no_random_numbers(seed):
    points = 20_000
    law = ls.data.DepletedSign(points=points, dimension=3, chi=1.0)
    X, y = law.sample(seed)
    parts = [y, np.abs(X[:, 0]), X[:, 1], X[:, 2]]
    for distance in (1, 2, 32, 64, 128, 256):  # points are drawn in lanes of 64
        for part in parts:
            assert abs(correlation(part[distance:], part[:-distance])) < Z
    for other_X, other_y in (law.sample(seed, 1), law.sample(seed, 2), law.sample(seed + 1)):
        others = [other_y, np.abs(other_X[:, 0]), other_X[:, 1], other_X[:, 2]]
        for part in parts:
            for other in others:
                assert abs(correlation(part, other)) < Z
    again = law.sample(seed)[0]
    assert np.array_equal(X, again)
    assert correlation(X[:, 1], again[:, 1]) > Z  # the measure sees what is shared
