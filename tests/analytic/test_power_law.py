"""Power laws, corrections to scaling, extrapolation: exponents recovered, intervals that cover as
often as they say.

Coverage is that of one-sigma intervals over 300 synthetic data sets; its bounds are those that a
binomial number leaves with probability 1e-4, and intervals of half the width have to fall below
them.
"""

import dataclasses

import numpy as np
import pytest
from scipy import stats

import langevin_sgd as ls
from langevin_sgd import measure
from langevin_sgd.measure.passage import first_at_or_below
from langevin_sgd.measure.power_law import local_slopes
from langevin_sgd.measure.scaling_corrections import correction_to_scaling, extrapolate
from langevin_sgd.randomness import normals

SETS = 300
X = np.geomspace(1, 100, 8)


def holds(estimates, truth):
    """Whether intervals hold the truth as often as they say, and whether intervals of half the
    width do.
    """
    wanted = 2 * stats.t.cdf(1, estimates[0].degrees_of_freedom) - 1
    low, high = stats.binom.ppf([0.5e-4, 1 - 0.5e-4], len(estimates), wanted)
    off = np.array([abs(one.value - truth) / one.standard_error for one in estimates])
    return tuple(low <= np.count_nonzero(off * factor < 1) <= high for factor in (1, 2))


def kicks(*shape, seed):
    return normals((SETS, *shape), seed)


def with_means(y_scale, x_scale):
    def fits(seed):
        for kick in kicks(2, X.size, seed=seed):
            x, y = X * np.exp(x_scale * kick[0]), 3 * X**1.7 * np.exp(y_scale * kick[1])
            given = (
                {"y_error": y_scale * y}
                if x_scale == 0
                else {"x_error": x_scale * x, "y_error": y_scale * y}
            )
            yield measure.fit_power_law(x, y, **given)

    return fits


def without_errors(seed):
    for kick in kicks(X.size, seed=seed):
        yield measure.fit_power_law(X, 3 * X**1.7 * np.exp(0.05 * kick))


def with_replicas(shared, x_scale):
    """Points of one replica share a kick, or the errors of x and y of a point do."""

    def fits(seed):
        for kick in kicks(3, X.size, 16, seed=seed):
            common = kick[2] if x_scale else kick[2, :1]
            y = 3 * X[:, None] ** 1.7 * np.exp(0.3 * (kick[0] + shared * common))
            x = X[:, None] * np.exp(x_scale * (kick[1] + shared * common)) if x_scale else X
            yield measure.fit_power_law(x, y)

    return fits


@pytest.mark.parametrize(
    "fits",
    [
        with_means(0.05, 0),
        with_means(0.1, 0.1),
        without_errors,
        with_replicas(1, 0),
        with_replicas(1, 0.2),
    ],
    ids=[
        "errors of y",
        "errors of both",
        "no errors",
        "replicas",
        "replicas with correlated x and y",
    ],
)
def test_exponent_and_amplitude_are_covered(fits, seed):
    found = list(fits(seed))
    assert holds([one.exponent for one in found], 1.7) == (True, False)
    assert holds([one.amplitude for one in found], 3.0) == (True, False)
    values = np.array([one.exponent.value for one in found])
    assert abs(values.mean() - 1.7) < 4.5 * values.std() / np.sqrt(SETS)
    if found[0].chi_squared is not None and found[0].exponent.n_independent is None:
        squares = np.array([one.chi_squared for one in found])
        assert abs(squares.mean() - 6) < 4.5 * np.sqrt(12 / SETS)


def test_ignoring_the_errors_of_x_biases_the_exponent(seed):
    """Control: an ordinary fit, which takes x for exact, is pulled towards zero where errors of x
    matter.
    """
    kick = kicks(2, X.size, seed=seed)
    x, y = X * np.exp(0.6 * kick[:, 0]), X**1.7
    both = [
        measure.fit_power_law(a, y, x_error=0.6 * a, y_error=0.01 * y).exponent.value for a in x
    ]
    plain = [measure.fit_power_law(a, y, y_error=0.01 * y).exponent.value for a in x]
    assert 1.7 - np.mean(plain) > 4.5 * np.std(plain) / np.sqrt(SETS)
    assert abs(np.median(both) - 1.7) < 4.5 * 1.25 * np.std(both) / np.sqrt(SETS)


