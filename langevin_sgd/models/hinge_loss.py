r"""The hinge loss of given points as a potential with a compiled force.

    U(w) = (1/P) sum_i max(0, margin - X_i . w),      force = (1/P) sum_i X_i [X_i . w < margin]

with folded rows X_i = y_i x_i / sqrt(d) (`langevin_sgd.models.perceptron`). The force stands still
between the planes on which a point becomes fitted and jumps there; at zero loss it vanishes. A step
costs P d operations, and half of that where the replicas of a block agree that a point is fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import as_array, as_positive, as_states, convert_fields, require
from langevin_sgd.kernels.block_code import BlockCode, Factors
from langevin_sgd.kernels.compiled import inlined, value_at
from langevin_sgd.kernels.intrinsics import fma


@dataclass(frozen=True, kw_only=True, eq=False)
class HingeLoss:
    """Mean hinge loss over points, as the potential of a Langevin equation.

    Parameters
    ----------
    rows
        (point, parameter), folded rows y_i x_i / sqrt(d), finite.
    margin
        > 0.

    Raises
    ------
    InputError
        If rows or margin lie outside their range.

    Examples
    --------
    >>> loss, w = HingeLoss(rows=np.array([[1.0], [0.5]]), margin=1.0), np.array([1.0])
    >>> loss.energy(w).item(), loss.force(w).item(), loss.unfit_fraction(w).item()
    (0.25, 0.25, 0.5)
    """

    rows: np.ndarray
    margin: float

    def __post_init__(self) -> None:
        def matrix(name: str, value: np.ndarray) -> np.ndarray:
            rows = as_array(
                name, value, ndim=2, allowed="must be finite numbers of shape (point, parameter)"
            )
            require(rows.size > 0, name, value, "must hold at least one number")
            return rows

        convert_fields(self, {"rows": matrix, "margin": as_positive})

    @property
    def points(self) -> int:
        """Number of points P."""
        return len(self.rows)

    @property
    def parameters(self) -> int:
        """Number of weights d."""
        return self.rows.shape[1]

    def linear_force(self) -> None:
        """Return ``None``: the force jumps where a point becomes fitted."""

    def compiled(self) -> BlockCode:
        """Return the force for kernels."""
        arrays = self.rows, np.array([self.margin])
        return BlockCode(functions={"add_force": add_hinge_force}, arrays=arrays)

    def require_replicas(self, replicas: int) -> None:
        """Accept any number of replicas: all see the same points."""

    def identity(self) -> Mapping[str, object]:
        """Return rows and margin."""
        return {"rows": self.rows, "margin": self.margin}

    def unfit(self, w: np.ndarray) -> np.ndarray:
        """Whether each point is unfit at `w` (..., parameter); (..., point). NaN fits nothing."""
        unfit: np.ndarray = ~(self._weights(w) @ self.rows.T >= self.margin)
        return unfit

    def energy(self, w: np.ndarray) -> np.ndarray:
        """Loss at `w` (..., parameter); (...)."""
        loss: np.ndarray = np.maximum(0.0, self.margin - self._weights(w) @ self.rows.T).mean(
            axis=-1
        )
        return loss

    def force(self, w: np.ndarray) -> np.ndarray:
        """Minus the gradient at `w` (..., parameter); same shape, NaN at NaN."""
        lost = np.isnan(self._weights(w)).any(axis=-1, keepdims=True)
        return np.where(lost, np.nan, self.unfit(w) @ self.rows / self.points)

    def unfit_fraction(self, w: np.ndarray) -> np.ndarray:
        """Fraction (...) of unfit points at `w` (..., parameter); zero where the force vanishes.

        NaN where a weight is NaN: a path that diverged has not fitted its points.
        """
        weights = self._weights(w)
        lost = np.isnan(weights).any(axis=-1)
        fraction: np.ndarray = np.where(lost, np.nan, self.unfit(weights).mean(axis=-1))[()]
        return fraction

    def _weights(self, w: np.ndarray) -> np.ndarray:
        """Weights (..., parameter); NaN is let through, since paths that diverged end there."""
        return as_states("w", w, self.parameters)


# --- compiled -------------------------------------------------------------------------------------


@inlined
def mark_unfit(unfit: np.ndarray, row: np.ndarray, margin: float, position: np.ndarray) -> bool:
    """Set `unfit` (lane,) to one at unfit points, else to zero; return whether any is unfit."""
    for lane in range(len(unfit)):
        unfit[lane] = -margin
    for j in range(len(row)):
        for lane in range(len(unfit)):
            unfit[lane] = fma(row[j], position[j, lane], unfit[lane])
    some = 0
    for lane in range(len(unfit)):
        below = unfit[lane] < 0
        some += below
        unfit[lane] = 1.0 if below else 0.0
    return some > 0


@inlined
def add_row(out: np.ndarray, row: np.ndarray, weight: np.ndarray) -> None:
    """Add a row times `weight` (lane,)."""
    for j in range(len(row)):
        for lane in range(len(weight)):
            out[j, lane] = fma(row[j], weight[lane], out[j, lane])


@inlined
def add_hinge_force(
    out: np.ndarray,
    position: np.ndarray,
    factors: Factors,
    k: int,
    values: tuple[np.ndarray, np.ndarray],
) -> None:
    """Add factor `k` times the force."""
    rows, margin = values
    unfit = np.empty_like(position[0])
    for i in range(len(rows)):
        if mark_unfit(unfit, rows[i], margin[0], position):
            for lane in range(len(unfit)):
                unfit[lane] *= value_at(factors, k, lane) / len(rows)
            add_row(out, rows[i], unfit)
