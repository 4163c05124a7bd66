"""What recorders and accumulators say, against closed forms and against the recorded states
themselves.
"""

import math

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.models import potentials

EDGES = np.linspace(-4.25, 4.25, 18)
CENTRE = (EDGES[:-1] + EDGES[1:]) / 2
CELL = 0.25
PLANE = ls.Overdamped(
    potential=potentials.quadratic([1.0, 1.0]), friction=1.0, noise_covariance=2.0, step_time=0.1
)
OSCILLATOR = ls.Underdamped(
    potential=potentials.quadratic([1.0]),
    mass=1.0,
    friction=0.5,
    noise_covariance=1.0,
    step_time=0.02,
)


def simulate(equation, record, seed, **options):
    defaults = {"replicas": 800, "steps": 300}
    return ls.sde.simulate(
        equation,
        ls.sde.ExactOrnsteinUhlenbeck(),
        record=record,
        seed=seed,
        **{**defaults, **options},
    )


def test_the_current_of_an_equilibrium_vanishes_where_the_force_varies_over_a_cell(seed):
    """<x o dx> is zero at equilibrium; with the displacement given to the cell left it is <x dx> =
    -T dt.
    """
    run = simulate(
        PLANE, ls.record.current((EDGES, EDGES), first=100), seed, replicas=300, steps=250
    )
    flow = run["current"].values
    along = [(flow[0] * CENTRE[:, None]).sum() * CELL, (flow[1] * CENTRE).sum() * CELL]
    assert np.abs(along).max() < 0.1 * 0.1
    assert abs((flow[0] * CENTRE).sum() * CELL) < 0.1 * 0.1


@pytest.mark.parametrize("every", [1, 2, 5])
def test_the_current_is_per_step_whatever_the_schedule(every, seed):
    """<v o dx> of an oscillator is its kinetic energy times the time of a step, at any interval
    that resolves it.
    """
    options = {"schedule": np.arange(0, 401, every), "start": [0.0], "steps": 400}
    record = ls.record.current((EDGES, EDGES), first=200)
    flow = simulate(OSCILLATOR, record, seed, replicas=1000, **options)["current"].values
    kinetic = 1 - math.exp(-2 * 0.5 * 0.02 * 300)  # grown from rest to near its end
    assert abs((flow[0] * CENTRE).sum() * CELL / 0.02 / kinetic - 1) < 0.1


def test_a_drift_is_a_current(seed):
    """A steady wind of 0.3 a step along y: the current integrates to it, its density to what lies
    in the cells.
    """
    tilted = potentials.Potential.from_sympy("x**2/2 - 3*y", variables="x y")
    equation = ls.Overdamped(
        potential=tilted, friction=1.0, noise_covariance=[[2.0, 0.0], [0.0, 1e-6]], step_time=0.1
    )
    wide = np.linspace(-10, 200, 8)
    run = ls.sde.simulate(
        equation, ls.sde.EulerMaruyama(), replicas=200, steps=60, substeps=1, seed=seed,
        record=ls.record.current((EDGES, wide), first=20),
    )  # fmt: skip
    flow = run["current"].values * (EDGES[1] - EDGES[0]) * (wide[1] - wide[0])
    assert abs(flow[1].sum() / 0.3 - 1) < 1e-2
    assert abs(flow[0].sum()) < 0.05


@pytest.mark.parametrize("schedule", [None, np.arange(0, 301, 2)])
def test_a_density_counts_what_lies_outside_its_bins(schedule, seed):
    """Bins from 0 to 1 hold a third of a normal variable, not all of it."""
    bins = np.linspace(0, 1, 6)
    run = simulate(
        PLANE, ls.record.histogram(bins, coordinate=1, first=100), seed, schedule=schedule
    )
    inside = (run["bin_density"].values * 0.2).sum()
    expected = 0.5 * math.erf(1 / math.sqrt(2))
    assert abs(inside / expected - 1) < 0.03
    first = run["bin_density"].values[0] / (math.exp(-0.005) / math.sqrt(2 * math.pi))
    assert abs(first - 1) < 0.05


def test_accumulators_agree_with_the_states_in_several_dimensions():
    """Means, all products, and bins of a velocity, replica by replica, of an underdamped plane."""
    valley = ls.Underdamped(
        potential=potentials.curved_valley(across=3.0), mass=0.7, friction=0.5, step_time=0.1,
        noise_covariance=[[0.4, 0.1], [0.1, 0.3]],
    )  # fmt: skip
    bins = np.linspace(-0.7, 0.9, 9)
    run = ls.sde.simulate(
        valley, ls.sde.BAOAB(), replicas=7, steps=90, seed=3, schedule=np.arange(91),
        start=[0.3, -0.2],
        record=[
            ls.record.states(), ls.record.time_averages(first=11),
            ls.record.histogram(bins, coordinate=3, first=11),
            ls.record.moments(), ls.record.speed(), ls.record.displacement(),
        ],
    )  # fmt: skip
    state = np.concatenate([run["position"].values, run["velocity"].values], axis=2)
    late = state[11:]
    assert np.allclose(run["time_mean"].values, late.mean(axis=0), atol=1e-13)
    products = np.einsum("kri,krj->rij", late, late) / len(late)
    assert np.allclose(run["time_second_moment"].values, products, atol=1e-13)
    assert np.array_equal(run["bin_count"].values, np.histogram(late[:, :, 3], bins)[0])
    assert np.allclose(run["mean_velocity"].values, state[:, :, 2:].mean(axis=1), atol=1e-13)
    for k in (1, 50, 90):
        assert np.allclose(run["covariance"].values[k], np.cov(state[k].T), atol=1e-13)
    assert np.allclose(run["squared_velocity"].values, (state[:, :, 2:] ** 2).sum(axis=2))
    moved = state[:, :, :2] - [0.3, -0.2]
    assert np.allclose(run["squared_displacement"].values, (moved**2).sum(axis=2))


def test_replicas_that_diverge_leave_the_sums_of_others_alone():
    """Beyond divergence a replica is NaN in its own average, and in no bin; its time does not
    count.
    """
    steep = ls.Overdamped(
        potential=potentials.double_well(), friction=1.0, noise_covariance=0.01, step_time=0.5
    )
    record = [
        ls.record.time_averages(),
        ls.record.histogram([-20.0, 0.0, 20.0]),
        ls.record.moments(),
    ]
    run = ls.sde.simulate(
        steep, ls.sde.EulerMaruyama(), replicas=3, steps=40, substeps=1,
        start=[[0.5], [9.0], [-0.5]], seed=1,
        record=record,
    )  # fmt: skip
    assert np.isnan(run["time_mean"].values[:, 0]).tolist() == [False, True, False]
    assert run["diverged_step"].values[1] < 8  # seen at every step
    assert (run["bin_density"].values * 20).sum() == pytest.approx(1, abs=0.1)
    assert run["bin_count"].values.sum() <= 2 * 41 + 8
    assert run["replicas_left"].values[-1] == 2
