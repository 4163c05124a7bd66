r"""One-pass SGD on a perceptron: every sample is fresh, and two numbers are an exact Markov chain.

For inputs whose components 2 ... d are isotropic the signal a = w_1/sqrt(d) and the noise s =
||w_2...d||/sqrt(d) determine the law of everything that follows. A fresh sample has |x_1| and,
along the noise, z ~ N(0, 1); it is unfit if a |x_1| + s z < margin. With u unfit samples in a batch

    a   -> a + (lr/(B d)) sum |x_1|
    s^2 -> (s + (lr/(B d)) sum z)^2 + (lr/(B d))^2 u chi2_{d-2}

sums over the unfit ones: the components of their sum at right angles to the noise are u times a
chi-squared variable of d - 2 degrees of freedom. Derived from the rotational symmetry; exact for
any d, batch size and learning rate, at a cost of O(B) per step whatever d. For d = 1 there is no
noise, for d = 2 no chi-squared variable.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from langevin_sgd.checks import require, require_memory
from langevin_sgd.dataset import Variable
from langevin_sgd.kernels.compiled import in_threads, kernel, thread_count
from langevin_sgd.models.perceptron import OnePassPerceptron
from langevin_sgd.randomness import (
    FRESH,
    bits_over_draws,
    box_muller_64,
    gamma_64,
    key_from_seed,
)
from langevin_sgd.record import Snapshots
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.simulation.beginning import as_start, require_fresh_numbers, require_steps
from langevin_sgd.simulation.checkpoint import Checkpoint, digest
from langevin_sgd.simulation.drive import drive
from langevin_sgd.simulation.earlier import (
    is_result,
    kept,
    provenance_of_start,
    require_same_replicas,
    steps_made,
)
from langevin_sgd.simulation.engine import Arrays, Engine
from langevin_sgd.simulation.recording import Recording
from langevin_sgd.simulation.result import result
from langevin_sgd.simulation.timetable import Timetable
from langevin_sgd.simulation.trajectories import Trajectories
from langevin_sgd.training.request import RunRequest

if TYPE_CHECKING:
    import xarray as xr

_SIZE, _SPREAD = 2**30, 2**31
"""Draws of |x_1| of a batch and of its chi-squared variable, beyond those of z."""


def train(request: RunRequest) -> xr.Dataset:
    """Make the steps of the chain of all replicas; see `langevin_sgd.training.run`."""
    ((problem, settings, _),) = request.variants
    require(request.record is None, "record", request.record, "is signal and noise in any case")
    steps, seed, replicas = request.steps, request.seed, len(request.numbers)
    assert steps is not None
    timetable = Timetable.planned(request.schedule, steps, accumulating=False)
    require_memory("batch_size", settings.batch_size, 32.0 * settings.batch_size)
    require_memory("replicas", replicas, 16.0 * replicas * len(timetable.schedule))
    require_fresh_numbers(request.start, seed=seed, steps=steps)
    start, first_step = _start(request)
    require_steps(first_step, steps)
    key, first_replica = key_from_seed(seed), request.numbers[0]
    engine = OnePassEngine(start, problem, settings, key, first_replica, first_step)
    recording = Recording.begin(_signal_and_noise, start)
    trajectories = Trajectories(engine, recording, timetable, steps)
    provenance = {
        "settings": settings.to_dict(),
        "seed": seed,
        "problem": asdict(problem),
        "first_step": first_step,
    }
    file = None
    if request.checkpoint is not None:
        identity = provenance | {"first_replica": first_replica, "start": digest(start)}
        file = Checkpoint(request.checkpoint, identity, kind="perceptron_one_pass_checkpoint")
    drive(trajectories, checkpoint=file, progress=request.progress)
    made = result(
        trajectories,
        first_replica=first_replica,
        kind="perceptron_one_pass_run",
        **provenance,
        steps=steps,
    )
    return made.drop_vars("final_velocity")


def _start(request: RunRequest) -> tuple[np.ndarray, int]:
    """Signal and noise (replica, 2) to start from, and steps made before."""
    start, first_step = request.start, 0
    if is_result(start):
        stored = provenance_of_start(start, "perceptron_one_pass_run")
        require_same_replicas(start, request.numbers)
        first_step = steps_made(stored)
        start = kept(start, "final_position")
    both = as_start("start", start, len(request.numbers), 2)
    noise = both[:, 1]
    require(bool((noise >= 0).all()), "start", start, "must be (signal, noise) with noise >= 0")
    flat = request.variants[0].problem.dimension == 1
    require(not flat or not noise.any(), "start", start, "must have no noise in one dimension")
    return both, first_step


def _signal_and_noise(block: Snapshots) -> dict[str, Variable]:
    dims = ("step", "replica")
    return {
        "signal": (dims, block.position[..., 0], "w"),
        "noise": (dims, block.position[..., 1], "w"),
    }


class OnePassEngine(Engine):
    """Signal and noise of all replicas, an exact Markov chain: the position is (signal, noise)."""

    def __init__(
        self,
        start: np.ndarray,
        problem: OnePassPerceptron,
        settings: SGD,
        key: np.ndarray,
        first_replica: int,
        first_step: int,
    ) -> None:
        self._now, self._key = start.copy(), key
        self._first_replica, self._first_step = first_replica, first_step
        self._law = (
            (problem.chi + 1.0) / 2.0,
            problem.margin,
            settings.lr / (settings.batch_size * problem.dimension),
            problem.dimension,
        )
        self._batch_size = settings.batch_size

    def advance(self, first: int, stop: int, recorded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Go on to step `stop`."""
        after, found = self._now.copy(), np.empty((len(recorded), *self._now.shape))
        begin = self._first_step

        def work(replicas: np.ndarray) -> None:
            bits = np.empty((4, self._batch_size), np.uint64)
            for r in replicas:
                number = self._first_replica + r
                advance_chain(
                    after[r],
                    found[:, r],
                    recorded + begin,
                    *self._law,
                    bits,
                    self._key,
                    number,
                    begin + first,
                    begin + stop,
                )

        in_threads(work, np.array_split(np.arange(len(after)), min(len(after), 4 * thread_count())))
        self._now = after
        return found, np.zeros_like(found)

    def state(self) -> tuple[np.ndarray, np.ndarray]:
        """Position, and a velocity of zero."""
        return self._now, np.zeros_like(self._now)

    def carried(self) -> dict[str, np.ndarray]:
        """Return the state; a step makes a new one."""
        return {"signal_and_noise": self._now}

    def restore(self, carried: Arrays) -> None:
        """Take up a state."""
        self._now = carried["signal_and_noise"]


