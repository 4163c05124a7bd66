"""The loop that every simulator runs in: chunks of steps, snapshots, recorders, divergence,
progress, and the dataset.

A simulator is an `Engine`: it carries its own state, makes steps when told and hands over
snapshots. Everything else about a run happens here, once. Chunks are short (about 0.05 s), so that
Ctrl-C is answered soon and a checkpoint can be written between two of them; what an engine computes
must not depend on where they end.

A replica has diverged at the first step looked at (the recorded steps and the last, every step
where accumulators see every step) at which a coordinate is not a finite number below `LIMIT`, or
earlier if the engine itself says so in ``diverged_step``; from there on its snapshots are NaN, and
it is flagged in ``status``, never dropped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.checks import LARGEST_COUNT, InputError, as_array, require, require_memory
from langevin_sgd.record import Accumulator, FirstPassage, Recorder, Snapshots, displacement

if TYPE_CHECKING:
    import xarray as xr

LIMIT = 1e100
"""A coordinate beyond this is a divergence: its square still fits a float64."""
CHUNK_SECONDS = 0.05
"""Time a chunk of steps should take."""
RESERVED = ("final_position", "final_velocity", "status", "diverged_step")
"""Variables of every result, which no recorder may name."""
BUFFER_BYTES = 2**25
"""Memory that the snapshots of one chunk may take, if more than one snapshot."""
own_rounding = np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
"""Decorator: arithmetic as NumPy comes, so that what dies out may underflow whatever the caller's
`numpy.seterr`.
"""

Record = Recorder | Accumulator | FirstPassage
"""Anything that can be recorded."""


class Engine(Protocol):
    """A simulator that carries the state of all replicas."""

    def advance(self, first: int, stop: int, recorded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Go on from step `first` to step `stop`.

        Returns position and velocity, (step, replica, parameter) each, at the steps `recorded`, all
        of which satisfy first < step <= stop; the arrays are the caller's to change.
        """

    def state(self) -> tuple[np.ndarray, np.ndarray]:
        """Return position and velocity now, (replica, parameter) each."""


