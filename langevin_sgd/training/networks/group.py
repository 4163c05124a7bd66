"""Training of one group of replicas that share a batch size, in batched steps.

Steps are made in blocks of `TILE`, whose minibatches are drawn together. At the end of a block replicas that have
fitted their points or diverged are found, measured and, once a quarter of the places stands idle, left out: at fixed
steps, whatever the machine does, so that a repeated run gives the same bits. Until then a fitted replica stays as it
is, since its gradient is exactly zero.

When a replica has fitted. From then on its weights never change, so its stopping time is known exactly however late one
looks: it is the last step that changed them. After as many steps without a change as a pass over its points takes, all
its points are looked at. Rounding depends on how many points go through the network at a time, so a point that was met
in a batch since the last change counts as fitted: there its margin was one in the arithmetic of the steps.

When a replica is stuck. A large step can kill all units of a relu layer: points stay unfit, gradients are exactly zero.
A replica whose weights have not changed over a pass, though it met unfit points, takes a trial step on all points; if
that changes nothing either, it is given up.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from langevin_sgd.randomness import key_from_seed
from langevin_sgd.training.batches import TILE, Sampler, batch_indices, fill_batches, make_sampler
from langevin_sgd.training.networks.losses import Loss
from langevin_sgd.training.networks.observe import (
    kernel_change,
    labels_of,
    loss_and_error,
    mean_over,
    outputs_on,
    stretches,
    unfit_points,
    warn_if_too_coarse,
    weight_change,
)
from langevin_sgd.training.networks.result import DIVERGED, FITTED, STEP_LIMIT, STUCK, Results
from langevin_sgd.training.networks.settings import Numbers
from langevin_sgd.training.networks.training_sets import Part

BREATH = 8
"""Steps between two chances to stop."""
KEPT = 0.75
"""Replicas are gathered anew when fewer than this part of the places is in use."""


class Task(NamedTuple):
    """What all groups of a run share."""

    network: Any
    numbers: Numbers
    loss: Loss
    train: Part
    test: Part
    probe_points: int
    schedule: np.ndarray
    max_steps: int
    results: Results


class State(NamedTuple):
    """The replicas of a group that are still trained, or some of them."""

    members: np.ndarray
    """(replica,) their places in the run."""
    networks: Any
    start: list[torch.Tensor]
    """(replica, ...) trained weights at step 0."""
    kernel: torch.Tensor | None
    """(replica, probe, probe) tangent kernel at step 0."""
    f0: torch.Tensor
    """(replica, point) outputs at step 0, on the training points."""
    test_f0: torch.Tensor
    alpha: torch.Tensor
    """(replica, 1)."""
    last_update: torch.Tensor
    """(replica,) the last step that changed the weights, counted from 1; 0 for none."""
    looked: torch.Tensor
    """(replica,) step at which all points were looked at last."""
    sums: torch.Tensor
    """(replica, layer) sums of the trained weights at the end of the last block: NaN if they diverge."""
    moved: torch.Tensor
    """(replica,) end of the last block in which the weights changed."""

    def select(self, chosen: torch.Tensor) -> State:
        """Return the replicas where `chosen` is true, as copies."""
        places = chosen.nonzero()[:, 0]
        kernel = None if self.kernel is None else self.kernel[places]
        tensors = (tensor[places] for tensor in self[4:])
        start = [w[places] for w in self.start]
        return State(self.members[places.cpu().numpy()], self.networks.select(places), start, kernel, *tensors)


def train_group(task: Task, members: np.ndarray) -> Iterator[None]:
    """Train replicas to their ends; yields every few steps, and may be taken up again by another thread."""
    state = begin(task, members)
    samplers = {r: make_sampler(task.numbers.settings[r], int(task.train.points[r]), 1) for r in members.tolist()}
    done = torch.zeros(len(members), dtype=torch.bool, device=state.alpha.device)
    step = 0
    _record(task, state, done, step)
    while not bool(done.all()):
        first, step = step, _next_stop(task, step)
        yield from advance(task, state, samplers, first, step)
        _record(task, state, done, step)
        if step % TILE == 0 or step == task.max_steps:
            done = _settle(task, state, done, step)
            if int((~done).sum()) < KEPT * len(done):
                state, done = state.select(~done), done[~done]


def begin(task: Task, members: np.ndarray) -> State:
    """Make the networks of some replicas and what is kept of their start."""
    X, numbers = task.train.X, task.numbers
    networks = task.network.replicas([numbers.draws[r] for r in members], X.dtype, X.device)
    alpha = torch.tensor([[numbers.alpha[r]] for r in members], dtype=X.dtype, device=X.device)
    f0, test_f0 = (outputs_on(networks, part, members) for part in (task.train, task.test))
    warn_if_too_coarse(f0, alpha)
    never = torch.zeros(len(members), dtype=torch.int64, device=X.device)
    kernel = networks.kernel(_probe(task, members)) if task.probe_points else None
    start = [w.clone() for w in networks.trained]
    marks = never, never.clone(), sums_of(start), never.clone()
    return State(members, networks, start, kernel, f0, test_f0, alpha, *marks)


def advance(task: Task, state: State, samplers: dict[int, Sampler], first: int, stop: int) -> Iterator[None]:
    """Make the steps first ... stop - 1, in place; yields every few steps."""
    X = task.train.X
    points, share = _batches(task, state.members, samplers, first, stop - first)
    points, share = points.to(X.device), share.to(X.device, X.dtype)
    sets = torch.from_numpy(task.train.first[state.members]).to(X.device)
    rows = points + sets[:, None]
    y, f0 = task.train.y[rows], state.f0.expand(len(points), -1, -1).gather(2, points)
    changed = torch.empty(rows.shape[:2], dtype=torch.bool, device=X.device)
    for k in range(len(rows)):
        x = X.index_select(0, rows[k].view(-1)).view(*rows.shape[1:], -1)
        state.networks.step(x, partial(_factors, task.loss, state.alpha, f0[k], y[k], share[k], changed[k]))
        if k % BREATH == BREATH - 1:
            yield
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
    """Weights of the gradients of f in one step, -lr/B times the derivative of loss(alpha (f - f0), y)/alpha by f."""
    factors = share * loss.pull(alpha * (f - f0), y)
    torch.any(factors != 0, 1, out=changed)
    return factors


def _next_stop(task: Task, step: int) -> int:
    """Next step at which something is recorded, looked at, or over."""
    later = task.schedule[task.schedule > step]
    return min(step // TILE * TILE + TILE, task.max_steps, *later[:1].tolist())


def _batches(
    task: Task, members: np.ndarray, samplers: dict[int, Sampler], first: int, steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Points of each step and replica, and lr over the batch's length, zero in places that stay empty."""
    numbers = task.numbers
    batches = np.full((len(members), steps, numbers.settings[members[0]].batch_size), -1, np.int32)
    for place, r in enumerate(members.tolist()):
        seed, number = numbers.draws[r]
        fill_batches(batches[place], samplers[r], 0, key_from_seed(seed), number, first)
    there = batches >= 0
    lr = np.array([numbers.settings[r].lr for r in members])
    share = there * (lr[:, None, None] / there.sum(2, keepdims=True))
    in_steps = (np.ascontiguousarray(a.swapaxes(0, 1)) for a in (np.maximum(batches, 0).astype(np.int64), share))
    points, share_of_step = (torch.from_numpy(a) for a in in_steps)
    return points, share_of_step


