"""Exponents, drift and the jackknife: recovered without bias, with errors that cover the truth as
often as they claim.

The synthetic data are Wiener paths run on the clock t^c, whose mean square displacement is t^c
exactly and whose points are strongly correlated: W(t^c) in 8 dimensions, 16 replicas.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import langevin_sgd as ls
from langevin_sgd import measure
from langevin_sgd.measure.displacement import local_exponents, mean_square_displacement
from langevin_sgd.measure.drift import drift_and_diffusion
from langevin_sgd.randomness import normals

SETS, REPLICAS, DIMENSIONS = 400, 16, 8
STEPS = np.unique(np.rint(np.geomspace(10, 1000, 15)))


def paths(exponent, seed, sets=SETS):
    """Displacements (set, step, replica, parameter)."""
    kicks = normals((sets, len(STEPS), REPLICAS, DIMENSIONS), seed)
    variance = np.diff(STEPS**exponent, prepend=0.0) / DIMENSIONS
    return np.cumsum(kicks * np.sqrt(variance)[:, None, None], axis=1)


def covered(estimates, truth):
    """How many one-sigma intervals hold the truth, and the binomial pull of that against Student's
    t.
    """
    inside = sum(abs(e.value - truth) < e.standard_error for e in estimates)
    wanted = 2 * stats.t.cdf(1, estimates[0].degrees_of_freedom) - 1
    return (inside - SETS * wanted) / np.sqrt(SETS * wanted * (1 - wanted))


def naive_exponent(squared):
    """Straight line with the error of its scatter, as if points were independent."""
    fit = stats.linregress(np.log(STEPS), np.log(squared.mean(axis=1)))
    return ls.Estimate(value=fit.slope, standard_error=fit.stderr, n_independent=len(STEPS) - 1)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.6])
def test_the_error_of_the_exponent_covers_the_truth(exponent, seed):
    """4.5 binomial sigma for the coverage, 4.5 standard errors for the bias."""
    squared = (paths(exponent, seed) ** 2).sum(axis=-1)
    found = [measure.diffusion_exponent((STEPS, one), window=(10, 1000)) for one in squared]
    assert abs(covered(found, exponent)) < 4.5
    values = np.array([estimate.value for estimate in found])
    assert abs(values.mean() - exponent) < 4.5 * values.std() / np.sqrt(SETS)
    assert covered([naive_exponent(one) for one in squared], exponent) < -4.5  # control


def test_local_exponents_cover_the_truth(seed):
    squared = (paths(0.7, seed) ** 2).sum(axis=-1)
    curves = [local_exponents((STEPS, one), span=3) for one in squared]
    middle = curves[0].x[6]
    assert abs(covered([curve.at(middle) for curve in curves], 0.7)) < 4.5
    assert middle == pytest.approx(np.sqrt(STEPS[6] * STEPS[9]))


def test_drift_and_diffusion_are_unbiased_and_cover_the_truth(seed):
    """Drift 0.5 in each of 8 directions at the last step, of the order of its own sampling error;
    trace 1000^0.5.
    """
    moved = paths(0.5, seed)[:, -1:] + 0.5
    drifts, diffusions = zip(*(drift_and_diffusion(STEPS[-1:], one) for one in moved), strict=True)
    for curves, truth in ((drifts, 2.0), (diffusions, 1000**0.5)):
        values = np.array([curve.value[0] for curve in curves])
        assert abs(values.mean() - truth) < 4.5 * values.std() / np.sqrt(SETS)
        assert abs(values.std() / np.mean([curve.standard_error[0] for curve in curves]) - 1) < 0.2
    naive = (moved[:, 0].mean(axis=1) ** 2).sum(axis=-1)
    assert (naive.mean() - 2.0) > 4.5 * naive.std() / np.sqrt(
        SETS
    )  # control: the plain square of the mean
    curve = measure.displacement_curve((STEPS[-1:], (moved[0] ** 2).sum(axis=-1)))
    assert drifts[0].value[0] + diffusions[0].value[0] == pytest.approx(curve.value[0])


def test_time_averaged_displacement_of_a_stationary_process(seed):
    """Ornstein-Uhlenbeck in two directions: 2 (1 - a^lag) per direction, 5 sigma at three lags."""
    a, lags = 0.9, np.array([1, 5, 50])
    kicks = normals((3000, 32, 2), seed)
    position = np.empty_like(kicks)
    position[0] = kicks[0]
    for k in range(1, len(kicks)):
        position[k] = a * position[k - 1] + np.sqrt(1 - a**2) * kicks[k]
    curve = measure.displacement_curve((lags, mean_square_displacement(position, lags)))
    assert np.abs((curve.value - 4 * (1 - a**lags)) / curve.standard_error).max() < 5
    brute = [np.mean([((position[k + 5] - position[k]) ** 2).sum(-1) for k in range(2995)], axis=0)]
    assert np.allclose(mean_square_displacement(position, np.array([5])), brute)


def test_dataset_and_arrays_give_the_same():
    problem = ls.LinearRegression.from_spectrum(np.arange(1, 51.0) ** -2)
    equation = ls.Overdamped.from_sgd(problem, ls.SGD(lr=0.1, batch_size=1))
    run = ls.sde.simulate(
        equation, ls.sde.ExactOrnsteinUhlenbeck(), replicas=20, steps=1000, seed=1
    )
    arrays = run["step"].values, run["squared_displacement"].values
    from_run = measure.diffusion_exponent(run, window=(20, 500))
    assert from_run == measure.diffusion_exponent(arrays, window=(20, 500))
    assert from_run.n_independent == 20
    assert measure.displacement_curve(run).at(1000).value == pytest.approx(arrays[1][-1].mean())


SQUARED = (paths(1.0, 7, sets=1)[0] ** 2).sum(axis=-1)


@pytest.mark.parametrize(
    ("squared", "window", "reason"),
    [
        (SQUARED[:, :1], (10, 1000), "1 replicas"),
        (SQUARED, (10, 15), "recorded steps in the window"),
        (
            np.where(np.arange(16) == 3, np.nan, SQUARED),
            (10, 1000),
            "1 of 16 replicas are not finite",
        ),
        (np.ones_like(SQUARED), (10, 1000), "do not scatter"),
        (np.zeros_like(SQUARED), (10, 1000), "do not move"),
    ],
)
def test_an_exponent_that_cannot_be_had_is_refused(squared, window, reason):
    found = measure.diffusion_exponent((STEPS, squared), window=window)
    assert not found.valid
    assert found.value is None
    assert reason in found.note


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: measure.diffusion_exponent((STEPS, SQUARED), window=(0, 10)), "window"),
        (
            lambda: measure.diffusion_exponent((STEPS[1:], SQUARED), window=(1, 10)),
            "squared_displacement",
        ),
        (lambda: measure.diffusion_exponent({}, window=(1, 10)), "record.displacement"),
        (lambda: local_exponents((STEPS, SQUARED), span=99), "span = 99"),
        (lambda: mean_square_displacement(np.zeros((9, 2, 1)), np.array([9])), "lags"),
        (lambda: drift_and_diffusion(STEPS, SQUARED), "displacement"),
        (lambda: measure.displacement_curve((STEPS, SQUARED)).at(11.5), "nearest"),
    ],
)
def test_bad_input_gets_one_line(call, message):
    with pytest.raises(ls.InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


# --- hypothesis -----------------------------------------------------------------------------------

numbers = st.lists(st.floats(-100, 100), min_size=2, max_size=12).map(np.array)


@given(numbers)
def test_jackknife_of_the_mean_is_the_usual_standard_error(samples):
    value, error = measure.jackknife(lambda mean: mean, samples)
    usual = ls.Estimate.from_samples(samples)
    assert value == pytest.approx(usual.value, abs=1e-9)
    assert error == pytest.approx(usual.standard_error, abs=1e-9)


@given(numbers)
def test_jackknife_takes_off_the_bias_of_a_square_exactly(samples):
    value, _ = measure.jackknife(np.square, samples)
    assert value == pytest.approx(
        samples.mean() ** 2 - samples.var(ddof=1) / samples.size, abs=1e-7
    )


@given(st.floats(0.1, 10.0), st.floats(0.1, 10.0))
def test_exponent_does_not_depend_on_units(length, time):
    plain = measure.diffusion_exponent((STEPS, SQUARED), window=(10, 1000))
    scaled = measure.diffusion_exponent(
        (STEPS * time, SQUARED * length), window=(10 * time * 0.999, 1001 * time)
    )
    assert scaled.value == pytest.approx(plain.value, rel=1e-9)
    assert scaled.standard_error == pytest.approx(plain.standard_error, rel=1e-7)


@given(st.floats(0.2, 2.0))
def test_geometric_mean_is_the_mean_of_the_logarithm(width):
    samples = np.exp(width * np.array([-1.0, 0.0, 1.0, 2.0]))
    found = measure.geometric_mean(samples)
    assert found.value == pytest.approx(np.exp(width / 2))
    assert found.standard_error == pytest.approx(
        found.value * width * np.std([-1, 0, 1, 2], ddof=1) / 2
    )


@given(numbers, st.floats(-2, 3))
def test_a_share_of_an_effect_is_that_which_was_put_in(samples, share):
    whole, none = 300.0 + samples, 2.0 - samples[::-1] / 50
    found = measure.share_of_effect(none + share * (whole - none), whole, none)
    assert found.value == pytest.approx(share, abs=1e-9)
    assert found.standard_error == pytest.approx(0, abs=1e-7)