@dataclass
class Recording:
    """What has been recorded of a run so far.

    Parameters
    ----------
    recorders
        Applied to every block of snapshots.
    start
        (replica, parameter), positions at step 0.
    diverged_step
        (replica,), step at which a replica was found diverged, -1 if it was not.
    accumulators
        Pairs of an accumulator and its totals.
    passages
        First passages that the simulator watches for.
    """

    recorders: Sequence[Recorder]
    start: np.ndarray
    diverged_step: np.ndarray
    accumulators: Sequence[tuple[Accumulator, dict[str, np.ndarray]]] = ()
    passages: Sequence[FirstPassage] = ()
    _blocks: list[dict[str, dataset.Variable]] = field(default_factory=list)

    @classmethod
    def begin(
        cls, record: Record | Sequence[Record] | None, start: np.ndarray, *, watches: bool = False
    ) -> Recording:
        """Begin an empty recording.

        Parameters
        ----------
        record
            One recorder, several, or ``None`` for the displacement.
        start
            (replica, parameter), positions at step 0.
        watches
            Whether the simulator can watch for first passages.
        """
        single = callable(record) or isinstance(record, FirstPassage) or hasattr(record, "begin")
        several = isinstance(record, Iterable) and not isinstance(record, Mapping) and not single
        if record is None:
            record = displacement()
        given: tuple[Any, ...] = tuple(record) if several else (record,)  # type: ignore[arg-type]
        passages = [item for item in given if isinstance(item, FirstPassage)]
        accumulators = [item for item in given if hasattr(item, "begin")]
        recorders = [item for item in given if callable(item) and not isinstance(item, type)]
        known = len(passages) + len(accumulators) + len(recorders) == len(given)
        require(
            known,
            "record",
            record,
            "must be a recorder of langevin_sgd.record or a sequence of them",
        )
        if passages and not watches:
            raise InputError(
                "record: first passages are watched for by sde.simulate with a compiled potential "
                "only"
            )
        totals = [(item, item.begin(start)) for item in accumulators]
        return cls(recorders, start, np.full(len(start), -1, np.int64), totals, passages)

    def add(
        self,
        steps: np.ndarray,
        position: np.ndarray,
        velocity: np.ndarray,
        *,
        weight: np.ndarray | None = None,
        kept: np.ndarray | None = None,
    ) -> None:
        """Record snapshots (step, replica, parameter); diverged replicas are overwritten with NaN.

        Parameters
        ----------
        steps, position, velocity, weight
            See `langevin_sgd.record.Snapshots`.
        kept
            (step,), which of them are in the schedule; the others are for accumulators alone.
            Default all.
        """
        if not len(steps):
            return
        self.notice_divergence(steps, position, velocity)
        lost = (self.diverged_step >= 0) & (steps[:, None] >= self.diverged_step)
        position[lost] = np.nan
        velocity[lost] = np.nan
        block = Snapshots(steps, position, velocity, self.start, weight)
        for accumulator, totals in self.accumulators:
            accumulator.add(totals, block)
        if kept is None or kept.all():
            self._blocks.append(self._observed(block))
        elif kept.any():
            self._blocks.append(
                self._observed(Snapshots(steps[kept], position[kept], velocity[kept], self.start))
            )

    def _observed(self, block: Snapshots) -> dict[str, dataset.Variable]:
        found: dict[str, dataset.Variable] = {}
        for recorder in self.recorders:
            for name, (dims, values, unit) in recorder(block).items():
                if name in found or name in RESERVED:
                    raise InputError(f"record: the variable {name!r} is recorded twice")
                if (
                    dims[:1] != ("step",)
                    or len(dims) != values.ndim
                    or len(values) != len(block.steps)
                ):
                    raise InputError(
                        f"record: {name!r} has dimensions {dims} and shape {values.shape}: must "
                        "start with step, "
                        f"here of length {len(block.steps)}"
                    )
                found[name] = dims, values, unit
        return found

    def notice_divergence(
        self, steps: np.ndarray, position: np.ndarray, velocity: np.ndarray
    ) -> None:
        """Note the first of `steps` at which each replica is out of bounds, for those not noted
        yet.
        """
        # NaN in the velocity alone is no divergence: the path of an overdamped equation has no
        # velocity.
        out = (~(np.abs(position) < LIMIT) | (np.abs(velocity) >= LIMIT)).any(axis=-1)
        new = out.any(axis=0) & (self.diverged_step < 0)
        self.diverged_step[new] = steps[out.argmax(axis=0)[new]]

    def variables(self) -> dict[str, dataset.Variable]:
        """Return all recorded variables, blocks joined along ``step``."""
        if not self._blocks:
            return {}
        first = self._blocks[0]
        return {
            name: (dims, np.concatenate([block[name][1] for block in self._blocks]), unit)
            for name, (dims, _, unit) in first.items()
        }

    def totals(self) -> dict[str, np.ndarray]:
        """Return copies of the totals of all accumulators, by number and name."""
        named = enumerate(totals for _, totals in self.accumulators)
        return {
            f"{i}_{name}": values.copy() for i, totals in named for name, values in totals.items()
        }

    def accumulated(self) -> dict[str, dataset.Variable]:
        """Return the results of all accumulators."""
        found: dict[str, dataset.Variable] = {}
        for accumulator, totals in self.accumulators:
            for name, variable in accumulator.result(totals).items():
                if name in found:
                    raise InputError(f"record: the variable {name!r} is recorded twice")
                found[name] = variable
        return found

    def restore(
        self,
        variables: dict[str, dataset.Variable],
        diverged_step: np.ndarray,
        totals: dict[str, np.ndarray] | None = None,
    ) -> None:
        """Take up what a checkpoint kept of `variables`, `diverged_step` and `totals`."""
        self._blocks = [variables] if variables else []
        self.diverged_step = diverged_step
        for name, values in (totals or {}).items():
            number, _, key = name.partition("_")
            self.accumulators[int(number)][1][key] = values


