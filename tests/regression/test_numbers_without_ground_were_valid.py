"""Estimates called valid that were NaN, a cap of another library, or read off a series that does
not move.
"""

import math
import warnings

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd import measure
from langevin_sgd.measure.autocorrelation import (
    autocorrelation,
    autocorrelation_time,
    effective_sample_size,
)
from langevin_sgd.measure.displacement import mean_square_displacement
from langevin_sgd.measure.drift import drift_and_diffusion
from langevin_sgd.measure.passage import first_at_or_below
from langevin_sgd.measure.phase_space import curvature, effective_temperature, swept_area
from langevin_sgd.measure.power_law import local_slopes
from langevin_sgd.measure.scaling_corrections import correction_to_scaling, extrapolate
from langevin_sgd.randomness import normals

NOISE = normals((400, 4), 5)


def autoregressive(coefficient, steps, replicas, seed):
    series = normals((steps, replicas), seed)
    for k in range(1, steps):
        series[k] = coefficient * series[k - 1] + math.sqrt(1 - coefficient**2) * series[k]
    return series


def one(place, value):
    broken = NOISE.copy()
    broken[place] = value
    return broken


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, np.array(math.nan), np.float32("inf")]
)
def test_an_estimate_that_is_not_finite_is_not_valid(value):
    for found in (
        ls.Estimate(value=value, standard_error=0.1),
        ls.Estimate(value=1.0, standard_error=abs(value)),
    ):
        assert not found.valid
        assert "finite" in found.note
    assert ls.Estimate(value=value).value is None
    assert not ls.Estimate.refused("because", value=value).valid


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("value", "1"),
        ("value", 1j),
        ("value", [1.0]),
        ("value", np.ma.masked),
        ("standard_error", -0.1),
        ("standard_error", "0.1"),
        ("n_independent", -1),
        ("n_independent", math.nan),
        ("valid", 1),
        ("note", None),
    ],
)
def test_what_is_no_estimate_is_refused(field, value):
    with pytest.raises(ls.InputError, match=f"^{field} = "):
        ls.Estimate(**{"value": 1.0, "standard_error": 0.1} | {field: value})


def test_an_error_from_one_sample_is_not_valid_and_none_from_equal_samples_is_zero():
    assert not ls.Estimate(value=1.0, standard_error=0.1, n_independent=1).valid
    found = ls.Estimate.from_samples([0.1, 0.1, 0.1])
    assert (found.value, found.standard_error, found.note) == (0.1, 0.0, "all samples are equal")


@pytest.mark.parametrize("level", [0.0, 0.1, 1 / 3, 1.0, 1e8 + 0.1, 1e-300])
def test_a_constant_series_says_nothing(level):
    """Means of equal numbers equal them up to rounding only, which is no scatter."""
    series = np.full((100, 3), level)
    found = [
        autocorrelation_time(series),
        effective_sample_size(series),
        autocorrelation(series, np.array([1, 2])).at(1),
        curvature(series, lr=0.1, momentum=0.9),
        effective_temperature(series, 1.0),
        measure.oscillation(series, lags=np.arange(1, 9)).frequency,
        measure.winding_rate(series, series, 1.0),
        swept_area(series, series),
    ]
    assert [one.valid for one in found] == [False] * len(found)


def test_a_replica_that_is_stuck_is_noticed():
    stuck = np.where(np.arange(4) == 2, 0.3, NOISE)
    for found in (
        autocorrelation_time(stuck),
        curvature(stuck, lr=0.1, momentum=0.9),
    ):
        assert "1 of 4 replicas are constant" in found.note


@pytest.mark.parametrize("broken", [one((3, 1), math.nan), one((3, 1), math.inf)])
def test_a_series_that_is_not_finite_gives_nothing_and_warns_of_nothing(broken):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [
            autocorrelation_time(broken),
            effective_sample_size(broken),
            autocorrelation(broken, np.array([1, 2])).at(1),
            curvature(broken, lr=0.1, momentum=0.9),
            effective_temperature(broken, 1.0),
            measure.oscillation(broken, lags=np.arange(1, 9)).decay,
            swept_area(broken, broken),
        ]
        assert [one.valid for one in found] == [False] * len(found)
        assert not measure.winding_rate(broken, NOISE, 1.0).valid


def without_unit(series, turning, unit):
    """All that does not depend on the unit of a series."""
    lags = np.arange(1, 9)
    return [
        autocorrelation_time(series).to_dict(),
        effective_sample_size(series).to_dict(),
        autocorrelation(series, lags).value.tolist(),
        curvature(series, lr=0.1, momentum=0.9).to_dict(),
        measure.oscillation(turning, lags=lags).decay.to_dict(),
        measure.share_of_effect(series[1], 5 * series[2] + 9 * unit, series[3]).to_dict(),
    ]


