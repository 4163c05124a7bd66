r"""Lists of the points that could be unfit, certified at reference points.

With margins m_i = X_i . v at a reference point v, point i stays fitted at w if |w - v| < R_i = (m_i
- kappa) / |X_i| (Cauchy and Schwarz). More holds: fitted points stay so when w is stretched, so i
  is fitted at w if for any stretch
lambda >= 1

    |w / lambda - v| < R_i ,
    for  X_i . w >= lambda (m_i - R |X_i|) >= lambda kappa  with R the left side,

and a mere growth of the weights along v costs nothing. `departure` is that left side with the best
stretch, lambda = max(1, |w|^2 / w.v). The list of a radius holds all points with R_i < radius;
while the departure from its reference point is below the radius no other point can be unfit. Each
level has a reference point and a radius of its own and is made from the list of the coarser level,
so it holds while the departures from all levels are below their radii. The coarsest is made from
all points, and its rows are copied to stand side by side.

Radii follow the work that depends on them: a level whose making cost more than its use (making
lists from it, or tests of the finest) gets a larger radius next time, else a smaller one. All radii
are multiples of lengths of the problem, so nothing depends on its scale.
Radii are shortened against rounding (`rounding_slack`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from langevin_sgd.kernels.compiled import inlined, reassociating
from langevin_sgd.training.perceptron.plain import PerceptronRule, Points
from langevin_sgd.training.perceptron.rows import dot, rounding_slack
from langevin_sgd.training.perceptron.state import (
    LEVELS,
    LOOK,
    NEXT,
    RADIUS,
    SPENT,
    WORK,
    PerceptronState,
)

BURDEN = 8
"""A list is made anew, smaller, once its use has cost this many times the work of making it."""
ADAPTED = 1.25
"""Factor by which a radius changes."""


class Lists(NamedTuple):
    """The lists of one replica: scratch, made again from the reference points in its state."""

    all: np.ndarray
    """(point,) the numbers from 0 on."""

    sizes: np.ndarray
    """(level,), coarsest first; the coarsest -1 if the lists are to be made."""
    members: np.ndarray
    """(level, point): numbers of points at the coarsest level, places among those at finer ones."""
    rows: np.ndarray
    """(place, parameter) copies of the rows of the coarsest list."""
    lengths: np.ndarray
    """(place,) their norms."""


def make_lists(points: Points) -> Lists:
    """Empty place for lists; memory that is not used is never touched."""
    count = len(points.rows)
    members = np.empty((LEVELS, count), np.int32)
    numbers = np.arange(count, dtype=np.int32)
    return Lists(
        numbers,
        np.full(LEVELS, -1),
        members,
        np.empty_like(points.rows),
        np.empty_like(points.lengths),
    )


@reassociating
def departure(w: np.ndarray, references: np.ndarray, level: int) -> float:
    """Distance from a reference point to the weights, or to the best of the weights shrunk."""
    along = squared = 0.0
    for p in range(len(w)):
        along += w[p] * references[level, p]
        squared += w[p] * w[p]
    shrunk = along / squared if 0.0 < along < squared else 1.0
    total = 0.0
    for p in range(len(w)):
        total += (shrunk * w[p] - references[level, p]) ** 2
    return math.sqrt(total)


@inlined
def making_cost(level: int, lists: Lists) -> int:
    """Work of making the list of a level."""
    return LOOK * (len(lists.rows) if level == 0 else lists.sizes[level - 1])


@inlined
def first_to_renew(lists: Lists, state: PerceptronState) -> int:
    """The coarsest level whose list is void or a burden; the number of levels if none is."""
    for level in range(LEVELS):
        numbers = state.levels[level]
        holds = departure(state.weights, state.references, level) < numbers[RADIUS] * (1.0 - 1e-12)
        if not holds or numbers[SPENT] > BURDEN * making_cost(level, lists):
            return level
    return LEVELS


@inlined
def _select(
    chosen: np.ndarray,
    candidates: np.ndarray,
    count: int,
    rows: np.ndarray,
    lengths: np.ndarray,
    reference: np.ndarray,
    radius: float,
    margin: float,
) -> int:
    """Put candidates whose certificate is shorter than the radius into `chosen`; count them."""
    size = 0
    for m in range(count):
        i = candidates[m]
        # Written down in any case and kept if it counts: a branch would be guessed wrongly half of
        # the time.
        chosen[size] = i
        size += not dot(rows, i, reference) - margin >= radius * lengths[i]
    return size


@inlined
def make_list(
    level: int, lists: Lists, state: PerceptronState, points: Points, margin: float, repeated: bool
) -> None:
    """Make the list of one level with its radius; `repeated` if it equals the coarser list."""
    reference = state.references[level]
    radius = math.inf if repeated else state.levels[level, RADIUS] + rounding_slack(reference)
    chosen = lists.members[level]
    if level == 0:
        size = _select(
            chosen,
            lists.all,
            len(points.rows),
            points.rows,
            points.lengths,
            reference,
            radius,
            margin,
        )
        for place in range(size):
            lists.lengths[place] = points.lengths[chosen[place]]
            for p in range(len(reference)):
                lists.rows[place, p] = points.rows[chosen[place], p]
    else:
        # Finer levels name the places in the coarsest list.
        candidates = lists.all if level == 1 else lists.members[level - 1]
        count = lists.sizes[level - 1]
        size = _select(
            chosen, candidates, count, lists.rows, lists.lengths, reference, radius, margin
        )
    lists.sizes[level] = size


@inlined
def _equals_the_coarser(level: int, state: PerceptronState) -> bool:
    """Whether a list has the radius of the coarser one, and its reference point too: lists that
    were lost may have been made at different times.
    """
    equal = state.levels[level, RADIUS] == state.levels[level - 1, RADIUS]
    for p in range(len(state.weights)):
        equal &= state.references[level, p] == state.references[level - 1, p]
    return equal


@inlined
def renew(
    first: int, lists: Lists, state: PerceptronState, points: Points, rule: PerceptronRule
) -> None:
    """Make new lists from level `first` to the finest, at the weights.

    Lists that got lost in a stop and restart are made as they were, at their reference points.
    """
    outdated = lists.sizes[0] < 0 and state.levels[0, RADIUS] > 0.0
    if lists.sizes[0] >= 0:
        numbers = state.levels[first]
        numbers[NEXT] *= ADAPTED if making_cost(first, lists) > numbers[SPENT] else 1.0 / ADAPTED
    for level in range(first, LEVELS):
        numbers = state.levels[level]
        if not outdated:
            numbers[RADIUS] = (
                numbers[NEXT] if level == 0 else min(numbers[NEXT], state.levels[level - 1, RADIUS])
            )
            numbers[SPENT] = 0.0
            for p in range(len(state.weights)):
                state.references[level, p] = state.weights[p]
        repeated = level > first and _equals_the_coarser(level, state)
        make_list(level, lists, state, points, rule.margin, repeated)
        if not (outdated or repeated):
            cost = making_cost(level, lists)
            state.counters[WORK] += cost
            if level > 0:
                state.levels[level - 1, SPENT] += cost
