r"""An overdamped equation in two dimensions, by splitting.

    dp/dt = -sum_i dJ_i/dx_i,      J_i = -D_i e^{-Phi_i} d(e^{Phi_i} p)/dx_i

with Phi_i = U/T_i and D_i = T_i/friction where the noise is constant (and as in
`langevin_sgd.fokker_planck.equations` where it is not). Each term acts along the lines of one
direction, which are chains (`langevin_sgd.fokker_planck.chain`), and is solved alone for any time
(`langevin_sgd.fokker_planck.exponential`). A step is half a step along the first axis, one along
the second and half along the first: second order in time and in the width of the cells. Both parts
keep the density positive and conserve probability; where both axes have one temperature both leave
the Boltzmann distribution unchanged, and so does a step, to rounding. The noise must be independent
along the two axes. Walls reflect, absorb or join into a ring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

from langevin_sgd import dataset
from langevin_sgd.checks import InputError
from langevin_sgd.fokker_planck.accuracy import Accuracy
from langevin_sgd.fokker_planck.chain import JumpChain, discretise
from langevin_sgd.fokker_planck.equations import Function, Plane
from langevin_sgd.fokker_planck.exponential import propagate
from langevin_sgd.fokker_planck.grid import Axis, boundary_pair, check_rectangle, make_axis
from langevin_sgd.fokker_planck.initial import Initial, bulk
from langevin_sgd.fokker_planck.thermodynamics import log, pair_production, relative_entropy
from langevin_sgd.fokker_planck.two_dimensional import LEVEL, Cells, Rectangle, TwoDimensional

if TYPE_CHECKING:
    import xarray as xr


_LATTICE, _TRIES = 81, 60


class PlaneStep:
    """Steps of the splitting over a physical time each."""

    def __init__(self, chains: tuple[JumpChain, JumpChain], time: float) -> None:
        self._chains, self._time = chains, time

    def repeat(self, mass: np.ndarray, steps: int) -> None:
        """Take `steps` steps with `mass` (first, second), in place.

        The last half of a step and the first half of the next are taken as one.
        """
        state = self._along(0, mass, self._time / 2)
        for step in range(steps):
            state = self._along(1, state.T.copy(), self._time).T.copy()
            state = self._along(0, state, self._time if step < steps - 1 else self._time / 2)
        mass[:] = state

    def _along(self, direction: int, mass: np.ndarray, time: float) -> np.ndarray:
        chain = self._chains[direction]
        return propagate(
            chain.right, chain.left, chain.kill, mass, time, ring=chain.axis.boundary == "periodic"
        )


class PlaneProblem(TwoDimensional):
    """An initial-value problem of an overdamped equation in two dimensions.

    Densities are (first, second).

    Without a domain the potential must confine.
    """

    def __init__(
        self,
        plane: Plane,
        initial: Initial,
        times: np.ndarray,
        domain: Rectangle | None,
        boundary: str | tuple[str, str],
    ) -> None:
        super().__init__(initial, times)
        self.plane = plane
        self.boundaries = boundary_pair(boundary, "the two axes")
        self.domain = self._choose_domain(initial) if domain is None else check_rectangle(domain)

    def _choose_domain(self, initial: Initial) -> Rectangle:
        """Return the box around the states of low energy that the initial density can reach.

        Raises
        ------
        InputError
            If there is no energy, because noise depends on the state.
        """
        energy = self.plane.energy
        if energy is None:
            raise InputError(
                "domain = None: where noise depends on the state, give a domain for both axes"
            )
        first, second = (bulk(initial, i) or (0.0, 0.0) for i in (0, 1))
        return _bounding_box(energy, (first, second))

    def axes(self, cells: Cells) -> tuple[Axis, Axis]:
        """The axes of the two parameters."""
        first, second = (make_axis(self.domain[i], cells[i], self.boundaries[i]) for i in (0, 1))
        return first, second

    def chains(self, cells: Cells) -> tuple[JumpChain, JumpChain]:
        """Chains along the first axis (first, second) and along the second axis (second, first)."""
        axes = self.axes(cells)
        first, second = (
            discretise(self.plane.line(i, axes[1 - i].centres), axes[i]) for i in (0, 1)
        )
        return first, second

    def stationary(self, cells: Cells) -> np.ndarray:
        """Stationary probabilities: Boltzmann's at one temperature, else from the linear system."""
        if self.plane.energy is None or not self.plane.is_balanced:
            return null_vector(generator(*self.chains(cells))).reshape(cells)
        points = np.stack(
            np.meshgrid(*(axis.centres for axis in self.axes(cells)), indexing="ij"), axis=-1
        )
        energy = self.plane.energy(points)
        weights = np.exp(energy.min() - energy)
        probability: np.ndarray = weights / weights.sum()
        return probability

    def first_step(self) -> float:
        """A tenth of the time to diffuse across the narrower stationary spread.

        At most a quarter of the whole time.
        """
        cells = 64, 64
        axes, mass = self.axes(cells), self.stationary(cells)
        times = [
            _variance(axis.centres, mass.sum(axis=1 - i)) / float(chain.right.max() * axis.width**2)
            for i, (axis, chain) in enumerate(zip(axes, self.chains(cells), strict=True))
        ]
        return min(min(times) / 10, (float(self._times[-1]) or 1.0) / 4)

    def stepper(self, cells: Cells, length: float, stride: int) -> PlaneStep:
        """Steps of the splitting."""
        return PlaneStep(self.chains(cells), length)


