"""Recorders of observables at the steps of a schedule.

A recorder reduces a block of snapshots to arrays over the recorded steps, so that memory does not
grow with the length of the run. One of your own is a function of a block that returns variables
with leading dimension ``step``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from langevin_sgd.checks import as_array, as_count, as_function, require
from langevin_sgd.dataset import Variable
from langevin_sgd.record.snapshots import Recorder, Snapshots, as_edges, coordinate_of


def displacement() -> Recorder:
    """Record ``squared_displacement`` |theta_k - theta_0|^2 per replica, (step, replica)."""
    return _observe_displacement


def _observe_displacement(block: Snapshots) -> dict[str, Variable]:
    moved = block.position - block.start
    return {
        "squared_displacement": (
            ("step", "replica"),
            np.einsum("krp,krp->kr", moved, moved),
            "theta^2",
        )
    }


def speed() -> Recorder:
    """Record ``squared_velocity`` |v_k|^2 per replica, (step, replica).

    Times lr^2 it is the local displacement.
    """
    return _observe_speed


def _observe_speed(block: Snapshots) -> dict[str, Variable]:
    squared = np.einsum("krp,krp->kr", block.velocity, block.velocity)
    return {"squared_velocity": (("step", "replica"), squared, "v^2")}


def states() -> Recorder:
    """Record whole ``position`` and ``velocity``, (step, replica, parameter)."""
    return _observe_states


def _observe_states(block: Snapshots) -> dict[str, Variable]:
    dims = ("step", "replica", "parameter")
    return {
        "position": (dims, block.position.copy(), "theta"),
        "velocity": (dims, block.velocity.copy(), "v"),
    }


def eigenprojections(eigenvectors: np.ndarray, *, centre: np.ndarray | None = None) -> Recorder:
    """Record ``mode_position`` and ``mode_velocity``, (step, replica, eigenmode).

    Parameters
    ----------
    eigenvectors
        (parameter, eigenmode), for instance ``problem.eigenvectors[:, :3]``.
    centre
        (parameter,), subtracted from positions; zero by default.
    """
    vectors = as_array(
        "eigenvectors",
        eigenvectors,
        ndim=2,
        allowed="must be finite, of shape (parameter, eigenmode)",
    )
    parameters, modes = vectors.shape
    shift = (
        np.zeros(modes)
        if centre is None
        else as_array("centre", centre, shape=(parameters,)) @ vectors
    )
    return partial(_observe_modes, vectors, shift)


def _observe_modes(vectors: np.ndarray, shift: np.ndarray, block: Snapshots) -> dict[str, Variable]:
    fits = block.position.shape[2] == len(vectors)
    require(
        fits,
        "eigenvectors",
        vectors,
        f"must have one row for each of {block.position.shape[2]} parameters",
    )
    dims = ("step", "replica", "eigenmode")
    return {
        "mode_position": (dims, block.position @ vectors - shift, "theta"),
        "mode_velocity": (dims, block.velocity @ vectors, "v"),
    }


def loss(function: Callable[[np.ndarray], np.ndarray]) -> Recorder:
    """Record ``loss`` = function(positions), (step, replica), for instance ``problem.loss``."""
    as_function("function", function)
    return partial(_observe_loss, function)


def _observe_loss(
    function: Callable[[np.ndarray], np.ndarray], block: Snapshots
) -> dict[str, Variable]:
    return {"loss": (("step", "replica"), function(block.position), "loss")}


def observables(**functions: Callable[[np.ndarray], np.ndarray]) -> Recorder:
    """Record functions of the positions under their names, (step, replica) each.

    Parameters
    ----------
    functions
        Name -> function of positions (..., parameter) that returns (...), for instance
        ``unfit_fraction=equation.potential.unfit_fraction``.
    """
    for name, function in functions.items():
        as_function(name, function)
    return partial(_observe_functions, functions)


def _observe_functions(
    functions: dict[str, Callable[[np.ndarray], np.ndarray]], block: Snapshots
) -> dict[str, Variable]:
    given = functions.items()
    return {
        name: (("step", "replica"), function(block.position), "function of theta")
        for name, function in given
    }


def moments() -> Recorder:
    """Record moments over the replicas that have not diverged, at every recorded step.

    ``mean_position`` and ``mean_velocity`` (step, parameter), ``covariance`` (step, coordinate,
    coordinate_2) of (theta, v) with the unbiased divisor, and ``replicas_left`` (step,). Velocities
    of an overdamped equation are NaN.
    """
    return _observe_moments


def _observe_moments(block: Snapshots) -> dict[str, Variable]:
    parameters = block.position.shape[2]
    mean = np.full((len(block.steps), 2 * parameters), np.nan)
    covariance = np.full((len(block.steps), 2 * parameters, 2 * parameters), np.nan)
    left = np.zeros(len(block.steps), np.int64)
    for k, (position, velocity) in enumerate(zip(block.position, block.velocity, strict=True)):
        whole = np.isfinite(position).all(axis=1)
        state, left[k] = np.hstack([position[whole], velocity[whole]]), whole.sum()
        if left[k] > 1:
            mean[k], covariance[k] = state.mean(axis=0), np.cov(state.T)
    both = ("step", "coordinate", "coordinate_2")
    return {
        "mean_position": (("step", "parameter"), mean[:, :parameters], "theta"),
        "mean_velocity": (("step", "parameter"), mean[:, parameters:], "v"),
        "covariance": (both, covariance, "products of theta and v"),
        "replicas_left": (("step",), left, "1"),
    }


def histograms(edges: np.ndarray, *, coordinate: int = 0) -> Recorder:
    """Record ``histogram`` (step, bin), the replicas in each bin at every recorded step.

    Parameters
    ----------
    edges
        (edge,), increasing; what lies outside, and what has diverged, is in no bin.
    coordinate
        Number of a coordinate of (theta_1 ... theta_P, v_1 ... v_P).
    """
    cuts, coordinate = as_edges("edges", edges), as_count("coordinate", coordinate, minimum=0)
    return partial(_observe_histograms, cuts, coordinate)


def _observe_histograms(cuts: np.ndarray, coordinate: int, block: Snapshots) -> dict[str, Variable]:
    rows = coordinate_of(block, coordinate)
    counts = np.array([np.histogram(row[np.isfinite(row)], cuts)[0] for row in rows])
    return {"histogram": (("step", "bin"), counts.reshape(len(rows), len(cuts) - 1), "1")}
