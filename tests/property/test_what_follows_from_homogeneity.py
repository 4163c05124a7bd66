"""What holds for any law of the linear map by its scaling alone, and so is no physics to claim."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import langevin_sgd as ls

EIGENVALUES = np.array([1.0, 0.3, 0.02])
LAGS = np.array([1, 10, 300])
MOMENTA, FACTORS = st.floats(0.0, 0.95), st.floats(0.1, 4.0)


def laws(problem, settings):
    return (
        ls.theory.DiscreteLaw(problem, settings),
        ls.theory.LangevinLaw(problem, settings),
    )


@given(momentum=MOMENTA, batch_size=st.integers(2, 1000), decay=st.floats(0.0, 0.5))
def test_the_batch_sets_the_size_of_displacements_and_not_their_shape(momentum, batch_size, decay):
    problem = ls.LinearRegression.from_spectrum(EIGENVALUES)
    one = ls.SGD(lr=0.1, batch_size=1, momentum=momentum, weight_decay=decay)
    many = replace(one, batch_size=batch_size)
    for single, averaged in zip(laws(problem, one), laws(problem, many), strict=True):
        np.testing.assert_allclose(
            averaged.mean_square_displacement(LAGS) * batch_size,
            single.mean_square_displacement(LAGS),
            rtol=1e-9,
        )


@given(momentum=MOMENTA, factor=FACTORS, decay=st.floats(0.0, 0.5))
def test_lr_times_curvature_alone_rules_the_shape_of_displacements(momentum, factor, decay):
    """lr -> c lr and H -> H / c at the same noise: positions scale with c, velocities stay."""
    settings = ls.SGD(lr=0.1, batch_size=4, momentum=momentum, weight_decay=decay)
    noise = np.diag([1.0, 2.0, 0.5])
    problem = ls.LinearRegression.from_spectrum(EIGENVALUES).with_noise_covariance(noise)
    softer = ls.LinearRegression.from_spectrum(EIGENVALUES / factor).with_noise_covariance(noise)
    faster = replace(settings, lr=factor * settings.lr, weight_decay=decay / factor)
    for before, after in zip(laws(problem, settings), laws(softer, faster), strict=True):
        np.testing.assert_allclose(
            after.mean_square_displacement(LAGS),
            factor**2 * before.mean_square_displacement(LAGS),
            rtol=1e-8,
        )
        np.testing.assert_allclose(after.mode_variances()[1], before.mode_variances()[1], rtol=1e-8)


@given(momentum=st.floats(0.5, 0.95), share=st.floats(0.3, 1.5))
def test_kappa_and_inertia_alone_rule_the_stationary_langevin_law(momentum, share):
    """S (1 - momentum^2) and lr (1 + momentum), with noise that commutes with the Hessian."""
    problem = ls.LinearRegression.from_spectrum(EIGENVALUES)
    one = ls.SGD(lr=0.1, batch_size=2520, momentum=momentum)
    batch_size = round(2520 / share)
    squared = 1 - 2520 * (1 - momentum**2) / batch_size
    if squared <= 0:
        return
    other = ls.SGD(
        lr=0.1 * (1 + momentum) / (1 + squared**0.5),
        batch_size=batch_size,
        momentum=squared**0.5,
    )
    first, second = (ls.theory.LangevinLaw(problem, settings) for settings in (one, other))
    np.testing.assert_allclose(
        first.stationary().covariance, second.stationary().covariance, rtol=1e-8, atol=1e-15
    )