def _bounding_box(energy: Function, start: Rectangle) -> Rectangle:
    """Box around `start` and all states at most `LEVEL` above the lowest.

    Or as high as `start` along its middle lines.

    Raises
    ------
    InputError
        If there is no end to them.
    """
    middle = [sum(ends) / 2 for ends in start]
    tips = energy(
        np.array([[end, middle[1]] for end in start[0]] + [[middle[0], end] for end in start[1]])
    )
    box = [(low - 1e-3, high + 1e-3) for low, high in start]
    for _ in range(_TRIES):
        nodes = [
            np.linspace((3 * low - high) / 2, (3 * high - low) / 2, _LATTICE) for low, high in box
        ]
        height = energy(np.stack(np.meshgrid(*nodes, indexing="ij"), axis=-1))
        inside = height - height.min() <= max(LEVEL, float(tips.max() - height.min()))
        grown = []
        for i, ends in enumerate(start):
            along = np.flatnonzero(inside.any(axis=1 - i))
            low, high = nodes[i][max(along[0] - 1, 0)], nodes[i][min(along[-1] + 1, _LATTICE - 1)]
            grown.append((min(float(low), ends[0]), max(float(high), ends[1])))
        if (
            not (inside[[0, -1]].any() or inside[:, [0, -1]].any())
            and inside.any(axis=1).sum() > _LATTICE // 4
        ):
            return grown[0], grown[1]
        box = grown
    raise InputError(
        "domain = None: the potential does not confine the density, so give a domain for both axes"
    )


def _variance(points: np.ndarray, weights: np.ndarray) -> float:
    mean = weights @ points / weights.sum()
    return float(weights @ (points - mean) ** 2 / weights.sum())


def generator(first: JumpChain, second: JumpChain) -> coo_array:
    """Return the generator of both directions together, a sparse matrix.

    Cells are numbered in row-major order.
    """
    cells = first.axis.cells, second.axis.cells
    index = np.arange(cells[0] * cells[1]).reshape(cells)
    rows, columns, values = (
        [index.ravel()],
        [index.ravel()],
        [-(first.kill + second.kill.T).ravel()],
    )
    for axis, chain in ((0, first), (1, second)):
        for rates, offset in ((chain.right, -1), (chain.left, 1)):
            rate = (rates if axis == 0 else rates.T).ravel()
            target = np.roll(index, offset, axis=axis).ravel()
            rows += [target, index.ravel()]
            columns += [index.ravel(), index.ravel()]
            values += [rate, -rate]
    parts = (np.concatenate(part) for part in (values, rows, columns))
    data, row, column = parts
    return coo_array((data, (row, column)), shape=(index.size, index.size))


def null_vector(matrix: coo_array) -> np.ndarray:
    """Return the probabilities that a closed generator leaves unchanged."""
    rest = matrix.tocsc()
    # One equation follows from the others; the probability of that cell is set, and all are scaled
    # afterwards.
    inner = rest[1:, 1:]
    vector = np.concatenate([[1.0], spsolve(inner, -rest[1:, [0]].toarray()[:, 0])])
    weights: np.ndarray = vector / vector.sum()
    return weights


def solve_plane(
    problem: PlaneProblem,
    steps: np.ndarray,
    cells: Cells | None,
    time_step: float | None,
    accuracy: Accuracy,
) -> xr.Dataset:
    """Solve with given cells and step, or such as the tolerance asks for.

    See `langevin_sgd.fokker_planck.solve`.
    """
    grid, step, error = problem.refine(cells, time_step, accuracy.tolerance)
    mass, plane = problem.solution(grid, step), problem.plane
    axes, chains = problem.axes(grid), problem.chains(grid)
    area, per_step = axes[0].width * axes[1].width, plane.step_time
    flux_0, flux_1 = (
        chains[0].current(mass),
        np.swapaxes(chains[1].current(np.swapaxes(mass, 1, 2)), 1, 2),
    )
    names = ("step", "position_0", "position_1")
    variables: dict[str, dataset.Variable] = {
        "density": (names, mass / area, "1/theta^2"),
        "current_0": (
            ("step", "face_0", "position_1"),
            flux_0 * per_step / axes[1].width,
            "1/(theta step)",
        ),
        "current_1": (
            ("step", "position_0", "face_1"),
            flux_1 * per_step / axes[0].width,
            "1/(theta step)",
        ),
        "probability": (("step",), mass.sum(axis=(1, 2)), "1"),
    }
    if not (chains[0].kill.any() or chains[1].kill.any()):
        resting = problem.stationary(grid)
        produced = _production(chains[0], mass) + _production(chains[1], np.swapaxes(mass, 1, 2))
        free_energy = plane.temperature * relative_entropy(mass, log(resting))
        variables["free_energy"] = ("step",), free_energy, "energy above the stationary state"
        variables["entropy_production"] = ("step",), produced * per_step, "1/step"
        variables["stationary_density"] = names[1:], resting / area, "1/theta^2"
    coords = {"step": steps}
    for i, axis in enumerate(axes):
        coords |= {f"position_{i}": axis.centres, f"face_{i}": axis.faces}
    chosen = {"domain": [list(ends) for ends in problem.domain], "cells": list(grid)}
    return accuracy.finish(variables, coords, error, {**chosen, "time_step": step / per_step})


def _production(chain: JumpChain, mass: np.ndarray) -> np.ndarray:
    """Entropy production (time,) of chains side by side; mass is (time, cell, chain)."""
    lines = np.moveaxis(mass, -1, 0)
    produced = [
        pair_production(chain.right[:, i], chain.left[:, i], line) for i, line in enumerate(lines)
    ]
    total: np.ndarray = np.sum(produced, axis=0)
    return total
