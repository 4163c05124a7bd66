r"""The noise of minibatches on given points, whose covariance changes with the weights.

A per-sample gradient of the hinge loss is -X_i where point i is unfit and else zero. With theta_i =
1 or 0 for the two cases, its covariance over the P points is

    C(w) = (1/P) sum_i theta_i X_i X_i^T - g g^T,      g = (1/P) sum_i theta_i X_i

(Sclocchi, Geiger and Wyart, arXiv 2301.13703, for the population). The random force has the
spectral density lr F C(w), where F C is the covariance of a minibatch mean: F = 1/B with
replacement, (P - B)/(B (P - 1)) without. `MinibatchNoise` draws one normal per point,

    sqrt(lr F / P) sum_i theta_i X_i (xi_i - mean xi),

which has this covariance because sum_i (theta_i X_i - g) xi_i = sum_i theta_i X_i (xi_i - mean xi):
P normals and at most 2 P d operations, where a root of C would take P d^2/2 + d^3/3. The weights
are those at the beginning of a step:
Ito. One Euler-Maruyama step of length lr has the first two moments of one step of SGD, exactly.

Simpler noises to compare with keep a constant shape and follow the unfit points by their size alone
(`ShapedNoise`):

    decoupled   n(w) (1/P) sum_i X_i X_i^T       n the unfit fraction, no mean subtracted
    isotropic   tr C(w) / d in all directions

Range: as all white Gaussian noise it misses that few points are unfit late in training, where a
batch of SGD holds one unfit point or none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from langevin_sgd.checks import (
    InputError,
    as_array,
    as_instance,
    as_not_negative,
    as_real,
    convert_fields,
)
from langevin_sgd.covariance import as_covariance, covariance_root
from langevin_sgd.dynamics.constant_noise import no_spread
from langevin_sgd.dynamics.noise import Calculus, NoiseOfState
from langevin_sgd.dynamics.noise_of_sgd import require_white, strength_of_force
from langevin_sgd.kernels.block_code import BlockCode
from langevin_sgd.kernels.compiled import inlined
from langevin_sgd.kernels.intrinsics import fma
from langevin_sgd.models.hinge_loss import HingeLoss, add_row, mark_unfit
from langevin_sgd.models.perceptron import Perceptron
from langevin_sgd.sgd_settings import SGD


@dataclass(frozen=True, kw_only=True, eq=False)
class MinibatchNoise(NoiseOfState):
    """Noise with the covariance of minibatches at the present weights.

    Parameters
    ----------
    loss
        The points.
    strength
        Spectral density of the force over the covariance of one per-sample gradient, lr F >= 0.
    """

    loss: HingeLoss
    strength: float

    calculus: ClassVar[Calculus] = "ito"

    def __post_init__(self) -> None:
        convert_fields(self, {"loss": _as_loss, "strength": as_not_negative})

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return self.loss.parameters

    @property
    def sources(self) -> int:
        """Independent normals of a step: one per point."""
        return self.loss.points

    def compiled(self) -> BlockCode:
        """Return the noise for kernels."""
        scale = np.sqrt(self.strength / self.loss.points)
        return BlockCode(
            functions={"shape_noise": shape_by_point, "add_spread": no_spread},
            arrays=(self.loss.rows, np.array([self.loss.margin, scale])),
        )

    def identity(self) -> Mapping[str, object]:
        """Return points and strength."""
        return {"strength": self.strength, **self.loss.identity()}

    def covariance(self, w: np.ndarray) -> np.ndarray:
        """Spectral density at `w` (..., parameter); (..., parameter, parameter)."""
        rows, mean = self.loss.rows, self.loss.force(w)
        second = (
            np.einsum("...i,ij,ik->...jk", self.loss.unfit(w), rows, rows, optimize=True)
            / self.loss.points
        )
        density: np.ndarray = self.strength * (second - mean[..., :, None] * mean[..., None, :])
        return density

    def scaled(self, factor: float) -> MinibatchNoise:
        """Return the noise with `factor` times the spectral density."""
        return replace(self, strength=self.strength * as_not_negative("factor", factor))

    def decoupled(self) -> ShapedNoise:
        """Return the noise n(w) (1/P) sum_i X_i X_i^T of the same strength."""
        rows = self.loss.rows
        shape = rows.T @ rows / self.loss.points
        return ShapedNoise(
            loss=self.loss,
            strength=self.strength,
            shape=shape,
            weight=np.ones(self.loss.points),
            mean_squared=0.0,
        )

    def isotropic(self) -> ShapedNoise:
        """Return the noise of equal trace that is the same in all directions."""
        size = self.parameters
        weight = (self.loss.rows**2).sum(axis=1) / size
        return ShapedNoise(
            loss=self.loss,
            strength=self.strength,
            shape=np.eye(size),
            weight=weight,
            mean_squared=-1 / size,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class ShapedNoise(NoiseOfState):
    """Noise of constant shape with a size that follows the unfit points; made by `MinibatchNoise`.

    strength * ((1/P) sum_i theta_i weight_i + mean_squared |g|^2) * shape

    Parameters
    ----------
    loss, strength
        As in `MinibatchNoise`.
    shape
        (parameter, parameter), positive semi-definite.
    weight
        (point,).
    mean_squared
        Factor of the squared mean gradient.
    """

    loss: HingeLoss
    strength: float
    shape: np.ndarray
    weight: np.ndarray
    mean_squared: float

    calculus: ClassVar[Calculus] = "ito"

    def __post_init__(self) -> None:
        convert_fields(
            self, {"loss": _as_loss, "strength": as_not_negative, "mean_squared": as_real}
        )
        object.__setattr__(self, "shape", as_covariance("shape", self.shape, self.loss.parameters))
        object.__setattr__(
            self, "weight", as_array("weight", self.weight, shape=(self.loss.points,))
        )

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return self.loss.parameters

    @property
    def sources(self) -> int:
        """Independent normals of a step: one per direction."""
        return self.loss.parameters

    def compiled(self) -> BlockCode:
        """Return the noise for kernels."""
        root = np.sqrt(self.strength) * covariance_root(self.shape)
        numbers = np.array([self.loss.margin, self.mean_squared])
        return BlockCode(
            functions={"shape_noise": shape_as_one, "add_spread": no_spread},
            arrays=(self.loss.rows, numbers, self.weight, root),
        )

    def identity(self) -> Mapping[str, object]:
        """Return points, strength, shape and what sets the size."""
        return {
            "strength": self.strength,
            "shape": self.shape,
            "weight": self.weight,
            "mean_squared": self.mean_squared,
            **self.loss.identity(),
        }

    def covariance(self, w: np.ndarray) -> np.ndarray:
        """Spectral density at `w` (..., parameter); (..., parameter, parameter)."""
        size = self.loss.unfit(w) @ self.weight / self.loss.points
        size = size + self.mean_squared * (self.loss.force(w) ** 2).sum(axis=-1)
        density: np.ndarray = self.strength * np.maximum(size, 0.0)[..., None, None] * self.shape
        return density

    def scaled(self, factor: float) -> ShapedNoise:
        """Return the noise with `factor` times the spectral density."""
        return replace(self, strength=self.strength * as_not_negative("factor", factor))


def _as_loss(name: str, value: HingeLoss) -> HingeLoss:
    return as_instance(name, value, HingeLoss)


def hinge_equation(
    problem: Perceptron, settings: SGD, *, seed: int | None, replica: int
) -> tuple[HingeLoss, MinibatchNoise]:
    """Loss and noise of one training set of a perceptron.

    Parameters
    ----------
    problem
        Points, or a law with a `seed` for its training sets.
    settings
        Settings of SGD: plain momentum, no weight decay, batches with or without replacement.
    seed, replica
        Which training set of a law: that of the same replica of a training run with this seed.

    Raises
    ------
    InputError
        For settings this equation does not describe, a batch larger than the points, or a law
        without a seed.
    """
    as_instance("settings", settings, SGD)
    require_white(settings)
    if settings.weight_decay or settings.nesterov or settings.dampening:
        raise InputError(
            "weight_decay, nesterov, dampening: "
            "this equation describes plain momentum, leave all at zero"
        )
    if seed is None and problem.from_law:
        raise InputError(
            "seed = None: a perceptron with a data law needs the seed of its training set"
        )
    loss = HingeLoss(rows=problem.rows(0 if seed is None else seed, replica), margin=problem.margin)
    strength = strength_of_force(settings, loss.points, called="points")
    return loss, MinibatchNoise(loss=loss, strength=strength)


# --- compiled -------------------------------------------------------------------------------------


@inlined
def shape_by_point(
    normals: np.ndarray, out: np.ndarray, position: np.ndarray, values: tuple[np.ndarray, ...]
) -> np.ndarray:
    """Set `out` to scale * sum_i theta_i X_i (normal_i - mean of the normals)."""
    rows, numbers = values
    mean, unfit = np.zeros_like(position[0]), np.empty_like(position[0])
    for i in range(len(rows)):
        for lane in range(len(mean)):
            mean[lane] += normals[i, lane]
    for lane in range(len(mean)):
        mean[lane] /= len(rows)
    for j in range(len(out)):
        for lane in range(len(mean)):
            out[j, lane] = 0.0
    for i in range(len(rows)):
        if mark_unfit(unfit, rows[i], numbers[0], position):
            for lane in range(len(mean)):
                unfit[lane] *= numbers[1] * (normals[i, lane] - mean[lane])
            add_row(out, rows[i], unfit)
    return out


@inlined
def shape_as_one(
    normals: np.ndarray, out: np.ndarray, position: np.ndarray, values: tuple[np.ndarray, ...]
) -> np.ndarray:
    """Set `out` to sqrt(size(w)) * root * normals."""
    rows, numbers, weight, root = values
    size, unfit = np.zeros_like(position[0]), np.empty_like(position[0])
    for j in range(len(out)):
        for lane in range(len(size)):
            out[j, lane] = 0.0
    for i in range(len(rows)):
        if mark_unfit(unfit, rows[i], numbers[0], position):
            for lane in range(len(size)):
                unfit[lane] /= len(rows)
                size[lane] = fma(weight[i], unfit[lane], size[lane])
            add_row(out, rows[i], unfit)
    for j in range(len(out)):
        for lane in range(len(size)):
            size[lane] = fma(numbers[1] * out[j, lane], out[j, lane], size[lane])
            out[j, lane] = 0.0
    for lane in range(len(size)):
        size[lane] = math.sqrt(max(size[lane], 0.0))
    for j in range(len(out)):
        for k in range(len(out)):
            for lane in range(len(size)):
                out[j, lane] = fma(root[j, k] * size[lane], normals[k, lane], out[j, lane])
    return out