@pytest.mark.parametrize("exponent", [-1000, -600, -60, 600, 1000])
def test_the_unit_of_a_series_does_not_matter(exponent):
    """Powers of two change no digit, where squares leave the range of doubles as well; what leaves
    it is refused.
    """
    unit, series, turning = (
        2.0**exponent,
        autoregressive(0.5, 1000, 8, 3),
        autoregressive(-0.5, 1000, 8, 3),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert without_unit(series, turning, 1.0) == without_unit(
            series * unit, turning * unit, unit
        )
        mean, scaled = (
            ls.Estimate.from_samples(series[0]),
            ls.Estimate.from_samples(series[0] * unit),
        )
        squares = [
            effective_temperature(series * unit, 1.0),
            swept_area(series * unit, turning * unit),
        ]
    assert (scaled.value, scaled.standard_error) == (mean.value * unit, mean.standard_error * unit)
    assert [one.valid for one in squares] == [abs(exponent) < 100] * 2
    assert ls.Estimate.from_samples([1e308, -1e308, 1e308]).value == pytest.approx(
        1e308 / 3, rel=1e-12
    )


def test_small_results_beside_large_ones_keep_their_errors():
    samples = autoregressive(0.0, 10, 1, 7) * np.array([[1e-200, 1.0, 1e150]])
    error = measure.jackknife(lambda mean: mean, samples)[1]
    assert error == pytest.approx(np.array([1e-200, 1.0, 1e150]) * error[1], rel=1e-9, abs=0)


def test_an_error_below_all_doubles_is_no_certainty():
    noise = autoregressive(0.0, 100, 4, 7)
    found = [
        effective_temperature(noise * 1e-200, 1.0),
        effective_temperature(noise, 1e-323),
        swept_area(noise * 1e-200, noise[::-1] * 1e-200),
        ls.Estimate(value=1.0, standard_error=0.1).scaled(5e-324),
    ]
    assert [one.valid for one in found] == [False] * len(found)
    assert ls.Estimate(value=1.0, standard_error=0.1).scaled(0.0) == ls.Estimate(
        value=0.0, standard_error=0.0
    )


@pytest.mark.parametrize("span", [1, 2])
def test_slopes_without_a_point_that_says_nothing_keep_their_errors(span):
    x, y, error = np.geomspace(1, 32, 6), np.geomspace(1, 32, 6) ** 0.5, np.full(6, 0.02)
    known = local_slopes(x, y, x_error=error, y_error=error, span=span)
    width = np.log(2) * span
    assert np.diag(known.covariance) == pytest.approx(
        [
            sum((0.02 * known.value[i] / x[j]) ** 2 + (0.02 / y[j]) ** 2 for j in (i, i + span))
            / width**2
            for i in range(6 - span)
        ]
    )
    assert known.covariance[0, span] == pytest.approx(
        -((0.01 / x[span]) ** 2 + (0.02 / y[span]) ** 2) / width**2
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        infinite = local_slopes(x, y, y_error=[0.02, np.inf, *error[2:]], span=span)
        lost = local_slopes(x, [1.0, np.nan, *y[2:]], y_error=error, span=span)
    touched = [i in (1, 1 - span) for i in range(6 - span)]
    exact = local_slopes(x, y, y_error=error, span=span).standard_error
    assert infinite.standard_error == pytest.approx(np.where(touched, np.inf, exact))
    assert np.isnan(lost.value).tolist() == touched
    assert lost.standard_error == pytest.approx(np.where(touched, np.nan, exact), nan_ok=True)


def test_a_square_below_all_doubles_is_not_zero():
    walk = np.cumsum(autoregressive(0.0, 5, 4, 7), axis=0)[..., None]
    scaled = drift_and_diffusion(np.arange(5), walk * 2.0**-490)
    for small, found in zip(scaled, drift_and_diffusion(np.arange(5), walk), strict=True):
        assert small.value == pytest.approx(found.value * 2.0**-980, rel=1e-12, abs=0)
    with pytest.raises(
        ls.InputError, match=r"^displacement = .*at least 1e-150 at every step: rescale"
    ):
        drift_and_diffusion(np.arange(5), walk * 1e-170)
    still = drift_and_diffusion(np.arange(5), 0 * walk)
    assert [curve.value.tolist() for curve in still] == [[0.0] * 5] * 2


@pytest.mark.parametrize(("of_position", "omega"), [(1e10, 1e308), (1e308, 1e10), (1e-300, 1e-300)])
def test_an_angle_of_numbers_beyond_doubles_is_none(of_position, omega):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not measure.winding_rate(NOISE * (of_position / 10), NOISE, omega).valid


@pytest.mark.parametrize("coefficient", [-0.95, -0.7, -0.3, 0.0, 0.5])
def test_the_time_of_antithetic_series_is_right_or_refused(coefficient, seed):
    """(1 + a)/(1 - a), which arviz-stats cuts off at 1/log10(samples) = 0.2."""
    exact = (1 + coefficient) / (1 - coefficient)
    series = autoregressive(coefficient, 4000, 32, seed)
    time, size = autocorrelation_time(series), effective_sample_size(series)
    assert time.valid == size.valid == (exact > 0.2)
    if time.valid:
        assert abs(time.value - exact) < 5.5 * time.standard_error + 0.03 * exact
    else:
        assert "the least that arviz-stats tells" in time.note


@pytest.mark.parametrize(
    ("found", "whole", "none"),
    [
        ([1, math.nan], [2, 2.1], [0, 0.1]),
        ([1, 2], [2, 2.1], [2, 2.1]),
        ([1, 2, 3], [2, 3, 4], [2, 2.1, 3.5]),
        ([1], [2], [0]),
    ],
)
def test_a_share_of_no_effect_is_none(found, whole, none):
    assert not measure.share_of_effect(found, whole, none).valid


def test_runs_on_their_way_to_infinity_have_no_exponent():
    steps = np.array([1.0, 10.0, 100.0])
    squared = np.array([[1.0, 1.1], [2.0, 2.2], [1e308, 1.5e308]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = measure.diffusion_exponent((steps, squared), window=(1, 100))
        measure.displacement_curve((steps, squared))
        drift_and_diffusion(steps, 1e200 * np.ones((3, 2, 1)))
    assert not found.valid


@pytest.mark.parametrize("scale", [0.01, 0.1])
def test_straight_curves_never_get_two_exponents(scale, seed):
    """1000 families; one in a hundred is taken for bent by chi^2 alone. Control: curves that bend
    are not refused.
    """
    x, sizes = np.geomspace(0.1, 30, 6), np.array([1.0, 3.0, 9.0])
    law = sizes[:, None] ** 0.4 * x**0.8
    for kick in normals((1000, 3, 6), seed):
        y = law * np.exp(scale * kick)
        found = measure.collapse(
            [(P, x, one, scale * one) for P, one in zip(sizes, y, strict=True)]
        )
        assert not found.x_exponent.valid
        assert "leaves an exponent open" in found.y_exponent.note
    bent = [P**0.6 * np.sqrt(1 + (x * P**-0.5) ** 2) for P in sizes]
    assert measure.collapse(
        [(P, x, y, 0.01 * y) for P, y in zip(sizes, bent, strict=True)]
    ).x_exponent.valid


MASKED = np.ma.masked_greater([1.0, 2.0, 4.0, 999.0], 100)


@pytest.mark.parametrize(
    "call",
    [
        ls.Estimate.from_samples,
        measure.geometric_mean,
        lambda x: measure.jackknife(np.square, x),
        lambda x: measure.share_of_effect(x, x, x),
        lambda x: measure.fit_power_law(x, [1, 2, 3, 4], y_error=0.1),
        lambda x: measure.fit_power_law([1, 2, 3, 4], x, y_error=0.1),
        lambda x: measure.fit_power_law([1, 2, 3, 4], [1, 2, 3, 4], y_error=x),
        lambda x: local_slopes([1, 2, 3, 4], x, y_error=0.1),
        lambda x: correction_to_scaling([1, 2, 3, 4], x, y_error=0.1),
        lambda x: extrapolate([1, 2, 3, 4], x, error=[1, 1, 1, 1]),
        lambda x: measure.collapse([(1, [1, 2, 3, 4], x, 0.1)], x_exponent=0),
        lambda x: measure.diffusion_exponent(([1, 2, 3, 4], x), window=(1, 4)),
        lambda x: measure.displacement_curve(([1, 2, 3, 4], x[:, None])),
        lambda x: mean_square_displacement(x[:, None, None], np.array([1])),
        lambda x: drift_and_diffusion([1, 2, 3, 4], np.ma.stack([x, x], axis=1)[..., None]),
        lambda x: autocorrelation_time(x[:, None]),
        lambda x: curvature(np.ma.stack([x, x], axis=1), lr=0.1, momentum=0.9),
        lambda x: measure.winding_rate(x[:, None], x[:, None], 1.0),
        lambda x: first_at_or_below([1, 2, 3, 4], x[:, None]),
    ],
)
@pytest.mark.parametrize("samples", [MASKED, MASKED.data + 1j, MASKED.data.astype(str)])
def test_masked_complex_and_written_numbers_are_refused(call, samples):
    with pytest.raises(ls.InputError, match=r"masked|complex|array of numbers"):
        call(samples)


def test_a_run_that_runs_away_has_no_exponent():
    steps = np.unique(np.geomspace(1, 400, 40).astype(int))
    noise = np.random.default_rng(0).uniform(0.5, 1.5, 8)
    away = noise * 2.25 ** steps[:, None]  # every step multiplies the weights by -1.5
    found = measure.diffusion_exponent((steps, away), window=(1, 400))
    assert not found.valid
    assert found.note.startswith("the run runs away: not a power law in this window")
    rest = noise * steps[:, None].astype(float) ** 3.9  # a start from rest
    assert measure.diffusion_exponent((steps, rest), window=(1, 400)).valid


def test_one_series_says_why_its_time_has_no_error():
    found = autocorrelation_time(np.random.default_rng(0).normal(size=(2000, 1)))
    assert found.standard_error is None
    assert found.note == "fewer than four replicas: no error"


def test_nothing_measured_is_not_valid():
    assert not ls.Estimate(value=None, n_independent=3).valid
