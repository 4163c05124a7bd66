r"""Bounds on the mean-square edge of plain SGD, from few numbers of the minimum.

Upper bounds (necessary conditions), p as in `noise_factor`, H_i = J_i^T J_i, k outputs:

    frobenius   lr <= 1 / (||H||_F sqrt(p mu_0))                     Wu, Wang, Su, arXiv 2207.02628
    trace       lr <= 2 k / (p Tr H)                                 derived from the next
    matrices    lr <= 2 Tr H / ((1-p) ||H||_F^2 + (p/n) sum_i ||H_i||_F^2)
    top_mode    lr <= 2 / (v.Hv + p Var_i(v.H_i v) / v.Hv), v the top eigenvector
    direction   the same, the least over all eigenvectors and all gradients of single outputs
                (these three: Mulayoff and Michaeli, arXiv 2306.07850)
    spectrum    (1/k) sum_a p lr lambda_a / (2 - lr (1-p) lambda_a) <= 1      (`spectral_edge_lr`)
    mean        lr <= 2 / lambda_1                                   gradient descent

and a lower bound (a sufficient condition), E|delta|^2 cannot grow in one step:

    sufficient  lambda_max((1 - lr H)^2 + lr^2 p ((1/n) sum_i H_i^2 - H^2)) <= 1

(Wu, Ma and E, NeurIPS 2018), which is lr <= 2 / lambda_max((1-p) Lambda + p U^T n blkdiag(K) U) on
the range of H, with K = U Lambda U^T. mu_0 is the smallest mu on the range of the kernel, the best
constant (`alignment_range`). Momentum has `mean_edge_lr` and `spectral_edge_lr`; the other bounds
are of plain SGD.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import as_not_negative, require
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.settings import noise_factor
from langevin_sgd.theory.stability.alignment import alignment_range
from langevin_sgd.theory.stability.edge import mean_edge_lr, spectral_edge_lr
from langevin_sgd.theory.stability.minimum import (
    InterpolatingMinimum,
    as_pair,
    by_sample,
    diagonal_blocks,
)
from langevin_sgd.theory.underflow import vanishing


@dataclass(frozen=True, kw_only=True)
class EdgeBounds:
    """Learning rates that bound the mean-square edge of plain SGD.

    Parameters
    ----------
    sufficient
        The edge is not below it.
    frobenius, trace, matrices, top_mode, direction, spectrum, mean
        The edge is not above any of them; None without noise, where only that of the mean holds.
    """

    sufficient: float
    mean: float
    spectrum: float
    matrices: float
    top_mode: float
    direction: float
    trace: float | None
    frobenius: float | None


@vanishing
def edge_bounds(minimum: InterpolatingMinimum, settings: SGD) -> EdgeBounds:
    """Return all bounds on `edge_lr` of plain SGD.

    Parameters
    ----------
    minimum, settings
        As in `edge_lr`, without momentum; the learning rate does not matter.

    Raises
    ------
    InputError
        As `edge_lr`, and with momentum.
    """
    minimum, settings = as_pair(minimum, settings)
    require(settings.momentum == 0, "momentum", settings.momentum, "must be 0.0 for these bounds")
    share, values, outputs = (
        noise_factor(settings, minimum.samples),
        minimum.eigenvalues,
        minimum.outputs,
    )
    own = minimum.samples * diagonal_blocks(minimum.kernel, outputs)
    mixed = (1 - share) * minimum.frobenius_norm**2 + share * _mean_square(own)
    along = _sharpness(minimum, np.eye(len(values)), share)
    single = minimum.vectors.T * np.sqrt(values)[:, None]
    lengths = np.linalg.norm(single, axis=0)
    directions = single[:, lengths > 0] / lengths[lengths > 0]
    best = max(float(along.max()), float(_sharpness(minimum, directions, share).max()))
    return EdgeBounds(
        sufficient=2 / _one_step_sharpness(minimum, own, share),
        mean=mean_edge_lr(minimum, settings),
        spectrum=spectral_edge_lr(minimum, settings),
        matrices=2 * minimum.trace / mixed,
        top_mode=2 / float(along[0]),
        direction=2 / best,
        trace=2 * outputs / (share * minimum.trace) if share > 0 else None,
        frobenius=frobenius_bound_lr(minimum, settings, mu=alignment_range(minimum)[0]),
    )


@vanishing
def frobenius_bound_lr(minimum: InterpolatingMinimum, settings: SGD, *, mu: float) -> float | None:
    """1 / (||H||_F sqrt(p mu)), the bound on the edge by an alignment of at least mu.

    Parameters
    ----------
    minimum, settings
        As in `edge_lr`; learning rate and momentum do not matter.
    mu
        A lower bound on the alignment along the run, zero or above.

    Returns
    -------
    float or None
        None where p mu = 0: without noise, or without alignment.

    Raises
    ------
    InputError
        If an argument is out of range.
    """
    minimum, settings = as_pair(minimum, settings)
    share = noise_factor(settings, minimum.samples) * as_not_negative("mu", mu)
    return 1 / (minimum.frobenius_norm * math.sqrt(share)) if share > 0 else None


def _mean_square(own: np.ndarray) -> float:
    """(1/n) sum_i ||H_i||_F^2 from the blocks J_i J_i^T."""
    return float((own**2).sum() / len(own))


def _sharpness(minimum: InterpolatingMinimum, directions: np.ndarray, share: float) -> np.ndarray:
    """v.Hv + p Var_i(v.H_i v) / v.Hv for unit vectors (mode, direction)."""
    root = np.sqrt(minimum.samples * minimum.eigenvalues)[:, None]
    changes = by_sample(minimum.vectors @ (root * directions), minimum.outputs)
    curvature = (changes**2).sum(axis=1)
    mean = curvature.mean(axis=0)
    result: np.ndarray = mean + share * curvature.var(axis=0) / mean
    return result


def _one_step_sharpness(minimum: InterpolatingMinimum, own: np.ndarray, share: float) -> float:
    scaled = (own @ by_sample(minimum.vectors, minimum.outputs)).reshape(minimum.vectors.shape)
    matrix = share * minimum.vectors.T @ scaled
    matrix[np.diag_indices_from(matrix)] += (1 - share) * minimum.eigenvalues
    return float(np.linalg.eigvalsh(matrix)[-1])
