"""The general engine: what a path may depend on, parameters by replica, precision, and what is
refused.
"""

import re

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.checks import memory as free_memory
from langevin_sgd.models import potentials
from langevin_sgd.sde.loop import lanes_of_block
from langevin_sgd.simulation import memory

WELL = potentials.double_well()
NUMBERS = {"mass": 0.7, "friction": 0.5, "step_time": 0.1}
PLANE = potentials.curved_valley(across=3.0)
EQUATIONS = {
    "one dimension": (
        ls.Underdamped(potential=WELL, noise_covariance=0.4, **NUMBERS),
        ls.sde.BAOAB(),
    ),
    "plane, full noise": (
        ls.Underdamped(potential=PLANE, noise_covariance=[[0.4, 0.1], [0.1, 0.3]], **NUMBERS),
        ls.sde.OBABO(),
    ),
    "plane, low rank": (
        ls.Underdamped(
            potential=PLANE, noise_covariance=ls.dynamics.LowRank([[0.5], [0.2]]), **NUMBERS
        ),
        ls.sde.ShiftedODE(),
    ),
    "state-dependent": (
        ls.Overdamped(
            potential=WELL,
            friction=0.5,
            noise_covariance=ls.dynamics.Ito.proportional_to_loss(WELL, strength=0.3, offset=1.0),
            step_time=0.02,
        ),
        ls.sde.Milstein(),
    ),
}


def simulate(name, **options):
    equation, integrator = EQUATIONS[name]
    defaults = {
        "replicas": 40,
        "steps": 30,
        "seed": 11,
        "substeps": 3,
        "record": ls.record.states(),
    }
    return ls.sde.simulate(equation, integrator, **{**defaults, **options})


def same(first, second):
    return all(
        np.array_equal(first[name], second[name], equal_nan=True)
        for name in ("position", "velocity")
    )


@pytest.mark.parametrize("name", EQUATIONS)
def test_a_path_does_not_depend_on_replicas_threads_chunks_or_schedule(name, monkeypatch):
    plain = simulate(name)
    alone = simulate(name, replicas=7, first_replica=21)
    assert same(plain.isel(replica=slice(21, 28)), alone)
    beyond = simulate(name, replicas=1030, first_replica=0, steps=2, schedule=[2])
    assert same(
        beyond.isel(replica=slice(1023, 1030)),
        simulate(name, replicas=7, first_replica=1023, steps=2, schedule=[2]),
    )
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    monkeypatch.setattr(memory, "BUFFER_BYTES", 1)
    cut = simulate(name, schedule=np.arange(31))
    assert same(plain, cut.sel(step=plain["step"]))
    assert np.isfinite(plain["position"].values).all()


def test_parameters_by_replica_are_those_of_single_runs():
    """Every number an array: replica 5 of the sweep is the run with its numbers alone."""
    replicas = 8
    rng = np.random.default_rng(0)
    numbers = {
        name: rng.uniform(0.4, 0.9, replicas)
        for name in ("mass", "friction", "step_time", "variance", "quartic")
    }

    def equation(values):
        return ls.Underdamped(
            potential=WELL.with_values(quartic=values["quartic"]),
            noise_covariance=ls.dynamics.Isotropic(values["variance"]),
            **{name: values[name] for name in ("mass", "friction", "step_time")},
        )

    options = {
        "steps": 20,
        "substeps": 12,
        "seed": 4,
        "schedule": [20],
        "record": ls.record.states(),
    }
    sweep = ls.sde.simulate(equation(numbers), ls.sde.BAOAB(), replicas=replicas, **options)
    single = ls.sde.simulate(
        equation({name: values[5] for name, values in numbers.items()}),
        ls.sde.BAOAB(),
        replicas=1,
        first_replica=5,
        **options,
    )
    assert same(sweep.isel(replica=slice(5, 6)), single)


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 2e-3), ("mixed", 1e-12)])
def test_precisions_have_the_same_law(precision, tolerance, seed):
    """Second moments against the closed form (5 sigma), and a path without noise against
    float64.
    """
    equation, integrator = EQUATIONS["one dimension"]
    run = ls.sde.simulate(
        equation,
        integrator,
        replicas=8000,
        steps=150,
        seed=seed,
        substeps=2,
        precision=precision,
        schedule=[150],
    )
    x = run["final_position"].values[:, 0]
    exact = WELL.boltzmann(0.4).covariance[0, 0]
    assert abs((x**2).mean() - exact) < 5 * (x**2).std() / np.sqrt(8000) + 0.004
    quiet = ls.Underdamped(potential=WELL, noise_covariance=0.0, **NUMBERS)
    ends = [
        ls.sde.simulate(quiet, integrator, steps=30, start=[0.3], precision=kind, seed=1)[
            "final_position"
        ].values
        for kind in ("float64", precision)
    ]
    assert np.abs(ends[0] - ends[1]).max() < tolerance


