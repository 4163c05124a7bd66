"""Paths driven by given noise: to compare integrators, or steps, on one Wiener process."""

from __future__ import annotations

import numpy as np

from langevin_sgd.checks import InputError, as_array, as_count, as_instance, require
from langevin_sgd.dynamics import Overdamped, Underdamped
from langevin_sgd.sde.engine import BlockEngine
from langevin_sgd.sde.integrator import Equation, Integrator, require_accepted
from langevin_sgd.simulation.beginning import as_start
from langevin_sgd.simulation.drive import own_rounding


@own_rounding
def follow(
    equation: Equation,
    integrator: Integrator,
    normals: np.ndarray,
    *,
    start: np.ndarray | None = None,
    velocity: np.ndarray | None = None,
    substeps: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Integrate an equation with given standard normals.

    Parameters
    ----------
    equation, integrator
        As in `simulate`.
    normals
        (step, draw, source, replica): standard normals of every step of the integrator. Most take
        one draw; the docstring of an integrator says how its draws follow from the Wiener process.
    start, velocity
        Initial conditions, (parameter,) or (replica, parameter); at rest at zero by default.
    substeps
        Steps of the integrator in a step of SGD, so that each has the length step_time/substeps.

    Returns
    -------
    position, velocity
        (step, replica, parameter) each, after every step of the integrator.

    Raises
    ------
    InputError
        If the integrator does not accept the equation, or the shape of `normals` does not fit.
    """
    as_instance("equation", equation, (Underdamped, Overdamped))
    integrator = as_instance("integrator", integrator, Integrator)
    substeps = as_count("substeps", substeps)
    require_accepted(equation, integrator, substeps)
    if not integrator.driver.is_gaussian:
        raise InputError(f"integrator = {integrator!r}: takes no normals from outside")
    given = as_array(
        "normals", normals, allowed="must be finite, of shape (step, draw, source, replica)"
    )
    whole = given.ndim == 4 and given.shape[3] > 0
    require(whole, "normals", given.shape, "must have shape (step, draw, source, replica)")
    replicas, parameters = given.shape[3], equation.potential.parameters
    position = as_start("start", start, replicas, parameters)
    speed = as_start("velocity", velocity, replicas, parameters)
    engine = BlockEngine(equation, integrator, substeps, np.zeros(4, np.uint64), 0, position, speed)
    return engine.follow(given)


def refinements(
    equation: Equation,
    integrator: Integrator,
    normals: np.ndarray,
    *,
    levels: int,
    start: np.ndarray | None = None,
    velocity: np.ndarray | None = None,
) -> np.ndarray:
    """Integrate one step of SGD with finer and finer steps on one Wiener process.

    Parameters
    ----------
    equation, integrator
        As in `simulate`; numbers the same for all replicas.
    normals
        (step, draw, source, replica): standard normals of the finest steps. Those of a level follow
        from the next finer one (`langevin_sgd.sde.coarsening`).
    levels
        How many, each with half as many steps as the next.
    start, velocity
        Initial conditions, (parameter,) or (replica, parameter); at rest at zero by default.

    Returns
    -------
    numpy.ndarray
        (level, replica, parameter), positions at the end of the step of SGD, the coarsest first.

    Raises
    ------
    InputError
        If the steps cannot be halved so often, or the integrator does not say how its normals
        coarsen; else as `follow`.

    Examples
    --------
    >>> import langevin_sgd as ls
    >>> well = ls.models.potentials.double_well()
    >>> equation = ls.Overdamped(potential=well, friction=1.0, noise_covariance=0.5, step_time=1.0)
    >>> normals = np.random.default_rng(0).normal(size=(32, 1, 1, 5))
    >>> ends = refinements(equation, ls.sde.Heun(), normals, levels=3)
    >>> bool((np.abs(ends[1] - ends[2]) < np.abs(ends[0] - ends[1])).all())
    True
    """
    levels = as_count("levels", levels)
    given = as_array("normals", normals, ndim=4)
    steps = len(given)
    halved = steps > 0 and steps % 2 ** (levels - 1) == 0
    require(halved, "normals", f"{steps} steps", f"must be a multiple of {2 ** (levels - 1)}")
    ends = []
    for level in range(levels):
        steps = len(given)
        path, _ = follow(
            equation, integrator, given, start=start, velocity=velocity, substeps=steps
        )
        ends.append(path[-1])
        if level < levels - 1:
            given = integrator.coarser(equation, given, float(equation.step_time) / steps)
    return np.array(ends[::-1])
