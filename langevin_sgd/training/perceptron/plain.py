"""The plain trainer: every step is made, batch by batch, as one compiled loop.

Batches come from `langevin_sgd.training.batches.fill_batches`, a tile of steps at a time, and rows
are asked for `AHEAD` samples before their use. Training ends retroactively: once no update was made
for steps that hold twice as many points as there are, all points are looked at; if none is unfit
the last update was the end, if one is it stays so until the next update and nothing is looked at
before that. So the end is exact and costs next to nothing.

Where training is to stop at an unfit fraction above zero it may go on changing, and the end must be
noticed in its step: all margins at a place give a distance within which more than the allowed
number of points stay unfit (Cauchy-Schwarz, as in ``certificates``), and points are counted anew
only when w has left it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from langevin_sgd.kernels.compiled import inlined, kernel
from langevin_sgd.training.batches import Sampler, batch_length, fill_batches
from langevin_sgd.training.perceptron.rows import (
    AHEAD,
    add_row,
    count_unfit,
    dot,
    prefetch_row,
    rounding_slack,
    squared_distance,
    squared_norm,
)
from langevin_sgd.training.perceptron.state import (
    ACCELERATED,
    DIVERGED,
    FITTED,
    LAST_UPDATE,
    LOOK,
    MARK_STEP,
    MARK_UPDATES,
    MARK_WORK,
    METHOD,
    PATIENCE,
    RESERVE,
    SAMPLE,
    STATUS,
    STEP,
    TRAINING,
    TRIAL,
    UPDATES,
    VISITS,
    WITNESSED,
    WORK,
    PerceptronState,
)

FETCH_BYTES = 2**22
"""Size of a training set from which on asking for rows ahead costs less than waiting for them."""
WINDOW = 32
"""Updates over which points per update are measured."""


class PerceptronRule(NamedTuple):
    """The numbers of the update rule."""

    lr: float
    margin: float
    allowed: int
    """Unfit points at which training stops."""
    all_points: bool
    """Whether every batch is the whole training set: gradient descent, which draws nothing."""
    automatic: bool
    """Whether the method may change when that pays."""
    overflow: float


class StepScratch(NamedTuple):
    """Scratch of one replica."""

    batches: np.ndarray
    """(step of a tile, batch) numbers of points."""
    samples: np.ndarray
    """The same in one row, and zeros behind them, so that the last ones can look ahead too."""
    unfit: np.ndarray
    """(batch,) the unfit ones of one step."""
    deficits: np.ndarray
    """(point,)."""


def make_room(points: int, batch_size: int, tile: int) -> StepScratch:
    """Scratch for batches of some size, drawn `tile` steps at a time."""
    samples = np.zeros(tile * batch_size + AHEAD, np.int32)
    batches = samples[: tile * batch_size].reshape(tile, batch_size)
    return StepScratch(batches, samples, np.empty(batch_size, np.int32), np.empty(points))


class Points(NamedTuple):
    """A training set."""

    rows: np.ndarray
    """(point, parameter) folded rows, padded, float64 or float32."""
    lengths: np.ndarray
    """(point,) norms of the rows, rounded upwards."""
    longest: float
    """The largest of them."""


@inlined
def finish(state: PerceptronState, status: int) -> None:
    """End the training: nothing changes after the last update, so that is where it ends."""
    state.counters[STATUS] = status
    if status == FITTED:
        state.counters[STEP] = state.counters[LAST_UPDATE]


@inlined
def _begin_watch(
    state: PerceptronState, points: Points, rule: PerceptronRule, deficits: np.ndarray
) -> None:
    """Stop if few enough points are unfit, else note how far from here that is excluded."""
    w, parameters = state.weights, len(state.weights)
    largest = 0.0
    for i in range(len(points.rows)):
        deficits[i] = (rule.margin - dot(points.rows, i, w)) / points.lengths[i]
        largest = max(largest, deficits[i])
    if not _more_than(rule.allowed, deficits, 0.0):
        finish(state, FITTED)
        return
    distance = largest
    while not _more_than(rule.allowed, deficits, distance):
        distance *= 0.5
    for p in range(parameters):
        state.guard[p] = w[p]
    state.guard[parameters] = distance - rounding_slack(w)


@inlined
def _more_than(allowed: int, deficits: np.ndarray, limit: float) -> bool:
    count = 0
    for deficit in deficits:
        count += deficit > limit
    return count > allowed


@inlined
def _has_left_watch(state: PerceptronState) -> bool:
    parameters = len(state.weights)
    reach = state.guard[parameters]
    return reach <= 0.0 or squared_distance(state.weights, state.guard) >= reach * reach


@inlined
def _end_of_tile(
    state: PerceptronState, points: Points, rule: PerceptronRule, batch_size: int
) -> None:
    """What need not be done in every step: overflow, the end, and the choice of the method."""
    counters, w = state.counters, state.weights
    if not squared_norm(w) <= rule.overflow:
        finish(state, DIVERGED)
        return
    idle = (counters[STEP] - counters[LAST_UPDATE]) * batch_size
    if (
        rule.allowed == 0
        and idle >= 2 * len(points.rows)
        and counters[WITNESSED] != counters[UPDATES]
    ):
        if count_unfit(points.rows, w, rule.margin, 1) == 0:
            finish(state, FITTED)
            return
        counters[WITNESSED] = counters[UPDATES]
    if rule.automatic:
        seen = (counters[STEP] - counters[MARK_STEP]) * batch_size
        trials = counters[WORK] + TRIAL * LOOK * len(points.rows)
        if (
            seen >= WINDOW * counters[PATIENCE]
            and SAMPLE * counters[STEP] * batch_size >= RESERVE * trials
        ):
            counters[METHOD] = ACCELERATED
            counters[MARK_STEP], counters[MARK_WORK] = counters[STEP], counters[WORK]
        elif counters[UPDATES] - counters[MARK_UPDATES] >= WINDOW:
            counters[MARK_STEP], counters[MARK_UPDATES] = counters[STEP], counters[UPDATES]


@inlined
def add_batch(
    state: PerceptronState, rows: np.ndarray, unfit: np.ndarray, count: int, scale: float, step: int
) -> None:
    """Add the unfit rows of one batch."""
    for j in range(count):
        add_row(state.weights, scale, rows, unfit[j])
    state.counters[LAST_UPDATE] = step
    state.counters[UPDATES] += 1
    state.counters[VISITS] += count


@kernel
def advance_plainly(
    state: PerceptronState,
    points: Points,
    rule: PerceptronRule,
    sampler: Sampler,
    room: StepScratch,
    key: np.ndarray,
    replica: int,
    stop: int,
    tiles: int,
) -> None:
    """Make steps until step `stop`, `tiles` tiles, or a change of method or status."""
    counters, rows, w = state.counters, points.rows, state.weights
    size, tile = sampler.batch_size, sampler.bits.shape[1]
    batches, samples, unfit = room.batches, room.samples, room.unfit
    address, row_bytes = rows.ctypes.data, rows.shape[1] * rows.itemsize
    fetch = rows.nbytes > FETCH_BYTES and not rule.all_points
    for _ in range(tiles):
        first = counters[STEP]
        # Tiles end at the same steps wherever the caller stops.
        steps = min(tile - first % tile, stop - first)
        if steps == 0 or counters[STATUS] != TRAINING or counters[METHOD] == ACCELERATED:
            break
        if not rule.all_points:
            fill_batches(batches[:steps], sampler, 0, key, replica, first)
        for k in range(steps):
            length = len(rows) if rule.all_points else batch_length(sampler, first + k)
            count = 0
            for j in range(length):
                i = j if rule.all_points else samples[k * size + j]
                if fetch:
                    prefetch_row(address, row_bytes, samples[k * size + j + AHEAD])
                if not dot(rows, i, w) >= rule.margin:
                    unfit[count] = i
                    count += 1
            if count > 0:
                add_batch(state, rows, unfit, count, rule.lr / length, first + k + 1)
                if rule.allowed > 0 and _has_left_watch(state):
                    _begin_watch(state, points, rule, room.deficits)
                    if counters[STATUS] != TRAINING:
                        return
        counters[STEP] = first + steps
        if counters[STEP] % tile == 0:
            _end_of_tile(state, points, rule, size)
