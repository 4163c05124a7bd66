"""A run continued from the last state of another, with its seed, had the same noise again."""

import json
from functools import partial

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.models import potentials
from langevin_sgd.training.linear_regression import LinearRegressionEngine

GENERATOR = np.random.default_rng(0)
DATA = ls.LinearRegression.from_data(GENERATOR.normal(size=(23, 3)), GENERATOR.normal(size=23))
SPECTRUM = ls.LinearRegression.from_spectrum([1.0, 0.3])
SGD = {
    "batches": (DATA, ls.SGD(lr=0.05, batch_size=4, momentum=0.9)),
    "distinct": (DATA, ls.SGD(lr=0.05, batch_size=4, momentum=0.9, sampling="without_replacement")),
    "epochs, damped": (
        DATA,
        ls.SGD(lr=0.05, batch_size=4, momentum=0.9, dampening=0.3, sampling="epochs"),
    ),
    "additive": (SPECTRUM, ls.SGD(lr=0.05, batch_size=4, momentum=0.9, weight_decay=0.1)),
    "turned": (
        SPECTRUM.with_noise_covariance([[0.5, 0.2], [0.2, 0.4]]),
        ls.SGD(lr=0.05, batch_size=4, momentum=0.9, nesterov=True),
    ),
}
WELL = potentials.double_well()
NUMBERS = {"mass": 0.7, "friction": 0.5, "noise_covariance": 0.4, "step_time": 0.1}
LINEAR = ls.Underdamped(potential=potentials.quadratic([1.0, 0.4]), **NUMBERS)
VALLEY = ls.Underdamped(potential=potentials.curved_valley(across=3.0), **NUMBERS)
SDE = {  # equation, integrator, whether pieces are equal in every bit
    "linear": (LINEAR, ls.sde.ExactOrnsteinUhlenbeck(), True),
    "linear, many substeps to a filling": (LINEAR, ls.sde.EulerMaruyama(), True),
    "well, velocity carried half a kick before": (
        ls.Underdamped(potential=WELL, **NUMBERS),
        ls.sde.BAOAB(),
        False,
    ),
    "plane": (VALLEY, ls.sde.OBABO(), True),
}


def pieces(run, cut, end, **options):
    """A run in one piece and in two; the second one from the last state and with the next
    numbers.
    """
    whole = run(steps=end, schedule=[cut, end], **options)
    first = run(steps=cut, schedule=[cut], **options)
    second = run(steps=end - cut, schedule=[end - cut], start=first, **options)
    ends = first["final_position"].values, first["final_velocity"].values
    reused = run(steps=end - cut, schedule=[end - cut], start=ends, **options)
    return whole, second, reused


@pytest.mark.parametrize("name", SGD)
def test_sgd_in_pieces_is_one_run(name):
    problem, settings = SGD[name]

    def run(**options):
        return ls.training.run(problem, settings, replicas=5, seed=4, **options)

    whole, first = run(steps=90, schedule=[37, 90]), run(steps=37, schedule=[37])
    second = run(steps=53, schedule=[53], start=first)
    ends = first["final_position"].values, first["final_velocity"].values
    reused = run(steps=53, schedule=[53], start=ends)
    for state in ("final_position", "final_velocity"):
        assert np.array_equal(whole[state], second[state])
        assert not np.allclose(whole[state], reused[state], rtol=1e-6)
    assert ls.dataset.provenance(second)["first_step"] == 37


@pytest.mark.parametrize(
    ("name", "precision"),
    [*((name, "float64") for name in SDE), *((name, "float32") for name in list(SDE)[1:])],
)
def test_a_simulation_in_pieces_is_one_run(name, precision):
    equation, integrator, exactly = SDE[name]

    def run(**options):
        return ls.sde.simulate(
            equation,
            integrator,
            replicas=20,
            seed=4,
            substeps=3,
            first_replica=7,
            precision=precision,
            **options,
        )

    whole, second, reused = pieces(run, 37, 90)
    rounding = 0.0 if exactly else 1e-12 if precision == "float64" else 1e-3
    for state in ("final_position", "final_velocity"):
        assert np.allclose(whole[state], second[state], rtol=0, atol=rounding)
        assert np.abs(whole[state] - reused[state]).max() > 0.1
    assert ls.dataset.provenance(second)["settings"]["first_step"] == 37


def at(run, place):
    """The end of a run at rest at another place, with the random numbers that it has used."""
    moved = run.copy(deep=True)
    moved["final_position"][:], moved["final_velocity"][:] = place, 0.0
    return moved


