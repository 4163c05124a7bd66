"""A run and its law had exponents by different weights, 4.6 standard errors apart where both
agreed.
"""

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd import measure
from langevin_sgd.theory.displacement import fitted_exponent

SETTINGS = ls.SGD(lr=0.05, batch_size=16, momentum=0.95)
PROBLEM = ls.LinearRegression.from_spectrum(np.arange(1, 31.0) ** -2)
WINDOW = (10, 1000)


def exponents(seed):
    run = ls.training.run(
        PROBLEM, SETTINGS, replicas=64, steps=1000, seed=seed, record=ls.record.displacement()
    )
    lags = run["step"].values[1:]
    law = ls.theory.DiscreteLaw(PROBLEM, SETTINGS)
    return run, lags, law


def test_the_exponent_of_a_law_is_what_its_runs_estimate(seed):
    """One line through both, at the same steps; the window bends, and both say so."""
    run, lags, law = exponents(seed)
    exact = measure.diffusion_exponent((lags, law.displacement_from_start(lags)), WINDOW)
    found = measure.diffusion_exponent(run, window=WINDOW)
    assert abs(found.value - exact.value) < 5.5 * found.standard_error
    assert "not a power law in this window" in exact.note
    assert exact.valid
    assert exact.standard_error is None


def test_the_theory_fits_the_same_line():
    lags = np.unique(np.rint(np.geomspace(10, 1000, 12)))
    law = ls.theory.DiscreteLaw(PROBLEM, SETTINGS)
    curve = measure.diffusion_exponent((lags, law.mean_square_displacement(lags)), window=WINDOW)
    assert curve.value == pytest.approx(fitted_exponent(law, lags), rel=1e-12)


def test_a_bend_that_replicas_resolve_is_noted_and_a_power_law_is_not():
    steps = np.geomspace(1, 1000, 13)
    replicas = np.exp(0.05 * np.cos(np.arange(13 * 16).reshape(13, 16) ** 2))
    straight = measure.diffusion_exponent(
        (steps, steps[:, None] ** 0.7 * replicas), window=(1, 1000)
    )
    bent = measure.diffusion_exponent(
        (steps, (steps + 0.01 * steps**2)[:, None] * replicas), window=(1, 1000)
    )
    assert (straight.note, straight.valid, bent.valid) == ("", True, True)
    assert bent.note.startswith("not a power law in this window: the exponent is 1.0")
    assert measure.diffusion_exponent((steps, steps**0.7), window=(1, 1000)).note == ""


def test_the_error_of_a_curve_is_that_of_a_mean_of_few():
    """Three replicas: their sample standard deviation, with n - 1, over the root of three."""
    squared = np.array([[1.0, 2.0, 6.0]])
    curve = measure.displacement_curve((np.array([1.0]), squared))
    assert curve.standard_error[0] == pytest.approx(np.sqrt(7.0 / 3), rel=1e-12)
