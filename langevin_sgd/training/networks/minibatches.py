"""The points that enter each step, and with which factors: the interface, and minibatches."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch

from langevin_sgd.models.networks.interface import Factors, Replicas
from langevin_sgd.randomness import key_from_seed
from langevin_sgd.training.batches import batch_indices, fill_batches, make_sampler
from langevin_sgd.training.networks.settings import RunNumbers


class StepSource(ABC):
    """Points and factors of the steps of a group of replicas, which make them random.

    Parameters
    ----------
    numbers
        Of all replicas.
    points
        (replica,) numbers of training points.
    begun
        (replica,) steps of earlier calls, whose random numbers are not drawn again.
    members
        The replicas of the group; they have as many points in a step.
    """

    def __init__(
        self, numbers: RunNumbers, points: np.ndarray, begun: np.ndarray, members: np.ndarray
    ) -> None:
        self._numbers, self._points, self._begun = numbers, points, begun

    @staticmethod
    @abstractmethod
    def lengths(numbers: RunNumbers, points: np.ndarray) -> np.ndarray:
        """Points in one step of each replica of a run."""

    @abstractmethod
    def batches(self, members: np.ndarray, first: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Points of some steps and factors of their pulls, (step, replica, place), zero-padded."""

    @abstractmethod
    def passes(self, members: np.ndarray) -> np.ndarray:
        """Steps of one pass over the points, (replica,)."""

    @abstractmethod
    def met(self, r: int, first: int, steps: int) -> np.ndarray:
        """Points that replica `r` met in some steps."""

    def step(
        self,
        networks: Replicas,
        members: np.ndarray,
        x: torch.Tensor,
        factors: Factors,
        step: int,
        into: list[torch.Tensor] | None,
        keep: float,
    ) -> None:
        """Make one step as ``networks.step(x, factors, into, keep)`` does.

        `step` is its number in this call.
        """
        networks.step(x, factors, into, keep)


class Minibatches(StepSource):
    """SGD: independent minibatches, or those of shuffled epochs."""

    def __init__(
        self, numbers: RunNumbers, points: np.ndarray, begun: np.ndarray, members: np.ndarray
    ) -> None:
        super().__init__(numbers, points, begun, members)
        self._samplers = {
            r: make_sampler(numbers.settings[r], int(points[r]), 1) for r in members.tolist()
        }

    @staticmethod
    def lengths(numbers: RunNumbers, points: np.ndarray) -> np.ndarray:
        """Return the batch sizes."""
        return np.array([settings.batch_size for settings in numbers.settings])

    def batches(self, members: np.ndarray, first: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the points of some steps, and lr over the number of points in each batch."""
        batches = np.full(
            (len(members), steps, self._numbers.settings[members[0]].batch_size), -1, np.int32
        )
        for place, r in enumerate(members.tolist()):
            seed, number = self._numbers.draws[r]
            begin = int(self._begun[r]) + first
            fill_batches(batches[place], self._samplers[r], 0, key_from_seed(seed), number, begin)
        there = batches >= 0
        lr = np.array([self._numbers.settings[r].lr for r in members])
        share = there * (lr[:, None, None] / there.sum(2, keepdims=True))
        return np.maximum(batches, 0).astype(np.int64).swapaxes(0, 1), share.swapaxes(0, 1)

    def passes(self, members: np.ndarray) -> np.ndarray:
        """Return the number of steps in a pass over the points, P/B rounded up."""
        sizes = np.array([self._numbers.settings[r].batch_size for r in members])
        passes: np.ndarray = -(-self._points[members] // sizes)
        return passes

    def met(self, r: int, first: int, steps: int) -> np.ndarray:
        """Return the points in the batches of these steps."""
        seed, number = self._numbers.draws[r]
        settings, points, begin = (
            self._numbers.settings[r],
            int(self._points[r]),
            int(self._begun[r]) + first,
        )
        indices = batch_indices(
            settings, points, seed=seed, replica=number, first_step=begin, steps=steps
        )
        return np.unique(indices[indices >= 0])
