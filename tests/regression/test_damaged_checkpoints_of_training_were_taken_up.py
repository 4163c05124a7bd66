"""Checkpoints of networks and perceptrons with a part missing, or of another run, ended in errors
of Python.
"""

import numpy as np
import pytest
from in_one_call import train_networks_of, train_perceptrons_of

import langevin_sgd as ls
from langevin_sgd.models.networks import FullyConnected
from langevin_sgd.training.networks import schedule_of_groups as rounds
from langevin_sgd.training.perceptron import train as perceptron_train

pytestmark = pytest.mark.usefixtures("one_torch_thread")


class Stopped(Exception):
    """In place of an interruption."""


class Interrupter:
    """Works for some rounds and then stops."""

    def __init__(self, rounds):
        self.left = rounds

    def __call__(self, work, pieces):
        if self.left == 0:
            raise Stopped
        self.left -= 1
        for piece in pieces:
            work(piece)


def networks(path):
    return train_networks_of(
        FullyConnected(dimension=4, width=6, depth=1), ls.data.DepletedSign(points=40, dimension=4),
        lr=1e-3,
        momentum=0.5, batch_size=4, max_steps=1280, replicas=3, seed=1, schedule=[0, 64, 1280],
        checkpoint=path,
    )  # fmt: skip


def perceptrons(path):
    problem = ls.Perceptron(data=ls.data.DepletedSign(points=2000, dimension=8), margin=0.1)
    return train_perceptrons_of(
        problem,
        ls.SGD(lr=1e-3, batch_size=1),
        replicas=2,
        seed=1,
        max_steps=10**6,
        schedule=[0, 64],
        checkpoint=path,
    )


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """Files of training on its way, by the function that goes on from them."""
    folder = tmp_path_factory.mktemp("checkpoints")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rounds.checkpoint, "SECONDS", 0.0)
        patch.setattr(rounds, "ROUND_SECONDS", 1e-3)
        patch.setattr(perceptron_train, "CHUNK_SECONDS", 1e-4)
        for train, module in ((networks, rounds), (perceptrons, perceptron_train)):
            patch.setattr(module, "in_threads", Interrupter(4))
            with pytest.raises(Stopped):
                train(folder / f"{train.__name__}.nc")
    return {train: folder / f"{train.__name__}.nc" for train in (networks, perceptrons)}


def without(name):
    return lambda stored: stored.drop_vars(name)


def changed(name, change):
    return lambda stored: stored.assign({name: (stored[name].dims, change(stored[name].values))})


def shorter(name):
    def cut(stored):
        values = stored[name].values[:1]
        return stored.drop_vars(name).assign(
            {name: ([f"cut_{axis}" for axis in range(values.ndim)], values)}
        )

    return cut


DAMAGES = {
    "no status": (networks, without("state_status")),
    "no weights": (networks, without("state_group0_weights")),
    "no velocity": (networks, without("state_group0_velocity")),
    "no members": (networks, without("state_group0_members")),
    "shorter weights": (networks, shorter("state_group0_weights")),
    "shorter record": (networks, shorter("state_recorded_loss")),
    "another status": (networks, changed("state_status", lambda a: a + np.int8(50))),
    "a step beyond the last": (networks, changed("state_group0_step", lambda a: a + 10**9)),
    "a step before the first": (networks, changed("state_group0_step", lambda a: a - 10**9)),
    "members of another group": (networks, changed("state_group0_members", lambda a: a + 50)),
    "no counters": (perceptrons, without("state_counters")),
    "no lists": (perceptrons, without("state_levels")),
    "shorter counters": (perceptrons, shorter("state_counters")),
    "no record": (perceptrons, without("state_unfit")),
    "counters of another kind": (perceptrons, changed("state_counters", lambda a: a.astype(float))),
    "counters of nothing": (perceptrons, changed("state_counters", lambda a: 0 * a - 7)),
    "steps beyond the last": (perceptrons, changed("state_counters", lambda a: a + 10**9)),
    "weights that are no numbers": (perceptrons, changed("state_weights", lambda a: a + np.nan)),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_checkpoint_is_one_line(name, interrupted, tmp_path):
    train, damage = DAMAGES[name]
    path = tmp_path / "run.nc"
    ls.save(damage(ls.load(interrupted[train])), path)
    with pytest.raises(ls.InputError, match="checkpoint") as caught:
        train(path)
    assert "\n" not in str(caught.value)


def test_records_of_steps_that_were_not_made_are_one_line(interrupted, tmp_path):
    from langevin_sgd.training.perceptron.state import RECORDED, STEP

    stored, path = ls.load(interrupted[perceptrons]), tmp_path / "run.nc"
    counters = stored["state_counters"].values.copy()
    waiting = counters[:, STEP] == 0
    assert waiting.any()
    counters[waiting, RECORDED] = 2
    ls.save(stored.assign(state_counters=(stored["state_counters"].dims, counters)), path)
    with pytest.raises(ls.InputError, match="checkpoint"):
        perceptrons(path)


@pytest.mark.parametrize("train", [networks, perceptrons])
def test_a_whole_checkpoint_is_taken_up(train, interrupted, tmp_path):
    """Control."""
    path = tmp_path / "run.nc"
    ls.save(ls.load(interrupted[train]), path)
    assert train(path).identical(train(tmp_path / "anew.nc"))
