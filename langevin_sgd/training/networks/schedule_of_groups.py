"""Groups of replicas in rounds over threads; between rounds a run stops or is kept.

A checkpoint holds the arrays of all groups between two of their blocks of steps, and what has been
measured.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from langevin_sgd.kernels.compiled import in_threads, thread_count
from langevin_sgd.simulation import checkpoint
from langevin_sgd.simulation.drive import drive
from langevin_sgd.simulation.engine import Carried
from langevin_sgd.simulation.status import Status
from langevin_sgd.training.carried import put_back, require_whole, require_within
from langevin_sgd.training.networks.batch_of_replicas import Group
from langevin_sgd.training.networks.langevin_noise import NOISES
from langevin_sgd.training.networks.result import TRAINING
from langevin_sgd.training.networks.settings import RunNumbers
from langevin_sgd.training.networks.state import NetworkTask

NUMBERS = {"cpu": 2**21, "cuda": 2**28}
"""Trained weights of a group: on a processor as many as stay in its cache."""
INPUTS = {"cpu": 2**23, "cuda": 2**28}
"""Numbers of the largest layer in a step of a group, of at least `SHORTEST` to a point."""
SHORTEST = 512
FEWEST, MOST = 8, {"cpu": 128, "cuda": 4096}
"""Replicas of a group: enough to hide the interpreter, few enough to keep all cores busy."""
ROUND_SECONDS = 0.15
"""Time after which threads come back, to hear of an interruption."""


def groups_of(
    numbers: RunNumbers, lengths: np.ndarray, parameters: int, widest: int, device: str
) -> list[np.ndarray]:
    """Replicas that are trained together: of one momentum and as many points in a step, with
    weight decay or without, in their order.
    """
    kind = device.split(":")[0]
    within_cache = min(MOST[kind], max(FEWEST, NUMBERS[kind] // parameters))
    alike: dict[tuple[int, float, bool], list[int]] = {}
    for r, (length, settings) in enumerate(zip(lengths.tolist(), numbers.settings, strict=True)):
        decays = settings.weight_decay > 0
        alike.setdefault((length, settings.momentum, decays), []).append(r)
    groups = []
    for (length, *_), members in sorted(alike.items()):
        most = max(1, min(within_cache, INPUTS[kind] // (length * max(widest, SHORTEST))))
        # Two groups at least, for two cores; but the number of cores itself must not matter to any
        # bit.
        fewest_groups = min(2, len(members) // FEWEST) if kind == "cpu" else 1
        groups += np.array_split(members, max(-(-len(members) // most), fewest_groups, 1))
    return groups


class GroupSchedule:
    """All groups of a run: a `langevin_sgd.simulation.engine.Workload`.

    What is recorded has its place in the arrays of the results, none of which grows with the run.

    Parameters
    ----------
    task
        What they share.
    groups
        Their members.
    device
        Where they are trained: a GPU takes one thread.
    """

    unit = "replica"

    def __init__(self, task: NetworkTask, groups: list[np.ndarray], device: str) -> None:
        self._results = task.results
        self._threads = thread_count() if device == "cpu" else 1
        self._waiting: deque[Iterator[bool]] | None = None
        self.total = len(task.results.status)
        self._groups = [Group(task, members) for members in groups]
        self._members = groups

    @property
    def keep_every(self) -> float:
        """Seconds between two states that are kept: copies are dear, and every group has to come to
        the end of a block for them.
        """
        return checkpoint.SECONDS

    @property
    def done(self) -> int:
        """Number of replicas whose training is over."""
        return self._results.ended()

    def advance(self, *, keeping: bool = False) -> None:
        """Train for about `ROUND_SECONDS`; with `keeping`, every group stops between two blocks."""
        if self._waiting is None:
            going = [(self._results.status[members] == TRAINING).any() for members in self._members]
            groups = [group for group, goes in zip(self._groups, going, strict=True) if goes]
            self._waiting = deque(group.train() for group in groups)
        work = partial(_work, self._waiting, time.perf_counter() + ROUND_SECONDS, keeping)
        in_threads(work, range(min(len(self._waiting), self._threads)))

    def carried(self) -> Carried | None:
        """Copies of all arrays that change; ``None`` unless every group is between two blocks."""
        if not all(group.resting for group in self._groups):
            return None
        arrays = {
            name: values.copy() for name, values in self._results.arrays().items() if values.size
        }
        for g, group in enumerate(self._groups):
            arrays |= {f"group{g}_{name}": values for name, values in group.carried().items()}
        return Carried(self.done, arrays)

    def plan(self, done: int) -> dict[str, Any]:
        """Nothing that is not part of the identity of a run."""
        return {}

    def restore(self, carried: Carried) -> None:
        """Take up the arrays of a checkpoint."""
        arrays = carried.arrays
        put_back(
            {name: values for name, values in self._results.arrays().items() if values.size}, arrays
        )
        require_within("status", self._results.status, TRAINING, max(Status))
        for g, (group, members) in enumerate(zip(self._groups, self._members, strict=True)):
            beginning = f"group{g}_"
            own = {
                name.removeprefix(beginning): a
                for name, a in arrays.items()
                if name.startswith(beginning)
            }
            if own:
                group.restore(own)
                going = members[self._results.status[members] == TRAINING]
                there = bool(np.isin(going, own["members"]).all())
                require_whole(there, "members of a group are missing")


def train_task(
    task: NetworkTask,
    device: str,
    path: Path | None,
    asked: dict[str, Any],
    *,
    progress: bool = False,
) -> None:
    """Train all replicas to their ends, in groups; with a `path`, resume a killed call of which the
    same was `asked`.
    """
    lengths = NOISES[task.noise].lengths(task.numbers, task.train.points)
    groups = groups_of(task.numbers, lengths, task.results.parameters, task.train.widest, device)
    file = None
    if path is not None:
        identity = asked | _digests(task)
        file = checkpoint.Checkpoint(path, identity, kind="network_checkpoint")
    with one_torch_thread():
        drive(GroupSchedule(task, groups, device), checkpoint=file, progress=progress)


def _digests(task: NetworkTask) -> dict[str, str]:
    """What tells runs apart beside what was asked in words."""
    alpha, settings, *_, draws = task.numbers
    own = np.array(
        [
            (a, one.lr, one.batch_size, one.momentum, one.weight_decay)
            for a, one in zip(alpha, settings, strict=True)
        ]
    )
    numbers = np.array([number for _, number in draws])
    parts = [
        (part.X.cpu().numpy(), part.y.cpu().numpy(), part.first, part.points)
        for part in (task.train, task.test)
    ]
    begun = [array for array in task.begun if array is not None]
    order = [] if task.test.order is None else [task.test.order.cpu().numpy()]
    data = [*parts[0], *parts[1], *order]
    arrays = {"replicas": [own, numbers], "data": data, "start": begun}
    return {
        name: checkpoint.digest(*group)
        for name, group in (arrays | {"schedule": [task.schedule]}).items()
    }


def _work(waiting: deque[Iterator[bool]], deadline: float, whole_blocks: bool, _: int) -> None:
    """Advance groups from the head of the queue until time is up; unfinished ones go back.

    With `whole_blocks` a group is left between two blocks only.
    """
    torch.set_num_threads(1)  # a thread's own setting
    with torch.no_grad():
        while waiting and time.perf_counter() < deadline:
            try:
                group = waiting.popleft()
            except IndexError:  # another thread took the last one
                return
            for between in group:
                if time.perf_counter() >= deadline and (between or not whole_blocks):
                    waiting.appendleft(group)
                    break


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Keep torch to one thread per call: replicas are what is spread over cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