def test_noise_shapes_have_the_covariance_they_say(seed):
    """Free walks: the covariance of the displacement is that of the noise, full, diagonal or of low
    rank (5 sigma).
    """
    flat = potentials.Potential.from_sympy("0*x + 0*y", variables="x y")
    factor = np.array([[1.0, 0.5], [0.2, 0.8], [0.0, 0.3]])
    shapes = [
        np.diag([0.5, 2.0]),
        np.array([[1.0, 0.6], [0.6, 1.0]]),
        ls.dynamics.LowRank(factor[:2]),
    ]
    for noise in shapes:
        free = ls.Overdamped(potential=flat, friction=1.0, noise_covariance=noise, step_time=0.25)
        run = ls.sde.simulate(
            free,
            ls.sde.EulerMaruyama(),
            replicas=6000,
            steps=4,
            substeps=1,
            seed=seed,
            schedule=[4],
        )
        expected = noise if isinstance(noise, np.ndarray) else factor[:2] @ factor[:2].T
        found = np.cov(run["final_position"].values.T)
        error = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / 6000)
        assert np.abs((found - expected) / error).max() < 5


def test_noise_proportional_to_the_loss():
    noise = ls.dynamics.Ito.proportional_to_loss(WELL, strength=0.3, offset=1.0)
    theta = np.array([[0.2], [1.4]])
    assert np.allclose(noise.variance(theta)[:, 0], 0.3 * (WELL.energy(theta) + 1.0), rtol=1e-12)
    assert np.allclose(
        noise.scaled(4.0).covariance(theta)[:, 0, 0], 1.2 * (WELL.energy(theta) + 1.0), rtol=1e-12
    )


def test_first_passages_are_those_of_the_path():
    record = [
        ls.record.states(),
        ls.record.first_passage(0.5),
        ls.record.first_passage(-0.3, direction="down", name="low"),
    ]
    run = simulate("one dimension", record=record, schedule=np.arange(31), replicas=600)
    path = run["position"].values[:, :, 0]
    for name, beyond in (("first_passage", path >= 0.5), ("low", path <= -0.3)):
        expected = np.where(beyond.any(axis=0), beyond.argmax(axis=0), np.inf)
        assert np.array_equal(run[name].values, expected, equal_nan=True)
        assert 0 < (np.isfinite(expected) & (expected > 0)).sum() < 600


def test_divergence_is_reported_by_replica():
    equation = ls.Overdamped(potential=WELL, friction=1.0, noise_covariance=0.0, step_time=1.0)
    run = ls.sde.simulate(
        equation,
        ls.sde.EulerMaruyama(),
        replicas=3,
        steps=40,
        substeps=1,
        start=[[0.5], [9.0], [0.1]],
        seed=1,
    )
    assert run["status"].values.tolist() == [0, ls.Status.DIVERGED, 0]
    assert np.isnan(run["final_position"].values[1]).all()


def test_lanes_stay_in_the_first_level_cache():
    assert [lanes_of_block(p, np.float64) for p in (1, 2, 3, 4, 100, 2000)] == [
        512,
        512,
        256,
        256,
        16,
        16,
    ]
    assert lanes_of_block(1, np.float32) == 1024


