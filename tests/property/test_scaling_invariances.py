"""Fits and collapses do not depend on units, and follow powers of the variables."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langevin_sgd import measure
from langevin_sgd.measure.power_law import local_slopes
from langevin_sgd.measure.scaling_corrections import correction_to_scaling
from langevin_sgd.randomness import normals

X = np.geomspace(2, 90, 7)
KICKS = normals((3, 7, 6), 5)
Y = X[:, None] ** 1.3 * (1 + 2 / X[:, None]) * np.exp(0.1 * KICKS[0])
WIDE = X[:, None] * np.exp(0.05 * KICKS[1])
MEAN, ERROR = Y.mean(axis=1), Y.std(axis=1) / np.sqrt(6)
SIZES = (1.0, 3.0, 9.0)
CURVES = [
    (P, X, P**0.6 * np.sqrt(1 + (X * P**-0.5 / 10) ** 2) * np.exp(0.02 * row), 0.02 * X**0.5)
    for P, row in zip(SIZES, KICKS[2].T[:3], strict=True)
]

scales = st.floats(1e-3, 1e3)
powers = st.floats(0.3, 3.0)


@given(scales, scales)
def test_a_power_law_does_not_depend_on_units(c, k):
    for x, y, given_errors in ((X, MEAN, True), (X, Y, False), (WIDE, Y, False)):
        errors = (
            {"x_error": 0.1 * x, "y_error": ERROR},
            {"x_error": 0.1 * x * c, "y_error": ERROR * k},
        )
        one = measure.fit_power_law(x, y, **(errors[0] if given_errors else {}))
        two = measure.fit_power_law(x * c, y * k, **(errors[1] if given_errors else {}))
        assert two.exponent.value == pytest.approx(one.exponent.value, rel=1e-9)
        assert two.exponent.standard_error == pytest.approx(one.exponent.standard_error, rel=1e-6)
        assert two.chi_squared == pytest.approx(one.chi_squared, rel=1e-8)
        assert two.at(c * X) == pytest.approx(k * one.at(X), rel=1e-5 if not given_errors else 1e-9)


@given(powers, powers)
def test_exponents_follow_powers_of_the_variables(p, q):
    """y -> y^q, x -> x^p turns b into b q/p, errors alike."""
    one = measure.fit_power_law(WIDE, Y).exponent
    two = measure.fit_power_law(WIDE**p, Y**q).exponent
    assert two.value == pytest.approx(one.value * q / p, rel=1e-7)
    assert two.standard_error == pytest.approx(one.standard_error * q / p, rel=1e-5)
    slopes, turned = local_slopes(WIDE, Y), local_slopes(WIDE**p, Y**q)
    assert turned.value == pytest.approx(slopes.value * q / p)
    assert turned.standard_error == pytest.approx(slopes.standard_error * q / p)


@given(scales, scales)
@settings(max_examples=15)
def test_corrections_do_not_depend_on_units(c, k):
    one = correction_to_scaling(X, MEAN, y_error=ERROR, power=1.0)
    two = correction_to_scaling(c * X, k * MEAN, y_error=k * ERROR, power=1.0)
    for name in ("exponent", "correction"):
        first, second = getattr(one, name), getattr(two, name)
        assert second.value == pytest.approx(first.value, abs=1e-3 * first.standard_error)
        assert second.standard_error == pytest.approx(first.standard_error, rel=1e-3)
    assert two.amplitude.value * c**two.exponent.value / k == pytest.approx(
        one.amplitude.value, rel=1e-3
    )


@given(st.permutations(range(7)))
def test_the_order_of_points_does_not_matter(order):
    order = list(order)
    one = measure.fit_power_law(X, MEAN, y_error=ERROR)
    two = measure.fit_power_law(X[order], MEAN[order], y_error=ERROR[order])
    assert two.exponent.value == pytest.approx(one.exponent.value, rel=1e-12)
    slopes = local_slopes(X[order], MEAN[order], y_error=ERROR[order])
    assert slopes.value == pytest.approx(local_slopes(X, MEAN, y_error=ERROR).value, rel=1e-12)


@given(scales, scales, scales)
@settings(max_examples=15)
def test_a_collapse_does_not_depend_on_units(c, k, m):
    one = measure.collapse(CURVES)
    two = measure.collapse([(m * P, c * x, k * y, k * error) for P, x, y, error in CURVES])
    for first, second in ((one.x_exponent, two.x_exponent), (one.y_exponent, two.y_exponent)):
        assert second.value == pytest.approx(first.value, abs=1e-4 * first.standard_error)
        assert second.standard_error == pytest.approx(first.standard_error, rel=1e-3)
    assert two.quality == pytest.approx(one.quality, rel=1e-5)


@given(powers, st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
@settings(max_examples=15)
def test_a_collapse_follows_powers_of_the_parameter(p, shift, lift):
    """P -> P^p divides exponents by p; x -> x P^-shift and y -> y P^lift move them."""
    one = measure.collapse(CURVES)
    two = measure.collapse([(P**p, x, y, error) for P, x, y, error in CURVES])
    assert two.x_exponent.value * p == pytest.approx(one.x_exponent.value, abs=1e-4)
    assert two.y_exponent.value * p == pytest.approx(one.y_exponent.value, abs=1e-4)
    moved = measure.collapse(
        [(P, x * P**-shift, y * P**lift, error * P**lift) for P, x, y, error in CURVES]
    )
    assert moved.x_exponent.value == pytest.approx(one.x_exponent.value + shift, abs=1e-4)
    assert moved.y_exponent.value == pytest.approx(one.y_exponent.value + lift, abs=1e-4)
