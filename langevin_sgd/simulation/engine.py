"""What the one loop asks of those it drives.

Two protocols, one on top of the other:

- An `Engine` knows one thing, how to make steps of all replicas. Linear regression, every Langevin
  equation and the one-pass perceptron are engines. `langevin_sgd.simulation.trajectories` cuts
  their steps into chunks and records them.
- A `Workload` is what the loop (`langevin_sgd.simulation.drive`) sees: it goes on for a moment,
  says how far it is, and hands over the arrays that a checkpoint has to keep. Trajectories are one;
  the queues of perceptrons and networks, whose replicas end at steps of their own, are the others.

What is computed must depend neither on where chunks and rounds end nor on what a checkpoint does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from langevin_sgd.dataset import Variable

Arrays = Mapping[str, np.ndarray]
"""Arrays by the names that an engine gives them."""


def _nothing() -> dict[str, Variable]:
    return {}


@dataclass(frozen=True)
class Carried:
    """All that a run needs to go on from where it is.

    Parameters
    ----------
    done
        How far it is, in units of the workload.
    arrays
        Copies, or arrays that do not change any more; the engine names them.
    recorded
        Returns the variables recorded up to there, whose first dimension is ``step``. A function,
        because joining them takes time and they are asked for only when a file is written. By
        default nothing: what is recorded lies among the arrays.
    """

    done: int
    arrays: Arrays
    recorded: Callable[[], Mapping[str, Variable]] = _nothing


class Engine(Protocol):
    """A simulator that carries the state of all replicas and makes their steps.

    Those who derive from it inherit the answers of an engine that watches for nothing by itself.
    """

    def advance(self, first: int, stop: int, recorded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Go on from step `first` to step `stop`.

        Returns position and velocity, (step, replica, parameter) each, at the steps `recorded`, all
        of which satisfy first < step <= stop; the arrays are the caller's to change.
        """

    def state(self) -> tuple[np.ndarray, np.ndarray]:
        """Return position and velocity now, (replica, parameter) each."""

    def carried(self) -> Arrays:
        """Return what a checkpoint has to keep, in arrays that do not change any more."""

    def restore(self, carried: Arrays) -> None:
        """Take up what was `carried`; the arrays are the engine's from then on."""

    def first_passages(self) -> np.ndarray:
        """Return the first passage of each watched level, (watch, replica), infinite if none."""
        return np.empty((0, len(self.state()[0])))

    def numbers_per_step(self) -> Fraction:
        """Return how far the counter of the random numbers goes on in a step."""
        return Fraction(1)

    def diverged_step(self) -> np.ndarray | None:
        """Return the step at which the engine itself saw each replica diverge, (replica,), -1 if it
        did not; ``None`` if it does not look.
        """
        return None


class Workload(Protocol):
    """Something that is computed in rounds and can be kept between them."""

    @property
    def unit(self) -> str:
        """What is counted: ``step`` or ``replica``."""

    @property
    def total(self) -> int:
        """How many there are."""

    @property
    def done(self) -> int:
        """How many are done."""

    @property
    def keep_every(self) -> float:
        """Seconds, at least, between two calls of `carried`: 0 where it costs next to nothing."""

    def advance(self, *, keeping: bool) -> None:
        """Go on for one round: so short that Ctrl-C is answered soon, and long against its cost.

        With `keeping` the state is asked for after the round, which may have to end where that is
        possible.
        """

    def carried(self) -> Carried | None:
        """Return all that is needed to go on; ``None`` if it cannot be had at this point."""

    def restore(self, carried: Carried) -> None:
        """Take up what was `carried`.

        Raises
        ------
        InputError
            If it is damaged.
        """

    def plan(self, done: int) -> Mapping[str, Any]:
        """Return what was asked of the run up to there, in JSON types: a run goes on from the
        checkpoint of another if they are equal, whatever is planned for later.
        """
