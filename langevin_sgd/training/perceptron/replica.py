"""One replica on its way: its training set, its place in the schedule, and slices of work."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import require
from langevin_sgd.kernels.layout import padded
from langevin_sgd.models.perceptron import Perceptron
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.simulation.status import LIMIT
from langevin_sgd.simulation.trajectories import CHUNK_SECONDS
from langevin_sgd.training.batches import make_sampler
from langevin_sgd.training.perceptron import accelerated, plain
from langevin_sgd.training.perceptron.accelerated import advance_by_events
from langevin_sgd.training.perceptron.certificates import make_lists
from langevin_sgd.training.perceptron.plain import PerceptronRule, Points, advance_plainly
from langevin_sgd.training.perceptron.rows import count_unfit
from langevin_sgd.training.perceptron.state import (
    DIVERGED,
    FITTED,
    LAST_UPDATE,
    METHOD,
    PLAIN,
    RECORDED,
    STATUS,
    STEP,
    STEP_LIMIT,
    TRAINING,
    UNFIT,
    PerceptronState,
)
from langevin_sgd.training.unfit import allowed_unfit

TILE_SAMPLES = 256
"""Samples whose numbers are drawn together."""


@dataclass(frozen=True)
class RecordedWeights:
    """What is recorded of all replicas on the schedule: arrays (replica, step)."""

    steps: np.ndarray
    """(step,)."""
    first: np.ndarray
    """w_1."""
    rest: np.ndarray
    """Norm of the other weights."""
    unfit: np.ndarray
    """Number of unfit points."""

    @classmethod
    def empty(cls, steps: np.ndarray, replicas: int) -> RecordedWeights:
        """Return arrays in which nothing is recorded yet."""
        return cls(steps, *(np.full((replicas, len(steps)), np.nan) for _ in range(3)))

    def recorded(self) -> dict[str, np.ndarray]:
        """The arrays by name."""
        return {"first": self.first, "rest": self.rest, "unfit": self.unfit}


def make_points(problem: Perceptron, seed: int, replica: int, precision: str) -> Points:
    """Training set of one replica, laid out for the kernels."""
    rows = padded(problem.rows(seed, replica))
    with np.errstate(over="ignore", under="ignore"):
        if precision == "float32":
            rows = rows.astype(np.float32)
        lengths = np.sqrt(np.einsum("ip,ip->i", rows, rows, dtype=float)) * (1.0 + 1e-12)
    return Points(rows, lengths, float(lengths.max()))


def require_lengths(points: Points, problem: Perceptron, precision: str) -> None:
    """Raise `InputError` if the lengths of given points are lost in rounding."""
    X = problem.data.sample(0)[0]
    there = np.isfinite(points.lengths) & ((points.lengths > 0) | ~X.any(axis=1))
    allowed = f"the lengths of rows must be numbers in {precision}: scale them"
    require(bool(there.all()), "data", f"numbers up to {np.abs(X).max():.3g}", allowed)


def make_rule(
    problem: Perceptron, settings: SGD, *, unfit: float, automatic: bool
) -> PerceptronRule:
    """Numbers of the update rule."""
    return PerceptronRule(
        lr=float(settings.lr),
        margin=float(problem.margin),
        allowed=allowed_unfit(unfit, problem.points),
        all_points=settings.sampling == "without_replacement"
        and settings.batch_size == problem.points,
        automatic=automatic,
        overflow=LIMIT**2,
    )


class Replica:
    """A replica in training, advanced in slices; its state is changed in place.

    Parameters
    ----------
    points, rule, settings
        What to train on, and how.
    state
        Arrays of this replica.
    key, number
        Key of the random numbers and number of the replica.
    steps
        Steps made before this call, and steps of this call after which it is given up.
    """

    def __init__(
        self,
        points: Points,
        rule: PerceptronRule,
        settings: SGD,
        state: PerceptronState,
        key: np.ndarray,
        number: int,
        steps: tuple[int, int],
    ) -> None:
        self._points, self._rule, self._state = points, rule, state
        self._key, self._number, self._first_step = key, number, steps[0]
        self._last_step = sum(steps)
        self._sampling = settings.batch_size, settings.sampling == "with_replacement"
        self._lists = make_lists(points)
        self._event_room = accelerated.make_room(len(points.rows), settings.batch_size)
        tile = max(1, TILE_SAMPLES // settings.batch_size)
        self._sampler = make_sampler(settings, len(points.rows), 1)._replace(
            bits=np.empty((4, tile), np.uint64)
        )
        self._plain_room = plain.make_room(len(points.rows), settings.batch_size, tile)
        self._effort = [16, 10_000]
        if state.counters[STEP] == self._first_step and self._count_unfit() <= rule.allowed:
            self._end_at_once()

    def advance(self, snapshots: RecordedWeights, r: int, deadline: float) -> bool:
        """Train until a moment of `time.perf_counter`; return whether the training has ended.

        `r` is the row of `snapshots`.
        """
        counters = self._state.counters
        while counters[STATUS] == TRAINING and time.perf_counter() < deadline:
            recorded = counters[RECORDED]
            stop = (
                self._first_step + int(snapshots.steps[recorded])
                if recorded < len(snapshots.steps)
                else self._last_step
            )
            self._advance_to(stop)
            if counters[STATUS] == TRAINING and counters[STEP] == stop:
                self._arrive(snapshots, r)
        ended = bool(counters[STATUS] != TRAINING)
        if ended:
            if counters[STATUS] == DIVERGED or not self._is_bounded():
                counters[STATUS] = DIVERGED
                self._state.weights[:] = np.nan
            self._record(snapshots, r, len(snapshots.steps))
            counters[UNFIT] = self._count_unfit()
        return ended

    def _end_at_once(self) -> None:
        """End before the first step of this call: few enough points are unfit."""
        counters = self._state.counters
        counters[STATUS] = FITTED
        if self._rule.allowed == 0:
            # As ever, training has ended with the last update, also if an earlier call went on.
            counters[STEP] = counters[LAST_UPDATE]

    def _advance_to(self, stop: int) -> None:
        """Go on towards step `stop` for a while, which is kept near a quarter of a chunk."""
        method, begun = self._state.counters[METHOD], time.perf_counter()
        run = self._key, self._number, stop, self._effort[method]
        if method == PLAIN:
            advance_plainly(
                self._state, self._points, self._rule, self._sampler, self._plain_room, *run
            )
        else:
            lists, room = self._lists, self._event_room
            advance_by_events(
                self._state, self._points, self._rule, lists, room, self._sampling, *run
            )
        seconds = time.perf_counter() - begun
        cut_short = self._state.counters[STATUS] != TRAINING or self._state.counters[STEP] == stop
        if seconds < CHUNK_SECONDS / 8 and not cut_short:
            self._effort[method] *= 2
        elif seconds > CHUNK_SECONDS / 2:
            self._effort[method] = max(1, self._effort[method] // 2)

    def _arrive(self, snapshots: RecordedWeights, r: int) -> None:
        """Record a step of the schedule, or give up at the last step."""
        counters = self._state.counters
        if counters[RECORDED] < len(snapshots.steps):
            self._record(snapshots, r, counters[RECORDED] + 1)
        if counters[STEP] == self._last_step:
            counters[STATUS] = FITTED if self._count_unfit() <= self._rule.allowed else STEP_LIMIT

    def _record(self, snapshots: RecordedWeights, r: int, until: int) -> None:
        """Take all snapshots up to number `until`, all the same if the replica has ended."""
        taken = slice(int(self._state.counters[RECORDED]), until)
        w = self._state.weights if self._is_bounded() else np.full_like(self._state.weights, np.nan)
        snapshots.first[r, taken] = w[0]
        snapshots.rest[r, taken] = np.linalg.norm(w[1:])
        snapshots.unfit[r, taken] = self._count_unfit()
        self._state.counters[RECORDED] = until

    def _is_bounded(self) -> bool:
        """Whether the weights have not diverged: the kernels look at the ends of tiles only."""
        with np.errstate(over="ignore", invalid="ignore"):
            return bool(np.linalg.norm(self._state.weights) <= LIMIT)

    def _count_unfit(self) -> int:
        """Number of unfit points now."""
        return count_unfit(
            self._points.rows, self._state.weights, self._rule.margin, len(self._points.rows)
        )
