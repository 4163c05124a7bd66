"""What a run of networks is asked to do, and the replicas on their way."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from langevin_sgd.models.losses import Loss
from langevin_sgd.models.network_problem import NetworkProblem
from langevin_sgd.training.networks.result import Results
from langevin_sgd.training.networks.settings import Numbers
from langevin_sgd.training.networks.start import Begun
from langevin_sgd.training.networks.training_sets import Part


class Task(NamedTuple):
    """What all groups of a run share."""

    problem: NetworkProblem
    """Of the first run: all have its network and its loss."""
    numbers: Numbers
    loss: Loss
    noise: str
    """Key of `langevin_sgd.training.networks.langevin_noise.NOISES`."""
    train: Part
    test: Part
    begun: Begun
    """What earlier calls have done."""
    probe_points: int
    observe: tuple[str, ...]
    """Keys of `langevin_sgd.training.networks.observables.OBSERVABLES`, measured on the schedule
    and at the end.
    """
    max_steps: int
    until_unfit: float
    deadline: float
    """Of the clock ``time.monotonic``."""
    results: Results

    @property
    def network(self) -> Any:
        """The architecture."""
        return self.problem.network

    @property
    def schedule(self) -> np.ndarray:
        """Recorded steps."""
        return self.results.schedule


class State(NamedTuple):
    """The replicas of a group that are still trained, or some of them; steps are those of this
    call.
    """

    members: np.ndarray
    """(replica,) their places in the run."""
    networks: Any
    start: list[torch.Tensor]
    """(replica, ...) trained weights at step 0."""
    kept: dict[str, list[torch.Tensor]]
    """(replica, ...) what observables keep of step 0."""
    velocity: list[torch.Tensor]
    """(replica, ...) lr times the velocity, for each tensor of trained weights; empty without
    momentum.
    """
    f0: torch.Tensor
    """(replica, point) outputs at step 0, on the training points."""
    test_f0: torch.Tensor
    alpha: torch.Tensor
    """(replica, 1)."""
    last_update: torch.Tensor
    """(replica,) the last step with an unfit point in its batch, counted from 1; 0 for none."""
    looked: torch.Tensor
    """(replica,) step at which all points were looked at last."""
    sums: torch.Tensor
    """(replica, layer) sums of the trained weights at the end of the last block: NaN if they
    diverge.
    """
    moved: torch.Tensor
    """(replica,) end of the last block in which the weights changed."""

    def select(self, chosen: torch.Tensor) -> State:
        """Return the replicas where `chosen` is true, as copies."""
        places = chosen.nonzero()[:, 0]

        def of(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
            return [tensor[places] for tensor in tensors]

        kept = {name: of(tensors) for name, tensors in self.kept.items()}
        members, networks = self.members[places.cpu().numpy()], self.networks.select(places)
        return State(
            members, networks, of(self.start), kept, of(self.velocity), *of(list(self[5:]))
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
