"""The regression problem against per-sample gradients written out."""

import numpy as np
import pytest

import langevin_sgd as ls


@pytest.fixture
def data():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60, 4)) @ rng.normal(size=(4, 4))
    return X, X @ rng.normal(size=4) + rng.standard_t(5, size=60)


def test_moments_of_per_sample_gradients(data):
    X, y = data
    problem = ls.LinearRegression.from_data(X, y)
    theta = np.array([0.3, -1.0, 0.2, 2.0])
    gradients = np.array([x * (x @ theta - t) for x, t in zip(X, y, strict=True)])
    np.testing.assert_allclose(problem.gradient(theta), gradients.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(
        problem.noise_covariance_at(theta), np.cov(gradients.T, bias=True), rtol=1e-10
    )
    at_minimum = problem.noise_covariance_at(problem.minimiser)
    np.testing.assert_allclose(problem.noise_covariance, at_minimum, rtol=1e-9, atol=1e-12)


def test_gradient_is_the_derivative_of_the_loss(data):
    problem = ls.LinearRegression.from_data(*data)
    theta, shift = np.array([0.3, -1.0, 0.2, 2.0]), 1e-5 * np.eye(4)
    numeric = (problem.loss(theta + shift) - problem.loss(theta - shift)) / 2e-5
    np.testing.assert_allclose(problem.gradient(theta), numeric, rtol=1e-6)
    batch = problem.loss(np.stack([theta, 2 * theta]))
    np.testing.assert_allclose(batch, [problem.loss(theta), problem.loss(2 * theta)])


def test_eigensystem(data):
    problem = ls.LinearRegression.from_data(*data)
    rebuilt = (problem.eigenvectors * problem.eigenvalues) @ problem.eigenvectors.T
    np.testing.assert_allclose(rebuilt, problem.hessian, rtol=1e-10, atol=1e-12)
    assert (np.diff(problem.eigenvalues) <= 0).all()


def test_hessian_noise_keeps_the_scale(data):
    X, y = data
    problem = ls.LinearRegression.from_data(X, y)
    residual_variance = np.mean((y - X @ np.linalg.solve(X.T @ X, X.T @ y)) ** 2)
    assert problem.noise_scale == pytest.approx(residual_variance, rel=1e-10)
    idealised = problem.with_hessian_noise()
    np.testing.assert_allclose(idealised.noise_covariance, residual_variance * problem.hessian)
    assert idealised.X is None
    assert idealised.noise_scale == pytest.approx(residual_variance)


def test_spectrum():
    problem = ls.LinearRegression.from_spectrum(
        [3.0, 1.0, 0.0], noise_scale=2.0, minimiser=[1.0, 0.0, 4.0]
    )
    assert problem.eigenvalues.tolist() == [3.0, 1.0, 0.0]
    assert problem.noise_scale == pytest.approx(2.0)
    assert problem.loss(np.array([2.0, 1.0, 0.0])) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"eigenvalues": [1.0, -1.0]}, "eigenvalues"),
        ({"eigenvalues": []}, "eigenvalues"),
        ({"eigenvalues": [1.0], "noise_scale": -1.0}, "noise_scale"),
        ({"eigenvalues": [1.0], "minimiser": [0.0, 0.0]}, "minimiser"),
    ],
)
def test_bad_spectrum_is_named(arguments, message):
    with pytest.raises(ls.InputError, match=message):
        ls.LinearRegression.from_spectrum(**arguments)


def test_bad_data_is_named():
    with pytest.raises(ls.InputError, match="shapes"):
        ls.LinearRegression.from_data(np.ones((3, 2)), np.ones(4))
    with pytest.raises(ls.InputError, match="NaN"):
        ls.LinearRegression.from_data(np.full((3, 2), np.nan), np.ones(3))


def test_embedded_data():
    for load, shape in ((ls.data.diabetes, (442, 10)), (ls.data.digits, (1797, 61))):
        X, y = load()
        assert X.shape == shape
        np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose([X.var(axis=0).mean(), y.var()], 1)


def test_files_of_the_user(tmp_path):
    X, y = np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0, 3.0])
    np.savez(tmp_path / "a.npz", X=X, y=y)
    np.savetxt(
        tmp_path / "a.csv", np.column_stack([X, y]), delimiter=",", header="a,b,target", comments=""
    )
    for name in ("a.npz", "a.csv"):
        found_X, found_y = ls.data.read_table(tmp_path / name)
        np.testing.assert_array_equal(found_X, X)
        np.testing.assert_array_equal(found_y, y)
    (tmp_path / "bad.csv").write_text("1,2\n3,word\n")
    (tmp_path / "nan.csv").write_text("1,2\n3,nan\n")
    np.savez(tmp_path / "other.npz", Z=X)
    for name, message in (
        ("missing.csv", "no such file"),
        ("a.txt", "no such file"),
        ("bad.csv", "not a table"),
        ("nan.csv", "line 2, column 2"),  # as an editor counts them
        ("other.npz", "must have X and y"),
    ):
        with pytest.raises(ls.InputError, match=message):
            ls.data.read_table(tmp_path / name)
