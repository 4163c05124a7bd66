"""Simulations that stop and go on: the same bits, with recorders, accumulators and first
passages.
"""

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.models import potentials
from langevin_sgd.record.recorders import histograms
from langevin_sgd.simulation import memory

WELL = potentials.double_well()
GENERAL = ls.Underdamped(
    potential=WELL, mass=0.7, friction=0.5, noise_covariance=0.4, step_time=0.1
)
LINEAR = ls.Underdamped.from_sgd(
    ls.LinearRegression.from_spectrum([1.0, 0.2]), ls.SGD(lr=0.1, batch_size=2, momentum=0.8)
)
EDGES = np.linspace(-2, 2, 9)


def recorders(equation):
    made = [
        ls.record.states(),
        ls.record.moments(),
        ls.record.time_averages(first=5),
        ls.record.histogram(EDGES, first=5),
        ls.record.current((EDGES, EDGES), coordinates=(0, equation.potential.parameters)),
    ]
    return [*made, ls.record.first_passage(0.4)] if equation is GENERAL else made


def run(equation, path=None, extra=(), **options):
    defaults = {"replicas": 12, "steps": 400, "seed": 3, "schedule": np.arange(0, 401, 2)}
    given = {**defaults, **options}
    return ls.sde.simulate(
        equation, ls.sde.BAOAB(), record=[*recorders(equation), *extra], checkpoint=path, **given
    )


def interrupting(step):
    """A recorder that presses Ctrl-C once at a step."""

    def observe(block):
        if (block.steps >= step).any():
            raise KeyboardInterrupt
        return {}

    return observe


@pytest.mark.parametrize("equation", [GENERAL, LINEAR], ids=["general", "linear"])
def test_a_resumed_run_is_the_uninterrupted_one(equation, tmp_path, monkeypatch):
    whole = run(equation)
    monkeypatch.setattr(memory, "BUFFER_BYTES", 4000)
    path = tmp_path / "run.nc"
    for step in (40, 150):
        with pytest.raises(KeyboardInterrupt):
            run(equation, path, [interrupting(step)])
        assert path.exists()
    resumed = run(equation, path)
    assert resumed.identical(whole)
    assert run(equation, path, seed=None).identical(whole)


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "run.nc"
    run(GENERAL, path)
    with pytest.raises(ls.InputError, match="differs in numbers"):
        run(ls.Underdamped(potential=WELL, mass=0.7, friction=0.6, noise_covariance=0.4,
            step_time=0.1), path,
            [ls.record.first_passage(0.4)])  # fmt: skip
    with pytest.raises(ls.InputError, match="differs in seed"):
        run(GENERAL, path, seed=4)


# --- what the recorders say -----------------------------------------------------------------------


def test_accumulators_agree_with_the_recorded_states():
    found = run(GENERAL)
    x, v = found["position"].values[:, :, 0], found["velocity"].values[:, :, 0]
    late = found["step"].values >= 5
    assert np.allclose(found["mean_position"].values[:, 0], x.mean(axis=1), atol=1e-14)
    assert np.allclose(found["covariance"].values[-1], np.cov(np.array([x[-1], v[-1]])), atol=1e-14)
    assert np.allclose(
        found["time_mean"].values,
        np.array([x[late].mean(axis=0), v[late].mean(axis=0)]).T,
        atol=1e-13,
    )
    assert np.allclose(
        found["time_second_moment"].values[:, 0, 1], (x * v)[late].mean(axis=0), atol=1e-13
    )
    assert np.array_equal(found["bin_count"].values, np.histogram(x[late], EDGES)[0])
    inside = (x[late] >= -2) & (x[late] <= 2)
    assert np.isclose((found["bin_density"].values * np.diff(EDGES)).sum(), inside.mean())


def test_the_current_circulates_in_phase_space(seed):
    """An equilibrium oscillator turns clockwise: J_x has the sign of v, and the mean of v dx is the
    kinetic energy.
    """
    equation = ls.Underdamped(
        potential=potentials.quadratic([1.0]),
        mass=1.0,
        friction=0.5,
        noise_covariance=1.0,
        step_time=0.05,
    )
    edges = np.linspace(-4, 4, 17)
    made = ls.sde.simulate(
        equation, ls.sde.BAOAB(), replicas=1500, steps=400, substeps=1, seed=seed,
        schedule=np.arange(401),
        record=ls.record.current((edges, edges), first=200),
    )  # fmt: skip
    flow, centre = made["current"].values, (edges[:-1] + edges[1:]) / 2
    cell = 0.25
    assert abs((flow[0] * centre).sum() * cell - 0.05) < 0.05 * 0.05
    assert abs((flow[1] * centre[:, None]).sum() * cell + 0.05) < 0.05 * 0.05
    assert abs(flow[0].sum() * cell) < 0.05 * 0.05


def test_histograms_by_step():
    found = ls.sde.simulate(
        GENERAL,
        ls.sde.BAOAB(),
        replicas=50,
        steps=20,
        seed=1,
        record=[histograms(EDGES), ls.record.states()],
    )
    for row, x in zip(found["histogram"].values, found["position"].values[:, :, 0], strict=True):
        assert np.array_equal(row, np.histogram(x, EDGES)[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ls.record.histogram([1.0]), "edges"),
        (lambda: ls.record.histogram([1.0, 0.0]), "edges"),
        (lambda: ls.record.first_passage(float("nan")), "level"),
        (lambda: ls.record.first_passage(0.0, direction="left"), "direction"),
        (lambda: ls.record.time_averages(first=-1), "first"),
        (
            lambda: run(GENERAL, extra=[ls.record.first_passage(0.0, axis=3, name="far")]),
            "axis = 3",
        ),
        (
            lambda: run(GENERAL, extra=[ls.record.histogram(EDGES, coordinate=7)]),
            "'bin_count' is recorded twice|coordinate",
        ),
    ],
)
def test_bad_recorders_get_one_line(make, message):
    with pytest.raises(ls.InputError, match=message):
        make()


def test_sgd_on_data_does_not_watch_for_first_passages():
    problem, settings = ls.LinearRegression.from_spectrum([1.0]), ls.SGD(lr=0.1, batch_size=1)
    with pytest.raises(ls.InputError, match="first passages"):
        ls.training.run(problem, settings, steps=3, seed=1, record=ls.record.first_passage(1.0))