# --- the end of a replica's training -------------------------------------------------------------------------------


def _settle(task: Task, state: State, done: torch.Tensor, step: int) -> torch.Tensor:
    """Find the replicas whose training is over, and measure them; return all that are done."""
    sums = sums_of(state.networks.trained)
    state.moved[(sums != state.sums).any(1)] = step
    state.sums.copy_(sums)
    finite, last = sums.isfinite().all(1), step == task.max_steps
    one_pass = _passes(task, state)
    idle = step - torch.maximum(state.last_update, state.looked) >= one_pass
    suspects = ~done & finite & (idle | last)
    fitted, diverged = torch.zeros_like(done), ~done & ~finite
    if bool(suspects.any()):
        state.looked[suspects] = step
        unfit, overflow = look(task, state.select(suspects), step)
        fitted[suspects] = (unfit == 0) & ~overflow & task.loss.vanishes
        diverged[suspects] |= overflow
    stuck = ~done & ~fitted & ~diverged & (step - state.moved >= one_pass) & (state.last_update > state.moved)
    if bool(stuck.any()):
        state.moved[stuck] = step
        stuck[stuck.clone()] = nothing_moves(task, state.select(stuck))
    given_up = ~done & ~fitted & ~diverged & ~stuck & last
    for chosen, status in ((fitted, FITTED), (diverged, DIVERGED), (stuck, STUCK), (given_up, STEP_LIMIT)):
        if bool(chosen.any()):
            _finish(task, state.select(chosen), status, step)
    return done | fitted | diverged | stuck | given_up


