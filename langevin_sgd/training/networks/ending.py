"""Decides when the training of a replica is over.

When it has fitted. From the last step with an unfit point in its batch on, the weights of plain SGD
never change, so the stopping time is known exactly however late one looks: it is that step. After
as many steps without an unfit point as a pass over its points takes, all its points are looked at.
Rounding depends on how many points go through the network at a time, so a point that was met in a
batch since the last change counts as fitted: there its margin was one in the arithmetic of the
steps. With momentum the weights go on after that step, by what is left of the velocity; so many
steps that it has faded to the rounding of a number come on top of the pass, and points met before
do not count.

When it is stuck. A large step can kill all units of a relu layer: points stay unfit, gradients are
exactly zero. A replica whose weights have not changed over a pass, though it met unfit points,
takes a trial step on all points; if that changes nothing either, it is given up.

With weight decay no state is at rest, and points that are fitted do not stay so. Training then ends
by its `langevin_sgd.Stop` alone: at the first look, every few steps, that finds at most the allowed
fraction of the points unfit, zero by default. Neither passes without an unfit point nor stuck
weights end it.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from langevin_sgd.simulation.status import Status
from langevin_sgd.training.networks.minibatches import StepSource
from langevin_sgd.training.networks.state import (
    NetworkState,
    NetworkTask,
    as_observed,
    flat,
    sums_of,
)
from langevin_sgd.training.observables.measured import measure
from langevin_sgd.training.unfit import allowed_unfit


def decays_in(task: NetworkTask, members: np.ndarray) -> bool:
    """Whether a group has weight decay, which all its replicas have or none."""
    return task.numbers.settings[int(members[0])].weight_decay > 0


def watches(task: NetworkTask, state: NetworkState) -> bool:
    """Whether the fraction of unfit points is looked at every few steps."""
    return task.until_unfit > 0 or (decays_in(task, state.members) and task.loss.vanishes)


def settle(
    task: NetworkTask,
    source: StepSource,
    state: NetworkState,
    done: torch.Tensor,
    step: int,
    over: int | None,
) -> torch.Tensor:
    """Find the replicas whose training is over and measure them; return which replicas are done.

    Parameters
    ----------
    task, source, state
        The replicas.
    done
        (replica,) those that had ended before.
    step
        Steps made in this call.
    over
        With which status all others end here, if they do.
    """
    decays = decays_in(task, state.members)
    sums = sums_of(state.networks.trained)
    state.moved[(sums != state.sums).any(1)] = step
    state.sums.copy_(sums)
    finite, quiet = sums.isfinite().all(1), _quiet_steps(task, source, state)
    idle = (step - torch.maximum(state.last_update, state.looked) >= quiet) & (not decays)
    suspects = ~done & finite & (idle | (over is not None))
    fitted, diverged = torch.zeros_like(done), ~done & ~finite
    if bool(suspects.any()):
        state.looked[suspects] = step
        unfit, overflow = look(task, source, state.select(suspects), step)
        fitted[suspects] = (unfit == 0) & ~overflow & (task.loss.vanishes and not decays)
        diverged[suspects] |= overflow
    stuck = (
        ~done
        & ~fitted
        & ~diverged
        & (step - state.moved >= quiet)
        & (state.last_update > state.moved)
    )
    if bool(stuck.any()):
        state.moved[stuck] = step
        stuck[stuck.clone()] = nothing_moves(task, state.select(stuck))
    endings: list[tuple[torch.Tensor, int]] = [
        (fitted, Status.FINISHED),
        (diverged, Status.DIVERGED),
        (stuck, Status.STUCK),
    ]
    if over is not None:
        endings.append((~done & ~fitted & ~diverged & ~stuck, over))
    for chosen, status in endings:
        if bool(chosen.any()):
            _finish(task, state.select(chosen), status, step)
            done = done | chosen
    return done


def end_where_few_are_unfit(
    task: NetworkTask, source: StepSource, state: NetworkState, done: torch.Tensor, step: int
) -> torch.Tensor:
    """End replicas with at most `until_unfit` of the points unfit; return which are done."""
    going = state.select(~done)
    unfit, overflow = look(task, source, going, step)
    points = task.train.points[going.members].tolist()
    allowed = torch.tensor(
        [allowed_unfit(task.until_unfit, count) for count in points], device=unfit.device
    )
    reached = (unfit <= allowed) & ~overflow
    if not bool(reached.any()):
        return done
    status = Status.REACHED if task.until_unfit else Status.FINISHED
    _finish(task, going.select(reached), status, step)
    done = done.clone()
    done[~done] = reached
    return done


def _fading_steps(momentum: float, dtype: torch.dtype) -> int:
    """Steps after which momentum has damped a velocity to its rounding error."""
    return math.ceil(math.log(torch.finfo(dtype).eps) / math.log(momentum)) if momentum else 0


def _quiet_steps(task: NetworkTask, source: StepSource, state: NetworkState) -> torch.Tensor:
    """Steps without an unfit point after which all points are looked at, (replica,)."""
    fading = _fading_steps(task.numbers.settings[state.members[0]].momentum, task.train.X.dtype)
    return torch.from_numpy(source.passes(state.members) + fading).to(state.looked.device)


def nothing_moves(task: NetworkTask, state: NetworkState) -> torch.Tensor:
    """Whether no training point can change a weight of the replica, (replica,).

    The trial step changes the weights of `state` itself, which must be a copy.
    """
    points, members = task.train.of(state.members), state.members
    before = sums_of(state.networks.trained)
    y = points.labels
    per_point = torch.tensor(
        [[_lr_share(task, r)] for r in members], dtype=y.dtype, device=y.device
    )
    share = per_point * points.present
    for here, x in points.pieces():
        f0 = state.start.outputs[:, here]

        def factors(f: torch.Tensor, here: slice = here, f0: torch.Tensor = f0) -> torch.Tensor:
            return share[:, here] * task.loss.pull(state.alpha * (f - f0), y[:, here])

        state.networks.step(x, factors)
    return (sums_of(state.networks.trained) == before).all(1)


def _lr_share(task: NetworkTask, r: int) -> float:
    settings = task.numbers.settings[r]
    return settings.lr / settings.batch_size


def look(
    task: NetworkTask, source: StepSource, state: NetworkState, step: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Number of points that are unfit, and whether an output is not finite, each (replica,)."""
    members, on_train = state.members, as_observed(task, state).on_train
    unfit, predictor = on_train.unfit, on_train.predictor
    if decays_in(task, members):
        return unfit.sum(1), ~(predictor.isfinite() | ~on_train.present).all(1)
    for place in unfit.any(1).nonzero()[:, 0].tolist():
        r = int(members[place])
        fading = _fading_steps(task.numbers.settings[r].momentum, predictor.dtype)
        since = min(int(state.last_update[place]) + fading, step)
        unfit[place, torch.from_numpy(source.met(r, since, step - since)).to(unfit.device)] = False
    return unfit.sum(1), ~(predictor.isfinite() | ~on_train.present).all(1)


def _finish(task: NetworkTask, state: NetworkState, status: int, step: int) -> None:
    diverged = status == Status.DIVERGED
    measured = {} if diverged else measure(as_observed(task, state), task.record)
    if status == Status.FINISHED:
        for name in (
            "loss",
            "unfit_fraction",
        ):  # up to rounding they are; see the head of this file
            measured[name][:] = 0.0
    later = int(np.searchsorted(task.schedule, step, side="right"))
    task.results.record(slice(later, None), state.members, measured)
    task.results.finish(
        state.members,
        measured,
        {"weights": flat(state.networks.trained)}
        | ({"velocity": flat(state.velocity)} if state.velocity else {}),
        status=status,
        steps=step,
        last_update=state.last_update.cpu().numpy(),
    )
