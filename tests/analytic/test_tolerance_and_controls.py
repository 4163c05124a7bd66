"""How much a verdict tolerates, and that what must not pass does not: by simulation."""

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.claims import Comparison
from langevin_sgd.claims.controls import control_verdict, judge_controls, near_miss, seen
from langevin_sgd.claims.judgement import judge_comparisons
from langevin_sgd.claims.tolerance import POWER, replicas_needed, tolerance
from langevin_sgd.claims.verdict import judge


def slope(**changes):
    """A slope of 0.5, theory good to 0.02."""
    fields = {
        "name": "slope",
        "prediction": 0.5,
        "margin": 0.02,
        "basis": "theory",
        "reason": "next order",
        "rivals": {"none": 0.0, "one": 1.0},
        "measure": lambda data: ls.Estimate.from_samples(data),
    }
    return Comparison(**(fields | changes))


def estimate(value, error, count=64):
    return ls.Estimate(value=value, standard_error=error, n_independent=count)


# --- tolerance ------------------------------------------------------------------------------------


def test_the_tolerance_is_refuted_with_the_stated_power(seed):
    """Truth at p + noticed: refuted in 90 % of 4000 experiments of 64 replicas. Controls: half of
    it hardly ever, twice it always.
    """
    level, repetitions, one = 1e-3, 4000, slope()
    spread = 0.1
    least = tolerance(one, estimate(0.5, spread / 8), level=level).noticed * one.natural_scale
    random = np.random.default_rng(seed)

    def refuted(distance):
        samples = random.normal(0.5 + distance, spread, (repetitions, 64))
        found = [
            judge(0.5, 0.02, {}, ls.Estimate.from_samples(row), level=level) for row in samples
        ]
        return np.mean([verdict == "refuted" for verdict, _ in found])

    assert refuted(least) == pytest.approx(POWER, abs=0.03)
    assert refuted(least / 2) < 0.3
    assert refuted(2 * least) > 0.999


@pytest.mark.parametrize(
    ("value", "error", "grade"),
    [(0.5, 0.001, "sharp"), (0.53, 0.001, "fair"), (0.5, 0.02, "loose"), (0.58, 0.001, "loose")],
)
def test_grades(value, error, grade):
    """The worse of |m - p| + 2 se and half of d + (z + 1.28) se, over p: 5 and 15 %."""
    found = tolerance(slope(), estimate(value, error))
    assert found.grade == grade
    assert found.deviation == pytest.approx((abs(value - 0.5) + 2 * error) / 0.5)


def test_the_scale_of_a_null_prediction_is_the_nearest_rival():
    null = slope(prediction=0.0, rivals={"a": 0.4, "b": -2.0})
    assert null.natural_scale == 0.4
    assert slope(prediction=0.0, rivals={"a": 0.4}, scale=2.0).natural_scale == 2.0
    assert tolerance(slope(prediction=0.0, rivals={}), estimate(0.0, 0.1)) is None


def test_nothing_is_tolerated_where_nothing_was_measured():
    assert tolerance(slope(), ls.Estimate.refused("too short")) is None
    assert tolerance(slope(), None) is None
    assert replicas_needed(slope(), None) is None


def test_more_of_what_an_inequality_says_is_no_deviation():
    bound = slope(kind="at_least", rivals={"none": 0.0})
    assert tolerance(bound, estimate(9.0, 0.001)).deviation == pytest.approx(0.004)
    assert tolerance(bound, estimate(0.4, 0.001)).deviation == pytest.approx(0.204)


def test_the_number_of_replicas_follows_from_the_error_alone():
    """z se = d/2 with so many times the replicas, whatever was measured."""
    times = replicas_needed(slope(), estimate(0.5, 0.004))
    assert times == replicas_needed(slope(), estimate(7.0, 0.004)) > 1
    assert replicas_needed(slope(), estimate(0.5, 0.004 / times**0.5)) == pytest.approx(1.0)
    exact = slope(margin=0.0, basis="exact", reason="")
    assert replicas_needed(exact, estimate(0.5, 0.004)) == times  # 2 % of 0.5 is d/2


# --- controls -------------------------------------------------------------------------------------


