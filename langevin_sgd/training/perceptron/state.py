"""What one replica of a perceptron carries from step to step, and how its training may end.

Everything a run needs to go on is in these arrays, so that a checkpoint of them continues it bit
for bit: random numbers are functions of (seed, replica, step or event), and lists of certificates
are made again from their reference points (``certificates``).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from langevin_sgd.kernels.layout import padded
from langevin_sgd.simulation.status import Status

TRAINING = -1
"""Status of a replica that has not ended."""
FITTED, STEP_LIMIT, DIVERGED = (
    int(status) for status in (Status.FINISHED, Status.STEP_LIMIT, Status.DIVERGED)
)
"""Statuses, as numbers for the compiled loops. A replica is fitted once at most the allowed number
of points is unfit.
"""
PLAIN, ACCELERATED = range(2)
"""Methods."""

COUNTERS = 17
(
    STATUS,
    METHOD,
    STEP,  # steps made
    LAST_UPDATE,  # the last step that changed w, 0 for none
    UPDATES,  # steps that changed w
    VISITS,  # unfit points in these steps, each as often as it was met
    # updates made when a point outside the latest batches was last seen to be unfit, -1 for never
    WITNESSED,
    EVENT,  # events that the accelerated method has dealt with
    ARRIVAL,  # step of the next event, 0 if not drawn yet
    FRUITLESS,  # points tested since the last update
    # step, updates and work at the beginning of the window in which two methods are compared
    MARK_STEP,
    MARK_UPDATES,
    MARK_WORK,
    WORK,  # work of the accelerated method so far, in its own units
    UNFIT,  # unfit points at the end
    RECORDED,  # snapshots taken
    PATIENCE,  # points per update from which on the accelerated method is tried
) = range(COUNTERS)
FIRST_PATIENCE = 64
"""Points per update from which on the accelerated method is tried at all."""
TEST, LOOK, UPDATE, SAMPLE = 6, 2, 60, 3
"""Work, in about 2 ns: test a listed point, look at a point, update, sample of a plain step."""
TRIAL = 4
"""The accelerated method is judged when its work is that of looking at all points so many times."""
RESERVE = 32
"""It is tried only if what was done so far would have taken so many times the work of all
trials.
"""

LEVELS = 3
"""Levels of the lists of certificates."""
NUMBERS = 3
(
    RADIUS,  # radius of the list, 0 if there is none
    NEXT,  # radius that it gets when it is made the next time
    SPENT,  # work that its use has cost since it was made
) = range(NUMBERS)


class PerceptronState(NamedTuple):
    """One replica; with a leading axis, all of them."""

    weights: np.ndarray
    """(parameter,), padded."""
    counters: np.ndarray
    """(COUNTERS,) int64."""
    guard: np.ndarray
    """(parameter,) a place, padded, and behind it the distance up to which too many points stay
    unfit.
    """
    references: np.ndarray
    """(level, parameter) reference points of the lists of certificates, padded."""
    levels: np.ndarray
    """(level, NUMBERS)."""


def new_states(start: np.ndarray, method: int) -> PerceptronState:
    """States of all replicas before their first step, from weights (replica, parameter)."""
    weights = padded(start)
    counters = np.zeros((len(start), COUNTERS), np.int64)
    counters[:, STATUS] = TRAINING
    counters[:, METHOD] = method
    counters[:, WITNESSED] = -1
    counters[:, PATIENCE] = FIRST_PATIENCE
    replicas, columns = weights.shape
    references, levels = (
        np.zeros((replicas, LEVELS, columns)),
        np.zeros((replicas, LEVELS, NUMBERS)),
    )
    return PerceptronState(weights, counters, np.zeros((replicas, columns + 1)), references, levels)


def of_replica(states: PerceptronState, r: int) -> PerceptronState:
    """Views of one replica."""
    return PerceptronState(*(array[r] for array in states))
