"""Training of one group of replicas, whose steps have equal numbers of points, in batched steps.

Steps are made in blocks of `TILE`, whose minibatches are drawn together. At the end of a block
replicas that have fitted their points or diverged are found, measured and, once a quarter of the
places stands idle, left out: at fixed steps, whatever the machine does, so that a repeated run
gives the same bits. Until then a fitted replica stays as it is, since its gradient is exactly zero.
``initial_state`` says how training begins, ``ending`` when it is over.

With momentum, in the convention of `langevin_sgd.SGD`, a step adds to lr times the velocity, and
that to the weights. Weight decay pulls towards zero, not towards the initial weights, by the
weights before the step. With it no state is at rest: training ends by the `langevin_sgd.Stop`
alone, at the first look that finds few enough points unfit.

Threads
-------
A round (`langevin_sgd.training.networks.schedule_of_groups`) advances groups, a group makes blocks
of steps, a block makes steps. `Group.train` is a generator, so that it can pause between any two of
them. A group belongs to one thread at a time, the one that has taken its generator off the queue;
in the next round it may be another one. So nothing that torch keeps by thread (number of threads,
``no_grad``) may be set in here: the thread sets it before it goes on. Groups share the task, which
they read, and the results, of which each writes the rows of its own members; there are no locks.
`Group.carried` and `Group.restore` are called between rounds, when no thread is at work.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import numpy as np
import torch

from langevin_sgd.models.losses import Loss
from langevin_sgd.simulation.status import Status
from langevin_sgd.training.batches import TILE
from langevin_sgd.training.carried import put_back, require_whole, require_within
from langevin_sgd.training.networks.ending import (
    decays_in,
    end_where_few_are_unfit,
    settle,
    watches,
)
from langevin_sgd.training.networks.initial_state import begin
from langevin_sgd.training.networks.langevin_noise import NOISES
from langevin_sgd.training.networks.minibatches import StepSource
from langevin_sgd.training.networks.state import (
    NetworkState,
    NetworkTask,
    as_observed,
    flat,
    set_from_flat,
)
from langevin_sgd.training.observables.measured import measure

BREATH = 8
"""Steps after which a thread may leave a group."""
KEPT = 0.75
"""Replicas that have ended are left out when less than this fraction is still trained."""
LOOK_EVERY = 16
"""Steps between two looks at the fraction of unfit points, if that ends training."""


class Group:
    """Replicas that are trained together.

    Parameters
    ----------
    task
        What all groups share.
    members
        Their places in the run.
    """

    def __init__(self, task: NetworkTask, members: np.ndarray) -> None:
        self._task, self._members = task, members
        self._state: NetworkState | None = None
        self._done = torch.zeros(0, dtype=torch.bool)
        self._step = 0
        self.resting = True
        """Whether it is between two blocks, so that `carried` may be called."""

    def train(self) -> Iterator[bool]:
        """Advance the group until all replicas have ended, or go on where it was left.

        Yields every few steps, and any thread may resume it. It yields true between two blocks,
        where `carried` may be called and training go on from a checkpoint, and false inside one.
        """
        task = self._task
        source = NOISES[task.noise](
            task.numbers, task.train.points, task.begun.steps, self._members
        )
        if self._state is None:
            self._state = begin(task, self._members)
            self._done = torch.zeros(
                len(self._members), dtype=torch.bool, device=self._state.alpha.device
            )
            _record(task, self._state, self._done, 0)
        while not bool(self._done.all()):
            first, step = self._step, _next_stop(task, self._state, self._step)
            self.resting = False
            yield from advance(task, source, self._state, first, step)
            self._step = step
            self._end_of_block(source, step)
            self.resting = True
            yield True

    def _end_of_block(self, source: StepSource, step: int) -> None:
        """Record, find the replicas whose training is over, and leave them out."""
        task, state, done = self._task, self._state, self._done
        assert state is not None
        _record(task, state, done, step)
        over = (
            Status.STEP_LIMIT
            if step == task.max_steps
            else Status.TIME_LIMIT
            if time.monotonic() > task.deadline
            else None
        )
        if watches(task, state) and step % LOOK_EVERY == 0:
            done = end_where_few_are_unfit(task, source, state, done, step)
        if step % TILE == 0 or over is not None:
            done = settle(task, source, state, done, step, over)
            if int((~done).sum()) < KEPT * len(done):
                state, done = state.select(~done), done[~done]
        self._state, self._done = state, done

    @property
    def ended(self) -> bool:
        """Whether all replicas have ended."""
        return self._state is not None and bool(self._done.all())

    def carried(self) -> dict[str, np.ndarray]:
        """Copies of all arrays that change, between two blocks; empty at the start and end."""
        return {} if self._state is None or self.ended else self._arrays()

    def _arrays(self) -> dict[str, np.ndarray]:
        """Copies of all arrays that change."""
        state = self._state
        assert state is not None
        tensors = {
            "last_update": state.last_update,
            "looked": state.looked,
            "sums": state.sums,
            "moved": state.moved,
        }
        arrays = {name: tensor.cpu().numpy().copy() for name, tensor in tensors.items()}
        arrays |= {"step": np.array([self._step]), "members": state.members}
        arrays["done"] = self._done.cpu().numpy().astype(np.int8)
        arrays["weights"] = flat(state.networks.trained)
        return arrays | ({"velocity": flat(state.velocity)} if state.velocity else {})

    def restore(self, carried: dict[str, np.ndarray]) -> None:
        """Take up what was `carried`.

        Raises
        ------
        InputError
            If it is not what this group has carried.
        """
        left = np.isin(self._members, carried.get("members", ()))
        require_whole(bool(left.any()), "members of a group are missing")
        state = begin(self._task, self._members)
        device = state.alpha.device
        self._state = state.select(torch.from_numpy(left).to(device))
        self._done = torch.zeros(int(left.sum()), dtype=torch.bool, device=device)
        arrays = self._arrays()
        put_back(arrays, carried)
        require_within("step", arrays["step"], 0, self._task.max_steps)
        for name in ("last_update", "looked", "sums", "moved"):
            getattr(self._state, name).copy_(torch.from_numpy(arrays[name]))
        set_from_flat(self._state.networks.trained, arrays["weights"])
        if self._state.velocity:
            set_from_flat(self._state.velocity, arrays["velocity"])
        self._step = int(arrays["step"][0])
        self._done = torch.from_numpy(arrays["done"].astype(bool)).to(device)


def advance(
    task: NetworkTask, source: StepSource, state: NetworkState, first: int, stop: int
) -> Iterator[bool]:
    """Make the steps first ... stop - 1 in place; yields false every `BREATH` of them."""
    X, networks, members = task.train.X, state.networks, state.members
    places, factors = source.batches(members, first, stop - first)
    points = torch.from_numpy(np.ascontiguousarray(places)).to(X.device)
    share = torch.from_numpy(np.ascontiguousarray(factors)).to(X.device, X.dtype)
    sets = torch.from_numpy(task.train.first[members]).to(X.device)
    rows = points + sets[:, None]
    y = task.train.y[rows]
    f0 = state.start.outputs.expand(len(points), -1, -1).gather(2, points)
    changed = torch.empty(rows.shape[:2], dtype=torch.bool, device=X.device)
    velocity = state.velocity or None
    keep = task.numbers.settings[members[0]].momentum if velocity else 1.0
    decays, decay = decays_in(task, members), _decay(task, members, X)
    # A step needs two things from one forward pass: the factors of the gradients, functions of the
    # outputs, and whether any of them differs from zero, on which the time of the last update
    # rests. The networks hold the pass, so they call back for the factors; the other answer is
    # written into `changed` on the way.
    for k in range(len(rows)):
        x = X.index_select(0, rows[k].view(-1)).view(*rows.shape[1:], -1)
        pulls = partial(_factors, task.loss, state.alpha, f0[k], y[k], share[k], changed[k])
        # The gradient is that of the weights before the step, and so is their decay.
        lost = [decay.view(-1, *[1] * (w.ndim - 1)) * w for w in networks.trained if decays]
        source.step(networks, members, x, pulls, first + k, velocity, keep)
        for moved, part in zip(velocity or networks.trained, lost, strict=False):
            moved -= part
        for w, v in zip(networks.trained, velocity or (), strict=False):
            w += v
        if k % BREATH == BREATH - 1:
            yield False
    steps = torch.arange(first + 1, stop + 1, device=X.device)
    state.last_update.copy_(torch.maximum(state.last_update, (steps[:, None] * changed).amax(0)))


def _factors(
    loss: Loss,
    alpha: torch.Tensor,
    f0: torch.Tensor,
    y: torch.Tensor,
    share: torch.Tensor,
    changed: torch.Tensor,
    f: torch.Tensor,
) -> torch.Tensor:
    """Return the factors of the gradients of f in a step: -`share` times the derivative of
    loss(alpha (f - f0), y)/alpha by f.

    Writes into `changed` (replica,) whether any of them differs from zero. Called by the networks
    in the middle of a step, with their outputs `f`, in the thread of the group.
    """
    factors = share * loss.pull(alpha * (f - f0), y)
    torch.any(factors != 0, 1, out=changed)
    return factors


def _decay(task: NetworkTask, members: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    """Fraction of the weights that decays in a step, lr times the coefficient, (replica,)."""
    settings = [task.numbers.settings[r] for r in members]
    lost = [one.lr * one.weight_decay for one in settings]
    return torch.tensor(lost, dtype=like.dtype, device=like.device)


def _next_stop(task: NetworkTask, state: NetworkState, step: int) -> int:
    """Return the next step at which something is recorded, looked at or ended."""
    later = task.schedule[task.schedule > step]
    block = LOOK_EVERY if watches(task, state) else TILE
    return min(step // block * block + block, task.max_steps, *later[:1].tolist())


def _record(task: NetworkTask, state: NetworkState, done: torch.Tensor, step: int) -> None:
    """Measure the replicas that are not done, if this step is on the schedule."""
    for place in np.flatnonzero(task.schedule == step).tolist():
        going = state.select(~done)
        if len(going.members):
            measured = measure(as_observed(task, going), task.record)
            task.results.record(slice(place, place + 1), going.members, measured)