def test_passages_and_divergences_count_from_the_start_of_a_piece():
    equation = ls.Underdamped(potential=WELL, **NUMBERS)
    options = {
        "replicas": 30,
        "seed": 4,
        "start": [-1.0],
        "record": [ls.record.first_passage(0.3), ls.record.states()],
    }
    first = ls.sde.simulate(equation, ls.sde.BAOAB(), steps=50, **options)
    run = ls.sde.simulate(
        equation,
        ls.sde.BAOAB(),
        steps=200,
        schedule=np.arange(201),
        **{**options, "start": at(first, -1.0)},
    )
    beyond = run["position"].values[:, :, 0] >= 0.3
    expected = np.where(beyond.any(axis=0), beyond.argmax(axis=0), np.inf)
    assert np.array_equal(run["first_passage"].values, expected, equal_nan=True)
    assert (
        ls.sde.simulate(equation, ls.sde.BAOAB(), steps=3, **{**options, "start": at(first, 1.0)})[
            "first_passage"
        ].values.max()
        == 0
    )
    quiet = ls.training.run(SPECTRUM, ls.SGD(lr=1e-9, batch_size=1), steps=1000, seed=1)
    diverging = ls.SGD(lr=50.0, batch_size=1)
    runaway = ls.training.run(SPECTRUM, diverging, steps=150, seed=1, start=quiet)
    alone = ls.training.run(SPECTRUM, diverging, steps=150, seed=1)
    assert runaway["diverged_step"].values[0] == alone["diverged_step"].values[0]


def test_a_piece_that_starts_at_rest_has_its_first_gradient_undamped():
    settings = ls.SGD(lr=0.05, batch_size=4, momentum=0.9, dampening=0.5)
    quiet = SPECTRUM.with_noise_covariance(np.zeros((2, 2)))
    ends = []
    for first_step in (0, 11):
        engine = LinearRegressionEngine(
            quiet,
            settings,
            1,
            0,
            np.array([[1.0, 2.0]]),
            np.zeros((1, 2)),
            at_rest=True,
            first_step=first_step,
        )
        engine.advance(0, 30, np.array([30]))
        ends.append(engine.state()[0])
    assert np.array_equal(*ends)


def test_a_start_that_was_made_with_the_same_numbers_is_refused():
    problem, settings = SGD["additive"]
    first = ls.training.run(problem, settings, replicas=5, steps=40, seed=4)
    message = "steps 0 to 40; give the whole result as start"
    for steps in (1, 40):
        with pytest.raises(ls.InputError, match=message) as caught:
            ls.training.run(
                problem, settings, replicas=5, steps=steps, seed=4, start=first["final_position"]
            )
        assert "\n" not in str(caught.value)
    other = ls.training.run(
        problem, settings, replicas=5, steps=40, seed=5, start=first["final_position"]
    )
    assert np.isfinite(other["final_position"]).all()
    first = ls.sde.simulate(LINEAR, ls.sde.BAOAB(), replicas=5, steps=100, seed=4)
    run = ls.sde.simulate(LINEAR, ls.sde.BAOAB(), replicas=5, steps=40, start=first)
    velocity = np.zeros(2)
    for start in (run.final_position, (run.final_position, velocity)):
        with pytest.raises(ls.InputError, match="steps 100 to 140; give the whole result as start"):
            ls.sde.simulate(LINEAR, ls.sde.BAOAB(), replicas=5, steps=120, seed=4, start=start)
    for steps in (30, 31):  # of 27 substeps: 100 steps of 8
        call = partial(
            ls.sde.simulate, LINEAR, ls.sde.BAOAB(), replicas=5, steps=steps, seed=4, substeps=27
        )
        if steps * 27 > 100 * 8:
            with pytest.raises(ls.InputError, match="steps 100 to 140"):
                call(start=run.final_position)
        else:
            call(start=run.final_position)


def test_the_end_of_a_stored_run_still_knows_its_numbers(tmp_path):
    problem, settings = SGD["additive"]
    ls.save(ls.training.run(problem, settings, replicas=2, steps=40, seed=4), tmp_path / "run.nc")
    stored = ls.load(tmp_path / "run.nc")
    with pytest.raises(ls.InputError, match="give the whole result as start"):
        ls.training.run(
            problem, settings, replicas=2, steps=9, seed=4, start=stored["final_position"]
        )


