r"""Relaxation times and eigenfunctions of a Fokker-Planck equation.

    A p_n = -lambda_n p_n,      p(t) = sum_n c_n e^{-lambda_n t} p_n

On a line every flux can be balanced, and the generator is similar to the symmetric matrix -B^T B, B
having the rows sqrt(right_i) e_i - sqrt(left_{i+1}) e_{i+1}, and sqrt(kill) e_i at absorbing ends.
The rates are the squares of the singular values of B, found from the tridiagonal matrix of Golub
and Kahan (SIAM J. Numer. Anal. 2 (1965) 205), so that a rate 1e-20 of the largest one, that of a
high barrier, still has digits. Elsewhere eigenvalues may be complex, and come from a sparse matrix
(`langevin_sgd.fokker_planck.generators`) by shift and inversion (ARPACK). Rates are extrapolated
from N and N/2 cells, the scheme being of second order; the correction is the error estimate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.sparse.linalg import eigs

from langevin_sgd import dataset
from langevin_sgd.checks import as_count, as_positive, require
from langevin_sgd.fokker_planck.accuracy import extrapolated, report
from langevin_sgd.fokker_planck.chain import JumpChain
from langevin_sgd.fokker_planck.equations import Equation
from langevin_sgd.fokker_planck.generators import (
    Boundary,
    Domain,
    Generator,
    cells_to_try,
    generators,
)

if TYPE_CHECKING:
    import xarray as xr

_MOST_MODES = 50
"""Most modes in two dimensions, where they come from a sparse matrix."""


def spectrum(
    equation: Equation,
    *,
    modes: int = 6,
    domain: Domain = None,
    boundary: Boundary = "reflecting",
    cells: int | None = None,
    tolerance: float | None = None,
) -> xr.Dataset:
    """Return the slowest modes of a Fokker-Planck equation.

    Parameters
    ----------
    equation, domain, boundary
        As in `langevin_sgd.fokker_planck.solve`; on a line an end of the domain may be None.
    modes
        How many, the stationary state included where there is one.
    cells
        Along each axis, even; by default as many as the tolerance asks for, at most 16384 on a line
        and 256 else.
    tolerance
        Largest relative error of a rate; 1e-4 by default on a line and 1e-2 else.

    Returns
    -------
    xarray.Dataset
        Over ``mode``, slowest first: ``rate`` of decay and ``frequency`` of oscillation (radians),
        per step; ``relaxation_time`` in steps, infinite for the stationary state; ``error``, the
        relative error of the rate. ``eigenfunction``, the real part of p_n, a density of the
        coordinates scaled to an integral of |p_n| of 1, and ``eigenfunction_imaginary`` if some are
        complex. Attribute ``converged``.

    Warns
    -----
    NotConvergedWarning
        If the estimated error is above the tolerance.

    Raises
    ------
    InputError
        For an argument outside its range.

    Examples
    --------
    >>> import langevin_sgd as ls
    >>> problem = ls.LinearRegression.from_spectrum([2.0])
    >>> equation = ls.Overdamped.from_sgd(problem, ls.SGD(lr=0.1, batch_size=10))
    >>> spectrum(equation, modes=4).rate.values.round(4).tolist()
    [0.0, 0.2, 0.4, 0.6]
    """
    modes = as_count("modes", modes)
    dimension, build = generators(equation, domain, boundary)
    sizes = cells_to_try(dimension, cells)
    most = sizes[0] // 2 if dimension == 1 else _MOST_MODES
    require(modes <= most, "modes", modes, f"must be at most {most}, half of the cells on a line")
    tolerance = (1e-4 if dimension == 1 else 1e-2) if tolerance is None else tolerance
    tolerance = as_positive("tolerance", tolerance)
    done: dict[int, tuple[Generator, np.ndarray]] = {}

    def eigenvalues(count: int) -> np.ndarray:
        generator = build(count)
        values, vectors = _modes(generator, modes)
        done[count] = generator, vectors
        return values

    count, values, error = extrapolated(eigenvalues, *sizes, tolerance)
    generator, vectors = done[count]
    return report(
        _variables(generator, values, vectors, error),
        {"mode": np.arange(modes), **generator.coords},
        error,
        tolerance,
        kind="fokker_planck_spectrum",
        settings={
            "equation": type(equation).__name__,
            "boundary": boundary,
            "cells": count,
            "tolerance": tolerance,
        },
    )


def _variables(
    generator: Generator, values: np.ndarray, vectors: np.ndarray, error: np.ndarray
) -> dict[str, dataset.Variable]:
    rate, frequency = (
        (0.0 - values.real) * generator.step_time,
        np.abs(values.imag) * generator.step_time,
    )
    densities = (
        vectors
        / np.abs(vectors).sum(axis=tuple(range(1, vectors.ndim)), keepdims=True)
        / generator.cell_size
    )
    time = np.divide(1.0, rate, out=np.full_like(rate, np.inf), where=rate > 0)
    dims = ("mode", *generator.names)
    variables: dict[str, dataset.Variable] = {
        "rate": (("mode",), rate, "1/step"),
        "frequency": (("mode",), frequency, "1/step"),
        "relaxation_time": (("mode",), time, "step"),
        "error": (("mode",), error, "relative"),
        "eigenfunction": (dims, densities.real, "density"),
    }
    if np.abs(densities.imag).max() > 0:
        variables["eigenfunction_imaginary"] = dims, densities.imag, "density"
    return variables


def _modes(generator: Generator, modes: int) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (mode,) nearest to zero and eigenvectors (mode, *grid)."""
    chain = generator.chain
    if chain is not None and chain.axis.boundary != "periodic":
        return _line_modes(chain, modes)
    matrix = generator.matrix
    # A shift a little to the right of the spectrum: the matrix is then regular, and the slowest
    # modes are nearest.
    shift = 1e-9 * float(np.abs(matrix.diagonal()).max())
    values, vectors = eigs(matrix, k=modes + 2, sigma=shift, v0=np.ones(matrix.shape[0]))
    order = np.lexsort((-values.imag, -values.real.round(12)))[:modes]
    values = values[order]
    values[np.abs(values) < 1e-11 * np.abs(matrix.diagonal()).max()] = 0.0
    grid = tuple(axis.cells for axis in generator.axes)
    return values, vectors[:, order].T.reshape(modes, *grid)


def _line_modes(chain: JumpChain, modes: int) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors of a line from the singular values of B."""
    links = np.sqrt(np.stack([chain.right[:-1], chain.left[1:]], axis=1)).ravel() * np.tile(
        [1.0, -1.0], len(chain.rise)
    )
    low, high = chain.axis.absorbs_low, chain.axis.absorbs_high
    ends = np.sqrt(chain.kill[[0, -1]])
    links = np.concatenate([ends[:1] if low else [], links, ends[1:] if high else []])
    size, cells = len(links) + 1, chain.axis.cells
    # Cells and faces alternate along the path; half the eigenvalues are minus the singular values,
    # and come first.
    first = size - cells
    singular, vectors = eigh_tridiagonal(
        np.zeros(size), links, select="i", select_range=(first, first + modes - 1)
    )
    symmetric = vectors[int(low) :: 2].T
    eigenfunctions = symmetric * np.exp(chain.log_equilibrium() / 2)
    sign = np.sign(eigenfunctions[np.arange(modes), np.abs(eigenfunctions).argmax(axis=1)])
    rates = singular**2
    if not (low or high):
        rates[0] = 0.0
    return -rates.astype(complex), sign[:, None] * eigenfunctions
