"""Training of networks that is interrupted anywhere and continued equals the uninterrupted one, bit
for bit.
"""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from in_one_call import train_networks_of

import langevin_sgd as ls
from langevin_sgd.models.networks import FullyConnected
from langevin_sgd.simulation import checkpoint, drive
from langevin_sgd.training.networks import schedule_of_groups as rounds
from langevin_sgd.training.observables import KernelChange

NETWORK = FullyConnected(dimension=8, width=16, depth=2)
LAW = ls.data.DepletedSign(points=40, dimension=8)
OPTIONS = {
    "lr": np.geomspace(0.5, 8.0, 8), "replicas": 2, "alpha": 4.0, "max_steps": 500, "seed": 3,
    "keep_weights": True,
    "schedule": [0, 50, 300, 500], "record": [KernelChange(points=4)],
}  # fmt: skip
WAYS = {
    "sgd": {"batch_size": [2, 5] * 4},
    "epochs": {"batch_size": 7, "sampling": "epochs"},
    "momentum": {"batch_size": 4, "momentum": [0.0, 0.8] * 4},
    "langevin": {"batch_size": 4, "noise": "minibatch_covariance", "unfit": 0.1},
}


def run(**changes):
    return train_networks_of(NETWORK, LAW, **{**OPTIONS, **changes})


class Clock:
    """A clock that goes on when it is looked at, so that rounds and checkpoints do not depend on
    the machine.
    """

    def __init__(self):
        self.ticks = {"perf_counter": 0, "monotonic": 0}

    def perf_counter(self):
        self.ticks["perf_counter"] += 1
        return self.ticks["perf_counter"]

    def monotonic(self):
        self.ticks["monotonic"] += 1
        return self.ticks["monotonic"]


@pytest.fixture
def clock(monkeypatch):
    """Rounds of a few steps of one group; a state to go on from is noted every few rounds."""
    clock = Clock()
    monkeypatch.setattr(rounds, "time", clock)
    monkeypatch.setattr(drive, "time", clock)
    monkeypatch.setattr(rounds, "ROUND_SECONDS", 4)
    monkeypatch.setattr(rounds, "thread_count", lambda: 2)
    assert checkpoint.SECONDS == 5


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


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("way", WAYS)
def test_interrupted_training_continues_bit_for_bit(way, tmp_path, monkeypatch):
    whole = run(**WAYS[way])
    assert len(set(whole["steps"].values.ravel().tolist())) > 3
    monkeypatch.setattr(rounds, "in_threads", Interrupter({8, 15, 16, 24}))
    path = tmp_path / "run.nc"
    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            run(**WAYS[way], checkpoint=path)
    assert path.exists()
    assert run(**WAYS[way], checkpoint=path).identical(whole)
    # A finished run is read and not repeated; its seed need not be given again.
    monkeypatch.setattr(rounds, "in_threads", None)
    assert run(**WAYS[way], checkpoint=path, seed=None).identical(whole)


def test_without_interruption_a_checkpoint_changes_nothing(tmp_path):
    assert run(batch_size=4, checkpoint=tmp_path / "run.nc").identical(run(batch_size=4))


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({"seed": 5}, "seed"),
        ({"max_steps": 501}, "stop"),
        ({"lr": [1.0] * 8}, "replicas"),
        ({"noise": "isotropic"}, "noise"),
        ({"schedule": [0, 7]}, "schedule"),
        ({"loss": "square"}, "loss"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(changes, differing, tmp_path, monkeypatch):
    monkeypatch.setattr(rounds, "in_threads", Interrupter({8}))
    with pytest.raises(KeyboardInterrupt):
        run(batch_size=4, checkpoint=tmp_path / "run.nc")
    with pytest.raises(ls.InputError, match=f"belongs to another run .*{differing}"):
        run(**{"batch_size": 4, **changes}, checkpoint=tmp_path / "run.nc")
    X, y = LAW.sample(1)[:2]
    with pytest.raises(ls.InputError, match=r"belongs to another run .*data"):
        train_networks_of(NETWORK, (X, y), **OPTIONS, batch_size=4, checkpoint=tmp_path / "run.nc")


@pytest.mark.usefixtures("clock")
def test_a_start_goes_on_from_its_own_checkpoint(tmp_path, monkeypatch):
    first = run(batch_size=4, max_steps=60, schedule=None)
    options = {"batch_size": 8, "momentum": 0.5, "start": first}
    whole = run(**options)
    monkeypatch.setattr(rounds, "in_threads", Interrupter({12}))
    with pytest.raises(KeyboardInterrupt):
        run(**options, checkpoint=tmp_path / "run.nc")
    assert run(**options, checkpoint=tmp_path / "run.nc").identical(whole)


PROGRAM = """
import sys
import langevin_sgd as ls
from langevin_sgd.simulation import checkpoint
from langevin_sgd.training.observables import KernelChange
from langevin_sgd.training.networks import schedule_of_groups as rounds
checkpoint.SECONDS, rounds.ROUND_SECONDS = 0.05, 0.02
network = ls.models.networks.FullyConnected(dimension=8, width=16, depth=2)
law = ls.data.DepletedSign(points=40, dimension=8)
ls.training.run(
    ls.NetworkProblem(network, law, alpha=500.0),
    ls.SGD(lr=0.2, batch_size=2, sampling="without_replacement"),
    stop=ls.Stop(max_steps=8000),
    replicas=20, seed=1,
    engine=ls.training.NetworkEngine(keep_weights=True), checkpoint=sys.argv[1])
"""


def test_a_killed_training_continues_bit_for_bit(tmp_path):
    """SIGKILL at a moment of its own choosing; what is left goes on to the same weights."""
    path = tmp_path / "run.nc"
    with subprocess.Popen([sys.executable, "-c", PROGRAM, path]) as process:
        while not path.exists():
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    options = {
        "batch_size": 2,
        "alpha": 500.0,
        "max_steps": 8000,
        "replicas": 20,
        "seed": 1,
        "keep_weights": True,
    }
    continued = train_networks_of(NETWORK, LAW, lr=0.2, **options, checkpoint=path)
    assert continued.identical(train_networks_of(NETWORK, LAW, lr=0.2, **options))
