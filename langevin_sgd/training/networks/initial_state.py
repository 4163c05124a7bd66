"""How the training of a group begins: its networks, and what is kept of step 0."""

from __future__ import annotations

import warnings

import numpy as np
import torch

from langevin_sgd.training.networks.state import (
    NetworkState,
    NetworkTask,
    as_observed,
    set_from_flat,
    sums_of,
)
from langevin_sgd.training.observables.at_start import keeping
from langevin_sgd.training.observables.observed_networks import InitialNetworks


def begin(task: NetworkTask, members: np.ndarray) -> NetworkState:
    """Make the networks of some replicas and what is kept of step 0."""
    X, numbers = task.train.X, task.numbers
    networks = task.network.replicas([numbers.draws[r] for r in members], X.dtype, X.device)
    alpha = torch.tensor([[numbers.alpha[r]] for r in members], dtype=X.dtype, device=X.device)
    f0, test_f0 = (part.of(members).outputs(networks) for part in (task.train, task.test))
    warn_if_too_coarse(f0, alpha)
    weights = [w.clone() for w in networks.trained]
    never = torch.zeros(len(members), dtype=torch.int64, device=X.device)
    state = NetworkState(
        members=members,
        networks=networks,
        start=InitialNetworks(weights, f0, test_f0),
        velocity=_velocity(task, members, weights),
        alpha=alpha,
        last_update=never,
        looked=never.clone(),
        sums=sums_of(weights),
        moved=never.clone(),
    )
    start = keeping(as_observed(task, state), task.record).start
    if task.begun.weights is not None:
        set_from_flat(networks.trained, task.begun.weights[members])
    return state._replace(start=start, sums=sums_of(networks.trained))


def _velocity(
    task: NetworkTask, members: np.ndarray, weights: list[torch.Tensor]
) -> list[torch.Tensor]:
    """Velocities times lr, zero or those of an earlier call; none without momentum."""
    settings, begun = task.numbers.settings, task.begun.velocity
    if not settings[members[0]].momentum:
        return []
    velocity = [torch.zeros_like(w) for w in weights]
    if begun is not None:
        lr = np.array([[settings[r].lr] for r in members])
        set_from_flat(velocity, lr * begun[members])
    return velocity


def warn_if_too_coarse(f0: torch.Tensor, alpha: torch.Tensor) -> None:
    """Warn if rounding of the outputs exceeds a hundredth of the margin 1/alpha in some replica."""
    rounding = torch.finfo(f0.dtype).eps * f0.square().mean(1).sqrt() * alpha[:, 0]
    if bool((rounding > 1e-2).any()):
        largest = float(alpha[rounding > 1e-2].max())
        way_out = (
            "use float64"
            if f0.dtype == torch.float32
            else "no precision is left; take a smaller alpha"
        )
        warnings.warn(
            f"alpha = {largest:g}: f - f0 is lost in the rounding of {f0.dtype}; {way_out}",
            stacklevel=2,
        )
