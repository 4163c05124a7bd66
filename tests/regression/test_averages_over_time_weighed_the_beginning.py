"""Accumulators on the log-spaced schedule counted the first ten steps as often as the last million.

The reference is the same run with every step in its schedule, or an integral in closed form.
"""

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.models import potentials
from langevin_sgd.simulation import memory

STEPS = 3000
WELL = ls.Overdamped(
    potential=potentials.quadratic([1.0]), friction=1.0, noise_covariance=2.0, step_time=0.05
)
PLANE = ls.Overdamped(
    potential=potentials.quadratic([1.0, 0.5]), friction=1.0, noise_covariance=1.0, step_time=0.05
)
EDGES = np.linspace(-4, 12, 17)


def simulate(equation, record, **options):
    defaults = {
        "replicas": 6,
        "steps": STEPS,
        "seed": 3,
        "start": np.full(equation.potential.parameters, 10.0),
    }
    return ls.sde.simulate(
        equation, ls.sde.ExactOrnsteinUhlenbeck(), record=record, **{**defaults, **options}
    )


@pytest.mark.parametrize(
    ("equation", "make", "names"),
    [
        (WELL, ls.record.time_averages, ["time_mean", "time_second_moment"]),
        (WELL, lambda: ls.record.histogram(EDGES), ["bin_count", "bin_density"]),
        (PLANE, lambda: ls.record.current((EDGES, EDGES)), ["current"]),
    ],
)
def test_without_a_schedule_every_step_is_seen(equation, make, names):
    found = simulate(equation, [make(), ls.record.displacement()])
    dense = simulate(equation, make(), schedule=np.arange(STEPS + 1))
    for name in names:
        assert np.array_equal(found[name].values, dense[name].values, equal_nan=True)
    assert found.sizes["step"] < 50  # the other recorders keep their log-spaced schedule


def test_the_well_started_far_outside_has_its_own_averages():
    """Relaxation takes 20 of 3000 steps from x = 10: the mean is 10 / (0.05 STEPS) and not 1.6."""
    found = simulate(WELL, [ls.record.time_averages(), ls.record.histogram(EDGES)], replicas=64)
    mean, second = (
        found["time_mean"].values[:, 0].mean(),
        found["time_second_moment"].values[:, 0, 0].mean(),
    )
    assert abs(mean - 10 / (0.05 * STEPS)) < 0.05
    assert abs(second - (1 + 50 / (0.05 * STEPS))) < 0.1
    below = found["bin_density"].values[EDGES[:-1] < 4].sum() * (EDGES[1] - EDGES[0])
    assert below > 0.99


def test_sgd_takes_accumulators_and_shows_them_every_step():
    problem, settings = (
        ls.LinearRegression.from_spectrum([1.0, 0.2]),
        ls.SGD(lr=0.1, batch_size=2, momentum=0.5),
    )
    options = {
        "replicas": 4,
        "steps": 700,
        "seed": 1,
        "start": [5.0, 5.0],
        "record": ls.record.time_averages(),
    }
    found = ls.training.run(problem, settings, **options)
    path = ls.training.run(
        problem, settings, **{**options, "record": ls.record.states(), "schedule": np.arange(701)}
    )
    expected = path["position"].values.mean(axis=0)
    assert np.allclose(found["time_mean"].values[:, :2], expected, rtol=1e-12)


def decay(schedule, record, **options):
    """Exponential decay without noise, e^(-step/100)."""
    quiet = ls.Overdamped(
        potential=potentials.quadratic([1.0]), friction=1.0, noise_covariance=0.0, step_time=0.01
    )
    options = {"replicas": 1, "steps": 10_000, "seed": 1, "start": [1.0], **options}
    return ls.sde.simulate(
        quiet, ls.sde.ExactOrnsteinUhlenbeck(), record=record, schedule=schedule, **options
    )


def test_a_schedule_of_unequal_gaps_is_weighed_by_time():
    schedule = ls.record.log_spaced(steps=10_000, per_decade=40)
    found = decay(schedule, [ls.record.time_averages(), ls.record.histogram([0.0, 0.5, 1.01])])
    exact = 0.01  # the integral of e^(-s/100) over 10,000 steps
    assert abs(found["time_mean"].values[0, 0] / exact - 1) < 0.01
    assert abs(found["time_second_moment"].values[0, 0, 0] / (exact / 2) - 1) < 0.02
    time_above_half = 100 * np.log(2) / 10_000
    assert abs(found["bin_density"].values[1] * 0.51 / time_above_half - 1) < 0.1
    assert found["bin_count"].values.sum() == len(schedule)
    control = decay(schedule, ls.record.states())["position"].values.mean()
    assert control > 30 * exact


def test_what_a_step_of_a_schedule_stands_for():
    """From halfway to the step before to halfway to the one after, at the ends half of the shortest
    gap outwards.
    """
    seen = {}

    class Notes:
        def begin(self, start):
            return {"nothing": np.zeros(1)}

        def add(self, totals, block):
            seen.update(zip(block.steps.tolist(), block.weights.tolist(), strict=True))

        def result(self, totals):
            return {}

    decay([2, 3, 4, 8, 20], Notes(), steps=20)
    assert seen == {2: 1.0, 3: 1.0, 4: 2.5, 8: 8.0, 20: 6.5}
    seen.clear()
    decay([0, 5, 10, 15], Notes(), steps=20)
    assert seen == dict.fromkeys([0, 5, 10, 15], 5.0)
    seen.clear()
    decay([20], Notes(), steps=20)
    assert seen == {20: 1.0}
    seen.clear()
    decay(None, Notes(), steps=20)
    assert seen == dict.fromkeys(range(21), 1.0)


@pytest.mark.parametrize("schedule", [None, [0, 1, 2, 5, 30, 300]])
def test_sums_do_not_depend_on_chunks(schedule, monkeypatch, tmp_path):
    record = [
        ls.record.time_averages(first=2),
        ls.record.histogram(EDGES),
        ls.record.displacement(),
    ]
    options = {"steps": 300, "schedule": schedule}
    whole = simulate(WELL, record, **options)
    monkeypatch.setattr(memory, "BUFFER_BYTES", 1)
    assert simulate(WELL, record, **options).identical(whole)
    path = tmp_path / "run.nc"
    simulate(WELL, record, checkpoint=path, **options)
    assert simulate(WELL, record, checkpoint=path, **options).identical(whole)
    if schedule is None:
        with pytest.raises(ls.InputError, match="differs in averages"):
            simulate(
                WELL, record, checkpoint=path, steps=300, schedule=ls.record.log_spaced(steps=300)
            )


def test_what_has_not_been_seen_is_no_number():
    with pytest.raises(ls.InputError, match="first = 301: must be at most the 300 steps"):
        simulate(WELL, ls.record.time_averages(first=301), steps=300)
    found = simulate(
        WELL,
        [ls.record.time_averages(first=5), ls.record.histogram(EDGES, first=5)],
        schedule=[1, 2],
    )
    assert np.isnan(found["time_mean"].values).all()
    assert np.isnan(found["bin_density"].values).all()
