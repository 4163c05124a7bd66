"""The loop itself, with the smallest engine there can be and with a queue that is no engine."""

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.simulation.checkpoint import Checkpoint
from langevin_sgd.simulation.drive import drive
from langevin_sgd.simulation.engine import Carried, Engine
from langevin_sgd.simulation.recording import Recording
from langevin_sgd.simulation.result import result
from langevin_sgd.simulation.timetable import Timetable
from langevin_sgd.simulation.trajectories import Trajectories

START = np.array([[1.0, 2.0], [3.0, 4.0]])


class Halving(Engine):
    """theta' = theta/2, v = theta' - theta: after k steps theta_0/2^k, to the bit."""

    def __init__(self):
        self.now, self.made = START.copy(), 0

    def advance(self, first, stop, recorded):
        assert first == self.made
        self.now, self.made = START / 2.0**stop, stop
        position = START / 2.0 ** recorded[:, None, None]
        return position, -position

    def state(self):
        return self.now, -self.now

    def carried(self):
        return {"theta": self.now, "made": np.array([self.made])}

    def restore(self, carried):
        self.now, self.made = carried["theta"], int(carried["made"][0])


def halved(record, schedule, steps=20, path=None):
    recording = Recording.begin(record, START)
    accumulating = bool(recording.accumulators)
    timetable = Timetable.planned(schedule, steps, accumulating=accumulating)
    trajectories = Trajectories(Halving(), recording, timetable, steps)
    file = None if path is None else Checkpoint(path, {"factor": 2}, kind="halving")
    drive(trajectories, checkpoint=file)
    return result(trajectories, kind="halving", steps=steps)


def interrupt(block):
    if (block.steps >= 9).any():
        raise KeyboardInterrupt
    return {}


def test_an_engine_owes_steps_and_the_arrays_it_carries(tmp_path):
    schedule = [0, 5, 10, 15, 20]
    record = [ls.record.states(), ls.record.time_averages()]
    whole = halved(record, schedule)
    assert np.array_equal(whole["position"][:, 0, 0], 0.5 ** np.array(schedule))
    with pytest.raises(KeyboardInterrupt):
        halved([*record, interrupt], schedule, path=tmp_path / "run.nc")
    assert halved(record, schedule, path=tmp_path / "run.nc").identical(whole)
    assert whole["status"].values.tolist() == [ls.Status.FINISHED] * 2
    assert Halving().first_passages().shape == (0, 2)


def test_a_recording_can_be_fed_from_outside():
    """As a loop of one's own would: the same variables as those of a run that is driven."""
    recording = Recording.begin(ls.record.states(), START)
    for step in (0, 5, 20):
        position = (START / 2.0**step)[None]
        recording.add(np.array([step]), position, -position)
    fed, driven = recording.variables(), halved(ls.record.states(), [0, 5, 20])
    assert np.array_equal(fed["position"][1], driven["position"])


class Queue:
    """Five jobs; its state can be had after every other round only."""

    unit, total, keep_every = "replica", 5, 0.0

    def __init__(self, breaks_at=None):
        self.results = np.full(5, -1.0)
        self.rounds, self.breaks_at = 0, breaks_at

    @property
    def done(self):
        return int((self.results >= 0).sum())

    def advance(self, *, keeping):
        if self.done == self.breaks_at:
            raise KeyboardInterrupt
        self.results[self.done] = self.done**2
        self.rounds += 1

    def carried(self):
        whole = self.rounds % 2 == 0 or self.done == self.total
        return Carried(self.done, {"results": self.results.copy()}) if whole else None

    def restore(self, carried):
        self.results = carried.arrays["results"]

    def plan(self, done):
        return {}


@pytest.mark.parametrize(("breaks_at", "left"), [(1, 5), (3, 3), (4, 1)])
def test_a_queue_goes_on_from_the_last_state_that_could_be_had(breaks_at, left, tmp_path):
    def file():
        return Checkpoint(tmp_path / "run.nc", {"jobs": 5}, kind="queue")

    with pytest.raises(KeyboardInterrupt):
        drive(Queue(breaks_at), checkpoint=file())
    again = Queue()
    drive(again, checkpoint=file())
    assert (again.results == np.arange(5) ** 2).all()
    assert again.rounds == left
    finished = Queue()
    drive(finished, checkpoint=file())
    assert finished.rounds == 0
    assert (finished.results == again.results).all()