@pytest.mark.parametrize(
    ("equation", "integrator", "message"),
    [
        (
            EQUATIONS["state-dependent"][0],
            ls.sde.Heun(),
            "reads state-dependent noise as stratonovich, this one is ito",
        ),
        (
            EQUATIONS["state-dependent"][0],
            ls.sde.BAOAB(),
            "integrates Underdamped equations, not Overdamped",
        ),
        (
            EQUATIONS["one dimension"][0],
            ls.sde.ExactOrnsteinUhlenbeck(),
            "integrates linear equations",
        ),
        (EQUATIONS["one dimension"][0], ls.sde.SGDMap(), "mass = 0.7"),
        (
            ls.Underdamped(
                potential=WELL, noise_covariance=ls.dynamics.Ito.from_sympy("1 + x**2"), **NUMBERS
            ),
            ls.sde.ShiftedODE(),
            "needs constant noise",
        ),
        (
            ls.Overdamped(
                potential=PLANE,
                friction=1.0,
                noise_covariance=ls.dynamics.Stratonovich.from_sympy("1 + x**2 + y**2"),
                step_time=0.1,
            ),
            ls.sde.Milstein(),
            "depend on their own coordinate alone",
        ),
    ],
)
def test_wrong_pairings_get_one_line(equation, integrator, message):
    with pytest.raises(ls.InputError, match=re.escape(message)) as caught:
        ls.sde.simulate(equation, integrator, steps=2, replicas=2, seed=1, substeps=1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"friction": np.ones(3)}, "friction = '3 values'"),
        ({"friction": np.array([0.1, -1.0])}, "friction = -1.0"),
        ({"noise_covariance": ls.dynamics.LowRank(np.ones((3, 1)))}, "as many parameters"),
        ({"noise_covariance": -1.0}, "noise_covariance = -1.0: must be numbers of 0 or above"),
    ],
)
def test_wrong_numbers_get_one_line(changes, message):
    fields = {"potential": WELL, "noise_covariance": 0.4, **NUMBERS, **changes}
    with pytest.raises(ls.InputError, match=re.escape(message)):
        ls.sde.simulate(ls.Underdamped(**fields), ls.sde.BAOAB(), replicas=40, steps=2, seed=1)


def test_a_run_that_does_not_fit_into_memory_is_refused(monkeypatch):
    with pytest.raises(ls.InputError, match="GiB of memory"):
        simulate("one dimension", replicas=10**12)
    monkeypatch.setattr(free_memory, "available_memory", lambda: 2_000_000.0)
    with pytest.raises(ls.InputError, match="schedule = '1001 steps': needs"):
        simulate("one dimension", replicas=1000, steps=1000, schedule=np.arange(1001))


OWN = '''
"""Symplectic Euler with noise: a kick, then a drift."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from langevin_sgd import Underdamped
from langevin_sgd.kernels.compiled import inlined
from langevin_sgd.sde import Integrator
from langevin_sgd.sde.integrator import BlockStep
from langevin_sgd.sde.block_arithmetic import add_scaled, rub


@dataclass(frozen=True)
class Symplectic(Integrator):
    strong_order: ClassVar[float] = 1.0
    weak_order: ClassVar[float] = 1.0
    accepts: ClassVar = (Underdamped,)

    def block_step(self, equation, coefficients, size):
        friction, mass, amplitude = coefficients
        keep = np.exp(-friction * size / mass)
        noise = amplitude * np.sqrt((1 - keep**2) / (2 * friction * mass))
        return BlockStep(step, (size / mass, size, keep, noise))


@inlined
def step(x, v, room, own, add_force, shape_noise, add_spread, constant):
    add_force(v, x, own.factors, 0, own.force)
    rub(v, shape_noise(room.normals[0], room.shaped, x, own.noise), own.factors, 2, 3)
    add_scaled(x, v, own.factors, 1)
'''


def test_an_integrator_of_ones_own_is_one_file(tmp_path, monkeypatch, seed):
    """Written beside the test and imported; it has the stationary law of the well up to its own
    error.
    """
    (tmp_path / "symplectic.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    import symplectic

    equation = ls.Underdamped(potential=WELL, noise_covariance=0.4, **NUMBERS)
    run = ls.sde.simulate(
        equation, symplectic.Symplectic(), replicas=8000, steps=150, substeps=4, seed=seed
    )
    x = run["final_position"].values[:, 0]
    assert (
        abs((x**2).mean() - WELL.boltzmann(0.4).covariance[0, 0])
        < 5 * (x**2).std() / np.sqrt(8000) + 0.01
    )
