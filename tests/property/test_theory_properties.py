"""Laws that hold for any problem and settings: positivity, invariances, limits."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from langevin_sgd import SGD, LinearRegression
from langevin_sgd.theory import DiscreteLaw, LangevinLaw, winding_per_step
from langevin_sgd.theory.equilibrium import entropy_production

plan = settings(max_examples=40, derandomize=True, deadline=None, database=None)

momenta = st.floats(0, 0.98)
seeds = st.integers(0, 10_000)


def random_problem(seed, size=3):
    rng = np.random.default_rng(seed)
    eigenvalues = np.exp(rng.uniform(-6, 0, size))
    root = rng.normal(size=(size, size))
    problem = LinearRegression.from_spectrum(eigenvalues, minimiser=rng.normal(size=size))
    return problem.with_noise_covariance(root @ root.T)


def rotated(problem, seed):
    vectors = np.linalg.qr(np.random.default_rng(seed + 1).normal(size=problem.hessian.shape))[0]
    turned = LinearRegression(
        hessian=vectors @ problem.hessian @ vectors.T,
        minimiser=vectors @ problem.minimiser,
        noise_covariance=vectors @ problem.noise_covariance @ vectors.T,
    )
    return turned, vectors


def smallest_eigenvalue(covariance):
    values = np.linalg.eigvalsh(covariance)
    return values[0] / max(values[-1], 1e-300)


@plan
@given(seed=seeds, momentum=momenta, share=st.floats(0.01, 0.95), nesterov=st.booleans())
def test_covariances_are_positive_at_all_times(seed, momentum, share, nesterov):
    problem, nesterov = random_problem(seed), nesterov and momentum > 0
    limit = 2 * (1 + momentum) / (1 + 2 * momentum * nesterov)
    lr = share * limit / (problem.eigenvalues[0] + 0.01)
    discrete = DiscreteLaw(
        problem, SGD(lr=lr, batch_size=2, momentum=momentum, nesterov=nesterov, weight_decay=0.01)
    )
    assert smallest_eigenvalue(discrete.stationary().covariance) > -1e-12
    assert min(map(smallest_eigenvalue, discrete.covariance([1, 2, 50]))) > -1e-11
    assert np.all(discrete.mean_square_displacement(np.arange(1, 40)) > 0)
    if not nesterov:
        langevin = LangevinLaw(problem, discrete.settings)
        assert smallest_eigenvalue(langevin.stationary().covariance) > -1e-12
        assert min(map(smallest_eigenvalue, langevin.covariance([0.5, 2, 50]))) > -1e-11


@plan
@given(seed=seeds, momentum=momenta)
def test_rotating_the_parameters_rotates_the_law(seed, momentum):
    problem = random_problem(seed)
    turned, vectors = rotated(problem, seed)
    chosen = SGD(lr=0.3, batch_size=2, momentum=momentum, weight_decay=0.01)
    both = np.kron(np.eye(2), vectors)
    for law in (LangevinLaw, DiscreteLaw):
        expected = both @ law(problem, chosen).covariance(7) @ both.T
        found = law(turned, chosen).covariance(7)
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9 * np.abs(expected).max())
        np.testing.assert_allclose(
            law(turned, chosen).mean(7), both @ law(problem, chosen).mean(7), rtol=1e-7, atol=1e-9
        )


@plan
@given(seed=seeds, momentum=momenta, factor=st.integers(2, 64))
def test_larger_batches_scale_every_fluctuation(seed, momentum, factor):
    problem, lags = random_problem(seed), np.array([1, 30])
    for law in (LangevinLaw, DiscreteLaw):
        small, large = (
            law(problem, SGD(lr=0.2, batch_size=size, momentum=momentum)) for size in (1, factor)
        )
        ratio = small.mean_square_displacement(lags) / large.mean_square_displacement(lags)
        np.testing.assert_allclose(ratio, factor, rtol=1e-10)


@plan
@given(seed=seeds, momentum=momenta, scale=st.floats(1e-3, 1e3))
def test_units_do_not_matter(seed, momentum, scale):
    """Parameters in other units: curvature times scale, lr over scale, noise times scale; lr *
    velocity is a length.
    """
    problem = random_problem(seed)
    other = LinearRegression(
        hessian=scale * problem.hessian,
        minimiser=problem.minimiser,
        noise_covariance=scale**2 * problem.noise_covariance,
    )
    for law in (LangevinLaw, DiscreteLaw):
        one = law(problem, SGD(lr=0.2, batch_size=1, momentum=momentum))
        two = law(other, SGD(lr=0.2 / scale, batch_size=1, momentum=momentum))
        lags = np.array([1, 25])
        np.testing.assert_allclose(
            one.mean_square_displacement(lags), two.mean_square_displacement(lags), rtol=1e-7
        )


@plan
@given(seed=seeds, momentum=st.floats(0, 0.98))
def test_small_steps_agree_with_the_langevin_equation(seed, momentum):
    problem = random_problem(seed)
    chosen = SGD(lr=1e-4, batch_size=1, momentum=momentum)
    discrete, langevin = DiscreteLaw(problem, chosen), LangevinLaw(problem, chosen)
    np.testing.assert_allclose(discrete.mode_variances(), langevin.mode_variances(), rtol=1e-4)
    lag = 10_000
    np.testing.assert_allclose(
        discrete.mode_mean_square_displacement(lag),
        langevin.mode_mean_square_displacement(lag),
        rtol=2e-3,
    )


@plan
@given(seed=seeds, momentum=momenta)
def test_entropy_production_is_not_negative_and_winding_is_clockwise(seed, momentum):
    law = LangevinLaw(random_problem(seed), SGD(lr=0.2, batch_size=1, momentum=momentum))
    assert entropy_production(law) > 0
    assert np.all(winding_per_step(law.oscillators) < 0)
    assert np.all(winding_per_step(DiscreteLaw(law.problem, law.settings).oscillators) < 0)


@plan
@given(seed=seeds, batch_size=st.sampled_from([1, 2, 5, 10]), momentum=st.floats(0, 0.9))
def test_shuffling_never_adds_long_time_noise(seed, batch_size, momentum):
    rng = np.random.default_rng(seed)
    problem = LinearRegression.from_data(rng.normal(size=(20, 2)), rng.normal(size=20))
    white, shuffled = (
        DiscreteLaw(
            problem, SGD(lr=1e-4, batch_size=batch_size, momentum=momentum, sampling=sampling)
        )
        for sampling in ("without_replacement", "epochs")
    )
    assert np.all(shuffled.mode_variances()[0] < white.mode_variances()[0])
    assert smallest_eigenvalue(shuffled.stationary().covariance) > -1e-9
