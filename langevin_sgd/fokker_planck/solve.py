"""Solve the Fokker-Planck equation of an equation object: its density over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from langevin_sgd.checks import InputError, as_array, as_count, as_instance, as_positive, require
from langevin_sgd.dynamics import Overdamped, Underdamped
from langevin_sgd.fokker_planck.accuracy import Accuracy
from langevin_sgd.fokker_planck.equations import (
    Diffusion,
    Equation,
    as_line,
    as_phase_space,
    as_plane,
    is_equation,
    single,
)
from langevin_sgd.fokker_planck.generators import MOST_CELLS_IN_TWO
from langevin_sgd.fokker_planck.grid import MOST_CELLS
from langevin_sgd.fokker_planck.initial import Initial
from langevin_sgd.fokker_planck.line_solution import solve_line
from langevin_sgd.fokker_planck.phase_space_solution import PhaseSpaceProblem, solve_phase_space
from langevin_sgd.fokker_planck.plane import PlaneProblem, solve_plane
from langevin_sgd.fokker_planck.two_dimensional import Cells, Rectangle

if TYPE_CHECKING:
    import xarray as xr

LATEST_TIME = 1e100
"""Latest time, in steps; what has not happened by then does not happen."""

MOST_STEPS_GIVEN = 1e7
"""Most steps of a splitting whose step the user gives."""


def solve(
    equation: Equation,
    *,
    initial: Initial,
    times: Sequence[float] | np.ndarray,
    domain: tuple[float, float] | Rectangle | None = None,
    cells: int | Cells | None = None,
    boundary: str | tuple[str, str] = "reflecting",
    time_step: float | None = None,
    tolerance: float = 1e-4,
) -> xr.Dataset:
    """Solve the Fokker-Planck equation of a Langevin equation on a grid.

    The same equation object goes into `langevin_sgd.sde.simulate`. Densities stay positive and
    probability is conserved to rounding. In one dimension the stationary density is exact at the
    cell centres and there is no error of time; in phase space and in the plane the error is of
    second order in the time step.

    Parameters
    ----------
    equation
        `langevin_sgd.Overdamped` with one or two parameters, `langevin_sgd.Underdamped` with one
        (the Kramers equation), or a `Diffusion`: one dimension with any drift and state-dependent
        noise.
    initial
        A `GaussianDensity`; a function of the coordinates (position; position and velocity; both
        positions), given arrays of equal shape; an array of density values at the centres of
        `cells` cells; or ``"stationary"``. It is scaled to probability 1. Velocities are per
        physical time, as in `langevin_sgd.Underdamped`.
    times
        Increasing times in steps of SGD, from 0; physical time is `step_time` times as much.
    domain
        (low, high), or a pair of these for the two coordinates. By default all that the stationary
        and a Gaussian initial density reach, see `langevin_sgd.fokker_planck.grid`. Velocities are
        made symmetric about zero.
    cells
        Number of cells, a multiple of 2, or of 4 in two dimensions, or a pair; by default as many
        as the tolerance asks for.
    boundary
        ``reflecting``, ``absorbing`` or ``periodic``. In one dimension and in phase space (where it
        concerns the position) a pair gives the low and the high end; in the plane, the two axes.
    time_step
        Largest step of the splitting in steps of SGD, in phase space and in the plane; by default
        what the tolerance asks for.
    tolerance
        Largest L1 error of the density at any time, where the whole probability is 1; 1e-4 by
        default.

    Returns
    -------
    xarray.Dataset
        ``density`` over ``step``, ``position`` and, in phase space, ``velocity`` (in the plane
        ``position_0`` and ``position_1``); ``current`` through the ``face`` between cells (in two
        dimensions one for each coordinate); ``probability`` in the domain; ``error``, the estimated
        L1 error at each time, and whether it is ``converged``. In a closed domain ``free_energy``
        above that of the stationary state, ``entropy_production`` and ``stationary_density``.
        Attributes ``error_estimate`` and ``converged`` (0 or 1) tell of all times together.

    Warns
    -----
    NotConvergedWarning
        If the estimated error is above the tolerance.

    Raises
    ------
    InputError
        For an argument outside its range, or a potential that does not confine when no domain is
        given.

    Examples
    --------
    >>> import langevin_sgd as ls
    >>> problem = ls.LinearRegression.from_spectrum([1.0])
    >>> equation = ls.Overdamped.from_sgd(problem, ls.SGD(lr=0.1, batch_size=10))
    >>> start = ls.fokker_planck.GaussianDensity(1.0, 0.01)
    >>> solution = solve(equation, initial=start, times=[0, 10, 100])
    >>> density, position = solution.density, solution.position
    >>> mean = (density * position).sum("position") / density.sum("position")
    >>> [round(float(value), 3) for value in mean]
    [1.0, 0.368, 0.0]
    """
    as_instance("equation", equation, (Diffusion, Overdamped, Underdamped))
    moments = _times(times)
    tolerance = as_positive("tolerance", tolerance)
    if time_step is not None:
        time_step = as_positive("time_step", time_step)
    step_time = (
        equation.step_time if isinstance(equation, Diffusion) else single("step_time", equation)
    )
    settings = {"equation": type(equation).__name__, "boundary": boundary, "step_time": step_time}
    accuracy, grid = Accuracy(tolerance, settings), cast(Any, domain)
    if isinstance(equation, Diffusion) or is_equation(equation, Overdamped, 1):
        return solve_line(
            as_line(equation), initial, moments, grid, _cells(cells, 1), boundary, accuracy
        )
    physical = moments * step_time
    if time_step is not None:
        allowed = f"must make at most {MOST_STEPS_GIVEN:g} steps until the last time"
        require(moments[-1] <= time_step * MOST_STEPS_GIVEN, "time_step", time_step, allowed)
    step = None if time_step is None else time_step * step_time
    if is_equation(equation, Underdamped, 1):
        phase_space = PhaseSpaceProblem(as_phase_space(equation), initial, physical, grid, boundary)
        return solve_phase_space(phase_space, moments, _cells(cells, 2), step, accuracy)
    if is_equation(equation, Overdamped, 2):
        plane = PlaneProblem(as_plane(equation), initial, physical, grid, boundary)
        return solve_plane(plane, moments, _cells(cells, 2), step, accuracy)
    raise InputError(
        f"equation = {type(equation).__name__} with {equation.potential.parameters} parameters: "
        "must be Overdamped with one or two parameters, Underdamped with one, or a Diffusion"
    )


def _times(times: Sequence[float] | np.ndarray) -> np.ndarray:
    allowed = "must be finite numbers that increase from zero or above"
    moments = np.atleast_1d(as_array("times", times, ndim=(0, 1), allowed=allowed))
    usable = moments.size > 0 and bool((np.diff(moments) > 0).all()) and bool(moments[0] >= 0)
    require(
        usable and moments[-1] < LATEST_TIME, "times", times, allowed + f", below {LATEST_TIME:g}"
    )
    return moments


def _cells(cells: int | Cells | None, dimensions: int) -> Any:
    """Return `cells` as a number in one dimension and as a pair in two."""
    if cells is None:
        return None
    given = tuple(cells) if isinstance(cells, tuple | list) else (cells,) * dimensions
    require(
        len(given) == dimensions, "cells", cells, "must be one number, or one for each coordinate"
    )
    most = MOST_CELLS if dimensions == 1 else MOST_CELLS_IN_TWO
    numbers = tuple(as_count("cells", number, minimum=8, maximum=most) for number in given)
    for number in numbers:
        multiple = 2 * dimensions  # on half as many, too, velocities come in pairs of opposite sign
        require(
            number % multiple == 0,
            "cells",
            number,
            f"must be a multiple of {multiple}: half as many are tried too",
        )
    return numbers[0] if dimensions == 1 else numbers