def test_the_line_is_that_of_textbooks():
    """Against numpy's weighted polynomial fit, and errors of x against swapping the roles of x and
    y.
    """
    y = X**0.8 * np.exp([0.1, -0.05, 0.02, 0.0, 0.07, -0.1, 0.03, 0.01])
    error = y * np.linspace(0.02, 0.1, 8)
    fit = measure.fit_power_law(X, y, y_error=error)
    (slope, level), covariance = np.polyfit(np.log(X), np.log(y), 1, w=y / error, cov="unscaled")
    assert fit.exponent.value == pytest.approx(slope, rel=1e-10)
    assert fit.exponent.standard_error == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-8)
    assert fit.amplitude.value == pytest.approx(np.exp(level), rel=1e-10)
    assert fit.amplitude.standard_error / fit.amplitude.value == pytest.approx(
        np.sqrt(covariance[1, 1]), rel=1e-8
    )
    assert fit.at(1.0) == pytest.approx(fit.amplitude.value)
    swapped = measure.fit_power_law(y, X, x_error=error)
    assert swapped.exponent.value == pytest.approx(1 / slope, rel=1e-9)
    assert swapped.chi_squared == pytest.approx(fit.chi_squared, rel=1e-9)


def test_points_off_the_law_are_noticed():
    y = X**0.5 + 0.3 * X
    bent = measure.fit_power_law(X, y, y_error=0.01 * y)
    assert bent.p_value < 1e-3
    assert "do not follow the law" in bent.exponent.note
    windows = measure.power_law.varied_windows(X, y, y_error=0.01 * y)
    assert [round(one.window[0], 6) for one in windows] == [round(x, 6) for x in X[:6]]
    slopes = [one.exponent.value for one in windows]
    assert (np.diff(slopes) > 0).all()
    both = measure.power_law.varied_windows(X, y, y_error=0.01 * y, both_ends=True)
    assert len(both) == 21
    assert min(one.exponent.value for one in both) < slopes[0]


def test_local_slopes_are_covered_with_their_covariance(seed):
    """Slopes of a law that bends; neighbours share a point and are anticorrelated."""
    truth = X**0.5 + 0.3 * X
    exact = np.diff(np.log(truth)) / np.diff(np.log(X))
    found = []
    for kick in kicks(X.size, seed=seed):
        y = truth * np.exp(0.05 * kick)
        found.append(local_slopes(X, y, y_error=0.05 * y))
    assert holds([one.at(one.x[3]) for one in found], exact[3]) == (True, False)
    values = np.array([one.value for one in found])
    expected = found[0].covariance / np.outer(found[0].standard_error, found[0].standard_error)
    assert np.abs(np.corrcoef(values.T) - expected).max() < 4.5 / np.sqrt(SETS)
    assert expected[3, 4] == pytest.approx(-0.5)


def test_local_slopes_of_replicas_are_means_over_replicas(seed):
    y = X[:, None] ** 1.2 * np.exp(normals((8, 9), seed))
    found = local_slopes(X, y, span=2)
    each = np.log(y[2:] / y[:-2]) / np.log(X[2:] / X[:-2])[:, None]
    assert np.allclose(found.value, each.mean(axis=1), rtol=1e-10)
    assert np.allclose(found.covariance, np.cov(each) / 9, rtol=1e-10)
    assert found.n_independent == 9


@pytest.mark.parametrize("power", [0.5, None])
def test_corrections_to_scaling_are_covered(power, seed):
    """y = 3 x^1.7 (1 - 0.4 x^-0.5); a plain power law misses the exponent by many errors."""
    x = np.geomspace(1, 1000, 14)
    scale = 0.01 if power else 0.003
    law = 3 * x**1.7 * (1 - 0.4 * x**-0.5)
    found, plain = [], []
    for kick in kicks(x.size, seed=seed)[: SETS if power else 200]:
        y = law * np.exp(scale * kick)
        found.append(correction_to_scaling(x, y, y_error=scale * y, power=power))
        plain.append(measure.fit_power_law(x, y, y_error=scale * y).exponent)
    assert all(one.exponent.valid for one in found)
    assert holds([one.exponent for one in found], 1.7) == (True, False)
    assert holds([one.amplitude for one in found], 3.0) == (True, False)
    assert holds([one.correction for one in found], -0.4) == (True, False)
    if power is None:
        assert holds([one.power for one in found], 0.5) == (True, False)
    assert holds(plain, 1.7)[0] is np.False_


