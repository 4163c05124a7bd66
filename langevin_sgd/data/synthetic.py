"""Synthetic regression data with Gaussian inputs: the well-specified case, in which Sigma = sigma^2 H as N grows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from langevin_sgd.checks import as_count, as_not_negative, require
from langevin_sgd.randomness import normals


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
        Function of (sample, parameter) that returns (sample,); zero by default, so that the minimiser is near zero.
    seed
        Seed of the draw.

    Returns
    -------
    X
        (samples, parameter).
    y
        (samples,).
    """
    spread = np.sqrt(np.asarray(eigenvalues, dtype=float))
    require(
        spread.ndim == 1 and bool(np.all(spread > 0)), "eigenvalues", eigenvalues, "must be a list of numbers above 0"
    )
    samples = as_count("samples", samples)
    label_noise = as_not_negative("label_noise", label_noise)
    drawn = normals((samples, len(spread) + 1), seed)
    X = drawn[:, :-1] * spread
    y = label_noise * drawn[:, -1]
    return X, y if teacher is None else y + teacher(X)
