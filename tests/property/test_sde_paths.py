"""What a path may and may not depend on, and what a simulation refuses."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import langevin_sgd as ls
from langevin_sgd.covariance import covariance_root
from langevin_sgd.dynamics.linear import separate
from langevin_sgd.simulation import memory, status

SETTINGS = ls.SGD(lr=0.05, batch_size=2, momentum=0.9, weight_decay=0.01)
COVARIANCE = np.array([[0.7, 0.4, 0.1], [0.4, 0.5, 0.0], [0.1, 0.0, 0.3]])
EQUATIONS = {
    "one mode": ls.Underdamped.from_sgd(ls.LinearRegression.from_spectrum([1.0]), SETTINGS),
    "turned": ls.Underdamped.from_sgd(
        ls.LinearRegression.from_spectrum(
            [1.3, 0.4, 0.1],
            eigenvectors=np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0],
        ),
        SETTINGS,
    ),
    "one group": ls.Underdamped.from_sgd(
        ls.LinearRegression.from_spectrum([1.3, 0.4, 0.1]).with_noise_covariance(COVARIANCE),
        SETTINGS,
    ),
    "many modes": ls.Underdamped.from_sgd(
        ls.LinearRegression.from_spectrum(np.linspace(0.1, 1, 70)), SETTINGS
    ),
    "overdamped": ls.Overdamped.from_sgd(ls.LinearRegression.from_spectrum([1.3, 0.4]), SETTINGS),
}


def simulate(equation, integrator=ls.sde.EulerMaruyama(), **options):  # noqa: B008
    defaults = {
        "replicas": 40,
        "steps": 50,
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
def test_a_path_does_not_depend_on_the_replicas_beside_it(name):
    together = simulate(EQUATIONS[name])
    alone = simulate(EQUATIONS[name], replicas=7, first_replica=21)
    assert same(together.isel(replica=slice(21, 28)), alone)
    assert alone["replica"].values.tolist() == list(range(21, 28))


@pytest.mark.parametrize("name", EQUATIONS)
def test_a_path_does_not_depend_on_threads_chunks_or_schedule(name, monkeypatch):
    plain = simulate(EQUATIONS[name])
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    monkeypatch.setattr(memory, "BUFFER_BYTES", 1)
    cut = simulate(EQUATIONS[name], schedule=np.arange(51))
    assert same(plain, cut.sel(step=plain["step"]))
    assert np.array_equal(plain["final_position"], cut["final_position"])


def test_replicas_and_seeds_differ():
    run = simulate(EQUATIONS["turned"], replicas=64)
    ends = run["final_position"].values[:, 0]
    assert len(np.unique(ends)) == 64
    assert not np.isin(
        simulate(EQUATIONS["turned"], seed=12)["final_position"].values[:, 0], ends
    ).any()


@pytest.mark.parametrize(("parameters", "steps"), [(3, 12), (40, 2)])
def test_noise_is_uncorrelated_between_components_steps_and_replicas(parameters, steps, seed):
    """White noise read back from a free overdamped walk: about 4000 correlations within 6 sigma."""
    free = ls.Overdamped(
        potential=ls.models.potentials.Quadratic(stiffness=np.zeros((parameters, parameters))),
        friction=1.0,
        noise_covariance=np.eye(parameters),
        step_time=1.0,
    )
    run = simulate(
        free, replicas=4096, steps=steps, substeps=1, seed=seed, schedule=np.arange(steps + 1)
    )
    kicks = (
        np.diff(run["position"].values, axis=0).transpose(0, 2, 1).reshape(steps * parameters, -1)
    )
    correlation = np.corrcoef(kicks) - np.eye(len(kicks))
    assert np.abs(correlation).max() * np.sqrt(4096) < 6
    for shift in (1, 16):
        beside = (kicks[:, :-shift] * kicks[:, shift:]).mean(axis=1) * np.sqrt(4096 - shift)
        assert np.abs(beside).max() < 6


def test_a_run_that_diverges_says_so_and_gives_no_number():
    """Euler-Maruyama beyond its stability limit in one direction only, and started off it for some
    replicas.
    """
    steep = ls.Underdamped(
        potential=ls.models.potentials.Quadratic(stiffness=np.diag([1e4, 1.0])),
        mass=1.0,
        friction=1.0,
        noise_covariance=np.zeros((2, 2)),
        step_time=1.0,
    )
    start = np.zeros((5, 2))
    start[:, 1] = 1e-3
    start[3, 0] = 1.0
    options = {"replicas": 5, "steps": 60, "start": start, "schedule": np.arange(61)}
    run = simulate(steep, substeps=10, **options, record=ls.record.displacement())
    assert run["status"].values.tolist() == [0, 0, 0, ls.Status.DIVERGED, 0]
    assert run["status"].attrs["flag_meanings"].startswith("finished ")
    when = int(run["diverged_step"][3])
    path = [[1.0, 0.0]]
    matrix = ls.sde.EulerMaruyama().linear_step(steep.linear(), 0.1).matrix[0]
    while np.abs(path[-1]).max() < status.LIMIT:
        path.append(np.linalg.matrix_power(matrix, 10) @ path[-1])
    assert when == len(path) - 1
    lost = ~np.isfinite(run["squared_displacement"].values)
    assert lost[when:, 3].all()
    assert lost.sum() == 61 - when
    assert np.isnan(run["final_position"].values[3]).all()
    assert "not finite" in ls.measure.diffusion_exponent(run, window=(1, 60)).note


def test_seed_is_drawn_and_stored():
    run = simulate(EQUATIONS["one mode"], seed=None)
    seed = json.loads(run.attrs["provenance"])["seed"]
    assert same(run, simulate(EQUATIONS["one mode"], seed=seed))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"replicas": 0}, "replicas = 0"),
        ({"steps": 1.5}, "steps = 1.5"),
        ({"substeps": 0}, "substeps = 0"),
        ({"seed": -1}, "seed = -1"),
        ({"first_replica": -1}, "first_replica = -1"),
        ({"start": np.zeros(4)}, "start = (4,)"),
        ({"start": (np.zeros(3), np.full(3, np.nan))}, "velocity"),
        ({"schedule": [5, 2]}, "schedule"),
        ({"record": "loss"}, "record"),
        ({"record": [ls.record.states(), ls.record.states()]}, "'position' is recorded twice"),
        (
            {"record": lambda block: {"x": (("replica",), np.zeros(40), "1")}},
            "must start with step",
        ),
    ],
)
def test_bad_input_gets_one_line(options, message):
    with pytest.raises(ls.InputError, match=re.escape(message)) as caught:
        simulate(EQUATIONS["turned"], **options)
    assert "\n" not in str(caught.value)


def test_baoab_does_not_take_an_equation_without_velocity():
    with pytest.raises(ls.InputError, match="integrates Underdamped equations, not Overdamped"):
        simulate(EQUATIONS["overdamped"], ls.sde.BAOAB())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mass": 0.0}, "mass = 0.0"),
        ({"friction": -1.0}, "friction = -1.0"),
        ({"noise_covariance": -np.eye(2)}, "variances of zero or above"),
        ({"noise_covariance": np.eye(3)}, "noise_covariance"),
        ({"noise_covariance": np.array([[1.0, 2.0], [0.0, 1.0]])}, "must be symmetric"),
        ({"step_time": float("inf")}, "step_time = inf"),
    ],
)
def test_equations_check_their_fields(changes, message):
    fields = {"mass": 1.0, "friction": 1.0, "noise_covariance": np.eye(2), "step_time": 1.0}
    with pytest.raises(ls.InputError, match=message):
        ls.Underdamped(
            potential=ls.models.potentials.Quadratic(stiffness=np.eye(2)), **{**fields, **changes}
        )


# --- hypothesis -----------------------------------------------------------------------------------


@st.composite
def covariances(draw, size=3):
    numbers = draw(st.lists(st.floats(-2, 2), min_size=size * size, max_size=size * size))
    root = np.array(numbers).reshape(size, size)
    return root @ root.T


@given(covariances())
def test_root_of_a_covariance_squares_to_it(covariance):
    root = covariance_root(covariance)
    assert np.allclose(root @ root.T, covariance, atol=1e-12)


@given(covariances(), covariances())
def test_separate_groups_rebuild_both_matrices(stiffness, covariance):
    basis, in_groups, noise_in_groups = separate(stiffness, covariance)
    for matrix, parts in ((stiffness, in_groups), (covariance, noise_in_groups)):
        whole = parts[0] if len(parts) == 1 else np.diag(parts[:, 0, 0])
        assert np.allclose(basis @ whole @ basis.T, matrix, atol=1e-9)


@given(covariances(), covariances(), st.floats(0.01, 3.0), st.integers(1, 4))
def test_two_exact_steps_are_one_of_twice_the_length(stiffness, covariance, size, parts):
    equation = ls.Underdamped(
        potential=ls.models.potentials.Quadratic(stiffness=stiffness),
        mass=0.7,
        friction=0.3,
        noise_covariance=covariance,
        step_time=1.0,
    ).linear()
    exact = ls.sde.ExactOrnsteinUhlenbeck()
    whole, part = exact.linear_step(equation, parts * size), exact.linear_step(equation, size)
    matrix, spread = np.eye(equation.drift.shape[1]), 0.0
    for _ in range(parts):
        matrix = part.matrix @ matrix
        spread = part.matrix @ spread @ np.swapaxes(part.matrix, 1, 2) if np.ndim(spread) else 0.0
        spread = spread + part.noise @ np.swapaxes(part.noise, 1, 2)
    assert np.allclose(matrix, whole.matrix, atol=1e-9)
    expected = whole.noise @ np.swapaxes(whole.noise, 1, 2)
    assert np.allclose(spread, expected, atol=1e-9 * max(1.0, np.abs(expected).max()))
