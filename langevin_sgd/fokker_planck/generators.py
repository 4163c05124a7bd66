r"""Generators as sparse matrices, for spectra, passage times and stationary states.

One dimension and the plane: the chains of the Scharfetter-Gummel scheme. Phase space (derived): the
currents of the Boltzmann distribution rho are those of a stream function v_T^2 rho at the corners
of the cells,

    v rho = -d/dv (v_T^2 rho),      a rho = d/dx (v_T^2 rho) ,

so their fluxes through the faces, taken as its differences, cancel exactly in every cell. A density
p = g rho flows with g times these; g at a face comes from two cells upstream and one downstream
with weights -1/6, 5/6 and 2/6 (van Leer's kappa = 1/3 scheme; the mean of both sides instead leaves
patterns that alternate from cell to cell undamped, and spurious eigenvalues), next to a wall from
the mean. Friction is a chain of velocities. That is of second order, conserves probability, and has
exactly rho at rest; unlike a chain it has some negative rates, which for eigenvalues and passage
times does no harm. A wall turns what hits it into its mirror image, or absorbs it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from scipy.sparse import coo_array, csc_array

from langevin_sgd.checks import InputError, as_count, as_instance, require
from langevin_sgd.dynamics import Overdamped, Underdamped
from langevin_sgd.fokker_planck import line as lines
from langevin_sgd.fokker_planck.chain import JumpChain, discretise
from langevin_sgd.fokker_planck.equations import (
    Diffusion,
    Equation,
    PhaseSpace,
    as_line,
    as_phase_space,
    as_plane,
    is_equation,
)
from langevin_sgd.fokker_planck.grid import MOST_CELLS, Axis, complete_domain, make_axis
from langevin_sgd.fokker_planck.kramers import friction_rates
from langevin_sgd.fokker_planck.phase_space_solution import PhaseSpaceProblem, boltzmann
from langevin_sgd.fokker_planck.plane import PlaneProblem
from langevin_sgd.fokker_planck.plane import generator as plane_generator

Domain = Any
Boundary = str | tuple[str, str]
_NO_TIMES = np.zeros(1)

MOST_CELLS_IN_TWO = 1024
"""Most cells along each of two axes.

The factors of a larger sparse matrix would take tens of gigabytes.
"""


@dataclass(frozen=True, eq=False)
class Generator:
    """A discretised equation: d mass/dt = matrix @ mass in physical time, cells in row-major order.

    Parameters
    ----------
    axes
        The axes, of the coordinates
    names
        named so.
    matrix
        (cell, cell).
    rest
        Stationary probabilities of the cells of the closed domain, of the grid's shape; of the
        Boltzmann weights where there are absorbing walls.
    step_time
        Physical time of a step.
    chain
        The chain, in one dimension.
    """

    axes: tuple[Axis, ...]
    names: tuple[str, ...]
    matrix: csc_array
    rest: np.ndarray
    step_time: float
    chain: JumpChain | None = None

    @property
    def coords(self) -> dict[str, np.ndarray]:
        """Coordinates of a dataset."""
        return {name: axis.centres for name, axis in zip(self.names, self.axes, strict=True)}

    @property
    def cell_size(self) -> float:
        """Length or area of a cell."""
        return float(np.prod([axis.width for axis in self.axes]))


def generators(
    equation: Equation, domain: Domain, boundary: Boundary
) -> tuple[int, Callable[[int], Generator]]:
    """Return an equation's dimension, and its generator as a function of numbers of cells.

    Raises
    ------
    InputError
        For an equation that has no grid, or a domain that is needed and missing.
    """
    as_instance("equation", equation, (Diffusion, Overdamped, Underdamped))
    if isinstance(equation, Diffusion) or is_equation(equation, Overdamped, 1):
        return 1, _of_line(equation, domain, boundary)
    if is_equation(equation, Underdamped, 1):
        phase = as_phase_space(equation)
        problem = PhaseSpaceProblem(phase, "stationary", _NO_TIMES, domain, boundary)
        return 2, lambda cells: _of_phase_space(problem, cells)
    if is_equation(equation, Overdamped, 2):
        plane = PlaneProblem(as_plane(equation), "stationary", _NO_TIMES, domain, boundary)
        return 2, lambda cells: _of_plane(plane, cells)
    raise InputError(f"equation = {type(equation).__name__}: has too many parameters for a grid")


def cells_to_try(dimension: int, cells: int | None, multiple: int = 1) -> tuple[int, int]:
    """Numbers of cells along an axis to begin with and to end with; both are the user's if given.

    Raises
    ------
    InputError
        If half the user's number is not a multiple of what is asked.
    """
    if cells is None:
        return (256, 16384) if dimension == 1 else (64, 256)
    cells = as_count(
        "cells", cells, minimum=16, maximum=MOST_CELLS if dimension == 1 else MOST_CELLS_IN_TWO
    )
    require(
        cells % (2 * multiple) == 0,
        "cells",
        cells,
        f"must be a multiple of {2 * multiple}: half as many are tried",
    )
    return cells, cells


def _of_line(equation: Equation, domain: Domain, boundary: Boundary) -> Callable[[int], Generator]:
    line = as_line(equation)
    ends = complete_domain(line.rise, domain)

    def build(cells: int) -> Generator:
        chain = discretise(line, make_axis(ends, cells, boundary))
        rest = lines.stationary(chain)
        return Generator(
            (chain.axis,), ("position",), lines.matrix(chain).tocsc(), rest, line.step_time, chain
        )

    return build


def _of_plane(problem: PlaneProblem, cells: int) -> Generator:
    chains, grid = problem.chains((cells, cells)), (cells, cells)
    matrix = plane_generator(*chains).tocsc()
    closed = not (chains[0].kill.any() or chains[1].kill.any())
    rest = (
        problem.stationary(grid)
        if closed or problem.plane.is_balanced
        else np.full(grid, cells**-2.0)
    )
    names = "position_0", "position_1"
    return Generator(problem.axes(grid), names, matrix, rest, problem.plane.step_time)


def _of_phase_space(problem: PhaseSpaceProblem, cells: int) -> Generator:
    axes = problem.axes((cells, cells))
    matrix = phase_space_generator(problem.phase, *axes)
    rest = boltzmann(problem.phase, *axes)
    return Generator(axes, ("position", "velocity"), matrix, rest, problem.phase.step_time)


def phase_space_generator(phase: PhaseSpace, position: Axis, velocity: Axis) -> csc_array:
    """Return the generator of the Kramers equation on (position, velocity) cells.

    They are numbered in row-major order.
    """
    shape = position.cells, velocity.cells
    index = np.arange(shape[0] * shape[1]).reshape(shape)
    rest = boltzmann(phase, position, velocity)
    along, across = _rest_fluxes(phase, position, velocity)
    parts, ring = _Triplets(rest), position.boundary == "periodic"
    if ring:
        parts.carry(along[1:], *(np.roll(index, -offset, axis=0) for offset in (0, 1, -1, 2)))
    else:
        parts.carry(along[1:-1], *_neighbours(index))
    parts.carry(across.T[1:-1], *_neighbours(index.T))
    if not ring:
        for row, flux, absorbs in (
            (0, -along[0], position.absorbs_low),
            (-1, along[-1], position.absorbs_high),
        ):
            hits = flux > 0  # velocities towards the wall
            mirror = None if absorbs else index[row][::-1][hits]
            parts.move(flux[hits] / rest[row][hits], index[row][hits], mirror)
    right, left = friction_rates(phase, velocity)
    ones = np.ones((shape[0], 1))
    parts.move(right[:-1] * ones, index[:, :-1], index[:, 1:])
    parts.move(left[1:] * ones, index[:, 1:], index[:, :-1])
    return parts.matrix(index.size)


def _rest_fluxes(
    phase: PhaseSpace, position: Axis, velocity: Axis
) -> tuple[np.ndarray, np.ndarray]:
    """Fluxes of the Boltzmann distribution through faces, (face, velocity) and (position, face)."""
    kinetic = (velocity.centres / phase.thermal_velocity) ** 2 / 2
    at_centres = phase.energy(position.centres)[:, None] + kinetic
    lowest = at_centres.min()
    total = np.exp(lowest - at_centres).sum() * position.width * velocity.width
    at_corners = (
        phase.energy(position.faces)[:, None] + (velocity.faces / phase.thermal_velocity) ** 2 / 2
    )
    stream = phase.thermal_velocity**2 * np.exp(lowest - at_corners) / total
    stream[:, [0, -1]] = 0.0  # nothing leaves through the largest velocities
    return -np.diff(stream, axis=1), np.diff(stream, axis=0)


def _neighbours(index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cells on either side of the inner faces along the first axis, and the cells beyond.

    A cell that does not exist is -1.
    """
    wall = np.full((1, index.shape[1]), -1)
    return (
        index[:-1],
        index[1:],
        np.concatenate([wall, index[:-2]]),
        np.concatenate([index[2:], wall]),
    )


