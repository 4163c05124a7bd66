r"""Langevin equations of SGD with momentum, with the finite learning-rate correction.

Underdamped (Kunin et al., arXiv 2107.09133): expanding the SGD update about step k to second order gives

    m theta'' + friction theta' + grad U(theta) = random force,     m = lr (1 + momentum) / 2,  friction = 1 - momentum
    grad U = (H + weight_decay) (theta - mu),    <force force^T> = (lr / batch_size) Sigma delta(t - t')

in physical time tau = lr * steps: one step of SGD takes tau = lr. The mass is the correction: with it the slow rate of
a mode of stiffness k is wrong by O((lr k)^2) only. Overdamped: the same without the mass.

Noise enters the velocity (or, overdamped, a position whose noise does not depend on it) with a constant amplitude, so
the Ito and the Stratonovich reading are the same equation. Sigma is the covariance of one per-sample gradient at the
minimiser, frozen there; batches drawn without replacement multiply it by (N - B)/(N - 1). White noise cannot represent
shuffled epochs, whose batches are anticorrelated.

Range: lr k << 1 in every mode, and momentum near enough to 1 (or modes slow enough) that relaxation takes many steps:
stationary variances are too small by the factor 1 - lr k/(2 (1 + momentum)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import InputError, require, require_not_negative, require_positive
from langevin_sgd.dynamics.linear import LinearEquation, separate, symmetric_root
from langevin_sgd.dynamics.quadratic import Quadratic, require_symmetric
from langevin_sgd.models.linear_regression import LinearRegression
from langevin_sgd.sgd_settings import SGD


@dataclass(frozen=True, kw_only=True, eq=False)
class Overdamped:
    """friction dtheta = -grad U dt + dF, with <dF dF^T> = noise_covariance dt.

    Parameters
    ----------
    potential
        The potential U.
    friction
        Friction coefficient, > 0.
    noise_covariance
        (parameter, parameter), spectral density of the random force.
    step_time
        Physical time of one step of SGD, > 0: the learning rate.

    Raises
    ------
    InputError
        If a number lies outside its range or the covariance is not symmetric and positive semi-definite.

    Examples
    --------
    >>> problem = LinearRegression.from_spectrum([2.0, 1.0])
    >>> Overdamped.from_sgd(problem, SGD(lr=0.1, batch_size=5, momentum=0.5)).friction
    0.5
    """

    potential: Quadratic
    friction: float
    noise_covariance: np.ndarray
    step_time: float

    def __post_init__(self) -> None:
        require_positive("friction", self.friction)
        _check_noise_and_time(self)

    @classmethod
    def from_sgd(cls, problem: LinearRegression, settings: SGD) -> Overdamped:
        """Build the overdamped limit of SGD: right for times much longer than 1/(1 - momentum) steps.

        Parameters
        ----------
        problem
            Hessian, minimiser and gradient noise.
        settings
            Settings of SGD, without Nesterov or dampening, batches with or without replacement.

        Raises
        ------
        InputError
            For settings this equation does not describe.
        """
        return cls(
            potential=loss_potential(problem, settings.weight_decay),
            friction=1 - settings.momentum,
            noise_covariance=gradient_noise(problem, settings),
            step_time=settings.lr,
        )

    def linear(self) -> LinearEquation:
        """Return the equation in independent groups: dz = -(K/friction) z dt + (root of the noise)/friction dW."""
        basis, stiffness, covariance = separate(self.potential.stiffness, self.noise_covariance)
        return LinearEquation(
            drift=-stiffness / self.friction,
            noise=symmetric_root(covariance) / self.friction,
            orders=1,
            centre=self.potential.centre,
            basis=basis,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Underdamped:
    """dtheta = v dt, mass dv = -grad U dt - friction v dt + dF, with <dF dF^T> = noise_covariance dt.

    Parameters
    ----------
    potential
        The potential U.
    mass
        > 0, in units of time (it multiplies an acceleration and is compared with a friction of unit one).
    friction
        Friction coefficient, >= 0.
    noise_covariance
        (parameter, parameter), spectral density of the random force.
    step_time
        Physical time of one step of SGD, > 0: the learning rate.

    Raises
    ------
    InputError
        If a number lies outside its range or the covariance is not symmetric and positive semi-definite.

    Examples
    --------
    >>> problem = LinearRegression.from_spectrum([2.0, 1.0])
    >>> Underdamped.from_sgd(problem, SGD(lr=0.1, batch_size=5, momentum=0.5)).noise_covariance.tolist()
    [[0.04, 0.0], [0.0, 0.02]]
    """

    potential: Quadratic
    mass: float
    friction: float
    noise_covariance: np.ndarray
    step_time: float

    def __post_init__(self) -> None:
        require_positive("mass", self.mass)
        require_not_negative("friction", self.friction)
        _check_noise_and_time(self)

    @classmethod
    def from_sgd(cls, problem: LinearRegression, settings: SGD) -> Underdamped:
        """Build the Langevin equation of SGD with momentum (Kunin et al., arXiv 2107.09133).

        Parameters
        ----------
        problem
            Hessian, minimiser and gradient noise.
        settings
            Settings of SGD, without Nesterov or dampening, batches with or without replacement.

        Raises
        ------
        InputError
            For settings this equation does not describe.
        """
        return cls(
            potential=loss_potential(problem, settings.weight_decay),
            mass=settings.lr * (1 + settings.momentum) / 2,
            friction=1 - settings.momentum,
            noise_covariance=gradient_noise(problem, settings),
            step_time=settings.lr,
        )

    def linear(self) -> LinearEquation:
        """Return the equation in independent groups of (positions, velocities)."""
        basis, stiffness, covariance = separate(self.potential.stiffness, self.noise_covariance)
        size = stiffness.shape[1]
        drift = np.zeros((len(stiffness), 2 * size, 2 * size))
        drift[:, :size, size:] = np.eye(size)
        drift[:, size:, :size] = -stiffness / self.mass
        drift[:, size:, size:] = -self.friction / self.mass * np.eye(size)
        noise = np.zeros((len(stiffness), 2 * size, size))
        noise[:, size:] = symmetric_root(covariance) / self.mass
        return LinearEquation(drift=drift, noise=noise, orders=2, centre=self.potential.centre, basis=basis)


def loss_potential(problem: LinearRegression, weight_decay: float) -> Quadratic:
    """Loss plus weight decay as one quadratic potential about mu = (H + weight_decay)^-1 H theta_bar."""
    values, vectors = problem.eigenvalues, problem.eigenvectors
    stiffness = problem.hessian + weight_decay * np.eye(problem.parameters)
    # A free direction (zero stiffness) has no fixed point; its component of the minimiser serves as its origin.
    total = values + weight_decay
    kept = np.divide(values, total, out=np.ones_like(values), where=total > 0)
    centre = vectors @ (kept * (vectors.T @ problem.minimiser))
    return Quadratic(stiffness=stiffness, centre=centre)


def gradient_noise(problem: LinearRegression, settings: SGD) -> np.ndarray:
    """Spectral density of the random force: lr * Cov(minibatch gradient), (parameter, parameter).

    Raises
    ------
    InputError
        For shuffled epochs, Nesterov or dampening, which these equations do not describe, and for batches without
        replacement that need data or are larger than the data.
    """
    if settings.sampling == "epochs":
        raise InputError("sampling = 'epochs': the noise of a Langevin equation is white; use 'without_replacement'")
    if settings.nesterov or settings.dampening:
        raise InputError("nesterov, dampening: the Langevin equations describe plain momentum, leave both at zero")
    if settings.sampling == "with_replacement":
        return settings.lr / settings.batch_size * problem.noise_covariance
    samples = problem.samples
    if samples is None:
        raise InputError("sampling = 'without_replacement': needs a problem with data, this one is only a spectrum")
    require(settings.batch_size <= samples, "batch_size", settings.batch_size, f"must be at most the {samples} samples")
    fraction = (samples - settings.batch_size) / (settings.batch_size * max(samples - 1, 1))
    return settings.lr * fraction * problem.noise_covariance


def _check_noise_and_time(equation: Overdamped | Underdamped) -> None:
    require_positive("step_time", equation.step_time)
    covariance = require_symmetric("noise_covariance", equation.noise_covariance)
    size = equation.potential.parameters
    require(covariance.shape == (size, size), "noise_covariance", covariance.shape, f"must have shape {(size, size)}")
    lowest = float(np.linalg.eigvalsh(covariance)[0])
    require(lowest >= -1e-10 * np.abs(covariance).max(), "noise_covariance", lowest, "has a negative eigenvalue")
