r"""First passage times and escape rates.

Times T to leave through absorbing ends solve A^T T = -1, with variance from A^T M = -2 T; the
probability of leaving through the high end solves A^T u = -(rate of leaving there) (Risken, *The
Fokker-Planck Equation* (1989), section 8.2; Gardiner, *Stochastic Methods* (2009), section 5.5). On
a line they are sums of positive numbers: by detailed balance T = x/pi, with -A x = pi solved as in
`langevin_sgd.fokker_planck.exponential` without a subtraction, so that times of any length keep
their digits.

Escape from a well of a closed domain: with probabilities P and Q of both sides of the barrier at
rest, rates k and k' obey k + k' = lambda (the slowest rate) and k P = k' Q, hence k = lambda Q. It
is a rate if lambda is well below the next one. With an absorbing end k is the slowest rate itself,
that of the quasi-stationary state. No assumption on the friction or on the height of the barrier
enters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse.linalg import splu

from langevin_sgd import dataset
from langevin_sgd.checks import as_choice, as_positive, as_real, require
from langevin_sgd.fokker_planck.accuracy import extrapolated, report
from langevin_sgd.fokker_planck.chain import JumpChain
from langevin_sgd.fokker_planck.equations import Equation
from langevin_sgd.fokker_planck.exponential import add_resolvents
from langevin_sgd.fokker_planck.generators import (
    Boundary,
    Domain,
    Generator,
    cells_to_try,
    generators,
)
from langevin_sgd.fokker_planck.relaxation import spectrum

if TYPE_CHECKING:
    import xarray as xr

_SAMPLES = 16
"""Places along each axis at which the times are compared to judge a refinement."""


def first_passage_time(
    equation: Equation,
    *,
    domain: Domain,
    boundary: Boundary = ("reflecting", "absorbing"),
    cells: int | None = None,
    tolerance: float | None = None,
) -> xr.Dataset:
    """Return the time until a path leaves through an absorbing end, by where it starts.

    Parameters
    ----------
    equation
        As in `langevin_sgd.fokker_planck.solve`.
    domain
        (low, high), or a pair of these in two dimensions. On a line an end that is None is taken as
        far out as there is stationary probability.
    boundary
        With at least one absorbing end; see `langevin_sgd.fokker_planck.solve`.
    cells
        Along each axis, even; by default as many as the tolerance asks for, at most 16384 on a line
        and 256 else.
    tolerance
        Largest relative error of the mean time; 1e-4 by default on a line and 1e-2 else.

    Returns
    -------
    xarray.Dataset
        ``mean_time`` and ``standard_deviation`` in steps over the coordinates of the start, and on
        a line ``exit_high``, the probability of leaving through the high end. Attributes
        ``error_estimate`` (relative) and ``converged``.

    Warns
    -----
    NotConvergedWarning
        If the estimated error is above the tolerance.

    Raises
    ------
    InputError
        If no end is absorbing, or an argument is outside its range.

    Examples
    --------
    >>> import langevin_sgd as ls
    >>> free = ls.fokker_planck.Diffusion(drift=np.zeros_like, diffusion=0.5)
    >>> passage = first_passage_time(free, domain=(0.0, 1.0))
    >>> round(float(passage.mean_time.interp(position=0.6)), 4)
    0.64
    """
    require("absorbing" in np.ravel(boundary), "boundary", boundary, "must have an absorbing end")
    dimension, build = generators(equation, domain, boundary)
    tolerance = (1e-4 if dimension == 1 else 1e-2) if tolerance is None else tolerance
    tolerance = as_positive("tolerance", tolerance)
    done: dict[int, tuple[Generator, tuple[np.ndarray, ...]]] = {}

    def sampled(count: int) -> np.ndarray:
        generator = build(count)
        done[count] = generator, _moments(generator)
        mean = done[count][1][0]
        for axis in range(dimension):
            groups = mean.reshape(*mean.shape[:axis], _SAMPLES, -1, *mean.shape[axis + 1 :])
            mean = groups.mean(axis=axis + 1)
        return mean.ravel()

    count, _, error = extrapolated(sampled, *cells_to_try(dimension, cells, _SAMPLES), tolerance)
    generator, (mean, deviation, *exits) = done[count]
    per_step = generator.step_time
    variables: dict[str, dataset.Variable] = {
        "mean_time": (generator.names, mean / per_step, "step"),
        "standard_deviation": (generator.names, deviation / per_step, "step"),
    }
    if exits:
        variables["exit_high"] = generator.names, exits[0], "1"
    settings = {
        "equation": type(equation).__name__,
        "boundary": boundary,
        "cells": count,
        "tolerance": tolerance,
    }
    kind = "fokker_planck_first_passage"
    return report(variables, generator.coords, error, tolerance, kind=kind, settings=settings)


def _moments(generator: Generator) -> tuple[np.ndarray, ...]:
    """Return mean and standard deviation of the time to leave.

    On a line also the probability of leaving at the high end.
    """
    chain = generator.chain
    if chain is not None and chain.axis.boundary != "periodic":
        ones = np.ones(chain.axis.cells)
        mean = _backward(chain, ones)
        second = _backward(chain, 2 * mean)
        high = np.zeros_like(ones)
        high[-1] = chain.kill[-1]
        return mean, np.sqrt(np.maximum(second - mean**2, 0.0)), _backward(chain, high)
    grid = tuple(axis.cells for axis in generator.axes)
    solver = splu(generator.matrix)
    mean = -solver.solve(np.ones(generator.matrix.shape[0]), "T")
    second = -solver.solve(2 * mean, "T")
    return mean.reshape(grid), np.sqrt(np.maximum(second - mean**2, 0.0)).reshape(grid)


def _backward(chain: JumpChain, source: np.ndarray) -> np.ndarray:
    """Solve A^T u = -source on a line."""
    weights = np.exp(np.maximum(chain.log_equilibrium(), -690.0))
    right, left, kill, total = (
        column[:, None] for column in (chain.right, chain.left, chain.kill, np.zeros(len(source)))
    )
    add_resolvents(
        right,
        left,
        kill,
        (weights * source)[:, None],
        np.zeros(1, complex),
        np.ones(1, complex),
        total,
    )
    solution: np.ndarray = total[:, 0] / weights
    return solution


@dataclass(frozen=True)
class EscapeRate:
    """A rate with its error.

    Parameters
    ----------
    value
        Rate per step.
    error
        Estimated error of discretisation.
    separation
        Next slowest rate over the slowest: an escape is a rate process where this is large.
    converged
        Whether the error is within the tolerance.
    """

    value: float
    error: float
    separation: float
    converged: bool


def escape_rate(
    equation: Equation,
    *,
    barrier: float | None = None,
    well: str = "low",
    domain: Domain = None,
    boundary: Boundary = "reflecting",
    cells: int | None = None,
    tolerance: float | None = None,
) -> EscapeRate:
    """Return the rate of escape from a well, at any friction and for any barrier.

    Parameters
    ----------
    equation
        With one parameter (in the plane the first one's value is compared with the barrier).
    barrier
        Position of the top of the barrier, to the accuracy to which the probabilities of both sides
        are wanted; not used with an absorbing end.
    well
        Which side of the barrier to escape from, ``low`` or ``high``.
    domain, boundary, cells, tolerance
        As in `spectrum`.

    Raises
    ------
    InputError
        Without a barrier in a closed domain, with one that is none (outside the domain, or not
        between two wells, or so far from the least density between them that it shifts a
        probability by more than 2 %), or with arguments outside their range.

    Examples
    --------
    >>> import langevin_sgd as ls
    >>> wells = ls.fokker_planck.Diffusion(drift=lambda x: x - x**3, diffusion=0.05)
    >>> rate = escape_rate(wells, barrier=0.0)
    >>> print(f"{rate.value:.2e}")  # Kramers: sqrt(2)/(2 pi) e^{-5} = 1.52e-3
    1.39e-03
    """
    well = as_choice("well", well, ("low", "high"))
    closed = "absorbing" not in np.ravel(boundary)
    if closed or barrier is not None:
        barrier = as_real(
            "barrier", barrier, "must be the position of the barrier in a closed domain"
        )
    relaxation = spectrum(
        equation, modes=3, domain=domain, boundary=boundary, cells=cells, tolerance=tolerance
    )
    rates, errors = relaxation.rate.values, relaxation.error.values
    slowest, share = (
        (1, _other_side(relaxation, barrier, well)) if closed and barrier is not None else (0, 1.0)
    )
    return EscapeRate(
        value=float(rates[slowest] * share),
        error=float(errors[slowest] * rates[slowest] * share),
        separation=float(rates[slowest + 1] / rates[slowest]) if rates[slowest] > 0 else math.inf,
        converged=bool(relaxation.attrs["converged"]),
    )


_SHIFT = 0.02
"""Largest relative change of a side's probability between the barrier and the least density."""


def _other_side(relaxation: xr.Dataset, barrier: float, well: str) -> float:
    """Stationary probability beyond the barrier, seen from the well.

    The cell that the barrier cuts counts in part.
    """
    name = str(relaxation.eigenfunction.dims[1])
    position, density = relaxation[name].values, relaxation.eigenfunction.values[0]
    mass = density.reshape(len(position), -1).sum(axis=1)
    mass /= mass.sum()  # an eigenfunction may come with either sign
    width = position[1] - position[0]
    low, high = position[0] - width / 2, position[-1] + width / 2
    require(
        low < barrier < high, "barrier", barrier, f"must lie in the domain, ({low:.6g}, {high:.6g})"
    )

    def share(top: float) -> float:
        below = np.clip((top - position) / width + 0.5, 0, 1)
        # The side that is asked for is summed itself: of a deep well the rest of 1 would be
        # rounding.
        return float((1 - below if well == "low" else below) @ mass)

    top = _least_density(position, mass, barrier)
    wanted = share(barrier)
    allowed = f"is no barrier: the density between the wells is least at {top:.6g}"
    require(abs(wanted - share(top)) <= _SHIFT * share(top), "barrier", barrier, allowed)
    return wanted


def _least_density(position: np.ndarray, mass: np.ndarray, barrier: float) -> float:
    """Position of the least density between the wells on either side of a barrier.

    Between cells it is found by a parabola.
    """
    cut = int(np.searchsorted(position, barrier))
    wells = (
        int(np.argmax(mass[:cut])) if cut else -1,
        cut + int(np.argmax(mass[cut:])) if cut < len(mass) else -1,
    )
    between = 0 <= wells[0] < cut - 1 and cut < wells[1]
    require(between, "barrier", barrier, "is no barrier: there is no well on either side of it")
    least = wells[0] + int(np.argmin(mass[wells[0] : wells[1] + 1]))
    left, middle, right = np.log(np.maximum(mass[least - 1 : least + 2], 1e-300))
    bend = left - 2 * middle + right
    shift = (left - right) / (2 * bend) if bend > 0 else 0.0
    return float(position[least] + np.clip(shift, -0.5, 0.5) * (position[1] - position[0]))
