"""T_max, T_opt, T_c and the exponents of networks on made-up grids that know them."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import langevin_sgd as ls
from langevin_sgd.experiments.network_lines import GridLine, families

REPLICAS = 16
ALPHAS = tuple(2.0 ** np.arange(-12, 0, 3))
TEMPERATURES = tuple(2.0 ** np.arange(-13, 1))
K, GAMMA, B, DELTA, A = 0.4, 0.3, 1.7, 0.9, 0.25


def made_up(
    alphas=ALPHAS,
    temperatures=TEMPERATURES,
    points=(256,),
    *,
    seed=1,
    noise=0.05,
    shared=0.3,
    hottest=0.4,
):
    """A grid as it is collected: T_max = hottest alpha^k, T_opt = T_max / 16, T_c = 0.3 P^-a,
    alpha_c = 0.1.

    Every quantity of a replica has a factor of its own on the whole grid (`shared`) and one at each
    point (`noise`).
    """
    random = np.random.default_rng(seed)
    own, scatter = random.normal(size=(2, REPLICAS)), random.normal
    grid = list(itertools.product(alphas, temperatures, points))
    alpha, temperature, size = (
        np.array(column, dtype=float)[:, None] for column in zip(*grid, strict=True)
    )
    largest = hottest * alpha**K * np.exp(shared * own[0])
    jitter = [
        np.exp(shared * own[1] + noise * scatter(size=(len(grid), REPLICAS))) for _ in range(4)
    ]
    off = np.log(temperature * 16 / (hottest * alpha**K))
    kernel = temperature * size**A + 0.03 / alpha
    found = {
        "status": (temperature > largest).astype(int),
        "test_error": 0.05 * (1 + 0.3 * off**2) * jitter[0],
        "t_star": 2.0 * temperature * size**B * jitter[1],
        "weight_change": 0.1 * temperature**DELTA * size**GAMMA * jitter[2],
        "kernel_change": kernel * jitter[3],
    }
    held = {
        "depth": 2,
        "width": 8,
        "activation": "relu",
        "batch_size": 4,
        "network": "fully_connected",
        "momentum": 0.0,
    }
    axes = {
        "alpha": alpha[:, 0],
        "temperature_per_width": temperature[:, 0],
        "points": size[:, 0].astype(int),
    }
    columns = axes | {name: np.full(len(grid), value) for name, value in held.items()}
    made = xr.Dataset({name: (("point", "replica"), values) for name, values in found.items()})
    return made.assign_coords({name: ("point", values) for name, values in columns.items()})


def in_temperature(**settings):
    return ls.experiments.lines_along(made_up(**settings), "temperature_per_width")


def pull(estimate, truth):
    assert estimate.valid, estimate
    return (estimate.value - truth) / estimate.standard_error


def test_lines_hold_what_they_share_in_the_order_of_the_axis():
    lines = in_temperature(temperatures=(0.5, 0.125, 0.25), points=(64, 128))
    assert [(line.held["alpha"], line.held["points"]) for line in lines[:3]] == [
        (ALPHAS[0], 64),
        (ALPHAS[0], 128),
        (ALPHAS[1], 64),
    ]
    assert all(line.x.tolist() == [0.125, 0.25, 0.5] for line in lines)
    assert "temperature_per_width" not in lines[0].held
    sizes = families(lines, "points")
    assert [[line.held["points"] for line in family] for family in sizes] == [[64, 128]] * len(
        ALPHAS
    )
    with pytest.raises(ls.InputError, match=r"axis = 'temperature': must be one of .*did you mean"):
        ls.experiments.lines_along(made_up(), "temperature")


def test_averages_leave_out_what_is_not_fitted():
    line = in_temperature()[1]
    value, error = line.averages("t_star")
    assert np.isnan(value).tolist() == (~line.mostly_fitted).tolist()
    assert 0 < np.isnan(value).sum() < len(value)
    fitted = line.measured["t_star"][0]
    assert value[0] == pytest.approx(np.exp(np.log(fitted).mean()))
    assert error[0] == pytest.approx(value[0] * np.log(fitted).std(ddof=1) / np.sqrt(REPLICAS))
    assert [
        len(part) for part in line.where(np.zeros(len(value), dtype=bool)).averages("t_star")
    ] == [0, 0]
    assert line.averages("test_error")[0][0] == pytest.approx(line.measured["test_error"][0].mean())


def test_boundaries_of_one_line():
    for line in in_temperature():
        top = 0.4 * line.held["alpha"] ** K
        assert abs(pull(ls.experiments.largest_temperature(line), top)) < 4.5
        assert abs(pull(ls.experiments.best_temperature(line), top / 16)) < 4.5
        assert abs(pull(ls.experiments.best_temperature(line), top)) > 4.5  # control


def test_a_run_that_fails_counts_with_the_worst_error():
    """One replica fitted alone at high temperatures with a small error draws no best temperature
    there, and failing is no advantage.
    """
    line = in_temperature()[-1]
    before = ls.experiments.best_temperature(line)
    fitted, error = line.fitted.copy(), line.measured["test_error"].copy()
    fitted[-3:], error[-3:] = np.arange(REPLICAS) == 0, 0.3 * np.nanmin(error)
    lucky = replace(
        line,
        fitted=fitted,
        measured=line.measured | {"test_error": np.where(fitted, error, np.nan)},
    )
    assert ls.experiments.best_temperature(lucky).value == before.value
    filled = lucky.failures_as_worst("test_error")
    assert np.isfinite(filled).all()
    assert filled[-1, 1] == np.nanmax(lucky.measured["test_error"])
    least = int(np.nanmean(error, axis=1)[:-3].argmin())
    fails = fitted.copy()
    fails[least, : REPLICAS // 2] = False
    worse = ls.experiments.best_temperature(replace(line, fitted=fails))
    assert not worse.valid or abs(np.log(worse.value / before.value)) > np.log(1.2)


def last_fitted(line):
    """T_max by another definition, the middle between the last temperature that is fitted and the
    next.
    """
    last = len(line.x) - 1 - line.fitted[::-1].argmax(axis=0)
    return np.exp((np.log(line.x[last]) + np.log(line.x[last + 1])).mean() / 2)


def vertex_of_each_window(line):
    """T_opt by another definition: a parabola by `numpy.polyfit`, failures as the worst error."""
    error = np.where(line.fitted, line.measured["test_error"], np.nan)
    mean = np.where(np.isnan(error), np.nanmax(error), error).mean(axis=1)
    near = np.abs(np.log(line.x / line.x[mean.argmin()])) < np.log(4.001)
    bend, tilt, _ = np.polyfit(np.log(line.x[near]), mean[near], 2)
    return np.exp(-tilt / (2 * bend))


def test_boundaries_by_other_definitions():
    """Where failing is monotonic both definitions of T_max are one; the vertex of the parabola is
    that of another fit, up to the bias that the jackknife takes off.
    """
    for line in in_temperature(temperatures=tuple(2.0 ** np.arange(-13, 2, 0.75))):
        largest = ls.experiments.largest_temperature(line)
        assert largest.value == pytest.approx(last_fitted(line), rel=1e-12)
        best = ls.experiments.best_temperature(line)
        assert best.value == pytest.approx(vertex_of_each_window(line), rel=0.01)
        assert abs(pull(best, 2 * vertex_of_each_window(line))) > 3  # control


def test_a_failure_at_a_low_temperature_counts():
    """A run that fails below temperatures at which others are fitted lowers T_max by an interval of
    the grid; it does not change the last temperature that is fitted.
    """
    line = in_temperature()[-1]
    before, last = ls.experiments.largest_temperature(line), last_fitted(line)
    fitted = line.fitted.copy()
    fitted[2, 5] = False
    worse = replace(line, fitted=fitted)
    ratio = ls.experiments.largest_temperature(worse).value / before.value
    assert ratio == pytest.approx(2.0 ** (-1 / REPLICAS), rel=1e-12)
    assert last_fitted(worse) == last
    fitted[0, :2] = False
    found = ls.experiments.largest_temperature(replace(line, fitted=fitted))
    assert "2 of 16 replicas are not fitted" in found.note


def test_the_error_of_a_coarse_grid_is_that_of_an_interval():
    (line, *_) = in_temperature(shared=0.0, noise=0.05)
    found = ls.experiments.largest_temperature(line)
    assert found.standard_error / found.value == pytest.approx(np.log(2) / np.sqrt(12))
    fine = in_temperature(shared=0.5, temperatures=tuple(2.0 ** np.arange(-9, 3, 0.25)))[0]
    one = ls.experiments.largest_temperature(fine)
    assert one.standard_error / one.value < 2 * 0.5 / np.sqrt(REPLICAS)


def test_crossings_along_temperature_and_along_alpha():
    grid = made_up(
        alphas=(2.0**10, 2.0**11), temperatures=tuple(2.0 ** np.arange(-14, -1, 0.5)), noise=0.02
    )
    lines = ls.experiments.lines_along(grid, "temperature_per_width")
    assert len(lines) == 2
    for line in lines:
        found = ls.experiments.crossing(line, 0.2)
        assert abs(pull(found, 0.2 * 256**-A)) < 4.5
        assert abs(pull(found, 0.3 * 256**-A)) > 4.5 / 2.0  # the threshold counts
    grid = made_up(alphas=tuple(2.0 ** np.arange(-4, 2, 0.25)), temperatures=(1e-9, 2e-9))
    lines = ls.experiments.lines_along(grid, "alpha")
    assert len(lines) == 2
    for line in lines:
        assert abs(pull(ls.experiments.crossing(line), 0.1)) < 4.5


@pytest.mark.parametrize("boundary", ["T_max", "T_opt"])
def test_powers_of_alpha_are_recovered_and_rivals_missed(boundary):
    found = ls.experiments.boundary_exponent(boundary, in_temperature(), "alpha")
    assert abs(pull(found, K)) < 4.5
    assert abs(pull(found, K + 0.2)) > 4.5
    assert found.n_independent == REPLICAS


OCTAVES = tuple(2.0 ** np.arange(-16, 3))


def with_power(k, alphas=(2.0**-10, 2.0**-2), seed=3):
    """Lines on one fixed grid of temperatures, of which T_opt ~ alpha^k and nothing fails."""
    random = np.random.default_rng(seed)
    lines = []
    for alpha in alphas:
        off = np.log(np.array(OCTAVES) / (0.2 * alpha**k))[:, None]
        scatter = 0.05 * random.normal(size=(len(OCTAVES), REPLICAS))
        lines.append(
            GridLine(
                axis="temperature_per_width",
                held={"alpha": alpha},
                x=np.array(OCTAVES),
                fitted=np.ones(scatter.shape, dtype=bool),
                measured={"test_error": 0.05 * (1 + 0.3 * off**2) * np.exp(scatter)},
            )
        )
    return lines


@pytest.mark.parametrize("k", [0.0, 0.17, 1 / 3, 1.0])
def test_the_power_of_the_best_temperature_is_what_was_put_in(k):
    """Whatever it is: a grid that moves with alpha, and a weighted mean of ln T over it, gave 0.11,
    0.21, 0.33 and 0.64 for these four.
    """
    found = [
        ls.experiments.boundary_exponent("T_opt", with_power(k, seed=seed), "alpha")
        for seed in range(20)
    ]
    pulls = np.array([pull(one, k) for one in found])
    assert np.abs(pulls).max() < 4.5
    assert abs(np.mean([one.value for one in found]) - k) < 0.01
    assert all(abs(pull(one, k + 0.1)) > 3 for one in found)


def shuffled(line, seed=0):
    """The same errors, of each replica at temperatures drawn anew."""
    random = np.random.default_rng(seed)
    error = random.permuted(line.measured["test_error"], axis=0)
    return replace(line, measured=line.measured | {"test_error": error})


def test_without_an_effect_there_is_no_best_temperature():
    """Errors that do not depend on T, exactly or up to their scatter, and errors of which the
    temperatures are shuffled: what replicas do not have in common is no optimum. That was the
    predicted power before, with an error smaller than that of real data.
    """
    reasons = set()
    for seed in range(50):
        for line in with_power(1 / 3, seed=seed):
            reasons.add(refusal(shuffled(line, seed)))
            scatter = np.random.default_rng(seed).normal(size=line.fitted.shape)
            reasons.add(refusal(changed(line, test_error=0.05 * np.exp(0.1 * scatter))))
    assert reasons <= {
        "there is no best temperature",
        "the test error is least at the lower end of the temperatures",
        "the test error is least at the upper end of the temperatures",
    }
    lines = with_power(1 / 3)
    flat_lines = [changed(line, test_error=np.full(line.fitted.shape, 0.05)) for line in lines]
    for made in (flat_lines, [shuffled(line) for line in lines]):
        assert not ls.experiments.boundary_exponent("T_opt", made, "alpha").valid


def refusal(line):
    """Why there is no best temperature on a line, without numbers."""
    found = ls.experiments.best_temperature(line)
    assert not found.valid
    return found.note.split(":")[0]


def test_powers_along_lines():
    sizes = (64, 128, 256, 512)
    grid = made_up((2.0**12,), tuple(2.0 ** np.arange(-8, -2)), sizes, hottest=100.0)
    along = {
        axis: ls.experiments.lines_along(grid, axis) for axis in ("points", "temperature_per_width")
    }
    powers = {
        ("points", "weight_change"): GAMMA,
        ("temperature_per_width", "weight_change"): DELTA,
        ("points", "t_star"): B,
    }
    for (axis, quantity), truth in powers.items():
        found = ls.experiments.quantity_exponent(along[axis], quantity)
        assert abs(pull(found, truth)) < 4.5
        assert abs(pull(found, truth + 0.1)) > 4.5
    of_each = ls.experiments.replica_exponents(along["points"], "t_star")
    assert of_each.shape == (REPLICAS,)
    line = along["points"][0]
    slopes = np.polyfit(np.log(line.x), np.log(line.measured["t_star"]), 1)[0]
    np.testing.assert_allclose(ls.experiments.replica_exponents([line], "t_star"), slopes)


def test_the_end_of_the_lazy_regime_over_the_exponents_of_the_weights():
    sizes = (64, 128, 256, 512)
    grid = made_up((2.0**20,), tuple(2.0 ** np.arange(-8, 1)), sizes, hottest=100.0)
    lines = ls.experiments.lines_along(grid, "temperature_per_width")
    window = (2.0**-8, 2.0**-5)
    found = ls.experiments.crossover_ratio(lines, window=window)
    assert abs(pull(found, A * DELTA / GAMMA)) < 4.5
    assert abs(pull(found, A * DELTA / GAMMA + 0.3)) > 4.5
    nowhere = ls.experiments.crossover_ratio(lines, window=window, threshold=1e3)
    assert "does not cross the threshold at every P" in nowhere.note
    narrow = ls.experiments.crossover_ratio(lines, window=(2.0**-8, 2.0**-7.5))
    assert "needs two temperatures" in narrow.note
    lines[0] = lines[0].where(lines[0].x < 0.1)
    lines[1] = lines[1].where(lines[1].x > window[0])
    with pytest.raises(ls.InputError, match=r"^lines = .*must have the same replicas and temp"):
        ls.experiments.crossover_ratio(lines, window=window)


def test_lazy_exponents_are_recovered_and_rivals_missed():
    sizes = (64, 128, 256, 512)
    (fit,) = ls.experiments.fit_lazy_exponents(
        made_up((2.0**12,), tuple(2.0 ** np.arange(-8, 1)), sizes, hottest=100.0), threshold=0.3
    )
    for found, truth in (
        (fit.gamma.y_exponent, GAMMA),
        (fit.b.y_exponent, B),
        (fit.delta, DELTA),
        (fit.a, A),
    ):
        assert abs(pull(found, truth)) < 4.5
        assert abs(pull(found, truth + 0.1)) > 4.5
    assert [line.held["points"] for line in fit.lines] == list(sizes)
    assert len(fit.crossings) == 4
    assert fit.left_out == 0
    assert fit.to_dict()["gamma"]["value"] == fit.gamma.y_exponent.value
    (cold,) = ls.experiments.fit_lazy_exponents(
        made_up((2.0**12,), tuple(2.0 ** np.arange(-8, 1)), sizes, hottest=0.01),
        window=(2.0**-7, 1.0),
    )
    assert cold.left_out > 0
    assert min(line.x.min() for line in cold.lines) == 2.0**-7
    assert max(line.x.max() for line in cold.lines) < 1.0
    (nothing,) = ls.experiments.fit_lazy_exponents(
        made_up((2.0**12,), TEMPERATURES, sizes, hottest=1e-9)
    )
    assert nothing.left_out == len(TEMPERATURES) * len(sizes)
    assert [
        one.valid
        for one in (nothing.gamma.y_exponent, nothing.b.y_exponent, nothing.delta, nothing.a)
    ] == [False] * 4


def test_errors_are_those_of_repetitions():
    """Pulls of 150 repetitions scatter by one, 4.5 standard deviations of a root mean square are
    0.26.

    Replicas scatter over an interval of the grid or so, where that of the grid is in their scatter.
    """
    found = []
    for seed in range(150):
        lines = in_temperature(seed=seed, temperatures=tuple(2.0 ** np.arange(-9, 1, 0.5)))
        lazy = made_up(
            (2.0**12,), tuple(2.0 ** np.arange(-7, 0)), (64, 256), seed=seed, hottest=100.0
        )
        crossover = ls.experiments.lines_along(lazy, "temperature_per_width")
        found.append(
            [
                pull(ls.experiments.boundary_exponent("T_c", crossover, "points"), -A),
                pull(ls.experiments.largest_temperature(lines[1]), 0.4 * ALPHAS[1] ** K),
                pull(ls.experiments.crossing(crossover[0]), 0.3 * 64**-A),
            ]
        )
    assert np.sqrt(np.mean(np.square(found), axis=0)) == pytest.approx([1, 1, 1], abs=0.27)


def test_what_replicas_share_cancels_in_an_exponent():
    """Paired replicas: an exponent is far more precise than its boundaries taken for independent
    ones.
    """
    lines = ls.experiments.lines_along(
        made_up((2.0**12,), tuple(2.0 ** np.arange(-7, 0)), (64, 256), hottest=100.0, shared=0.5),
        "temperature_per_width",
    )
    relative = [found.standard_error / found.value for found in map(ls.experiments.crossing, lines)]
    error = ls.experiments.boundary_exponent("T_c", lines, "points").standard_error
    assert error < 0.3 * np.hypot(*relative) / np.log(4)


def flat(line):
    error = 0.05 * np.exp(0.1 * np.random.default_rng(0).normal(size=line.fitted.shape))
    return changed(line, test_error=error)


def changed(line, **measured):
    kept = {name: np.where(line.fitted, values, np.nan) for name, values in measured.items()}
    return replace(line, measured=line.measured | kept)


def test_boundaries_that_the_grid_does_not_enclose_are_refused():
    best, largest, crossing = (
        ls.experiments.best_temperature,
        ls.experiments.largest_temperature,
        ls.experiments.crossing,
    )
    line = in_temperature()[-1]
    wave = np.exp(np.sin(3 * np.log(line.x)))[:, None]
    too_hot = ls.experiments.boundary_exponent("T_max", in_temperature(hottest=90.0), "alpha")
    reasons = {
        "still fitted at the highest temperature": largest(in_temperature(hottest=50.0)[0]),
        "16 of 16 replicas are not fitted at the lowest": largest(in_temperature(hottest=1e-9)[0]),
        "has 2 temperatures, at least 3 needed": best(line.where(np.arange(len(line.x)) < 2)),
        "no replica is fitted at any temperature": best(in_temperature(hottest=1e-9)[0]),
        "there is no best temperature: at the lower end of the window": best(flat(line)),
        "least at the lower end of the temperatures": best(
            in_temperature(temperatures=tuple(2.0 ** np.arange(-5, 1, 0.5)))[-1]
        ),
        "least at the upper end of the temperatures": best(in_temperature(hottest=900.0)[-1]),
        "crosses 0.3 nowhere, it is above it everywhere": crossing(in_temperature()[0]),
        "crosses 1000 nowhere, it is below it everywhere": crossing(in_temperature()[0], 1000.0),
        "at 0 points, at least 2 needed": crossing(in_temperature(hottest=1e-9)[0]),
        "crosses 1 more than once": crossing(changed(line, kernel_change=wave), 1.0),
        "T_max is known on 0 of 4 lines": too_hot,
    }
    for reason, found in reasons.items():
        assert not found.valid
        assert reason in found.note


def test_lines_left_out_of_an_exponent_are_counted():
    lines = in_temperature()
    lines[0] = flat(lines[0])
    found = ls.experiments.boundary_exponent("T_opt", lines, "alpha")
    assert found.valid
    assert found.note == "1 lines left out"


def test_bad_input_is_refused():
    line = in_temperature()[0]
    with pytest.raises(ls.InputError, match="threshold = 0: must be a positive number"):
        ls.experiments.crossing(line, 0)
    with pytest.raises(ls.InputError, match="quantity = 'kernel': was not measured"):
        ls.experiments.crossing(line, quantity="kernel")
    with pytest.raises(ls.InputError, match="degree = 1: must be an integer of at least 2"):
        ls.experiments.feature_exponent(1)
    with pytest.raises(ls.InputError, match="boundary = 'T_min': must be one of T_max, T_opt, T_c"):
        ls.experiments.boundary_exponent("T_min", [line], "alpha")
