"""How far a solution on a grid can be trusted: refinement, error estimates, and saying so.

A density is compared between grids as values at the centres of the coarse cells, to which the finer
grid's values are interpolated by a cubic: that error is of fourth order, and the scheme's own of
second shows.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd import dataset

if TYPE_CHECKING:
    import xarray as xr


class NotConvergedWarning(UserWarning):
    """The estimated error is above the tolerance."""


@dataclass(frozen=True)
class Accuracy:
    """What was asked of a solution, and how to say whether it was reached.

    Parameters
    ----------
    tolerance
        L1 error of the density at any of the times, where the whole probability is 1.
    settings
        For the provenance.
    """

    tolerance: float
    settings: Mapping[str, Any]

    def finish(
        self,
        variables: Mapping[str, dataset.Variable],
        coords: Mapping[str, np.ndarray],
        error: np.ndarray,
        grid: Mapping[str, Any],
    ) -> xr.Dataset:
        """Return the dataset with its error estimate; warn if that is above the tolerance."""
        reached: dict[str, dataset.Variable] = {
            "error": (("step",), error, "L1 distance of densities"),
            "converged": (("step",), error <= self.tolerance, "1"),
        }
        settings = {**self.settings, **grid, "tolerance": self.tolerance}
        return report(
            {**variables, **reached},
            coords,
            error,
            self.tolerance,
            kind="fokker_planck_solution",
            settings=settings,
        )


def report(
    variables: Mapping[str, dataset.Variable],
    coords: Mapping[str, np.ndarray],
    error: np.ndarray,
    tolerance: float,
    *,
    kind: str,
    settings: Mapping[str, Any],
) -> xr.Dataset:
    """Return a dataset that says whether its error is within the tolerance; warn if not."""
    result = dataset.make(variables, coords=coords, kind=kind, settings=settings)
    largest = float(np.max(error))
    result.attrs["error_estimate"] = largest
    result.attrs["converged"] = int(largest <= tolerance)
    if not largest <= tolerance:
        text = (
            f"estimated error {largest:.2g} is above tolerance {tolerance:.2g}: "
            "allow more cells or a larger error"
        )
        warnings.warn(text, NotConvergedWarning, stacklevel=4)
    return result


def extrapolated(
    values: Callable[[int], np.ndarray], first: int, most: int, tolerance: float
) -> tuple[int, np.ndarray, np.ndarray]:
    """Extrapolate numbers whose error is of second order in the width of cells.

    The cells are doubled until the correction is small.

    Parameters
    ----------
    values
        Number of cells to numbers.
    first, most
        Numbers of cells; half of `first` serves for the first comparison.
    tolerance
        Relative correction.

    Returns
    -------
    cells
        The number of cells in the end.
    values
        Extrapolated.
    error
        Relative corrections of the numbers; of one that is zero, zero.
    """
    cells, coarse, fine = first, values(first // 2), values(first)
    while True:
        correction = (fine - coarse) / 3
        size = np.abs(fine)
        error = np.divide(np.abs(correction), size, out=np.zeros(size.shape), where=size > 0)
        if error.max() <= tolerance or 2 * cells > most:
            return cells, fine + correction, error
        cells, coarse, fine = 2 * cells, fine, values(2 * cells)


def refined(
    solution: Callable[[int], np.ndarray], first: int, most: int, tolerance: float
) -> tuple[int, np.ndarray]:
    """Double the cells from `first` on until the estimated error is below the tolerance.

    Parameters
    ----------
    solution
        Number of cells to cell probabilities, (time, cell).
    first, most
        Numbers of cells; half of `first` serves for the first comparison.
    tolerance
        L1 error.

    Returns
    -------
    cells
        The number of cells in the end.
    error
        (time,), estimated L1 error of that solution.
    """
    cells = first
    while True:
        error = np.abs(halved(solution(cells)) * 2 - solution(cells // 2)).sum(axis=-1) / 3
        largest = float(error.max())
        if largest <= tolerance or 2 * cells > most:
            return cells, error
        growth = 2 ** max(1, math.ceil((math.log2(largest) - math.log2(tolerance)) / 2))
        cells = min(cells * growth, most)


def halved(values: np.ndarray) -> np.ndarray:
    """Interpolate values (..., cell) to the centres of cells twice as wide.

    Near the ends the mean of two values is taken.
    """
    left, right = values[..., 0::2], values[..., 1::2]
    centred: np.ndarray = (left + right) / 2
    inner = 9 * (left[..., 1:-1] + right[..., 1:-1]) - right[..., :-2] - left[..., 2:]
    centred[..., 1:-1] = inner / 16
    return centred
