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
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from langevin_sgd.checks import (
    LARGEST_COUNT,
    as_chi,
    as_count,
    as_flag,
    as_instance,
    as_not_negative,
    as_real,
    require,
    require_memory,
)
from langevin_sgd.dataset import Variable
from langevin_sgd.kernels.compiled import in_threads, kernel, thread_count
from langevin_sgd.randomness import (
    FRESH,
    bits_over_draws,
    box_muller_64,
    gamma_64,
    key_from_seed,
)
from langevin_sgd.record import Snapshots
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.simulation.beginning import resolve_seed
from langevin_sgd.simulation.drive import drive
from langevin_sgd.simulation.engine import Arrays, Engine
from langevin_sgd.simulation.recording import Recording
from langevin_sgd.simulation.result import result
from langevin_sgd.simulation.timetable import Timetable
from langevin_sgd.simulation.trajectories import Trajectories
from langevin_sgd.training.perceptron.train import require_plain_sgd

if TYPE_CHECKING:
    import xarray as xr

_SIZE, _SPREAD = 2**30, 2**31
"""Draws of |x_1| of a batch and of its chi-squared variable, beyond those of z."""


def one_pass_perceptron(
    chi: float,
    margin: float,
    settings: SGD,
    dimension: int,
    *,
    replicas: int = 1,
    steps: int,
    schedule: Sequence[int] | np.ndarray | None = None,
    seed: int | None = None,
    signal: float = 0.0,
    noise: float = 0.0,
    first_replica: int = 0,
    progress: bool = False,
) -> xr.Dataset:
    """Run one-pass SGD on fresh samples of the law `langevin_sgd.data.DepletedSign`.

    Parameters
    ----------
    chi
        Exponent of the density at the boundary, > -1.
    margin
        Margin of y f, >= 0; with 0 nothing is unfit at zero weights, so give a `noise` to start
        from.
    settings
        Learning rate and batch size; how batches are drawn does not matter for fresh samples. Plain
        SGD only.
    dimension
        Dimension d, >= 1.
    replicas
        Independent repetitions.
    steps
        Steps to make.
    schedule
        Increasing steps from 0 to `steps` to record at; log-spaced by default.
    seed
        0 ... 2**128 - 1; by default fresh entropy, kept in the provenance.
    signal, noise
        Where to start, noise >= 0.
    first_replica
        Number of the first replica.
    progress
        Show a progress bar, if standard error is a terminal.

    Returns
    -------
    xarray.Dataset
        ``signal`` and ``noise`` (step, replica); ``status`` and ``diverged_step`` (replica,). Time
        is lr * step.

    Raises
    ------
    InputError
        If an argument is out of range.

    References
    ----------
    Derived; the model is that of Sclocchi, Geiger and Wyart, arXiv 2301.13703.

    Examples
    --------
    >>> runs = one_pass_perceptron(0.0, 0.1, SGD(lr=1.0, batch_size=1), 1000, steps=1, seed=1)
    >>> runs["signal"].dims, bool(runs["noise"][-1, 0] > 0)
    (('step', 'replica'), True)
    """
    chi, margin = as_chi("chi", chi), as_not_negative("margin", margin)
    require_plain_sgd(as_instance("settings", settings, SGD))
    dimension, steps = as_count("dimension", dimension), as_count("steps", steps)
    replicas = as_count("replicas", replicas)
    first_replica = as_count("first_replica", first_replica, 0, LARGEST_COUNT - replicas)
    signal, noise = as_real("signal", signal), as_not_negative("noise", noise)
    require(dimension > 1 or noise == 0, "noise", noise, "must be 0 in one dimension")
    progress = as_flag("progress", progress)
    timetable = Timetable.planned(schedule, steps, accumulating=False)
    require_memory("batch_size", settings.batch_size, 32.0 * settings.batch_size)
    require_memory("replicas", replicas, 16.0 * replicas * len(timetable.schedule))
    seed = resolve_seed(seed)
    start = np.tile([signal, noise], (replicas, 1))
    engine = OnePassEngine(
        start, chi, margin, settings, dimension, key_from_seed(seed), first_replica
    )
    recording = Recording.begin(_signal_and_noise, start)
    trajectories = Trajectories(engine, recording, timetable, steps)
    drive(trajectories, progress=progress and sys.stderr.isatty())
    law = {"chi": chi, "margin": margin, "dimension": dimension, "start": [signal, noise]}
    provenance = {"settings": settings.to_dict(), "seed": seed, "problem": law, "steps": steps}
    made = result(
        trajectories,
        first_replica=first_replica,
        kind="perceptron_one_pass_run",
        **provenance,
    )
    return made.drop_vars(["final_position", "final_velocity"])


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
        chi: float,
        margin: float,
        settings: SGD,
        dimension: int,
        key: np.ndarray,
        first_replica: int,
    ) -> None:
        self._now, self._key, self._first_replica = start.copy(), key, first_replica
        self._law = (
            (chi + 1.0) / 2.0,
            margin,
            settings.lr / (settings.batch_size * dimension),
            dimension,
        )
        self._batch_size = settings.batch_size

    def advance(self, first: int, stop: int, recorded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Go on to step `stop`."""
        after, found = self._now.copy(), np.empty((len(recorded), *self._now.shape))

        def work(replicas: np.ndarray) -> None:
            bits = np.empty((4, self._batch_size), np.uint64)
            for r in replicas:
                number = self._first_replica + r
                advance_chain(
                    after[r],
                    found[:, r],
                    recorded,
                    *self._law,
                    bits,
                    self._key,
                    number,
                    first,
                    stop,
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
    found: np.ndarray,
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
    """Advance (signal, noise) of one replica from step `first` to `stop`; `bits` (4, batch) is
    scratch.
    """
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
            found[taken, 0], found[taken, 1] = a, s
            taken += 1
    now[0], now[1] = a, s
