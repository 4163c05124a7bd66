"""Solve a one-dimensional equation on a grid chosen from the problem, with an error estimate.

The solution on N cells is compared with that on N/2; the scheme being of second order, a third of
their L1 distance is the error of the finer one. Without `cells` N is doubled until that is below
the tolerance. There is no error of time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.fokker_planck import line as lines
from langevin_sgd.fokker_planck.accuracy import Accuracy, halved, refined
from langevin_sgd.fokker_planck.chain import JumpChain, discretise
from langevin_sgd.fokker_planck.equations import Line
from langevin_sgd.fokker_planck.grid import find_domain, make_axis
from langevin_sgd.fokker_planck.initial import Initial, initial_mass, support
from langevin_sgd.fokker_planck.thermodynamics import pair_production, relative_entropy

if TYPE_CHECKING:
    import xarray as xr

FIRST_CELLS, MOST_CELLS = 128, 16384


def solve_line(
    line: Line,
    initial: Initial,
    times: np.ndarray,
    domain: tuple[float, float] | None,
    cells: int | None,
    boundary: str | tuple[str, str],
    accuracy: Accuracy,
) -> xr.Dataset:
    """Solve on `cells` cells, or on as many as the tolerance asks for.

    See `langevin_sgd.fokker_planck.solve`.
    """
    ends = find_domain(line.rise, support(initial, 0)) if domain is None else domain
    physical = times * line.step_time
    done: dict[int, tuple[JumpChain, np.ndarray]] = {}

    def solution(count: int) -> np.ndarray:
        if count not in done:
            chain = discretise(line, make_axis(ends, count, boundary))
            given = np.maximum(halved(initial), 0.0) if _is_twice(initial, count) else initial
            mass = initial_mass(given, (chain.axis,), lambda: lines.stationary(chain))
            done[count] = chain, lines.evolve(chain, mass, physical)
        return done[count][1]

    first = cells if cells is not None else FIRST_CELLS
    count, error = refined(
        solution, first, MOST_CELLS if cells is None else first, accuracy.tolerance
    )
    chain, mass = done[count]
    return _dataset(line, chain, mass, times, error, accuracy)


def _is_twice(initial: Initial, count: int) -> TypeGuard[np.ndarray]:
    return isinstance(initial, np.ndarray) and initial.shape == (2 * count,)


def _dataset(
    line: Line,
    chain: JumpChain,
    mass: np.ndarray,
    times: np.ndarray,
    error: np.ndarray,
    accuracy: Accuracy,
) -> xr.Dataset:
    axis, per_step = chain.axis, line.step_time
    variables: dict[str, dataset.Variable] = {
        "density": (("step", "position"), mass / axis.width, "1/theta"),
        "current": (("step", "face"), chain.current(mass) * per_step, "1/step"),
        "probability": (("step",), mass.sum(axis=-1), "1"),
    }
    if not chain.kill.any():
        resting = lines.stationary(chain)
        free_energy = line.temperature * relative_entropy(mass, lines.log_stationary(chain))
        variables["free_energy"] = ("step",), free_energy, "energy above the stationary state"
        produced = pair_production(chain.right, chain.left, mass)
        variables["entropy_production"] = ("step",), produced * per_step, "1/step"
        variables["stationary_density"] = ("position",), resting / axis.width, "1/theta"
    coords = {"step": times, "position": axis.centres, "face": axis.faces}
    return accuracy.finish(
        variables, coords, error, {"domain": [axis.low, axis.high], "cells": [axis.cells]}
    )