class Timetable:
    """Which steps of a run are looked at, and what each stands for.

    Parameters
    ----------
    schedule
        Increasing steps to record at.
    every_step
        Whether accumulators see every step; else they see the schedule.
    """

    def __init__(self, schedule: np.ndarray, *, every_step: bool) -> None:
        self.schedule, self.every_step = schedule, every_step
        gaps = np.diff(schedule) if len(schedule) > 1 else np.ones(1)
        outside = gaps.min(keepdims=True)
        around = np.concatenate([outside, gaps, outside]) if len(schedule) > 1 else np.ones(2)
        self._weight = (around[1:] + around[:-1]) / 2

    def next_chunk(self, done: int, stop: int, most: int) -> tuple[int, np.ndarray]:
        """Steps to look at after `done`, up to `stop`, which is moved forward where they would be
        more than `most`.
        """
        if self.every_step:
            stop = min(stop, done + most)
            return stop, np.arange(done + 1, stop + 1)
        begin, end = np.searchsorted(self.schedule, [done, stop], side="right")
        if end - begin <= most:
            return stop, self.schedule[begin:end]
        return int(self.schedule[begin + most - 1]), self.schedule[begin : begin + most]

    def show(
        self, recording: Recording, steps: np.ndarray, position: np.ndarray, velocity: np.ndarray
    ) -> None:
        """Hand states of some of the steps to a recording."""
        place = np.minimum(np.searchsorted(self.schedule, steps), len(self.schedule) - 1)
        if self.every_step:
            recording.add(steps, position, velocity, kept=self.schedule[place] == steps)
        else:
            recording.add(steps, position, velocity, weight=self._weight[place])


def drive(
    engine: Engine,
    recording: Recording,
    schedule: np.ndarray,
    *,
    steps: int,
    done: int = 0,
    every_step: bool = False,
    after_chunk: Callable[[int], None] | None = None,
    progress: bool = False,
) -> None:
    """Run `engine` from step `done` to step `steps`, recording at the steps of `schedule`.

    Parameters
    ----------
    engine
        Its state is that of step `done`.
    recording
        Filled in place; at ``done = 0`` it receives the state of step 0 if that is in the schedule.
    schedule
        Increasing steps, see `langevin_sgd.record.as_schedule`.
    every_step
        Whether accumulators see every step instead of those of the schedule.
    after_chunk
        Called with the step reached after every chunk, for instance to write a checkpoint.
    progress
        Whether to show a progress bar on stderr.

    Raises
    ------
    InputError
        If an accumulator begins after the last step.
    """
    from tqdm import tqdm

    for accumulator, _ in recording.accumulators:
        first = getattr(accumulator, "first", 0)
        require(first <= steps, "first", first, f"must be at most the {steps} steps of the run")
    table = Timetable(schedule, every_step=every_step and bool(recording.accumulators))
    if done == 0 and (table.every_step or schedule[0] == 0):
        table.show(
            recording, np.zeros(1, np.int64), *(part[None].copy() for part in engine.state())
        )
    length = 1
    with tqdm(total=steps, initial=done, unit="step", disable=not progress) as bar:
        while done < steps:
            stop, seen = table.next_chunk(
                done, min(done + length, steps), _snapshots_at_once(recording.start)
            )
            begun = time.perf_counter()
            table.show(recording, seen, *engine.advance(done, stop, seen))
            length = _adapted(length, time.perf_counter() - begun)
            bar.update(stop - done)
            done = stop
            if after_chunk is not None:
                after_chunk(done)
    recording.notice_divergence(np.array([steps]), *(part[None] for part in engine.state()))


