r"""Hessian eigenmodes of a problem under given settings.

They are what every law needs before it knows its dynamics.

    stiffness k_l = h_l + weight_decay,      mean fixed point mu_l = h_l / k_l * theta_bar_l,
    noise of one step  q = factor * E^T Sigma E,
    E the eigenvectors, Sigma the covariance of one per-sample gradient, factor of `noise_factor`

(Kunin et al., arXiv 2107.09133). The noise is frozen at the minimiser theta_bar. Modes without
curvature and weight decay are free: they keep the component of the minimiser that
`LinearRegression` chose.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from langevin_sgd.covariance import covariance_root, rank
from langevin_sgd.models.linear_regression import LinearRegression
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.settings import noise_factor
from langevin_sgd.theory.underflow import vanishing


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
    def aligned(self) -> bool:
        """Whether the eigenvectors are the axes of the parameters, so that nothing is rounded."""
        return int(np.count_nonzero(self.vectors)) == len(self.vectors)

    @cached_property
    def eigenvalues(self) -> np.ndarray:
        """(eigenmode,) Hessian eigenvalues.

        Those that are zero to rounding, in units of the parameters, are zero.
        """
        values = self.problem.eigenvalues
        return np.where(np.arange(values.size) < rank(self.problem.hessian), values, 0.0)

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
    @vanishing
    def noise(self) -> np.ndarray:
        """(eigenmode, eigenmode) Noise covariance of one step, frozen at the minimiser.

        What is zero to rounding is zero.

        What is rounding is judged in units of the deviations. Only where Hessian and noise commute
        do the errors of the eigenvectors, which are relative to the largest eigenvalue, stand for
        correlations.
        """
        rotated = self._rotated_noise()
        variances, rounding = np.diag(rotated), 4 * len(rotated) * np.finfo(float).eps
        largest = 0.0 if self.aligned else rounding * variances.max()
        if self.aligned:
            level = rounding * np.outer(np.sqrt(variances), np.sqrt(variances))
        else:
            level = np.full_like(rotated, largest if self._commute() else 0.0)
        np.fill_diagonal(level, 0.0)
        silent = (self.eigenvalues == 0) & (variances <= largest)
        nothing = (np.abs(rotated) <= level) | silent[:, None] | silent
        return noise_factor(self.settings, self.problem.samples) * np.where(nothing, 0.0, rotated)

    def _rotated_noise(self) -> np.ndarray:
        """(eigenmode, eigenmode) Covariance of one per-sample gradient in the eigenbasis.

        No variance is negative.
        """
        covariance = self.problem.noise_covariance
        if self.aligned:
            turned: np.ndarray = self.vectors.T @ covariance @ self.vectors
            return turned
        rows = self.vectors.T @ covariance_root(covariance)
        return rows @ rows.T

    def _commute(self) -> bool:
        """Whether Hessian and noise commute to rounding, in units of their deviations."""
        hessian, noise = (
            _of_order_one(matrix)
            for matrix in (self.problem.hessian, self.problem.noise_covariance)
        )
        stiff, loud = np.sqrt(np.diag(hessian)), np.sqrt(np.diag(noise))
        product, terms = noise @ hessian, np.outer(loud, stiff) * (loud @ stiff)
        rounding = 4 * len(hessian) * np.finfo(float).eps
        return bool((np.abs(product - product.T) <= rounding * (terms + terms.T)).all())

    @cached_property
    def commuting(self) -> bool:
        """Whether the noise has the eigenvectors of the Hessian, so that modes are independent."""
        return not np.any(self.noise[~np.eye(len(self.noise), dtype=bool)])


def _of_order_one(matrix: np.ndarray) -> np.ndarray:
    """Return a covariance in units of its largest variance."""
    return matrix / (np.diag(matrix).max() or 1.0)
