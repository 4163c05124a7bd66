"""What the solvers in two dimensions share: steps, error estimates, refinement.

The error has two parts, each estimated by halving: that of the step, from runs of n and n/2 steps
on half the cells (second order: a third of their distance), and that of the cells, from n steps on
all and on half the cells (a third of the distance, as of second order; a safe estimate where the
order is higher). The larger is refined until their sum is below the tolerance.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np

from langevin_sgd.fokker_planck.accuracy import halved
from langevin_sgd.fokker_planck.grid import Axis
from langevin_sgd.fokker_planck.initial import Initial, initial_mass

LEVEL = 18.0
"""A domain ends this many temperatures above the least potential; e^-18 = 2e-8 lies beyond."""

FIRST_CELLS, MOST_CELLS, MOST_STEPS = 128, 512, 100_000
_SHARE_OF_STEP = 0.7  # of the tolerance; cells are dearer than steps but their error falls faster

Cells = tuple[int, int]
Rectangle = tuple[tuple[float, float], tuple[float, float]]


class Stepper(Protocol):
    """Steps of fixed length."""

    def repeat(self, mass: np.ndarray, steps: int) -> None:
        """Take `steps` steps with the cell probabilities `mass`, in place."""


class TwoDimensional(ABC):
    """An initial-value problem; solutions are kept, since each serves several comparisons.

    Parameters
    ----------
    initial
        The initial density.
    times
        (time,), increasing physical times.
    """

    def __init__(self, initial: Initial, times: np.ndarray) -> None:
        self._initial, self._times = initial, times
        self._done: dict[tuple[Cells, float, int], np.ndarray] = {}

    @abstractmethod
    def axes(self, cells: Cells) -> tuple[Axis, Axis]:
        """Return the two axes."""

    @abstractmethod
    def stationary(self, cells: Cells) -> np.ndarray:
        """Return the stationary cell probabilities, (first, second)."""

    @abstractmethod
    def first_step(self) -> float:
        """Return a physical time to begin with."""

    @abstractmethod
    def stepper(self, cells: Cells, length: float, stride: int) -> Stepper:
        """Return steps of a physical time."""

    def stride(self, cells: Cells, step: float, gap: float) -> int:
        """Return what the number of steps in a time `gap` must be a multiple of."""
        return 1

    def solution(self, cells: Cells, step: float, halving: int = 1) -> np.ndarray:
        """Cell probabilities (time, first, second) with steps of at most `halving` times `step`."""
        key = cells, step, halving
        if key not in self._done:
            self._done[key] = self._solve(cells, step, halving)
        return self._done[key]

    def refine(
        self, cells: Cells | None, step: float | None, tolerance: float
    ) -> tuple[Cells, float, np.ndarray]:
        """Return cells and step that reach the tolerance, and the errors (time,).

        Only those that are None are chosen.
        """
        grid = cells or (FIRST_CELLS, FIRST_CELLS)
        length = step or self.first_step()
        while True:
            of_step, of_cells = self._errors(grid, length)
            excess_of_step = 0.0 if step else float(of_step.max()) / (_SHARE_OF_STEP * tolerance)
            excess_of_cells = (
                0.0 if cells else float(of_cells.max()) / ((1 - _SHARE_OF_STEP) * tolerance)
            )
            finer_grid, finer_length = grid, length
            if excess_of_step > max(1.0, excess_of_cells):
                finer_length = length * min(0.8, 0.95 / math.sqrt(excess_of_step))
            elif excess_of_cells > 1:
                finer_grid = 2 * grid[0], 2 * grid[1]
            too_dear = max(finer_grid) > MOST_CELLS or self._step_count(finer_length) > MOST_STEPS
            if (finer_grid, finer_length) == (grid, length) or too_dear:
                return grid, length, of_step + of_cells
            grid, length = finer_grid, finer_length

    def _errors(self, grid: Cells, step: float) -> tuple[np.ndarray, np.ndarray]:
        """Estimated L1 errors (time,) of the step and of the cells."""
        coarse = grid[0] // 2, grid[1] // 2
        plain = self.solution(coarse, step)
        of_step = np.abs(plain - self.solution(coarse, step, halving=2)).sum(axis=(1, 2)) / 3
        of_cells = np.abs(4 * halved_twice(self.solution(grid, step)) - plain).sum(axis=(1, 2)) / 3
        return of_step, of_cells

    def _step_count(self, step: float) -> int:
        return sum(math.ceil(gap / step) for gap in self._gaps())

    def _gaps(self) -> np.ndarray:
        return np.diff(self._times, prepend=0.0)

    def _solve(self, cells: Cells, step: float, halving: int) -> np.ndarray:
        initial = self._initial
        if isinstance(initial, np.ndarray) and initial.shape == (2 * cells[0], 2 * cells[1]):
            initial = np.maximum(halved_twice(initial), 0.0)
        mass = initial_mass(initial, self.axes(cells), lambda: self.stationary(cells))
        solution = np.empty((len(self._times), *cells))
        steppers: dict[tuple[float, int], Stepper] = {}
        for row, gap in enumerate(self._gaps()):
            if gap > 0:
                stride = self.stride(cells, step, gap)
                count = 2 * stride * math.ceil(gap / (2 * stride * step) - 1e-9) // halving
                # Equal gaps differ by rounding, and share their steps.
                key = (float(f"{gap / count:.12g}"), stride)
                if key not in steppers:
                    steppers[key] = self.stepper(cells, *key)
                steppers[key].repeat(mass, count)
            solution[row] = mass
        return solution


def halved_twice(values: np.ndarray) -> np.ndarray:
    """Values (..., first, second) interpolated to cells twice as wide along both axes."""
    return np.swapaxes(halved(np.swapaxes(halved(values), -1, -2)), -1, -2)
