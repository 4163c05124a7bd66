r"""The mean-square edge of SGD at an interpolating minimum, and the growth of E L beside it.

    edge_lr         largest learning rate below which E L decays from every start
    growth_factor   factor per step of E L at a given learning rate, on the range of the Hessian

Both are roots of one equation, largest eigenvalue of T = 1 (`feedback`), in lr at growth one and in
the growth at fixed lr. The inverse of that eigenvalue is nearly linear in 1/lr and in the growth (w
is a fraction linear in them), so few evaluations do. Trying the constant S in T brackets the root
from one side by numbers of the spectrum alone.

Below lr_GD, the edge of the mean, an edge exists: with noise the largest eigenvalue rises from 0 at
lr = 0 to at least sum_a w_aa/n >= 1 there for one output (w_11 -> n). Without noise (all samples
in every batch) the edge is lr_GD. Without momentum the stable learning rates are an interval
(Mulayoff and Michaeli, arXiv 2306.07850); with momentum the edge returned is the crossing that is
reached from the spectrum's bound downwards, the only one in all cases tried (tests).
"""

from __future__ import annotations

import functools
from dataclasses import replace

from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.settings import noise_factor
from langevin_sgd.theory.sgd_map import sgd_oscillators
from langevin_sgd.theory.stability.feedback import FeedbackOperator, kernel_weights, mean_growth
from langevin_sgd.theory.stability.limits import largest_stable_stiffness
from langevin_sgd.theory.stability.minimum import (
    InterpolatingMinimum,
    as_pair,
    require_computable,
)
from langevin_sgd.theory.stability.roots import first_above, root
from langevin_sgd.theory.underflow import vanishing

NEARLY = 1e-12
"""Distance from a pole, relative."""


def mean_edge_lr(minimum: InterpolatingMinimum, settings: SGD) -> float:
    """Largest learning rate at which the mean is stable: that of gradient descent.

    2 (1 + momentum) / lambda_1, divided by 1 + 2 momentum for Nesterov.

    Parameters
    ----------
    minimum, settings
        As in `edge_lr`.

    Raises
    ------
    InputError
        As `edge_lr`.
    """
    minimum, settings = as_pair(minimum, settings)
    unit = replace(settings, lr=1.0)
    return float(largest_stable_stiffness(unit) / minimum.eigenvalues[0])


@vanishing
def spectral_edge_lr(minimum: InterpolatingMinimum, settings: SGD) -> float:
    """Bound from above on `edge_lr` by the spectrum alone.

    The root of (1/k) sum_a p kappa_aa lambda_a^2 / (1 + p kappa_aa lambda_a^2) = 1: the constant S
    put into T. For plain SGD the sum is of p lr lambda_a / (2 - lr (1-p) lambda_a).

    Parameters
    ----------
    minimum, settings
        As in `edge_lr`.

    Raises
    ------
    InputError
        As `edge_lr`.
    """
    minimum, settings = as_pair(minimum, settings)
    highest = mean_edge_lr(minimum, settings) * (1 - NEARLY)
    rows = len(minimum.kernel)

    def above(lr: float) -> float:
        at = replace(settings, lr=lr)
        return float(kernel_weights(minimum, at, 1.0, pairs=False).sum()) / rows - 1

    if noise_factor(settings, minimum.samples) == 0 or above(highest) <= 0:
        return mean_edge_lr(minimum, settings)
    lowest = highest
    while above(lowest) > 0:
        lowest *= 0.5
    return root(above, lowest, highest)


@vanishing
def edge_lr(minimum: InterpolatingMinimum, settings: SGD) -> float:
    """Largest learning rate at which SGD is stable in the mean square, the other settings kept.

    Parameters
    ----------
    minimum
        The interpolating minimum.
    settings
        Batch size, sampling (with or without replacement) and momentum (heavy ball or Nesterov);
        the learning rate does not matter.

    Returns
    -------
    float
        In units of the inverse Hessian, to a relative 1e-12.

    Raises
    ------
    InputError
        If the batch exceeds the samples, batches come in epochs, or there is weight decay or
        dampening.

    Examples
    --------
    >>> minimum = InterpolatingMinimum.from_features([[1.0], [1.0]])
    >>> round(edge_lr(minimum, SGD(lr=0.1, batch_size=2, sampling="without_replacement")), 6)
    2.0
    """
    minimum, settings = as_pair(minimum, settings)
    edge, highest = mean_edge_lr(minimum, settings), spectral_edge_lr(minimum, settings)
    if noise_factor(settings, minimum.samples) == 0:
        return edge
    operator = FeedbackOperator(minimum)

    @functools.cache
    def below(inverse: float) -> float:
        at = replace(settings, lr=1 / inverse)
        return 1 / operator.largest_eigenvalue(kernel_weights(minimum, at, 1.0, pairs=True)) - 1

    first = 1 / min(highest, edge * (1 - NEARLY))
    if below(first) >= 0:
        return highest
    last = 1.25 * first
    while below(last) < 0:
        first, last = last, 1.5 * last
    return 1 / root(below, first, last)


@vanishing
def growth_factor(minimum: InterpolatingMinimum, settings: SGD) -> float:
    """Factor per step by which E L grows in the end, from almost every start: rho.

    The spectral radius of the map of second moments on the range of the Hessian: below one SGD is
    stable in the mean square. At least the square of the slowest root of the mean.

    Parameters
    ----------
    minimum, settings
        As in `edge_lr`, the learning rate too.

    Returns
    -------
    float
        To a relative 1e-12.

    Raises
    ------
    InputError
        As `edge_lr`, and if lr * lambda_1 exceeds 1e30.

    Examples
    --------
    >>> minimum = InterpolatingMinimum.from_features([[1.0], [1.0]])
    >>> round(growth_factor(minimum, SGD(lr=0.5, batch_size=1)), 6)
    0.25
    """
    minimum, settings = as_pair(minimum, settings)
    require_computable(settings, float(minimum.eigenvalues[0]))
    mean = mean_growth(sgd_oscillators(settings, minimum.eigenvalues))
    if noise_factor(settings, minimum.samples) == 0:
        return mean
    operator, rows = FeedbackOperator(minimum), len(minimum.kernel)

    def of_spectrum(growth: float) -> float:
        return rows / float(kernel_weights(minimum, settings, growth, pairs=False).sum()) - 1

    @functools.cache
    def below(growth: float) -> float:
        weights = kernel_weights(minimum, settings, growth, pairs=True)
        return 1 / operator.largest_eigenvalue(weights) - 1

    lowest = max(mean, 1e-30) * (1 + NEARLY)
    if of_spectrum(lowest) < 0:
        lowest = root(of_spectrum, lowest, first_above(of_spectrum, lowest, 2.0))
    if below(lowest) >= 0:
        return lowest
    return root(below, lowest, first_above(below, lowest, 1.25))
