"""Networks at one moment of their training, with all that observables look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import torch

from langevin_sgd.models.losses import Loss
from langevin_sgd.models.networks.interface import Replicas
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.training.observables.points_of_replicas import PointsOfReplicas


class Predictions(NamedTuple):
    """What networks say of points, (replica, point) each."""

    predictor: torch.Tensor
    """o = alpha (f - f0)."""
    y: torch.Tensor
    """Labels of +-1."""
    present: torch.Tensor
    """Whether a replica has so many points."""

    @property
    def unfit(self) -> torch.Tensor:
        """Points whose margin y o is below one; NaN counts as unfit."""
        return ~(self.y * self.predictor >= 1) & self.present

    def mean(self, values: torch.Tensor) -> np.ndarray:
        """Mean of (replica, point) values over the points of each replica, (replica,) float64."""
        total = torch.where(self.present, values.double(), 0.0).sum(1)
        mean: np.ndarray = (total / self.present.sum(1)).cpu().numpy()
        return mean


class InitialNetworks(NamedTuple):
    """What is remembered of step 0."""

    weights: list[torch.Tensor]
    """(replica, ...) trained weights."""
    outputs: torch.Tensor
    """f0 (replica, point) on the training points."""
    test_outputs: torch.Tensor
    """The same on the test points; of no columns if there are none."""
    kept: Mapping[str, list[torch.Tensor]] = {}
    """Name of an observable -> what it keeps, (replica, ...) each."""

    def select(self, places: torch.Tensor) -> InitialNetworks:
        """Return what is remembered of the replicas at some places, as copies."""
        kept = {name: [t[places] for t in tensors] for name, tensors in self.kept.items()}
        weights = [w[places] for w in self.weights]
        return InitialNetworks(weights, self.outputs[places], self.test_outputs[places], kept)


@dataclass(frozen=True, kw_only=True, eq=False)
class ObservedNetworks:
    """Replicas of a network as observables see them: their points, and what they were at step 0.

    A value of one moment: once weights have changed, `now` gives the next one. In training these
    are made for you; `observed_at_start` makes them of networks outside of training.
    """

    replicas: Replicas
    start: InitialNetworks
    train: PointsOfReplicas
    test: PointsOfReplicas | None
    alpha: torch.Tensor
    """(replica, 1) scale of the predictor."""
    loss: Loss
    settings: Sequence[SGD] | None = None
    """Of each replica."""

    @cached_property
    def on_train(self) -> Predictions:
        """Predictions on the training points."""
        return self._predictions(self.train, self.start.outputs)

    @cached_property
    def on_test(self) -> Predictions | None:
        """Predictions on the test points, if there are some."""
        return None if self.test is None else self._predictions(self.test, self.start.test_outputs)

    def _predictions(self, points: PointsOfReplicas, f0: torch.Tensor) -> Predictions:
        predictor = self.alpha * (points.outputs(self.replicas) - f0[:, : points.most])
        return Predictions(predictor, points.labels, points.present)

    def now(self) -> Self:
        """Return the same networks after their weights have changed."""
        return replace(self)
