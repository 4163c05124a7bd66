"""Problem and settings as the compiled loop takes them: padded arrays, noise factor, rule."""

from __future__ import annotations

import math

import numpy as np

from langevin_sgd.checks import InputError
from langevin_sgd.covariance import as_covariance, covariance_root
from langevin_sgd.kernels.layout import padded, whole_lines
from langevin_sgd.models.linear_regression import LinearRegression
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.simulation.status import LIMIT
from langevin_sgd.training.batches import require_sampling
from langevin_sgd.training.steps import DATA, DENSE, DIAGONAL, GradientSource, UpdateRule


def require_samples(problem: LinearRegression, settings: SGD, replicas: int) -> None:
    """Raise `InputError` for a sampling that the problem cannot have."""
    if problem.samples is not None:
        require_sampling(settings, problem.samples, replicas)
    elif settings.sampling != "with_replacement":
        raise InputError(
            f"sampling = {settings.sampling!r}: a problem without data has with_replacement only"
        )


def make_source(problem: LinearRegression, settings: SGD) -> GradientSource:
    """Arrays of the gradient: the data, or Hessian and noise factor, diagonal where both are.

    Raises
    ------
    InputError
        If the noise covariance is not one.
    """
    minimiser, nothing, no_matrix = padded(problem.minimiser), np.empty(0), np.empty((0, 0))
    if problem.X is not None and problem.y is not None:
        return GradientSource(
            DATA, padded(problem.X), np.array(problem.y), minimiser, no_matrix, no_matrix
        )
    hessian, per_batch = problem.hessian, math.sqrt(settings.batch_size)
    covariance = as_covariance("noise_covariance", problem.noise_covariance, problem.parameters)
    if _is_diagonal(hessian) and _is_diagonal(covariance):
        factor = np.sqrt(np.diag(covariance)) / per_batch
        return GradientSource(
            DIAGONAL,
            no_matrix,
            nothing,
            minimiser,
            padded(np.diag(hessian)[None]),
            padded(factor[None]),
        )
    factor = covariance_root(covariance) / per_batch
    return GradientSource(DENSE, no_matrix, nothing, minimiser, _square(hessian), _square(factor))


def _is_diagonal(matrix: np.ndarray) -> bool:
    return np.count_nonzero(matrix) == np.count_nonzero(np.diag(matrix))


def _square(matrix: np.ndarray) -> np.ndarray:
    """Copy padded in both directions."""
    rows = np.zeros((whole_lines(len(matrix)), len(matrix)))
    rows[: len(matrix)] = matrix
    return padded(rows)


def make_rule(settings: SGD, *, at_rest: bool, first_step: int = 0) -> UpdateRule:
    """Numbers of the update; `at_rest` if the run starts, at `first_step`, without velocity."""
    return UpdateRule(
        lr=float(settings.lr),
        momentum=float(settings.momentum),
        weight_decay=float(settings.weight_decay),
        # Without momentum PyTorch keeps no buffer, and dampening does nothing.
        dampening=float(settings.dampening) if settings.momentum else 0.0,
        nesterov=settings.nesterov,
        undamped_step=first_step if at_rest else -1,
        limit_squared=LIMIT**2,
    )
