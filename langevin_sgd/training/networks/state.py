"""What a run of networks is asked to do, and the state of the replicas while they are trained."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from langevin_sgd.models.losses import Loss
from langevin_sgd.models.network_problem import NetworkProblem
from langevin_sgd.models.networks.interface import Architecture, Replicas
from langevin_sgd.training.networks.result import Results
from langevin_sgd.training.networks.settings import RunNumbers
from langevin_sgd.training.networks.start import Begun
from langevin_sgd.training.networks.training_sets import Part
from langevin_sgd.training.observables.interface import Observable
from langevin_sgd.training.observables.observed_networks import InitialNetworks, ObservedNetworks


class NetworkTask(NamedTuple):
    """What all groups of a run share."""

    problem: NetworkProblem
    """Of the first run: all have its network and its loss."""
    numbers: RunNumbers
    loss: Loss
    noise: str
    """Key of `langevin_sgd.training.networks.langevin_noise.NOISES`."""
    train: Part
    test: Part
    begun: Begun
    """What earlier calls have done."""
    record: tuple[Observable, ...]
    """What is measured on the schedule and at the end."""
    max_steps: int
    until_unfit: float
    deadline: float
    """Time on the clock ``time.monotonic`` at which training ends."""
    results: Results

    @property
    def network(self) -> Architecture:
        """The architecture."""
        return self.problem.network

    @property
    def schedule(self) -> np.ndarray:
        """Recorded steps."""
        return self.results.schedule


class NetworkState(NamedTuple):
    """The replicas of a group still in training, or some of them; steps are those of this call."""

    members: np.ndarray
    """(replica,) their places in the run."""
    networks: Replicas
    start: InitialNetworks
    """What is remembered of step 0."""
    velocity: list[torch.Tensor]
    """(replica, ...) lr times the velocity of each trained tensor; empty without momentum."""
    alpha: torch.Tensor
    """(replica, 1)."""
    last_update: torch.Tensor
    """(replica,) the last step with an unfit point in its batch, counted from 1; 0 for none."""
    looked: torch.Tensor
    """(replica,) step at which all points were looked at last."""
    sums: torch.Tensor
    """(replica, layer) sums of the trained weights after the last block; NaN if they diverge."""
    moved: torch.Tensor
    """(replica,) end of the last block in which the weights changed."""

    def select(self, chosen: torch.Tensor) -> NetworkState:
        """Return the replicas where `chosen` is true, as copies."""
        places = chosen.nonzero()[:, 0]
        return NetworkState(
            members=self.members[places.cpu().numpy()],
            networks=self.networks.select(places),
            start=self.start.select(places),
            velocity=[v[places] for v in self.velocity],
            alpha=self.alpha[places],
            last_update=self.last_update[places],
            looked=self.looked[places],
            sums=self.sums[places],
            moved=self.moved[places],
        )


def as_observed(task: NetworkTask, state: NetworkState) -> ObservedNetworks:
    """Return replicas of a group at the present moment, as observables see them."""
    members = state.members
    return ObservedNetworks(
        replicas=state.networks,
        start=state.start,
        train=task.train.of(members),
        test=task.test.of(members) if len(task.test.X) else None,
        alpha=state.alpha,
        loss=task.loss,
        settings=[task.numbers.settings[r] for r in members.tolist()],
    )


def sums_of(weights: list[torch.Tensor]) -> torch.Tensor:
    """Sum over each layer, (replica, layer) float64: equal twice only if nothing has changed."""
    return torch.stack([w.flatten(1).sum(1, dtype=torch.float64) for w in weights], 1)


def flat(tensors: list[torch.Tensor]) -> np.ndarray:
    """Tensors (replica, ...) as one array (replica, number), one after the other in C order."""
    return torch.cat([t.flatten(1) for t in tensors], 1).cpu().numpy()


def set_from_flat(tensors: list[torch.Tensor], numbers: np.ndarray) -> None:
    """Undo `flat`, in place."""
    parts = torch.from_numpy(numbers).to(tensors[0]).split([t[0].numel() for t in tensors], 1)
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.reshape(tensor.shape))