def test_corrections_from_replicas_agree_with_those_from_means(seed):
    x = np.geomspace(2, 200, 9)
    y = x[:, None] ** 0.9 * (1 + 0.5 / x[:, None]) * np.exp(0.05 * normals((9, 24), seed))
    one = correction_to_scaling(x, y, power=1.0)
    mean, error = np.exp(np.log(y).mean(axis=1)), np.log(y).std(axis=1, ddof=1) / np.sqrt(24)
    other = correction_to_scaling(x, mean, y_error=error * mean, power=1.0)
    assert one.exponent.value == pytest.approx(
        other.exponent.value, abs=0.3 * other.exponent.standard_error
    )
    assert 0.5 < one.exponent.standard_error / other.exponent.standard_error < 2
    assert one.exponent.n_independent == 24
    assert one.power == ls.Estimate(value=1.0, method="given")


def test_points_that_do_not_bound_a_correction_are_refused():
    y = X**1.5 * np.exp(0.2 * np.cos(7 * np.arange(8)))
    found = correction_to_scaling(X, y, y_error=0.2 * y)
    assert not found.exponent.valid
    assert (
        "bound" in found.exponent.note
        or "interval" in found.exponent.note
        or "minimum" in found.exponent.note
    )


@pytest.mark.parametrize("replicas", [None, 12])
def test_extrapolation_is_covered(replicas, seed):
    size = np.array([8.0, 16.0, 32.0, 64.0])
    truth, scale = 1.5 - 2 / size, 0.02
    found = []
    for kick in kicks(4, replicas or 1, seed=seed):
        value = truth[:, None] + scale * np.sqrt(replicas or 1) * kick
        found.append(
            extrapolate(size, value)
            if replicas
            else extrapolate(size, value[:, 0], error=np.full(4, scale))
        )
    assert holds([one.limit for one in found], 1.5) == (True, False)
    assert holds([one.coefficients[0] for one in found], -2.0) == (True, False)


def test_extrapolation_of_correlated_slopes_is_a_fit_with_their_covariance(seed):
    """Local slopes of a power law with an analytic correction: limits of 300 sets scatter as
    stated, 4.5 sigma.
    """
    x = np.geomspace(4, 256, 7)
    limits = []
    for kick in kicks(x.size, seed=seed):
        y = x**2 * np.exp(0.5 / x + 0.02 * kick)
        slopes = local_slopes(x, y, y_error=0.02 * y)
        limits.append(extrapolate(slopes.x, slopes.value, error=slopes.covariance).limit)
    off = np.array([(one.value - 2) / one.standard_error for one in limits])
    assert abs(off.std() - 1) < 4.5 / np.sqrt(2 * SETS)
    assert (
        abs(off.mean()) < 0.3
    )  # the slope between two points is that of their middle only to second order
    exact = extrapolate(x, 1 + 3 / x - 5 / x**2, error=np.full(7, 0.1), order=2)
    assert [one.value for one in (exact.limit, *exact.coefficients)] == pytest.approx([1, 3, -5])