@kernel
def advance_chain(
    now: np.ndarray,
    states: np.ndarray,
    recorded: np.ndarray,
    shape: float,
    margin: float,
    rate: float,
    dimension: int,
    bits: np.ndarray,
    key: np.ndarray,
    replica: int,
    first: int,
    stop: int,
) -> None:
    """Advance (signal, noise) of one replica from step `first` to `stop`; scratch `bits`."""
    a, s, taken = now[0], now[1], 0
    for step in range(first, stop):
        bits_over_draws(bits, key, step, replica, FRESH)
        unfit, along, across = 0, 0.0, 0.0
        for b in range(bits.shape[1]):
            size = math.sqrt(2.0 * gamma_64(shape, key, _SIZE + b, step, replica, FRESH))
            z = box_muller_64(bits[0, b], bits[1, b])[0] if dimension > 1 else 0.0
            if not a * size + s * z >= margin:
                unfit += 1
                along += size
                across += z
        if unfit > 0:
            a += rate * along
            squared = (s + rate * across) ** 2
            if dimension > 2:
                # A chi-squared variable is twice a gamma variable of half the degrees of freedom.
                spread = 2.0 * gamma_64((dimension - 2) / 2.0, key, _SPREAD, step, replica, FRESH)
                squared += rate * rate * unfit * spread
            s = math.sqrt(squared)
        if taken < len(recorded) and recorded[taken] == step + 1:
            states[taken, 0], states[taken, 1] = a, s
            taken += 1
    now[0], now[1] = a, s
