r"""The accelerated trainer: the same law as plain steps, skipping those that change nothing.

A step changes the weights only if its batch meets the finest list of ``certificates``, outside of
which no point is unfit. So the simulation goes from one such batch to the next: a geometric number
of steps is skipped, the overlap of the batch with the list is drawn from its law (``overlap``), and
only its members are tested. This is exact: batches are independent of one another and of the past,
the lists are functions of the past, and points outside contribute nothing; a geometric law has no
memory, so the lists may change at any event. Sampling by epochs is excluded, whose batches depend
on one another.

Training ends when the finest list is empty, or none of its points is unfit; that is looked at after
twice as many fruitless tests as it has members. Random words are functions of (event, replica), so
a run may be cut anywhere.

Speed: an update costs some tens to hundreds of products instead of P / (unfit points), so the gain
grows with P and falls with d; see the benchmarks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from langevin_sgd.kernels.compiled import inlined, kernel
from langevin_sgd.randomness import (
    EVENTS,
    MEMBERS,
    bits_over_draws,
    bits_over_steps,
    index_below,
    uniform,
)
from langevin_sgd.training.perceptron.certificates import (
    Lists,
    first_to_renew,
    renew,
)
from langevin_sgd.training.perceptron.overlap import (
    OverlapLaw,
    draw_members,
    draw_overlap,
    overlap_law,
    steps_to_meet,
)
from langevin_sgd.training.perceptron.plain import PerceptronRule, Points, add_batch, finish
from langevin_sgd.training.perceptron.rows import dot, squared_norm
from langevin_sgd.training.perceptron.state import (
    ARRIVAL,
    DIVERGED,
    EVENT,
    FITTED,
    FRUITLESS,
    LEVELS,
    LOOK,
    MARK_STEP,
    MARK_UPDATES,
    MARK_WORK,
    METHOD,
    NEXT,
    PATIENCE,
    PLAIN,
    RADIUS,
    SAMPLE,
    SPENT,
    STEP,
    TEST,
    TRIAL,
    UPDATE,
    UPDATES,
    WITNESSED,
    WORK,
    PerceptronState,
)

TILE = 64
"""Events whose random words are made together."""
FIRST_RADIUS, RADIUS_RATIO = 2.0, 1.6
"""First radius of the finest level, in single-point updates, and the ratio between two levels."""
NEVER = 2**62


class EventScratch(NamedTuple):
    """Scratch of one replica."""

    words: np.ndarray
    """(4, TILE) random words of events."""
    bits: np.ndarray
    """(4, a quarter of the batch) random words of the members of one event."""
    chosen: np.ndarray
    """(batch,) members of the list in one batch."""
    taken: np.ndarray
    """(point,) marks, all False between events."""


def make_room(points: int, batch_size: int) -> EventScratch:
    """Scratch for batches of some size."""
    bits = np.empty((4, (batch_size + 3) // 4), np.uint64)
    taken = np.zeros(points, np.bool_)
    return EventScratch(np.empty((4, TILE), np.uint64), bits, np.empty(batch_size, np.int32), taken)


@inlined
def _set_radii(state: PerceptronState, stride: float) -> None:
    for level in range(LEVELS):
        state.levels[level, NEXT] = FIRST_RADIUS * stride * RADIUS_RATIO ** (LEVELS - 1 - level)


@inlined
def _is_fitted(lists: Lists, w: np.ndarray, margin: float) -> bool:
    """Whether no listed point is unfit."""
    unfit = 0
    for m in range(lists.sizes[LEVELS - 1]):
        unfit += not dot(lists.rows, lists.members[LEVELS - 1, m], w) >= margin
    return unfit == 0


@inlined
def _give_up(lists: Lists, state: PerceptronState, points: int, batch_size: int) -> bool:
    """Return to plain steps if these would be cheaper, and be more patient the next time."""
    counters = state.counters
    work = counters[WORK] - counters[MARK_WORK]
    if work < TRIAL * LOOK * points:
        return False
    plainly = SAMPLE * (counters[STEP] - counters[MARK_STEP]) * batch_size
    counters[MARK_STEP], counters[MARK_UPDATES], counters[MARK_WORK] = (
        counters[STEP],
        counters[UPDATES],
        counters[WORK],
    )
    if work <= plainly:
        return False
    counters[METHOD] = PLAIN
    counters[PATIENCE] *= 2
    state.levels[0, RADIUS] = 0.0
    lists.sizes[0] = -1
    return True


@inlined
def _pick(
    chosen: np.ndarray,
    bits: np.ndarray,
    taken: np.ndarray,
    law: OverlapLaw,
    u: float,
    listed: int,
    sampling: tuple[int, bool],
    key: np.ndarray,
    replica: int,
    event: int,
) -> int:
    """Put the listed points that are in the batch into `chosen`; return their number."""
    batch_size, replaced = sampling
    count = draw_overlap(law, u, len(taken), listed, batch_size, replaced)
    some = bits[:, : (count + 3) // 4]
    bits_over_draws(some, key, event, replica, MEMBERS)
    draw_members(chosen, count, listed, replaced, some, taken)
    return count


@kernel
def advance_by_events(
    state: PerceptronState,
    points: Points,
    rule: PerceptronRule,
    lists: Lists,
    room: EventScratch,
    sampling: tuple[int, bool],
    key: np.ndarray,
    replica: int,
    stop: int,
    effort: int,
) -> None:
    """Go from event to event until step `stop`, a work limit, or a change of method or status.

    `sampling` is the batch size, and whether batches are drawn with replacement.
    """
    batch_size, replaced = sampling
    if state.levels[0, NEXT] == 0.0:
        _set_radii(state, rule.lr / batch_size * points.longest)
    first = 0 if lists.sizes[0] < 0 else LEVELS
    # The loop over events works on arrays and numbers of its own: tuples of arrays passed on cost
    # more than a test.
    counters, w, rows, finest, margin = (
        state.counters,
        state.weights,
        lists.rows,
        lists.members[-1],
        rule.margin,
    )
    words, bits, chosen, taken = room.words, room.bits, room.chosen, room.taken
    limit, tile = counters[WORK] + effort, -1
    while True:
        if first < LEVELS:
            renew(first, lists, state, points, rule)
        if counters[WORK] >= limit:
            return
        listed = lists.sizes[LEVELS - 1]
        if listed == 0:
            finish(state, FITTED)
            return
        law = overlap_law(len(points.rows), listed, batch_size, replaced)
        step, event, arrival = counters[STEP], counters[EVENT], counters[ARRIVAL]
        work, fruitless = counters[WORK], counters[FRUITLESS]
        look_at = 2 * listed if counters[WITNESSED] != counters[UPDATES] else NEVER
        unfit = 0
        while unfit == 0 and fruitless < look_at and work < limit:
            if event // TILE != tile:
                tile = event // TILE
                bits_over_steps(words, key, 0, tile * TILE, replica, EVENTS)
            place = event - tile * TILE
            if arrival == 0:
                arrival = step + steps_to_meet(law, uniform(words[0, place]))
            if arrival > stop:
                step = stop
                break
            step, arrival, count = arrival, 0, 1
            if batch_size == 1:
                chosen[0] = index_below(words[1, place], listed)
            else:
                u = uniform(words[1, place])
                count = _pick(chosen, bits, taken, law, u, listed, sampling, key, replica, event)
            event += 1
            for j in range(count):
                i = finest[chosen[j]]
                if not dot(rows, i, w) >= margin:
                    chosen[unfit] = i
                    unfit += 1
            work += TEST * count
            fruitless += count
        counters[STEP], counters[EVENT], counters[ARRIVAL] = step, event, arrival
        state.levels[LEVELS - 1, SPENT] += work - counters[WORK]
        counters[WORK], counters[FRUITLESS] = work, fruitless
        first = LEVELS
        if unfit > 0:
            add_batch(state, rows, chosen, unfit, rule.lr / batch_size, step)
            counters[WORK] += UPDATE
            counters[FRUITLESS] = 0
            first = first_to_renew(lists, state)
            if first == 0 and not squared_norm(w) <= rule.overflow:
                finish(state, DIVERGED)
                return
            if rule.automatic and _give_up(lists, state, len(points.rows), batch_size):
                return
        elif arrival > stop:
            return
        elif fruitless >= look_at:
            if _is_fitted(lists, w, margin):
                finish(state, FITTED)
                return
            counters[WITNESSED] = counters[UPDATES]
