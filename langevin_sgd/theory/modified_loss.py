r"""The modified loss: the potential of the stationary Langevin state, and its current.

    dz = -A (z - z_0) dtau + sqrt(2/kappa) D^{1/2} dW,   z = (theta, v),
    kappa = S (1 - momentum^2),
    A = (D + Q) U,   U symmetric, Q antisymmetric,   Psi(z) = (z - z_0)^T U (z - z_0) / 2

Stationary density exp(-kappa Psi), stationary current J = -Q grad Psi * density, along the level
sets of Psi (Kunin et al., arXiv 2107.09133, from the Fokker-Planck equation; the sign of the
current is that of the drift -A z). With Sigma = sigma^2 H the position weight of a mode in U is 2
(1 + weight_decay / h) / (sigma^2 lr (1+momentum)) and the velocity weight 1 / (sigma^2 h): the
curvature of the loss drops out of positions, its inverse rules velocities; the velocity field of
the current is then (v, -omega^2 theta) in every mode, clockwise with theta to the right.

Valid for any noise covariance without zero directions; for batches without replacement S is the
effective batch size S (N-1) / (N-S). Only kappa * Psi is free of convention.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from langevin_sgd.checks import InputError, as_array, as_instance, as_positive, require
from langevin_sgd.covariance import as_covariance, rank
from langevin_sgd.theory.gaussian import Gaussian
from langevin_sgd.theory.langevin_law import LangevinLaw
from langevin_sgd.theory.settings import noise_factor


@dataclass(frozen=True, eq=False)
class ModifiedLoss:
    """Modified loss Psi, stationary density and probability current of a `LangevinLaw`.

    Parameters
    ----------
    law
        The law; its start plays no part.

    Raises
    ------
    InputError
        If the stationary covariance is singular (a direction without noise).
    """

    law: LangevinLaw

    def __post_init__(self) -> None:
        as_instance("law", self.law, LangevinLaw)
        if rank(self.stationary.covariance) < 2 * self.law.problem.parameters:
            raise InputError(
                "law: its stationary covariance is singular, "
                "a direction without noise has no density"
            )

    @cached_property
    def stationary(self) -> Gaussian:
        """The stationary law."""
        return self.law.stationary()

    @property
    def kappa(self) -> float:
        """Inverse temperature of Psi: S (1 - momentum^2)."""
        return (1 - self.law.settings.momentum**2) / noise_factor(
            self.law.settings, self.law.problem.samples
        )

    @cached_property
    def drift(self) -> np.ndarray:
        """(2P, 2P) A, per unit of tau."""
        settings, hessian = self.law.settings, self.law.problem.hessian
        identity = np.eye(len(hessian))
        inverse_mass = 2 / (settings.lr * (1 + settings.momentum))
        force = inverse_mass * (hessian + settings.weight_decay * identity)
        return np.block(
            [[0 * identity, -identity], [force, inverse_mass * (1 - settings.momentum) * identity]]
        )

    @cached_property
    def diffusion(self) -> np.ndarray:
        """(2P, 2P) D: noise on the velocities only."""
        settings, noise = self.law.settings, self.law.problem.noise_covariance
        strength = 2 * (1 - settings.momentum) / (settings.lr * (1 + settings.momentum))
        return np.block([[0 * noise, 0 * noise], [0 * noise, strength * noise]])

    @cached_property
    def potential(self) -> np.ndarray:
        """(2P, 2P) U, the second derivative of Psi."""
        return np.linalg.inv(self.kappa * self.stationary.covariance)

    @cached_property
    def circulation(self) -> np.ndarray:
        """(2P, 2P) Q, antisymmetric, Q = A U^{-1} - D."""
        return circulation(self.drift, self.diffusion, self.kappa * self.stationary.covariance)

    def value(self, state: np.ndarray) -> np.ndarray:
        """Psi at states (..., 2P) of (theta, v); shape (...)."""
        offset = self._offset(state)
        return 0.5 * np.einsum("...i,ij,...j->...", offset, self.potential, offset)

    def density(self, state: np.ndarray) -> np.ndarray:
        """Stationary density at states (..., 2P), normalised."""
        size = len(self.potential)
        log_norm = 0.5 * (
            size * np.log(2 * np.pi) + np.linalg.slogdet(self.stationary.covariance)[1]
        )
        return np.exp(-self.kappa * self.value(state) - log_norm)

    def velocity_field(self, state: np.ndarray) -> np.ndarray:
        """Return u = -Q grad Psi at states (..., 2P), per unit of tau."""
        return -self._offset(state) @ (self.circulation @ self.potential).T

    def current(self, state: np.ndarray) -> np.ndarray:
        """Stationary probability current u * density at states (..., 2P)."""
        return self.velocity_field(state) * self.density(state)[..., None]

    def _offset(self, state: np.ndarray) -> np.ndarray:
        """Return states (..., 2P) less their mean."""
        size, states = len(self.stationary.mean), as_array("state", state)
        require(states.shape[-1:] == (size,), "state", state, f"must have shape (..., {size})")
        return states - self.stationary.mean


def mode_weights(law: LangevinLaw) -> tuple[np.ndarray, np.ndarray]:
    """Curvatures of kappa * Psi along positions and velocities of eigenmodes.

    The noise must commute with the Hessian.

    Returns
    -------
    position, velocity
        Each (eigenmode,): inverse stationary variances; infinite for a mode without noise.

    Raises
    ------
    InputError
        If noise and Hessian do not commute.
    """
    law = as_instance("law", law, LangevinLaw)
    if not law.modes.commuting:
        raise InputError(
            "problem: noise and Hessian do not commute; "
            "ModifiedLoss.potential has the coupled weights"
        )
    with np.errstate(divide="ignore"):
        position, velocity = law.mode_variances()
        return 1 / position, 1 / velocity


def ornstein_uhlenbeck_covariance(
    drift: np.ndarray, diffusion: np.ndarray, kappa: float = 1.0
) -> np.ndarray:
    """Stationary covariance C of dz = -A z dtau + sqrt(2/kappa) D^{1/2} dW.

    It solves A C + C A^T = (2/kappa) D.

    Parameters
    ----------
    drift
        (n, n) A; every eigenvalue has a positive real part.
    diffusion
        (n, n) D, symmetric, no eigenvalue below zero.
    kappa
        > 0; default 1.

    Raises
    ------
    InputError
        If an argument is out of range: without a restoring drift there is no stationary state, and
        of rates that differ by more than 15 digits the slow ones cannot be told from zero.
    """
    from scipy.linalg import solve_continuous_lyapunov

    matrix, kappa = _square("drift", drift), as_positive("kappa", kappa)
    noise = as_covariance("diffusion", diffusion, len(matrix))
    fastest, loudest = float(np.abs(matrix).max()), float(np.diag(noise).max()) or 1.0
    rates = np.linalg.eigvals(matrix / (fastest or 1.0)).real
    require(
        bool((rates > 0).all()), "drift", drift, "must have eigenvalues of positive real part only"
    )
    resolved = bool((rates > 4 * len(matrix) * np.finfo(float).eps).all())
    require(
        resolved, "drift", drift, "must have eigenvalues that differ by less than 15 digits in size"
    )
    unit = np.asarray(solve_continuous_lyapunov(matrix / fastest, noise / loudest))
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        covariance = unit * (np.float64(2) * loudest / fastest / kappa)
    require(
        bool(np.isfinite(covariance).all()),
        "kappa",
        kappa,
        "leads to numbers beyond the range of float64",
    )
    return covariance


def _square(name: str, value: np.ndarray) -> np.ndarray:
    """Return a square matrix of finite numbers."""
    matrix = as_array(name, value, ndim=2)
    square = matrix.size > 0 and matrix.shape[0] == matrix.shape[1]
    require(square, name, value, "must be a square matrix")
    return matrix


def circulation(
    drift: np.ndarray, diffusion: np.ndarray, unit_covariance: np.ndarray
) -> np.ndarray:
    """Return Q = A U^{-1} - D, with U^{-1} = kappa * covariance.

    It is zero under detailed balance of even variables.
    """
    matrix = _square("drift", drift)
    noise, covariance = (
        as_array(name, value, shape=matrix.shape)
        for name, value in (("diffusion", diffusion), ("unit_covariance", unit_covariance))
    )
    return np.asarray(matrix @ covariance - noise)
