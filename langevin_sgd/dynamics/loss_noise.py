r"""Noise whose size follows the loss and whose shape is the Hessian, in a quadratic valley.

    B B^T = strength (U(theta) + floor) K,      U = (theta - centre)^T K (theta - centre) / 2

Where the residuals of a square loss are independent of the inputs, the covariance of one per-sample
gradient is 2 L(theta) K (Mori, Ziyin, Liu and Ueda, *Power-law escape rate of SGD*, arXiv
2105.09557, section 3): strength is then 2 lr/batch_size and floor the loss at the minimum, from
label noise. Constant noise of the same shape is the limit strength -> 0 at fixed strength * floor.

In the overdamped equation second moments about the centre close; they have the stationary value

    <(theta - centre)(theta - centre)^T> = c 1,
    c = strength floor / (2 friction - strength tr(K)/2)          (derived; Ito)

where the denominator is positive, and no stationary one beyond. The tails of the stationary law are
power laws.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from langevin_sgd.checks import as_instance, as_not_negative, convert_fields
from langevin_sgd.covariance import as_covariance, covariance_root
from langevin_sgd.dynamics.constant_noise import no_spread
from langevin_sgd.dynamics.noise import Calculus, NoiseOfState
from langevin_sgd.kernels.block_code import BlockCode
from langevin_sgd.kernels.compiled import inlined
from langevin_sgd.kernels.intrinsics import fma
from langevin_sgd.models.potentials.quadratic import Quadratic


@dataclass(frozen=True, kw_only=True, eq=False)
class LossNoise(NoiseOfState):
    """Noise proportional to the loss of a valley, of the shape of its Hessian; read as Ito.

    Parameters
    ----------
    valley
        The quadratic loss, without negative stiffness.
    strength
        Spectral density over loss and Hessian, >= 0, in units of time.
    floor
        Loss at the minimum, >= 0; 0 by default: a fit without remainder, at which the noise ends.

    Raises
    ------
    InputError
        If the valley has a negative stiffness, or a number is negative.

    Examples
    --------
    >>> noise = LossNoise(valley=Quadratic(stiffness=np.diag([2.0, 1.0])), strength=0.1, floor=1.0)
    >>> noise.covariance(np.array([1.0, 0.0])).round(12).tolist()
    [[0.4, 0.0], [0.0, 0.2]]
    """

    valley: Quadratic
    strength: float
    floor: float = 0.0

    calculus: ClassVar[Calculus] = "ito"

    def __post_init__(self) -> None:
        as_covariance("valley", as_instance("valley", self.valley, Quadratic).stiffness)
        convert_fields(self, {"strength": as_not_negative, "floor": as_not_negative})

    @property
    def parameters(self) -> int:
        """Number of coordinates."""
        return self.valley.parameters

    @property
    def sources(self) -> int:
        """Independent normals of a step: one per coordinate."""
        return self.parameters

    def covariance(self, theta: np.ndarray) -> np.ndarray:
        """Spectral density at `theta` (..., parameter); (..., parameter, parameter)."""
        size = self.strength * (self.valley.energy(theta) + self.floor)
        # Far out the loss is infinite: directions without stiffness still have no noise.
        with np.errstate(invalid="ignore"):
            density: np.ndarray = size[..., None, None] * self.valley.stiffness
        return np.where(self.valley.stiffness == 0, 0.0, density)

    def scaled(self, factor: float) -> LossNoise:
        """Return the noise with `factor` times the spectral density."""
        return replace(self, strength=self.strength * as_not_negative("factor", factor))

    def compiled(self) -> BlockCode:
        """Return the noise for kernels."""
        root = covariance_root(self.valley.stiffness)
        numbers = np.array([self.strength, self.floor])
        return BlockCode(
            functions={"shape_noise": shape_by_loss, "add_spread": no_spread},
            arrays=(self.valley.stiffness, self.valley.centre, root, numbers),
        )

    def identity(self) -> Mapping[str, object]:
        """Return valley, strength and floor."""
        return {"strength": self.strength, "floor": self.floor, **self.valley.identity()}


@inlined
def shape_by_loss(
    normals: np.ndarray, out: np.ndarray, position: np.ndarray, values: tuple[np.ndarray, ...]
) -> np.ndarray:
    """Set `out` to sqrt(strength (U + floor)) * root of K * normals."""
    stiffness, centre, root, numbers = values
    size = np.empty_like(position[0])
    for lane in range(len(size)):
        size[lane] = numbers[1]
    for i in range(len(out)):
        for j in range(len(out)):
            for lane in range(len(size)):
                pair = (position[i, lane] - centre[i]) * (position[j, lane] - centre[j])
                size[lane] = fma(stiffness[i, j] / 2, pair, size[lane])
    for lane in range(len(size)):
        # Rounding may leave less than nothing at the bottom of a flat valley.
        size[lane] = math.sqrt(max(numbers[0] * size[lane], 0.0))
    for i in range(len(out)):
        for lane in range(len(size)):
            out[i, lane] = 0.0
        for j in range(len(out)):
            for lane in range(len(size)):
                out[i, lane] = fma(root[i, j] * size[lane], normals[j, lane], out[i, lane])
    return out