NOISY = X[:, None] * np.exp(0.1 * np.cos(np.arange(40).reshape(8, 5) ** 2))


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (
            lambda: measure.fit_power_law(X, X, y_error=X, window=(1, 2)).exponent,
            "2 points in the window",
        ),
        (lambda: measure.fit_power_law(X, NOISY[:, :1]).exponent, "1 replicas"),
        (
            lambda: measure.fit_power_law(X, np.where(NOISY > 90, np.nan, NOISY)).exponent,
            "replicas are not finite",
        ),
        (
            lambda: measure.fit_power_law(X, np.where(X > 90, np.nan, X), y_error=X).exponent,
            "1 of 8 points",
        ),
        (
            lambda: measure.fit_power_law(X, np.repeat(X[:, None], 3, axis=1)).exponent,
            "do not scatter",
        ),
        (lambda: measure.fit_power_law(np.ones(4), X[:4], y_error=X[:4]).exponent, "same x"),
        (lambda: measure.fit_power_law(X[:3], X[:3], x_error=9 * X[:3]).exponent, "do not resolve"),
        (lambda: correction_to_scaling(X[:4], X[:4], y_error=0.1).exponent, "at least 5"),
        (lambda: extrapolate([1, 2], [1, 2], error=[1, 1]).limit, "2 points, at least 3"),
        (
            lambda: extrapolate([1, 2, 3], [1, np.nan, 2], error=[1, 1, 1]).limit,
            "1 of 3 values",
        ),
        (lambda: extrapolate(X, X, error=np.ones((8, 8))).limit, "singular"),
        (lambda: extrapolate(X, NOISY[:, :1]).limit, "1 replicas"),
    ],
)
def test_too_little_is_refused_with_a_reason(found, reason):
    estimate = found()
    assert not estimate.valid
    assert reason in estimate.note


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: measure.fit_power_law(X, -X), "y = a smallest value of -100"),
        (lambda: measure.fit_power_law(X, X[1:]), "as many points"),
        (lambda: measure.fit_power_law(X, NOISY, y_error=X), "leave them out"),
        (lambda: measure.fit_power_law(NOISY, X), "x = "),
        (lambda: measure.fit_power_law(NOISY[:, :2], NOISY), "shape of y"),
        (lambda: measure.fit_power_law(X, X, y_error=-1.0), "zero or above"),
        (lambda: measure.fit_power_law(X, X, y_error=0.0), "must be positive at every point"),
        (lambda: measure.fit_power_law(X, X, window=(3, 1)), "window"),
        (lambda: measure.fit_power_law(X[None, None], X), "must have shape"),
        (lambda: local_slopes(X, X), "is needed"),
        (lambda: local_slopes(X, X, y_error=1.0, span=8), "span = 8"),
        (lambda: correction_to_scaling(X, X), "is needed"),
        (lambda: correction_to_scaling(X, X, y_error=1.0, power=-1), "power = -1"),
        (lambda: extrapolate(X, X), "is needed"),
        (lambda: extrapolate(X, NOISY, error=X), "leave it out"),
        (lambda: extrapolate(-X, X, error=X), "size"),
        (lambda: measure.power_law.varied_windows(X, X, minimum=2), "minimum = 2"),
    ],
)
def test_bad_input_gets_one_line(call, message):
    with pytest.raises(ls.InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_refused_law_has_no_values():
    law = measure.fit_power_law(X[:2], X[:2], y_error=0.1)
    assert np.isnan(law.at(X)).all()
    assert dataclasses.asdict(law)["chi_squared"] is None
    assert law.p_value is None


def test_first_times_are_bracketed_and_censored():
    steps = np.array([0, 1, 10, 100])
    series = np.array([[1, 0, 1, 1], [0.5, 0, 1, 0], [0.2, 0, 1, 0.3], [0, 0, 0.1, 0]])
    found = first_at_or_below(steps, series)
    assert found.by.tolist() == [100, 0, np.inf, 1]
    assert found.after[[0, 1, 3]].tolist() == [10, -np.inf, 0]
    assert found.reached.tolist() == [True, True, False, True]
    assert found.middle[[0, 1, 3]] == pytest.approx([np.sqrt(1000), 0, 1])
    with pytest.raises(ls.InputError, match="series"):
        first_at_or_below(steps, series[1:])


def test_errors_that_x_and_y_share_do_not_bias_the_exponent(seed):
    """Four replicas whose x and y of a point are off by the same factor: 5 standard errors and 0.02
    for curvature.

    Control: taken for independent errors of the same sizes, they move the exponent by more than
    that.
    """
    true = np.geomspace(1, 10, 8)
    off = np.exp(0.8 * kicks(8, 4, seed=seed))
    found = [
        measure.fit_power_law(true[:, None] * k, true[:, None] ** 1.7 * k).exponent.value
        for k in off
    ]
    room = 5 * np.std(found) / np.sqrt(SETS) + 0.02
    assert abs(np.mean(found) - 1.7) < room
    plain = []
    for k in np.exp(np.log(off).mean(axis=2)):
        x, y = true * k, true**1.7 * k
        plain.append(measure.fit_power_law(x, y, x_error=0.4 * x, y_error=0.4 * y).exponent)
    assert abs(np.mean([one.value for one in plain if one.valid]) - 1.7) > room