def test_a_finished_checkpoint_says_how_to_go_on(tmp_path):
    problem, settings = SGD["additive"]
    path = tmp_path / "run.nc"
    ls.training.run(problem, settings, replicas=2, steps=40, seed=4, checkpoint=path)
    with pytest.raises(
        ls.InputError, match=r"up to step 40, .* give the same explicit schedule"
    ) as caught:
        ls.training.run(problem, settings, replicas=2, steps=60, seed=4, checkpoint=path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("first_step", [-1, 0.5, 2**63, 2**63 - 3, True, None])
def test_first_steps_out_of_range_get_one_line(first_step):
    """A stored run can say anything."""
    run = ls.sde.simulate(LINEAR, ls.sde.BAOAB(), steps=5, seed=1)
    told = ls.dataset.provenance(run)
    told["settings"]["first_step"] = first_step
    run.attrs["provenance"] = json.dumps(told)
    with pytest.raises(ls.InputError, match="step"):
        ls.sde.simulate(LINEAR, ls.sde.BAOAB(), steps=5, seed=1, start=run)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"substeps": 7}, "goes on by 8 a step there and by 7 here"),
        ({"replicas": 3}, "must have those of this run"),
        ({"first_replica": 1}, "must have those of this run"),
        ({"equation": VALLEY, "substeps": 5}, "give more substeps or another seed"),
    ],
)
def test_a_run_that_would_count_numbers_again_is_refused(changes, message):
    options = {"equation": VALLEY, "integrator": ls.sde.BAOAB(), "replicas": 4, "steps": 6}
    first = ls.sde.simulate(**options, seed=3)
    with pytest.raises(ls.InputError, match=message) as caught:
        ls.sde.simulate(**{**options, **changes}, start=first)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"substeps": 9}, {"substeps": 7, "seed": 4}])
def test_a_run_with_fresh_numbers_goes_on_with_other_substeps(changes):
    options = {"equation": VALLEY, "integrator": ls.sde.BAOAB(), "replicas": 4, "steps": 6}
    first = ls.sde.simulate(**options, seed=3)
    second = ls.sde.simulate(**options, **changes, start=first)
    ends = first["final_position"].values, first["final_velocity"].values
    reused = ls.sde.simulate(**options, **{"seed": 3, **changes}, start=ends)
    assert not np.allclose(second["final_position"], reused["final_position"], rtol=1e-6)


def test_modes_that_share_a_filling_of_numbers_come_before_those_that_do_not():
    """A filling of 512 normals serves 32 substeps of one overdamped mode, and 16 of two; in blocks
    of other equations it serves one.
    """
    steps = {"integrator": ls.sde.EulerMaruyama(), "substeps": 3, "steps": 40, "replicas": 4}
    one = {name: number for name, number in NUMBERS.items() if name != "mass"}
    line, well = (
        ls.Overdamped(potential=potential, **one)
        for potential in (potentials.quadratic([1.0]), WELL)
    )
    shared = ls.sde.simulate(line, seed=3, **steps)
    single = ls.sde.simulate(well, start=shared, **steps)
    assert ls.dataset.provenance(single)["settings"]["first_step"] == 40
    with pytest.raises(ls.InputError, match="by 3 a step there and by 3/"):
        ls.sde.simulate(line, start=single, **steps)
    other = ls.sde.simulate(line, seed=4, start=single, **steps)
    assert np.isfinite(other["final_position"]).all()


def test_an_overdamped_run_goes_on_and_an_underdamped_one_needs_a_velocity():
    numbers = {name: number for name, number in NUMBERS.items() if name != "mass"}
    equation = ls.Overdamped(potential=WELL, **numbers)

    def run(equation, integrator, **options):
        return ls.sde.simulate(equation, integrator, replicas=5, **options)

    whole = run(equation, ls.sde.Milstein(), steps=30, seed=4)
    first = run(equation, ls.sde.Milstein(), steps=11, seed=4)
    second = run(equation, ls.sde.Milstein(), steps=19, start=first)
    assert np.array_equal(whole["final_position"], second["final_position"])
    with pytest.raises(ls.InputError, match="start: velocity"):
        run(ls.Underdamped(potential=WELL, **NUMBERS), ls.sde.BAOAB(), steps=5, start=first)


def test_results_of_another_kind_are_refused():
    problem, settings = SGD["additive"]
    sgd = ls.training.run(problem, settings, steps=4, seed=1)
    sde = ls.sde.simulate(LINEAR, ls.sde.BAOAB(), steps=4, seed=1)
    with pytest.raises(ls.InputError, match=r"must be a result of sde\.simulate"):
        ls.sde.simulate(LINEAR, ls.sde.BAOAB(), steps=4, start=sgd)
    with pytest.raises(ls.InputError, match=r"must be a result of training\.run"):
        ls.training.run(problem, settings, steps=4, start=sde)
    with pytest.raises(ls.InputError, match="a result without final_velocity"):
        ls.sde.simulate(LINEAR, ls.sde.BAOAB(), steps=4, start=sde.drop_vars("final_velocity"))


def test_a_start_that_is_one_replica_of_a_result_gets_one_line():
    run = ls.sde.simulate(LINEAR, ls.sde.BAOAB(), replicas=2, steps=4, seed=1)
    with pytest.raises(ls.InputError, match=r"a result of replicas \[1\]: must have those"):
        ls.sde.simulate(LINEAR, ls.sde.BAOAB(), replicas=2, steps=4, start=run.isel(replica=1))
