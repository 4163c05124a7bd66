r"""The mean loss of SGD step by step, exact: second moments of residuals and their velocities.

With r the residuals of all samples, u = J v their change by the velocity (torch's sign, v' =
momentum v + g), K the kernel and W the diagonal matrix of how often each sample is in the batch,
times n/B, a step on frozen features is

    u' = beta u + K W r,
    r' = r - lr u' (heavy ball),      r' = r - lr (K W r + beta u') (Nesterov).

Since E W = 1 and E[W R W] = R + p (n blkdiag(R) - R) for both ways of drawing a batch, the moments
R = E[r r^T], X = E[r u^T], V = E[u u^T] obey, with N = K (R + p (n blkdiag(R) - R)) K and A =
E[r u'^T] = beta X + R K,

    V' = beta^2 V + beta (K X + X^T K) + N,
    R' = R - lr (A + A^T) + lr^2 V',        X' = A - lr V'                          (heavy ball)

and for Nesterov, whose step adds the gradient once more, the same with the products of beta u' + K
W r written out. E L = Tr(R) / (2 n). Source: derived; for plain SGD R' = (1 - lr K) R (1 - lr K) +
lr^2 p K (n blkdiag(R) - R) K. Exact also where the residuals are not those of an interpolating
minimum, for any least-squares problem, since nothing else than r enters. Cost: 4 to 6 products of
(n k, n k) matrices a step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from langevin_sgd.checks import as_count, require_memory
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.settings import noise_factor
from langevin_sgd.theory.stability.minimum import (
    InterpolatingMinimum,
    add_to_blocks,
    as_pair,
    diagonal_blocks,
    require_computable,
)
from langevin_sgd.theory.underflow import vanishing

LONGEST = 10**6
"""Largest number of steps."""


@vanishing
def mean_loss(
    minimum: InterpolatingMinimum, settings: SGD, residuals: Any, *, steps: int
) -> np.ndarray:
    """E L after 0, 1, ..., `steps` steps from given residuals at rest.

    Parameters
    ----------
    minimum, settings
        As in `edge_lr`; the learning rate is that of the steps.
    residuals
        (n,) or (n, k) at the start; the velocity is zero there.
    steps
        0 to 10^6. What grows beyond doubles is infinite.

    Returns
    -------
    (steps + 1,)

    Raises
    ------
    InputError
        If an argument is out of range.

    Examples
    --------
    >>> minimum = InterpolatingMinimum.from_features([[1.0], [1.0]])
    >>> mean_loss(minimum, SGD(lr=0.5, batch_size=1), [1.0, 1.0], steps=2).tolist()
    [0.5, 0.125, 0.03125]
    """
    minimum, settings = as_pair(minimum, settings)
    require_computable(settings, float(minimum.eigenvalues[0]))
    start, steps = minimum.as_residuals(residuals), as_count("steps", steps, 0, LONGEST)
    require_memory("minimum", minimum, 8.0 * 12 * minimum.kernel.size)
    unit = float(np.abs(start).max())
    moments = _at_rest(np.outer(start / unit, start / unit))
    losses = np.full(steps + 1, np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(steps + 1):
            loss = float(np.trace(moments[0])) / (2 * minimum.samples) * unit**2
            if not np.isfinite(loss):
                break
            losses[step] = loss
            residual, mixed, velocity = _stepped(minimum, settings, *moments)
            # Rounding that is not symmetric would be carried by another map, and grow faster.
            moments = 0.5 * (residual + residual.T), mixed, 0.5 * (velocity + velocity.T)
    return losses


_Moments = tuple[np.ndarray, np.ndarray, np.ndarray]


def _at_rest(residuals: np.ndarray) -> _Moments:
    return residuals, np.zeros_like(residuals), np.zeros_like(residuals)


def _stepped(
    minimum: InterpolatingMinimum,
    settings: SGD,
    residual: np.ndarray,
    mixed: np.ndarray,
    velocity: np.ndarray,
) -> _Moments:
    """Moments R, X and V after one more step."""
    kernel, lr, b = minimum.kernel, settings.lr, settings.momentum
    noisy = kernel @ _weighted(minimum, settings, residual) @ kernel
    onto_gradient = residual @ kernel
    across = b * mixed + onto_gradient
    carried = b * kernel @ mixed
    velocity = b**2 * velocity + carried + carried.T + noisy
    if not settings.nesterov:
        moved = residual - lr * (across + across.T) + lr**2 * velocity
        return moved, across - lr * velocity, velocity
    # E[K W r u'^T], the gradient with the velocity that it made.
    gradient_velocity = carried + noisy
    push = b * across + onto_gradient
    square = b**2 * velocity + b * (gradient_velocity + gradient_velocity.T) + noisy
    moved = residual - lr * (push + push.T) + lr**2 * square
    return moved, across - lr * (b * velocity + gradient_velocity), velocity


def _weighted(minimum: InterpolatingMinimum, settings: SGD, residual: np.ndarray) -> np.ndarray:
    """E[W R W], the second moment of the residuals that a batch weighs."""
    share = noise_factor(settings, minimum.samples)
    result: np.ndarray = (1 - share) * residual
    add_to_blocks(result, share * minimum.samples * diagonal_blocks(residual, minimum.outputs))
    return result
