"""Labelled points of many networks, of which some may share a set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from langevin_sgd.models.networks.interface import Replicas

MOST_NUMBERS = 2**22
"""Numbers of the largest layer that a pass over many points holds at a time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PointsOfReplicas:
    """Training or test points of some replicas.

    Where replicas have different numbers of points, arrays over (replica, point) are as long as the
    longest; `present` says which entries mean something, the others are those of the last point.
    """

    X: torch.Tensor
    """(row, dimension) inputs of all distinct sets, one after the other, or in `order`."""
    y: torch.Tensor
    """(row,) labels of +-1."""
    first: np.ndarray
    """(replica,) place of the first point of each replica."""
    counts: np.ndarray
    """(replica,) numbers of points."""
    widest: int
    """Numbers that the largest layer of a network holds for one point, inputs among the layers."""
    order: torch.Tensor | None = None
    """(place,) rows of the points of all sets, one after the other; by default they lie so in `X`.
    """

    @property
    def most(self) -> int:
        """Points of the replica that has most."""
        return int(self.counts.max(initial=0))

    @cached_property
    def present(self) -> torch.Tensor:
        """Whether a replica has so many points, (replica, point)."""
        there = np.arange(self.most) < self.counts[:, None]
        return torch.from_numpy(there).to(self.X.device)

    @cached_property
    def labels(self) -> torch.Tensor:
        """Labels (replica, point)."""
        return self.y[self.rows(0, self.most)]

    def rows(self, start: int, stop: int) -> torch.Tensor:
        """Rows (replica, point) of the points start ... stop - 1."""
        numbers = np.minimum(np.arange(start, stop), self.counts[:, None] - 1)
        places = torch.from_numpy(self.first[:, None] + numbers).to(self.X.device)
        return places if self.order is None else self.order[places]

    def inputs(self, start: int, stop: int) -> torch.Tensor:
        """Inputs (replica, point, dimension) of the points start ... stop - 1."""
        return self.X[self.rows(start, stop)]

    def pieces(self) -> Iterator[tuple[slice, torch.Tensor]]:
        """Yield points and inputs (replica, point, dimension) in stretches of bounded memory."""
        length = max(1, MOST_NUMBERS // max(1, len(self.counts) * self.widest))
        for start in range(0, self.most, length):
            stop = min(start + length, self.most)
            yield slice(start, stop), self.inputs(start, stop)

    def outputs(self, replicas: Replicas) -> torch.Tensor:
        """Outputs (replica, point) of networks at all points."""
        pieces = [replicas.outputs(x) for _, x in self.pieces()]
        if not pieces:
            return self.X.new_empty((len(self.counts), 0))
        return torch.cat(pieces, 1)
