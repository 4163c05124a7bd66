"""Training of perceptrons that is interrupted anywhere and continued equals the uninterrupted one,
bit for bit.
"""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from in_one_call import train_perceptrons_of

import langevin_sgd as ls
from langevin_sgd.training.perceptron import replica as replicas_module
from langevin_sgd.training.perceptron import train as train_module

LAW = ls.data.DepletedSign(points=2000, dimension=16)
CASES = [("plain", "epochs"), ("plain", "with_replacement"), ("accelerated", "without_replacement")]
CASES += [("auto", "without_replacement")]


def run(method, sampling, **changes):
    problem = ls.Perceptron(data=LAW, margin=0.01)
    settings = ls.SGD(lr=2.0, batch_size=2, sampling=sampling)
    options = {
        "replicas": 3,
        "seed": 4,
        "method": method,
        "schedule": [1, 1000, 10**6],
        "max_steps": 3_000_000,
    }
    return train_perceptrons_of(problem, settings, **{**options, **changes})


@pytest.fixture
def short_rounds(monkeypatch):
    """Rounds that end after the smallest slice of work."""
    monkeypatch.setattr(train_module, "CHUNK_SECONDS", 0.0005)
    monkeypatch.setattr(replicas_module, "CHUNK_SECONDS", 0.0005)


class Interrupter:
    """Presses Ctrl-C at the beginning of some rounds, counted over all runs."""

    def __init__(self, rounds):
        self.rounds, self.count = rounds, 0

    def __call__(self, work, pieces):
        self.count += 1
        if self.count in self.rounds:
            raise KeyboardInterrupt
        for piece in pieces:
            work(piece)


@pytest.mark.usefixtures("short_rounds")
@pytest.mark.parametrize(("method", "sampling"), CASES)
def test_interrupted_training_continues_bit_for_bit(method, sampling, tmp_path, monkeypatch):
    whole = run(method, sampling)
    monkeypatch.setattr(train_module, "in_threads", Interrupter({2, 9, 10, 25, 60}))
    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            run(method, sampling, checkpoint=tmp_path / "run.nc")
    assert run(method, sampling, checkpoint=tmp_path / "run.nc").identical(whole)
    # A finished run is read and not repeated; its seed need not be given again.
    monkeypatch.setattr(train_module, "in_threads", None)
    assert run(method, sampling, checkpoint=tmp_path / "run.nc", seed=None).identical(whole)


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({"seed": 5}, "seed"),
        ({"max_steps": 7}, "stop"),
        ({"method": "plain"}, "method"),
        ({"start": np.ones(16)}, "start"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(changes, differing, tmp_path):
    options = {
        "method": "auto",
        "sampling": "with_replacement",
        "max_steps": 1000,
        "schedule": None,
    }
    run(**options, checkpoint=tmp_path / "run.nc")
    with pytest.raises(ls.InputError, match=f"belongs to another run .*{differing}"):
        run(**{**options, **changes}, checkpoint=tmp_path / "run.nc")


PROGRAM = """
import sys
import langevin_sgd as ls
from langevin_sgd.simulation import checkpoint
checkpoint.SECONDS = 0.0
problem = ls.Perceptron(data=ls.data.DepletedSign(points=6000, dimension=32), margin=0.01)
ls.training.run(problem, ls.SGD(lr=1.0, batch_size=1), replicas=3, seed=1,
    checkpoint=sys.argv[1])
"""


def test_a_killed_training_continues_bit_for_bit(tmp_path):
    """SIGKILL at a moment of its own choosing; what is left goes on to the same weights."""
    path = tmp_path / "run.nc"
    with subprocess.Popen([sys.executable, "-c", PROGRAM, path]) as process:
        while not path.exists():
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
    problem = ls.Perceptron(data=ls.data.DepletedSign(points=6000, dimension=32), margin=0.01)
    settings = ls.SGD(lr=1.0, batch_size=1)
    continued = train_perceptrons_of(problem, settings, replicas=3, seed=1, checkpoint=path)
    assert continued.identical(train_perceptrons_of(problem, settings, replicas=3, seed=1))


def test_an_interruption_is_answered_at_once():
    pressed = []

    def press(*_):
        pressed.append(time.monotonic())
        raise KeyboardInterrupt

    problem = ls.Perceptron.from_data(
        np.array([[1.0, 0.0]] * 500 + [[-1.0, 0.0]]), np.ones(501), margin=0.1
    )
    before = signal.signal(signal.SIGALRM, press)
    try:
        for method in ("plain", "accelerated"):
            signal.setitimer(signal.ITIMER_REAL, 0.5)
            with pytest.raises(KeyboardInterrupt):
                train_perceptrons_of(
                    problem,
                    ls.SGD(lr=1.0, batch_size=1),
                    replicas=3,
                    method=method,
                    max_steps=10**12,
                )
            assert time.monotonic() - pressed.pop() < 1.0
    finally:
        signal.signal(signal.SIGALRM, before)