def nothing_moves(task: Task, state: State) -> torch.Tensor:
    """Whether no training point can change a weight of the replica, (replica,); `state` is used up."""
    part, members = task.train, state.members
    before = sums_of(state.networks.trained)
    y, present = labels_of(part, members), part.present(members)
    share = torch.tensor([[_lr_share(task, r)] for r in members], dtype=y.dtype, device=y.device) * present
    for start, stop in stretches(part, members):
        here = slice(start, stop)
        changed = torch.empty(len(members), dtype=torch.bool, device=y.device)
        given = task.loss, state.alpha, state.f0[:, here], y[:, here], share[:, here], changed
        state.networks.step(part.X[part.rows(members, start, stop)], partial(_factors, *given))
    return (sums_of(state.networks.trained) == before).all(1)


def _lr_share(task: Task, r: int) -> float:
    settings = task.numbers.settings[r]
    return settings.lr / settings.batch_size


def sums_of(weights: list[torch.Tensor]) -> torch.Tensor:
    """Sum over each layer, (replica, layer) float64: equal twice only if nothing has changed."""
    return torch.stack([w.flatten(1).sum(1, dtype=torch.float64) for w in weights], 1)


def _passes(task: Task, state: State) -> torch.Tensor:
    """Steps of one pass over the points, (replica,)."""
    sizes = [task.numbers.settings[r].batch_size for r in state.members]
    return torch.from_numpy(-(-task.train.points[state.members] // np.array(sizes))).to(state.looked.device)


def look(task: Task, state: State, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Number of points that are unfit, and whether an output is not finite, each (replica,)."""
    members, present = state.members, task.train.present(state.members)
    predictor = state.alpha * (outputs_on(state.networks, task.train, members) - state.f0[:, : present.shape[1]])
    unfit = unfit_points(predictor, labels_of(task.train, members), present)
    for place in unfit.any(1).nonzero()[:, 0].tolist():
        r, since = int(members[place]), int(state.last_update[place])
        seed, number = task.numbers.draws[r]
        points, settings = int(task.train.points[r]), task.numbers.settings[r]
        met = batch_indices(settings, points, seed=seed, replica=number, first_step=since, steps=step - since)
        unfit[place, torch.from_numpy(np.unique(met[met >= 0])).to(unfit.device)] = False
    return unfit.sum(1), ~(predictor.isfinite() | ~present).all(1)


def _finish(task: Task, state: State, status: int, step: int) -> None:
    measured = {} if status == DIVERGED else measure(task, state)
    if status == FITTED:
        for name in ("loss", "unfit_fraction"):  # up to rounding they are; see the head of this file
            measured[name][:] = 0.0
    if state.kernel is not None and status != DIVERGED:
        measured["kernel_change"] = kernel_change(state.networks.kernel(_probe(task, state.members)), state.kernel)
    later = int(np.searchsorted(task.schedule, step, side="right"))
    task.results.record(slice(later, None), state.members, measured)
    weights = torch.cat([w.flatten(1) for w in state.networks.trained], 1).cpu().numpy()
    task.results.finish(
        state.members, measured, weights, status=status, steps=step, last_update=state.last_update.cpu().numpy()
    )


def _record(task: Task, state: State, done: torch.Tensor, step: int) -> None:
    """Measure the replicas that are not done, if the schedule asks for it."""
    for place in np.flatnonzero(task.schedule == step).tolist():
        going = state.select(~done)
        if len(going.members):
            task.results.record(slice(place, place + 1), going.members, measure(task, going))


def measure(task: Task, state: State) -> dict[str, np.ndarray]:
    """Loss, errors and weight changes of some replicas, by name; (replica,) or (replica, layer)."""
    found: dict[str, np.ndarray] = {}
    for prefix, part, start in (("", task.train, state.f0), ("test_", task.test, state.test_f0)):
        y, present = labels_of(part, state.members), part.present(state.members)
        if present.shape[1] == 0:
            continue
        outputs = outputs_on(state.networks, part, state.members)
        predictor = state.alpha * (outputs - start[:, : present.shape[1]])
        error = "test_error" if prefix else "train_error"
        found[prefix + "loss"], found[error] = loss_and_error(task.loss, predictor, y, present, state.alpha)
        if not prefix:
            found["unfit_fraction"] = mean_over(unfit_points(predictor, y, present), present)
    found["weight_change"], found["layer_weight_change"] = weight_change(state.networks.trained, state.start)
    return found


def _probe(task: Task, members: np.ndarray) -> torch.Tensor:
    """Inputs (replica, probe, dimension) of the tangent kernel: test points, or training points if there are none."""
    part = task.test if len(task.test.X) else task.train
    return part.X[part.rows(members, 0, task.probe_points)]
