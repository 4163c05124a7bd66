"""Training of one group of replicas whose steps have as many points, in batched steps.

Steps are made in blocks of `TILE`, whose minibatches are drawn together. At the end of a block
replicas that have fitted their points or diverged are found, measured and, once a quarter of the
places stands idle, left out: at fixed steps, whatever the machine does, so that a repeated run
gives the same bits. Until then a fitted replica stays as it is, since its gradient is exactly zero.
``ending`` says when training is over.

With momentum, in the convention of `langevin_sgd.SGD`, a step adds to lr times the velocity, and
that to the weights.

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
from langevin_sgd.training.networks.ending import end_where_few_are_unfit, settle
from langevin_sgd.training.networks.langevin_noise import NOISES
from langevin_sgd.training.networks.measurements import outputs_on, warn_if_too_coarse
from langevin_sgd.training.networks.minibatches import Source
from langevin_sgd.training.networks.observables import OBSERVABLES, measure
from langevin_sgd.training.networks.state import State, Task, flat, set_from_flat, sums_of

BREATH = 8
"""Steps between two chances to stop."""
KEPT = 0.75
"""Replicas are gathered anew when fewer than this part of the places is in use."""
LOOK_EVERY = 16
"""Steps between two looks at the fraction of unfit points, where training ends with it; divides
`TILE`.
"""


class Group:
    """Replicas that are trained together.

    Parameters
    ----------
    task
        What all groups share.
    members
        Their places in the run.
    """

    def __init__(self, task: Task, members: np.ndarray) -> None:
        self._task, self._members = task, members
        self._state: State | None = None
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
            first, step = self._step, _next_stop(task, self._step)
            self.resting = False
            yield from advance(task, source, self._state, first, step)
            self._step = step
            self._end_of_block(source, step)
            self.resting = True
            yield True

    def _end_of_block(self, source: Source, step: int) -> None:
        """Record, find those whose training is over, and leave them out."""
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
        if task.until_unfit and step % LOOK_EVERY == 0:
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
        """Copies of all arrays that change, between two blocks; empty before the first and after
        the last.
        """
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
        found = {name: tensor.cpu().numpy().copy() for name, tensor in tensors.items()}
        found |= {"step": np.array([self._step]), "members": state.members}
        found["done"] = self._done.cpu().numpy().astype(np.int8)
        found["weights"] = flat(state.networks.trained)
        return found | ({"velocity": flat(state.velocity)} if state.velocity else {})

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
        found = self._arrays()
        put_back(found, carried)
        require_within("step", found["step"], 0, self._task.max_steps)
        for name in ("last_update", "looked", "sums", "moved"):
            getattr(self._state, name).copy_(torch.from_numpy(found[name]))
        set_from_flat(self._state.networks.trained, found["weights"])
        if self._state.velocity:
            set_from_flat(self._state.velocity, found["velocity"])
        self._step = int(found["step"][0])
        self._done = torch.from_numpy(found["done"].astype(bool)).to(device)


def begin(task: Task, members: np.ndarray) -> State:
    """Make the networks of some replicas and what is kept of step 0."""
    X, numbers = task.train.X, task.numbers
    networks = task.network.replicas([numbers.draws[r] for r in members], X.dtype, X.device)
    alpha = torch.tensor([[numbers.alpha[r]] for r in members], dtype=X.dtype, device=X.device)
    f0, test_f0 = (outputs_on(networks, part, members) for part in (task.train, task.test))
    warn_if_too_coarse(f0, alpha)
    start = [w.clone() for w in networks.trained]
    keeping = {name: OBSERVABLES[name].keep for name in task.observe}
    kept = {
        name: keep(task, networks, members) for name, keep in keeping.items() if keep is not None
    }
    velocity = [torch.zeros_like(w) for w in start] if numbers.settings[members[0]].momentum else []
    if task.begun.weights is not None:
        set_from_flat(networks.trained, task.begun.weights[members])
    if task.begun.velocity is not None and velocity:
        lr = np.array([[numbers.settings[r].lr] for r in members])
        set_from_flat(velocity, lr * task.begun.velocity[members])
    never = torch.zeros(len(members), dtype=torch.int64, device=X.device)
    marks = never, never.clone(), sums_of(networks.trained), never.clone()
    return State(members, networks, start, kept, velocity, f0, test_f0, alpha, *marks)


def advance(task: Task, source: Source, state: State, first: int, stop: int) -> Iterator[bool]:
    """Make the steps first ... stop - 1 in place; yields false every `BREATH` of them."""
    X, networks, members = task.train.X, state.networks, state.members
    places, factors = source.batches(members, first, stop - first)
    points = torch.from_numpy(np.ascontiguousarray(places)).to(X.device)
    share = torch.from_numpy(np.ascontiguousarray(factors)).to(X.device, X.dtype)
    sets = torch.from_numpy(task.train.first[members]).to(X.device)
    rows = points + sets[:, None]
    y, f0 = task.train.y[rows], state.f0.expand(len(points), -1, -1).gather(2, points)
    changed = torch.empty(rows.shape[:2], dtype=torch.bool, device=X.device)
    velocity = state.velocity or None
    keep = task.numbers.settings[members[0]].momentum if velocity else 1.0
    # A step needs two things from one forward pass: the factors of the gradients, functions of the
    # outputs, and whether any of them differs from zero, on which the time of the last update
    # rests. The networks hold the pass, so they call back for the factors; the other answer is
    # written into `changed` on the way.
    for k in range(len(rows)):
        x = X.index_select(0, rows[k].view(-1)).view(*rows.shape[1:], -1)
        pulls = partial(_factors, task.loss, state.alpha, f0[k], y[k], share[k], changed[k])
        source.step(networks, members, x, pulls, first + k, velocity, keep)
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


def _next_stop(task: Task, step: int) -> int:
    """Next step at which something is recorded, looked at, or over."""
    later = task.schedule[task.schedule > step]
    block = LOOK_EVERY if task.until_unfit else TILE
    return min(step // block * block + block, task.max_steps, *later[:1].tolist())


def _record(task: Task, state: State, done: torch.Tensor, step: int) -> None:
    """Measure the replicas that are not done, if the schedule asks for it."""
    for place in np.flatnonzero(task.schedule == step).tolist():
        going = state.select(~done)
        if len(going.members):
            task.results.record(
                slice(place, place + 1), going.members, measure(task, going, task.observe)
            )