def _snapshots_at_once(start: np.ndarray) -> int:
    return int(max(1, BUFFER_BYTES // (2 * start.nbytes)))


def _adapted(length: int, seconds: float) -> int:
    """Length of the next chunk: at most doubled, halved where a chunk took too long."""
    if seconds > 2 * CHUNK_SECONDS:
        return max(1, length // 2)
    return 2 * length if seconds < CHUNK_SECONDS / 2 else length


def require_steps(first_step: int, steps: int, substeps: int = 1) -> None:
    """Raise `InputError` if a step has a number that the counter of the random numbers cannot
    hold.
    """
    most = LARGEST_COUNT // substeps
    require(
        first_step + steps <= most,
        "steps",
        steps,
        f"must end at step {most} or before, it begins at {first_step}",
    )


def require_room(recording: Recording, schedule: np.ndarray, velocity: np.ndarray) -> None:
    """Raise `InputError` unless everything that is to be recorded fits into memory, tried out on
    the start.
    """
    block = _trial(recording, velocity)
    each = sum(
        values.nbytes
        for recorder in recording.recorders
        for _, values, _ in recorder(block).values()
    )
    totals = sum(values.nbytes for values in recording.totals().values())
    # Joining the blocks at the end doubles what was recorded for a moment.
    require_memory("schedule", f"{len(schedule)} steps", 2 * each * len(schedule) + 2 * totals)


def variable_names(recording: Recording, velocity: np.ndarray) -> list[str]:
    """Names of all that will be recorded, sorted, found out on the start; `InputError` if one is
    there twice.
    """
    block = _trial(recording, velocity)
    names = [name for recorder in recording.recorders for name in recorder(block)]
    with np.errstate(all="ignore"):  # averages over nothing yet
        names += recording.accumulated()
    names += [passage.name for passage in recording.passages]
    for name in names:
        if names.count(name) > 1 or name in RESERVED:
            raise InputError(f"record: the variable {name!r} is recorded twice")
    return sorted(names)


def _trial(recording: Recording, velocity: np.ndarray) -> Snapshots:
    """A block of one snapshot, the start."""
    start = recording.start
    return Snapshots(np.zeros(1, np.int64), start[None].copy(), velocity[None].copy(), start)


def result(
    engine: Engine,
    recording: Recording,
    schedule: np.ndarray,
    *,
    first_replica: int = 0,
    **provenance: Any,
) -> xr.Dataset:
    """Build the dataset of a finished run.

    Returns
    -------
    xarray.Dataset
        The recorded variables over ``step``, ``replica`` and their further dimensions;
        ``final_position`` and ``final_velocity`` (replica, parameter), NaN where diverged;
        ``status`` (replica,), 0 ok or 1 diverged, and ``diverged_step`` (replica,), -1 if none.
        `provenance` goes to `langevin_sgd.dataset.make`.
    """
    position, velocity = (part.copy() for part in engine.state())
    lost = recording.diverged_step >= 0
    position[lost] = np.nan
    velocity[lost] = np.nan
    variables = recording.variables() | recording.accumulated()
    if recording.passages:
        times = engine.first_passages()  # type: ignore[attr-defined]
        times[np.isinf(times) & lost] = np.nan
        variables |= {
            passage.name: (("replica",), row, "step")
            for passage, row in zip(recording.passages, times, strict=True)
        }
    variables["final_position"] = (("replica", "parameter"), position, "theta")
    variables["final_velocity"] = (("replica", "parameter"), velocity, "v")
    variables["status"] = (("replica",), lost.astype(np.int8), "1")
    variables["diverged_step"] = (("replica",), recording.diverged_step, "step")
    coords = {"step": schedule, "replica": np.arange(first_replica, first_replica + len(position))}
    made = dataset.make(variables, coords=coords, **provenance)
    for passage in recording.passages:
        made[passage.name].attrs["comment"] = (
            "infinite: not passed by the last step; NaN: diverged before"
        )
    made["status"].attrs.update(flag_values=np.array([0, 1], np.int8), flag_meanings="ok diverged")
    told = provenance.get("settings", {}) | provenance
    numbers = {name: told[name] for name in ("seed", "first_step", "steps") if name in told}
    made["final_position"].attrs["random_numbers"] = json.dumps(numbers)
    return made


def require_fresh_numbers(start: Any, *, seed: int, first_step: int, steps: int) -> None:
    """Raise `InputError` for a start that is the end of a run with the same random numbers.

    Noise of steps that were made with it is correlated with the state it has led to, so that a run
    cut into pieces would not be one run. Only a ``final_position`` knows which numbers have made
    it, not its bare values.
    """
    try:
        used = json.loads(getattr(start, "attrs", {})["random_numbers"])
        begun, end = int(used["first_step"]), int(used["first_step"]) + int(used["steps"])
        again = used["seed"] == seed and begun < first_step + steps and first_step < end
    except (KeyError, TypeError, ValueError):
        return
    if again:
        raise InputError(
            f"seed = {seed}: the start was made with its random numbers of steps {begun} to {end}; "
            f"give first_step={end} to go on with the next ones, or another seed"
        )


def as_start(name: str, value: Any, replicas: int, parameters: int) -> np.ndarray:
    """Check an initial condition: zeros for ``None``, else (parameter,) or (replica, parameter),
    finite.

    Returns
    -------
    (replica, parameter) float64, a copy
    """
    given = np.zeros(parameters) if value is None else as_array(name, value)
    shapes = (parameters,), (replicas, parameters)
    require(given.shape in shapes, name, given.shape, f"must have shape {shapes[0]} or {shapes[1]}")
    return np.array(np.broadcast_to(given, shapes[1]))
