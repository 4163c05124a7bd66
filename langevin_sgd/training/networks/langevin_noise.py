r"""Langevin noise in the place of SGD noise: full-batch gradients plus Gaussian noise.

With g_i the gradient of loss/alpha at training point i = 1 ... P, g their mean, C their covariance
and s^2 C that of the mean over a minibatch (`langevin_sgd.curvature.gradient_noise`), a
step is

    minibatch_covariance    theta -= lr sum_i (1/P + s (xi_i - mean xi)/sqrt(P)) g_i
    isotropic               theta -= lr (g + s sqrt(trace(C)/N) xi)

with independent standard normals xi at each step: one for each point, whose combination has exactly
the covariance s^2 C of the weights before the step; or one for each of the N trained weights, so
that the trace is the same at every step. Where all points are fitted every g_i is zero, and so is
the noise. The factors of the first kind know no gradient, so that it costs what a step on all
points costs; the second costs about four times as much.

Normals are functions of the seed, the number of the replica and the step.

References
----------
Derived. Sclocchi, Geiger and Wyart, arXiv 2301.13703, use in their code one normal to a point too,
but without the mean subtracted, and with the mean square of all pulls for the pull of each point.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from langevin_sgd.curvature.gradient_noise import mean_and_trace, variance_factor
from langevin_sgd.models.networks.interface import Factors, Replicas
from langevin_sgd.randomness import NOISE, derive_seed, normals
from langevin_sgd.training.networks.minibatches import Minibatches, StepSource
from langevin_sgd.training.networks.settings import RunNumbers


class AllPoints(StepSource):
    """All points enter every step, with factors that subclasses may make random."""

    def __init__(
        self, numbers: RunNumbers, points: np.ndarray, begun: np.ndarray, members: np.ndarray
    ) -> None:
        super().__init__(numbers, points, begun, members)
        chosen = members.tolist()
        self._seeds = {
            r: derive_seed(numbers.draws[r][0], "Langevin noise", numbers.draws[r][1])
            for r in chosen
        }
        self._spread = {
            r: math.sqrt(variance_factor(numbers.settings[r], int(points[r]))) for r in chosen
        }

    @staticmethod
    def lengths(numbers: RunNumbers, points: np.ndarray) -> np.ndarray:
        """Return the numbers of training points."""
        return points

    def batches(self, members: np.ndarray, first: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Return all points for each step, and lr times their weights."""
        count = int(self._points[members[0]])
        places = np.broadcast_to(np.arange(count), (steps, len(members), count))
        lr = np.array([[self._numbers.settings[r].lr] for r in members])
        weights = np.stack(
            [self._weights(members, count, step) for step in range(first, first + steps)]
        )
        return places, lr * weights

    def _weights(self, members: np.ndarray, count: int, step: int) -> np.ndarray:
        """Weights of the points in one step, (replica, point)."""
        return np.full((len(members), count), 1 / count)

    def passes(self, members: np.ndarray) -> np.ndarray:
        """Return one: every step is a pass over all points."""
        return np.ones(len(members), np.int64)

    def met(self, r: int, first: int, steps: int) -> np.ndarray:
        """Return all points if there is a step at all."""
        return np.arange(self._points[r] if steps else 0)

    def _normals(self, members: np.ndarray, count: int, step: int) -> np.ndarray:
        """Standard normals (replica, number) of one step."""
        drawn = [
            normals((count,), self._seeds[r], step=int(self._begun[r]) + step, substream=NOISE)
            for r in members.tolist()
        ]
        return np.stack(drawn)

    def _spreads(self, members: np.ndarray) -> np.ndarray:
        """Return s, (replica, 1)."""
        return np.array([[self._spread[r]] for r in members.tolist()])


class MinibatchCovariance(AllPoints):
    """Gaussian noise of the covariance that the minibatch in its place would have."""

    def _weights(self, members: np.ndarray, count: int, step: int) -> np.ndarray:
        xi = self._normals(members, count, step)
        return 1 / count + self._spreads(members) / math.sqrt(count) * (
            xi - xi.mean(1, keepdims=True)
        )


class IsotropicNoise(AllPoints):
    """Gaussian noise of equal strength along all trained weights."""

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
        """Make one step as ``networks.step`` does, and add noise to it."""
        points = torch.full((len(x), 1), x.shape[1]).to(x)
        # Pulls that hold lr: the mean is the step itself, and the trace that of lr times the
        # gradients.
        pull = points * factors(networks.outputs(x))
        change, trace = mean_and_trace(networks, [(x, pull)], points)
        sizes = [moved[0].numel() for moved in change]
        strength = (
            torch.from_numpy(self._spreads(members)).to(x.device)
            * torch.sqrt(trace / sum(sizes))[:, None]
        )
        noise = strength.to(x) * torch.from_numpy(self._normals(members, sum(sizes), step)).to(x)
        for target, moved, part in zip(
            into or networks.trained, change, noise.split(sizes, 1), strict=True
        ):
            target.mul_(keep).add_(moved).add_(part.reshape(moved.shape))


NOISES: dict[str, type[StepSource]] = {
    "sgd": Minibatches,
    "minibatch_covariance": MinibatchCovariance,
    "isotropic": IsotropicNoise,
}
