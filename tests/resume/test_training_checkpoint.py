"""A run that is interrupted anywhere and continued equals the uninterrupted one, bit for bit."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd import training
from langevin_sgd.simulation import trajectories

STEPS = 120
RECORD = (ls.record.displacement(), ls.record.states())
SAMPLINGS = ("with_replacement", "without_replacement", "epochs")


def regression():
    generator = np.random.default_rng(3)
    return ls.LinearRegression.from_data(generator.normal(size=(23, 3)), generator.normal(size=23))


SPECTRUM = ls.LinearRegression.from_spectrum([1.0, 0.3])
CASES = [
    *(
        (regression(), ls.SGD(lr=0.05, batch_size=4, momentum=0.9, sampling=sampling))
        for sampling in SAMPLINGS
    ),
    (SPECTRUM, ls.SGD(lr=0.05, batch_size=4, momentum=0.9, dampening=0.2)),
]


def run(problem, settings, **changes):
    return training.run(
        problem,
        settings,
        **{
            "replicas": 5,
            "steps": STEPS,
            "seed": 4,
            "record": RECORD,
            "schedule": np.arange(STEPS + 1),
            **changes,
        },
    )


def interrupting(step):
    """Recorders that press Ctrl-C when they see `step`."""

    def observe(block):
        if step in block.steps:
            raise KeyboardInterrupt
        return {}

    return (*RECORD, observe)


@pytest.fixture
def short_chunks(monkeypatch):
    """Chunks of one step, once the first is over."""
    monkeypatch.setattr(trajectories, "CHUNK_SECONDS", 0.0)


@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize(("problem", "settings"), CASES)
def test_interrupted_run_continues_bit_for_bit(problem, settings, tmp_path):
    whole = run(problem, settings, checkpoint=tmp_path / "whole.nc")
    assert whole.identical(run(problem, settings))
    path = tmp_path / "cut.nc"
    for step in (20, 21, 57, 58, 101):
        with pytest.raises(KeyboardInterrupt):
            run(problem, settings, checkpoint=path, record=interrupting(step))
        assert ls.dataset.provenance(ls.load(path))["step"] == step - 1
    assert run(problem, settings, checkpoint=path).identical(whole)
    assert path.read_bytes() == (tmp_path / "whole.nc").read_bytes()


@pytest.mark.parametrize("step", [0, 7])
def test_an_interruption_in_the_first_chunk_loses_nothing(step, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(*CASES[0], checkpoint=tmp_path / "cut.nc", record=interrupting(step))
    assert run(*CASES[0], checkpoint=tmp_path / "cut.nc").identical(run(*CASES[0]))


def test_a_finished_run_is_read_and_not_repeated(tmp_path, monkeypatch):
    whole = run(*CASES[2], checkpoint=tmp_path / "run.nc")
    monkeypatch.setattr(training.linear_regression, "advance", None)
    assert run(*CASES[2], checkpoint=tmp_path / "run.nc").identical(whole)


@pytest.mark.usefixtures("short_chunks")
def test_a_seed_not_given_is_that_of_the_checkpoint(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(*CASES[0], seed=0, checkpoint=tmp_path / "cut.nc", record=interrupting(50))
    assert run(*CASES[0], seed=None, checkpoint=tmp_path / "cut.nc").identical(
        run(*CASES[0], seed=0)
    )


@pytest.mark.usefixtures("short_chunks")
def test_divergence_before_the_interruption_is_kept(tmp_path):
    problem, settings = SPECTRUM, ls.SGD(lr=50.0, batch_size=1)
    with pytest.raises(KeyboardInterrupt):
        run(problem, settings, checkpoint=tmp_path / "cut.nc", record=interrupting(100))
    whole = run(problem, settings)
    assert (whole["status"] == ls.Status.DIVERGED).all()
    assert run(problem, settings, checkpoint=tmp_path / "cut.nc").identical(whole)


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({"seed": 5}, "seed"),
        ({"steps": 119, "schedule": np.arange(STEPS)}, "steps"),
        ({"schedule": np.arange(STEPS)}, "schedule"),
        ({"replicas": 6}, "start"),
        ({"first_replica": 1}, "first_replica"),
        ({"start": np.ones(3)}, "start"),
        ({"start": (np.zeros(3), np.zeros(3))}, "start"),
        ({"record": RECORD[0]}, "record"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(changes, differing, tmp_path):
    run(*CASES[0], checkpoint=tmp_path / "run.nc")
    before = (tmp_path / "run.nc").read_bytes()
    with pytest.raises(ls.InputError, match=f"belongs to another run .*{differing}") as caught:
        run(*CASES[0], checkpoint=tmp_path / "run.nc", **changes)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "run.nc").read_bytes() == before


def test_checkpoints_of_other_settings_data_or_kind_are_refused(tmp_path):
    problem, settings = CASES[0]
    run(problem, settings, checkpoint=tmp_path / "run.nc")
    with pytest.raises(ls.InputError, match="differs in settings"):
        run(*CASES[1], checkpoint=tmp_path / "run.nc")
    with pytest.raises(ls.InputError, match="differs in problem"):
        run(
            ls.LinearRegression.from_data(problem.X, 2 * problem.y),
            settings,
            checkpoint=tmp_path / "run.nc",
        )
    ls.save(run(problem, settings), tmp_path / "result.nc")
    with pytest.raises(ls.InputError, match="belongs to another run"):
        run(problem, settings, checkpoint=tmp_path / "result.nc")
    (tmp_path / "broken.nc").write_text("nothing")
    with pytest.raises(ls.InputError, match="not a readable"):
        run(problem, settings, checkpoint=tmp_path / "broken.nc")


PROGRAM = """
import sys
import langevin_sgd as ls
from langevin_sgd.simulation import checkpoint
checkpoint.SECONDS = 0.0
ls.training.run(
    ls.LinearRegression.from_spectrum([1.0, 0.3]), ls.SGD(lr=0.01, batch_size=4, momentum=0.9),
    replicas=8, steps=10**8, seed=1, checkpoint=sys.argv[1],
)
"""


def test_a_killed_run_continues_bit_for_bit(tmp_path):
    """SIGKILL at a moment of its own choosing; the file left behind is that of a run which stops
    there.
    """
    path = tmp_path / "run.nc"
    with subprocess.Popen([sys.executable, "-c", PROGRAM, path]) as process:
        while not path.exists():
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(signal.SIGKILL)
    stored = ls.load(path)
    step = ls.dataset.provenance(stored)["step"]
    assert 0 < step < 10**8
    alone = training.run(
        SPECTRUM,
        ls.SGD(lr=0.01, batch_size=4, momentum=0.9),
        replicas=8,
        steps=step,
        seed=1,
        schedule=[step],
    )
    assert np.array_equal(stored["state_position"].values[:, :2], alone["final_position"])
    assert np.array_equal(stored["state_velocity"].values[:, :2], alone["final_velocity"])


def test_an_interruption_is_answered_at_once():
    """An alarm raises KeyboardInterrupt inside a run of hours; the limit leaves room for slow
    machines.
    """
    pressed = []

    def press(*_):
        pressed.append(time.monotonic())
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, press)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(KeyboardInterrupt):
            training.run(SPECTRUM, ls.SGD(lr=0.01, batch_size=4), replicas=100, steps=10**10)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - pressed[0] < 2.0
