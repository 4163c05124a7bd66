r"""Batch sharpness of given residuals: the curvature that a batch's step meets on its own loss.

With g_b the gradient and H_b the Gauss-Newton matrix of a batch, over all batches,

    mean_of_ratio    E_b[ g_b.H_b g_b / |g_b|^2 ]
    ratio_of_means   E_b[ g_b.H_b g_b ] / E_b|g_b|^2
    criticality      E_b|g_b|^2 / (2 L) = (|gbar|^2 + p Tr Sigma) / (2 L),

the first two as in Andreyev and Beneventano (arXiv 2412.20553), who compare them with 2 / lr; the
third averages to exactly 2 / lr over the critical second moment of plain SGD, where the other two
do not (`critical`). In sample space J_i g_b = (n/B) sum_j K_ij r_j over the batch. At B = 1 the
first is a weighted mean of the |phi_i|^2, for one output their mean Tr H.

Exact by enumeration up to 10^5 batches (those that differ in more than order, with their
probabilities), else from random batches, with standard errors (the second by propagation to first
order). Batches whose gradient vanishes have no ratio and are left out of the first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from langevin_sgd.checks import as_count, as_seed
from langevin_sgd.estimate import Estimate
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.settings import noise_factor
from langevin_sgd.theory.stability.alignment import alignment
from langevin_sgd.theory.stability.batches import all_batches, drawn_batches, number_of_batches
from langevin_sgd.theory.stability.minimum import InterpolatingMinimum, as_pair, by_sample
from langevin_sgd.theory.underflow import vanishing

MOST_BATCHES = 10**5
"""Up to so many batches are enumerated."""
CHUNK = 2**21
"""Entries of the kernel that are gathered at once."""


@dataclass(frozen=True, kw_only=True)
class BatchSharpness:
    """Batch sharpness in its three conventions; unit: that of the Hessian.

    Parameters
    ----------
    mean_of_ratio, ratio_of_means
        With standard error zero where they are exact.
    criticality
        E_b|g_b|^2 / (2 L), exact.
    exact
        Whether all batches were enumerated.
    batches
        How many were.
    """

    mean_of_ratio: Estimate
    ratio_of_means: Estimate
    criticality: float
    exact: bool
    batches: int


@vanishing
def batch_sharpness(
    minimum: InterpolatingMinimum,
    settings: SGD,
    residuals: Any,
    *,
    draws: int = 20_000,
    seed: int = 0,
) -> BatchSharpness:
    """Return the batch sharpness at given residuals.

    Parameters
    ----------
    minimum
        Gives the kernel.
    settings
        Batch size and sampling; the rest does not matter.
    residuals
        (n,) or (n, k), not all zero.
    draws
        Random batches, where there are more than 10^5; default 20 000, at least 2.
    seed
        Of the random batches; default 0.

    Raises
    ------
    InputError
        If an argument is out of range.

    Examples
    --------
    >>> minimum = InterpolatingMinimum.from_features([[1.0, 0.0], [0.0, 3.0]])
    >>> batch_sharpness(minimum, SGD(lr=0.1, batch_size=1), [1.0, 1.0]).mean_of_ratio.value
    5.0
    """
    minimum, settings = as_pair(minimum, settings)
    vector = minimum.as_residuals(residuals)
    draws, seed = as_count("draws", draws, 2, 10**8), as_seed("seed", seed)
    vector = vector / float(np.abs(vector).max())
    samples = minimum.samples
    exact = number_of_batches(settings, samples) <= MOST_BATCHES
    if exact:
        batches, chances = all_batches(settings, samples)
    else:
        batches = drawn_batches(settings, samples, draws, seed=seed)
        chances = np.full(draws, 1 / draws)
    parts = [_lengths(minimum, vector, part) for part in _pieces(batches, minimum.outputs)]
    square, curved = np.concatenate(parts, axis=1)
    moving = square > 1e-28 * square.max()
    ratios = curved[moving] / square[moving]
    ratio = float(chances @ curved / (chances @ square))
    if exact:
        own, method = chances[moving], "all batches"
        first = Estimate(value=float(own @ ratios / own.sum()), standard_error=0.0, method=method)
        second = Estimate(value=ratio, standard_error=0.0, method=method)
    else:
        method = "random batches"
        first = Estimate.from_samples(ratios, method=method)
        error = float((curved - ratio * square).std(ddof=1) / square.mean() / math.sqrt(draws))
        second = Estimate(value=ratio, standard_error=error, n_independent=draws, method=method)
    noise = alignment(minimum, by_sample(vector, minimum.outputs))
    mean = float(vector @ minimum.kernel @ vector) / samples
    gradient = mean + noise_factor(settings, samples) * noise.trace_sigma
    return BatchSharpness(
        mean_of_ratio=first,
        ratio_of_means=second,
        criticality=gradient / (2 * noise.loss),
        exact=exact,
        batches=len(batches),
    )


def _pieces(batches: np.ndarray, outputs: int) -> Iterator[np.ndarray]:
    """Batches in pieces whose kernels fit the memory."""
    piece = max(1, CHUNK // (batches.shape[1] * outputs) ** 2)
    for start in range(0, len(batches), piece):
        yield batches[start : start + piece]


def _lengths(minimum: InterpolatingMinimum, vector: np.ndarray, batches: np.ndarray) -> np.ndarray:
    """(2, batch) |g_b|^2 and g_b.H_b g_b."""
    outputs, size = minimum.outputs, batches.shape[1]
    rows = (batches[:, :, None] * outputs + np.arange(outputs)).reshape(len(batches), -1)
    kernels = minimum.kernel[rows[:, :, None], rows[:, None, :]]
    chosen = vector[rows]
    changes = minimum.samples / size * np.einsum("bij,bj->bi", kernels, chosen)
    square = np.einsum("bi,bi->b", changes, chosen) / size
    return np.stack([square, np.einsum("bi,bi->b", changes, changes) / size])
