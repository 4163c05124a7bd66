"""Solve the Kramers equation on a grid chosen from the problem, with an error estimate.

The domain holds all states whose energy, in units of the temperature, is at most `LEVEL` above the
least one, or that of the bulk of the initial density.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.fokker_planck.accuracy import Accuracy
from langevin_sgd.fokker_planck.equations import PhaseSpace
from langevin_sgd.fokker_planck.grid import Axis, check_rectangle, find_domain, make_axis
from langevin_sgd.fokker_planck.initial import BULK, GaussianDensity, Initial, bulk
from langevin_sgd.fokker_planck.kramers import Step, friction_rates, friction_stride
from langevin_sgd.fokker_planck.thermodynamics import log, pair_production, relative_entropy
from langevin_sgd.fokker_planck.two_dimensional import LEVEL, Cells, Rectangle, TwoDimensional

if TYPE_CHECKING:
    import xarray as xr


class PhaseSpaceProblem(TwoDimensional):
    """An initial-value problem of the Kramers equation; densities are (position, velocity)."""

    def __init__(
        self,
        phase: PhaseSpace,
        initial: Initial,
        times: np.ndarray,
        domain: Rectangle | None,
        boundary: str | tuple[str, str],
    ) -> None:
        super().__init__(initial, times)
        self.phase, self.boundary = phase, boundary
        self.domain = choose_domain(phase, initial) if domain is None else symmetric(domain)

    def axes(self, cells: Cells) -> tuple[Axis, Axis]:
        """Axes of position and velocity."""
        return make_axis(self.domain[0], cells[0], self.boundary), make_axis(
            self.domain[1], cells[1], "reflecting"
        )

    def stationary(self, cells: Cells) -> np.ndarray:
        """Boltzmann probabilities."""
        return boltzmann(self.phase, *self.axes(cells))

    def first_step(self) -> float:
        """A quarter over the highest frequency met below half the level of the domain."""
        position = np.linspace(*self.domain[0], 401)
        energy = self.phase.energy(position)
        low = (energy - energy.min() < LEVEL / 2)[1:]
        squares = np.abs(np.diff(self.phase.acceleration(position)) / np.diff(position))[low]
        longest = float(self._times[-1]) or 1.0
        return min(0.25 / math.sqrt(float(squares.max(initial=1e-300))), longest / 4)

    def stride(self, cells: Cells, step: float, gap: float) -> int:
        """Steps per application of friction."""
        return friction_stride(self.phase, self.axes(cells)[1], step, gap)

    def stepper(self, cells: Cells, length: float, stride: int) -> Step:
        """Steps of the splitting."""
        return Step(self.phase, *self.axes(cells), length, stride)


def boltzmann(phase: PhaseSpace, position: Axis, velocity: Axis) -> np.ndarray:
    """Boltzmann probabilities of the cells, (position, velocity)."""
    energy = (
        phase.energy(position.centres)[:, None]
        + (velocity.centres / phase.thermal_velocity) ** 2 / 2
    )
    weights = np.exp(energy.min() - energy)
    found: np.ndarray = weights / weights.sum()
    return found


def symmetric(domain: Rectangle) -> Rectangle:
    """Check a domain, and widen its velocities to be symmetric about zero."""
    position, velocity = check_rectangle(domain)
    fastest = max(abs(velocity[0]), abs(velocity[1]))
    return position, (-fastest, fastest)


def choose_domain(phase: PhaseSpace, initial: Initial) -> Rectangle:
    """Return the domain of position and velocity that the equilibrium and the initial density ask
    for.
    """

    def rise(nodes: np.ndarray) -> np.ndarray:
        return np.diff(phase.energy(nodes))

    stretch, level = bulk(initial, 0), LEVEL
    position = find_domain(rise, stretch, level)
    if isinstance(initial, GaussianDensity):
        # The ends of the bulk in position and those in velocity do not come together.
        lowest = float(phase.energy(np.linspace(*position, 2001)).min())
        ends, speeds = (np.array(initial.support(coordinate, BULK)) for coordinate in (0, 1))
        kinetic = float(np.abs(speeds).max() ** 2) / (2 * phase.thermal_velocity**2)
        level = max(LEVEL, float(phase.energy(ends).max()) - lowest, kinetic)
        position = find_domain(rise, stretch, level)
    fastest = math.sqrt(2 * level) * phase.thermal_velocity
    return position, (-fastest, fastest)


def solve_phase_space(
    problem: PhaseSpaceProblem,
    steps: np.ndarray,
    cells: Cells | None,
    time_step: float | None,
    accuracy: Accuracy,
) -> xr.Dataset:
    """Solve with given cells and step, or such as the tolerance asks for; see
    `langevin_sgd.fokker_planck.solve`.
    """
    grid, step, error = problem.refine(cells, time_step, accuracy.tolerance)
    mass, phase = problem.solution(grid, step), problem.phase
    position, velocity = problem.axes(grid)
    area = position.width * velocity.width
    along, across = _current(phase, position, velocity, mass / area)
    plane = ("step", "position", "velocity")
    variables: dict[str, dataset.Variable] = {
        "density": (plane, mass / area, "1/(theta v)"),
        "current_position": (plane, along * phase.step_time, "1/(v step)"),
        "current_velocity": (plane, across * phase.step_time, "1/(theta step)"),
        "probability": (("step",), mass.sum(axis=(1, 2)), "1"),
    }
    if not (position.absorbs_low or position.absorbs_high):
        resting = problem.stationary(grid)
        produced = pair_production(*friction_rates(phase, velocity), mass).sum(axis=-1)
        free_energy = phase.temperature * relative_entropy(mass, log(resting))
        variables["free_energy"] = ("step",), free_energy, "energy above the stationary state"
        variables["entropy_production"] = ("step",), produced * phase.step_time, "1/step"
        variables["stationary_density"] = plane[1:], resting / area, "1/(theta v)"
    coords = {"step": steps, "position": position.centres, "velocity": velocity.centres}
    found = {"domain": [list(ends) for ends in problem.domain], "cells": list(grid)}
    return accuracy.finish(variables, coords, error, {**found, "time_step": step / phase.step_time})


def _current(
    phase: PhaseSpace, position: Axis, velocity: Axis, density: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Probability current (time, position, velocity) along both axes, per physical time; central
    differences.
    """
    acceleration = phase.acceleration(position.centres)[:, None]
    slope = np.gradient(density, velocity.width, axis=-1)
    across = (acceleration - phase.damping * velocity.centres) * density
    across -= phase.damping * phase.thermal_velocity**2 * slope
    return velocity.centres * density, across
