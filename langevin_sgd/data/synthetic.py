"""Synthetic regression data with Gaussian inputs.

This is the well-specified case, in which Sigma = sigma^2 H as N grows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from langevin_sgd.checks import as_array, as_callable, as_count, as_not_negative, require
from langevin_sgd.randomness import LARGEST, normals


def gaussian_inputs(
    eigenvalues: np.ndarray,
    *,
    samples: int,
    label_noise: float = 1.0,
    teacher: Callable[[np.ndarray], np.ndarray] | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw x ~ N(0, diag(eigenvalues)) and y = teacher(x) + label_noise * N(0, 1).

    Parameters
    ----------
    eigenvalues
        (parameter,), variances of the inputs, > 0: the eigenvalues of the population Hessian.
    samples
        Number of samples N.
    label_noise
        Standard deviation of the label noise, >= 0.
    teacher
        Function of (sample, parameter) that returns (sample,); zero by default, so that the
        minimiser is near zero.
    seed
        Seed of the draw.

    Returns
    -------
    X
        (samples, parameter).
    y
        (samples,).

    Raises
    ------
    InputError
        If a value is out of its range, or `teacher` returns anything but (sample,) finite numbers.

    Examples
    --------
    >>> X, y = gaussian_inputs([1.0, 4.0], samples=3)
    >>> X.shape, y.shape
    ((3, 2), (3,))
    """
    allowed = "must be a list of numbers above 0"
    variances = as_array("eigenvalues", eigenvalues, ndim=1, allowed=allowed)
    require(len(variances) > 0 and bool((variances > 0).all()), "eigenvalues", eigenvalues, allowed)
    samples = as_count("samples", samples)
    most = (LARGEST - 1) // (len(variances) + 1)
    require(samples <= most, "samples", samples, f"must be at most {most}, {LARGEST} numbers")
    label_noise = as_not_negative("label_noise", label_noise)
    drawn = normals((samples, len(variances) + 1), seed)
    X = drawn[:, :-1] * np.sqrt(variances)
    y = label_noise * drawn[:, -1]
    if teacher is not None:
        y = y + as_array("teacher", as_callable("teacher", teacher)(X.copy()), shape=(samples,))
    return X, y
