r"""Hessian eigenmodes of a problem under given settings: what every law needs before it knows its dynamics.

    stiffness k_l = h_l + weight_decay,      mean fixed point mu_l = h_l / k_l * theta_bar_l,
    noise of one step  q = factor * E^T Sigma E,   E the eigenvectors, Sigma the covariance of one per-sample gradient
    factor = 1/S (with replacement)   or   (N-S) / (S (N-1)) (distinct samples in a batch)

(Kunin et al., arXiv 2107.09133; the second factor is the variance of a mean of S of N items drawn
without replacement.) The noise is frozen at the minimiser theta_bar. Modes without curvature and weight decay are free:
they keep the component of the minimiser that `LinearRegression` chose.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from langevin_sgd.checks import InputError
from langevin_sgd.models.linear_regression import LinearRegression
from langevin_sgd.sgd_settings import SGD


@dataclass(frozen=True, eq=False)
class Modes:
    """Eigenmodes of the Hessian, descending, and the noise of a step in their basis.

    Parameters
    ----------
    problem, settings
        The regression problem and the settings of SGD.
    """

    problem: LinearRegression
    settings: SGD

    @cached_property
    def eigenvalues(self) -> np.ndarray:
        """(eigenmode,) Hessian eigenvalues; those that are zero to rounding are zero."""
        values = self.problem.eigenvalues
        rounding = values.size * np.finfo(float).eps * values.max()
        return np.where(values > rounding, values, 0.0)

    @property
    def vectors(self) -> np.ndarray:
        """(parameter, eigenmode) Orthonormal eigenvectors."""
        return self.problem.eigenvectors

    @property
    def stiffness(self) -> np.ndarray:
        """(eigenmode,) Eigenvalue + weight decay."""
        return self.eigenvalues + self.settings.weight_decay

    @cached_property
    def centre(self) -> np.ndarray:
        """(eigenmode,) Mean fixed point mu in the eigenbasis."""
        free = self.stiffness == 0
        shrink = np.where(free, 1.0, self.eigenvalues / np.where(free, 1.0, self.stiffness))
        return shrink * (self.problem.minimiser @ self.vectors)

    @cached_property
    def noise(self) -> np.ndarray:
        """(eigenmode, eigenmode) Noise covariance of one step, frozen at the minimiser; zero where zero to rounding."""
        rotated = self.vectors.T @ self.problem.noise_covariance @ self.vectors
        level = 4 * len(rotated) * np.finfo(float).eps * np.max(np.diag(rotated), initial=0.0)
        flat = self.eigenvalues == 0
        silent = flat & (np.diag(rotated) <= level)
        off_diagonal = ~np.eye(len(rotated), dtype=bool)
        rounding = (np.abs(rotated) <= level) & off_diagonal | silent[:, None] | silent
        return noise_factor(self.problem, self.settings) * np.where(rounding, 0.0, rotated)

    @cached_property
    def commuting(self) -> bool:
        """Whether the noise has the eigenvectors of the Hessian, so that modes are independent."""
        return not np.any(self.noise[~np.eye(len(self.noise), dtype=bool)])


def noise_factor(problem: LinearRegression, settings: SGD) -> float:
    """Covariance of a batch gradient over the covariance of one sample's gradient.

    Raises
    ------
    InputError
        If batches are drawn without replacement (or in epochs) from a problem without data, or of too few samples.
    """
    size, samples = settings.batch_size, problem.samples
    if settings.sampling == "with_replacement":
        return 1 / size
    if samples is None:
        raise InputError(f"sampling = {settings.sampling!r}: needs a problem with data, this one is a spectrum only")
    if size > samples:
        raise InputError(f"batch_size = {size}: must not exceed the {samples} samples of the data")
    return (samples - size) / (size * (samples - 1)) if samples > 1 else 0.0