class _Triplets:
    """Entries of a generator, collected flux by flux; each conserves probability.

    Parameters
    ----------
    rest
        Stationary probabilities of the cells.
    """

    def __init__(self, rest: np.ndarray) -> None:
        self._rest = rest.ravel()
        self._rows: list[np.ndarray] = []
        self._columns: list[np.ndarray] = []
        self._values: list[np.ndarray] = []

    def move(self, rate: np.ndarray, source: np.ndarray, target: np.ndarray | None) -> None:
        """Move probability at a rate from source to target cells, or out."""
        self._add(-rate, source, source)
        if target is not None:
            self._add(rate, target, source)

    def carry(
        self,
        flux: np.ndarray,
        source: np.ndarray,
        target: np.ndarray,
        before: np.ndarray,
        after: np.ndarray,
    ) -> None:
        """Carry the flux times the ratio p/rest at the face from source to target cells."""
        forward = flux > 0
        up, down = np.where(forward, source, target), np.where(forward, target, source)
        further = np.where(forward, before, after)
        known = further >= 0
        for cell, weight in (
            (up, np.where(known, 5 / 6, 1 / 2)),
            (down, np.where(known, 2 / 6, 1 / 2)),
        ):
            self._transfer(weight * flux / self._rest[cell], source, target, cell)
        self._transfer(
            (-flux / 6 / self._rest[further])[known], source[known], target[known], further[known]
        )

    def _transfer(
        self, rate: np.ndarray, source: np.ndarray, target: np.ndarray, measured: np.ndarray
    ) -> None:
        """Move probability from source to target at a rate times that of the cells `measured`."""
        self._add(-rate, source, measured)
        self._add(rate, target, measured)

    def _add(self, value: np.ndarray, row: np.ndarray, column: np.ndarray) -> None:
        self._values.append(np.ravel(value))
        self._rows.append(np.ravel(row))
        self._columns.append(np.ravel(column))

    def matrix(self, size: int) -> csc_array:
        """Return the sum of all entries."""
        values, rows, columns = (
            np.concatenate(part) for part in (self._values, self._rows, self._columns)
        )
        return cast(csc_array, coo_array((values, (rows, columns)), shape=(size, size)).tocsc())
