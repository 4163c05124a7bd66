"""A replica that never passed was -1, and entered means; its rate now counts the time that it has
waited.
"""

import math

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.models import potentials

WELL = potentials.double_well()
EQUATION = ls.Underdamped(
    potential=WELL, mass=1.0, friction=0.5, noise_covariance=0.1, step_time=0.1
)


def passages(steps, replicas=400, level=1.0, start=-1.0, seed=1, **options):
    return ls.sde.simulate(
        EQUATION, ls.sde.BAOAB(), replicas=replicas, steps=steps, start=[start], seed=seed,
        substeps=2,
        schedule=[steps], record=ls.record.first_passage(level, **options),
    )  # fmt: skip


def test_never_is_no_number():
    run = passages(1000)
    times = run["first_passage"].values
    assert times.dtype == float
    # Infinite and not NaN, which the means of xarray leave out in silence.
    assert 0 < np.isinf(times).sum() < 400
    assert (times > 0).all()
    assert float(run.first_passage.mean()) == math.inf
    assert float(passages(4000).first_passage.median()) < 4000
    assert run.first_passage.attrs["comment"].startswith("infinite: not passed")
    assert passages(5, replicas=3, start=2.0)["first_passage"].values.tolist() == [0, 0, 0]


def test_the_rate_does_not_depend_on_how_long_was_waited():
    """Half of the replicas censored, or a tenth: the rate of the Fokker-Planck equation within five
    errors.
    """
    exact = ls.fokker_planck.escape_rate(EQUATION, barrier=0.0).value
    for steps in (round(0.5 / exact), round(2.5 / exact)):
        found = ls.measure.escape_rate(passages(steps, replicas=300), first=steps // 10)
        assert found.valid
        assert abs(found.value - exact) < 5 * found.standard_error + 0.03 * exact
        assert found.standard_error < 0.12 * found.value


@pytest.mark.parametrize("rate", [0.002, 0.05, 0.7])
def test_the_error_covers(rate, seed):
    """Pulls of 1500 experiments on exponential times seen at the ends of steps: mean 0, variance 1
    (5 sigma).
    """
    generator, experiments, steps = np.random.default_rng(seed), 1500, max(2, round(1 / rate))
    pulls = []
    for _ in range(experiments):
        times = np.ceil(generator.exponential(1 / rate, 500))
        found = ls.measure.escape_rate((np.where(times > steps, np.nan, times), steps))
        assert found.valid
        pulls.append((found.value - rate) / found.standard_error)
    assert (
        abs(np.mean(pulls)) < 5 / math.sqrt(experiments) + 0.06
    )  # skewed by half an error over sqrt(passages)
    assert abs(np.var(pulls) - 1) < 5 * math.sqrt(2 / experiments) + 0.02


def test_a_late_beginning_leaves_out_what_came_before(seed):
    times = np.ceil(np.random.default_rng(seed).exponential(100, 800))
    delayed = times + 50
    steps = 400
    found = ls.measure.escape_rate((np.where(delayed > steps, np.nan, delayed), steps), first=50)
    assert abs(found.value - 0.01) < 5 * found.standard_error
    early = ls.measure.escape_rate((np.where(delayed > steps, np.nan, delayed), steps))
    assert not early.valid
    assert "not constant: passages come too late" in early.note


def test_rates_without_ground_are_refused():
    nan = float("nan")
    assert "9 passages" in ls.measure.escape_rate(([5.0] * 9 + [nan] * 20, 10)).note
    assert not ls.measure.escape_rate(([nan] * 20, 10)).valid
    assert "start beyond" in ls.measure.escape_rate(([0.0] + [5.0] * 30, 10)).note
    assert "first step" in ls.measure.escape_rate(([1.0] * 30, 10)).note
    fast, slow = [1.0] * 200, list(np.linspace(10, 900, 100))
    assert "too early" in ls.measure.escape_rate((fast + slow, 1000)).note
    for wrong, message in (
        (([5.0, 11.0], 10), "must be steps from 0 to 10"),
        (([5.0, -1.0], 10), "must be steps from 0 to 10"),
        (([[5.0]], 10), "dimensions"),
        (3, "a pair"),
    ):
        with pytest.raises(ls.InputError, match=message):
            ls.measure.escape_rate(wrong)
    with pytest.raises(ls.InputError, match="must be a variable of the run, one of first_passage"):
        ls.measure.escape_rate(passages(20, replicas=2), name="second")


def test_a_run_that_diverged_has_no_rate():
    steep = ls.Overdamped(potential=WELL, friction=1.0, noise_covariance=0.01, step_time=1.0)
    run = ls.sde.simulate(
        steep, ls.sde.EulerMaruyama(), replicas=40, steps=40, substeps=1,
        start=np.linspace(-9, 0, 40)[:, None], seed=1,
        record=ls.record.first_passage(1.0),
    )  # fmt: skip
    assert "diverged" in ls.measure.escape_rate(run).note


def test_a_replica_that_diverged_before_it_passed_is_no_number():
    slope = ls.Overdamped(
        potential=potentials.quadratic([-3.0]), friction=1.0, noise_covariance=0.0, step_time=1.0
    )
    run = ls.sde.simulate(
        slope, ls.sde.EulerMaruyama(), replicas=3, steps=400, substeps=1,
        start=[[-1.0], [0.0], [1.0]], seed=1,
        record=ls.record.first_passage(2.0),
    )  # fmt: skip
    assert np.array_equal(run["first_passage"].values, [np.nan, np.inf, 1.0], equal_nan=True)
    assert run["status"].values.tolist() == [5, 0, 5]
