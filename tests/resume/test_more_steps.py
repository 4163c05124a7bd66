"""A run that has ended, or was stopped, goes on when more steps are asked for: the final arrays,
recorded blocks, averages over time and first passages are those of one long run, bit for bit.
"""

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.models import potentials
from langevin_sgd.training import linear_regression

GENERATOR = np.random.default_rng(3)
DATA = ls.LinearRegression.from_data(GENERATOR.normal(size=(23, 3)), GENERATOR.normal(size=23))
SPECTRUM = ls.LinearRegression.from_spectrum([1.0, 0.3])
WELL = potentials.double_well()
EDGES = np.linspace(-2, 2, 9)
EVEN = np.arange(0, 241, 4)


def trained(problem, **settings):
    chosen = ls.SGD(**{"lr": 0.05, "batch_size": 4, "momentum": 0.9, **settings})
    return lambda **options: ls.training.run(problem, chosen, seed=4, **options)


def simulated(potential, integrator, **options):
    equation = ls.Underdamped(
        potential=potential, mass=0.7, friction=0.5, noise_covariance=0.4, step_time=0.1
    )
    return lambda **given: ls.sde.simulate(equation, integrator, seed=4, **options, **given)


RUNS = {
    "batches": trained(DATA),
    "epochs, damped": trained(DATA, sampling="epochs", dampening=0.3),
    "additive": trained(SPECTRUM),
    "diverging": trained(SPECTRUM, lr=6.0, momentum=0.0),
    "linear": simulated(potentials.quadratic([1.0, 0.4]), ls.sde.ExactOrnsteinUhlenbeck()),
    "well": simulated(WELL, ls.sde.BAOAB()),
    "well, float32": simulated(WELL, ls.sde.BAOAB(), precision="float32"),
}


def recorders(name):
    made = [
        ls.record.states(),
        ls.record.time_averages(first=5),
        ls.record.histogram(EDGES, first=5),
        ls.record.current((EDGES, EDGES)),
    ]
    return [*made, ls.record.first_passage(0.4)] if "well" in name else made


@pytest.mark.parametrize("name", RUNS)
def test_a_finished_run_makes_more_steps(name, tmp_path):
    run, record = RUNS[name], recorders(name)
    whole = run(replicas=5, steps=240, schedule=EVEN, record=record)
    path = tmp_path / "run.nc"
    for steps in (100, 160, 240):
        shorter = EVEN[: 1 + steps // 4]
        last = run(replicas=5, steps=steps, schedule=shorter, record=record, checkpoint=path)
        assert last.identical(run(replicas=5, steps=steps, schedule=shorter, record=record))
    assert last.identical(whole)
    assert np.isnan(whole["final_position"]).any() == (name == "diverging")


def test_the_steps_that_were_made_are_not_made_again(tmp_path, monkeypatch):
    path, run = tmp_path / "run.nc", RUNS["batches"]
    run(steps=100, schedule=[50, 100], checkpoint=path)
    begun = []
    advance = linear_regression.advance

    def watched(*arguments):
        begun.append(arguments[-1][0])
        advance(*arguments)

    monkeypatch.setattr(linear_regression, "advance", watched)
    run(steps=150, schedule=[50, 100, 150], checkpoint=path)
    assert min(begun) == 100


def test_a_stopped_run_goes_on_to_another_end(tmp_path):
    def interrupt(block):
        if (block.steps >= 60).any():
            raise KeyboardInterrupt
        return {}

    path, run, states = tmp_path / "run.nc", RUNS["batches"], ls.record.states()
    with pytest.raises(KeyboardInterrupt):
        run(steps=240, schedule=EVEN, record=[states, interrupt], checkpoint=path)
    made = ls.dataset.provenance(ls.load(path))["step"]
    assert 0 < made < 100
    shorter = EVEN[:26]
    resumed = run(steps=100, schedule=shorter, record=states, checkpoint=path)
    assert resumed.identical(run(steps=100, schedule=shorter, record=states))


@pytest.mark.parametrize("name", ["batches", "well"])
def test_averages_that_see_every_step_need_no_schedule(name, tmp_path):
    path, run = tmp_path / "run.nc", RUNS[name]
    record = [ls.record.time_averages(), ls.record.histogram(EDGES)]
    run(steps=70, record=record, checkpoint=path)
    longer = run(steps=200, record=record, checkpoint=path)
    assert longer.identical(run(steps=200, record=record))


@pytest.mark.parametrize(
    ("steps", "schedule", "record", "message"),
    [
        (
            100,
            [0, 40, 100],
            ls.record.states(),
            r"differs in schedule\); up to step 80, .*explicit",
        ),
        (100, None, ls.record.states(), r"differs in schedule\)"),
        (100, [0, 40, 80, 81], ls.record.time_averages(), r"differs in averages\)"),
        (100, None, ls.record.time_averages(), r"differs in averages\)"),
        (60, [0, 40], ls.record.states(), r"differs in steps\); it has made 80 steps, more than"),
    ],
)
@pytest.mark.parametrize("name", ["batches", "linear"])
def test_where_a_run_cannot_go_on_one_line_says_so(
    name, steps, schedule, record, message, tmp_path
):
    """A longer schedule may change the times that its earlier steps stand for: averages are then
    other averages.
    """
    path, run = tmp_path / "run.nc", RUNS[name]
    run(steps=80, schedule=[0, 40, 80], record=record, checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(ls.InputError, match=message) as caught:
        run(steps=steps, schedule=schedule, record=record, checkpoint=path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