def test_the_near_miss_is_the_smallest_error_that_the_margin_does_not_hide():
    listed = {"lr 1 % off": 0.505, "lr 10 % off": 0.55, "P/d off by an octave": 0.7}
    one = slope(near_misses=listed)
    assert near_miss(one) == ("lr 10 % off", 0.55)
    assert near_miss(slope()) is None
    assert near_miss(slope(near_misses={"lr 1 % off": 0.505})) is None
    assert seen(one, estimate(0.5, 0.001)) == {
        "lr 1 % off": False,
        "lr 10 % off": True,
        "P/d off by an octave": True,
    }
    assert not any(seen(one, estimate(0.5, 0.1)).values())


def kinds_not_caught(one, data):
    measured = {one.name: one.measure(data)}
    controls = judge_controls([one], measured, data)
    assert control_verdict(controls) == "refuted" or not all(item.caught for item in controls)
    return [item.kind for item in controls if not item.caught]


def test_a_near_miss_that_is_not_refuted_fails_the_control(seed):
    """An error of 10 % with 64 replicas of spread 0.01, and with ten times the spread."""
    one = slope(near_misses={"lr 10 % off": 0.55})
    noise = np.random.default_rng(seed).normal(0.0, 1.0, 64)
    assert kinds_not_caught(one, 0.5 + 0.01 * noise) == []
    assert kinds_not_caught(one, 0.5 + 0.1 * noise) == ["near miss"]


def test_a_placebo_is_never_supported(seed):
    """y = x/2 with x shuffled away, 300 times; control: not shuffled it is supported each time."""
    random = np.random.default_rng(seed)
    x = np.linspace(-1, 1, 9)

    def fitted(data):
        return ls.Estimate.from_samples(data @ x / (x @ x))

    def shuffled(data):
        return fitted(np.stack([random.permutation(row) for row in data]))

    for _ in range(300):
        data = 0.5 * x + 0.02 * random.normal(size=(64, 9))
        one = slope(measure=fitted, placebo=shuffled)
        assert judge_comparisons([one], {"slope": fitted(data)})[0] == "supported"
        assert kinds_not_caught(one, data) == []
    broken = slope(measure=fitted, placebo=fitted)
    assert kinds_not_caught(broken, data) == ["placebo"]


def test_an_estimator_that_returns_the_prediction_without_an_effect_is_caught(seed):
    """A weighted mean of ln T over a grid that moves with the prediction gives it back when the
    error is constant. Control: a slope that is fitted refuses.
    """
    k = 0.5

    def moving_grid(errors):
        shift = k * np.log(4.0)
        grid = np.log(np.geomspace(0.1, 10, 7)) + np.array([[0.0], [shift]])
        weights = errors**-20
        middle = (weights * grid[:, None]).sum(axis=-1) / weights.sum(axis=-1)
        return ls.Estimate.from_samples((middle[1] - middle[0]) / np.log(4.0))

    def placebo(errors):
        noise = np.random.default_rng(seed).normal(size=errors.shape)
        return moving_grid(0.05 * (1 + 1e-3 * noise))

    errors = np.full((2, 64, 7), 0.05)
    errors += 1e-4 * np.random.default_rng(seed + 1).normal(size=errors.shape)
    one = slope(measure=moving_grid, placebo=placebo)
    assert kinds_not_caught(one, errors) == ["placebo"]


@pytest.mark.parametrize("margin", [0.0, 0.1])
def test_an_injected_effect_is_refuted(seed, margin):
    """No effect predicted, an effect of 2 d (4 % of the scale) put in; control: ten times fewer
    effect per error and it is not noticed.
    """
    basis = "theory" if margin else "exact"
    one = slope(
        prediction=0.0,
        rivals={"one": 1.0},
        margin=margin,
        basis=basis,
        injected=lambda data, size: ls.Estimate.from_samples(data + size),
    )
    noise = np.random.default_rng(seed).normal(0.0, 1.0, 64)
    assert kinds_not_caught(one, 0.02 * noise) == []
    assert kinds_not_caught(one, 0.5 * noise) == ["injected"]


def test_no_control_at_all_is_a_failure():
    assert control_verdict([]) == "failed"
