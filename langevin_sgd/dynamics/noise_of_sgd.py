r"""From the settings of SGD to the coefficients of its Langevin equation.

One step of SGD adds the mean of a minibatch. Its covariance is F times that of one sample,

    F = 1/B with replacement,     F = (N - B)/(B (N - 1)) without, of N samples,

and the random force has the spectral density lr F times it. This file is the one place in
`langevin_sgd.dynamics` that says so; `langevin_sgd.theory` derives F for itself.
"""

from __future__ import annotations

import numpy as np

from langevin_sgd.checks import InputError, as_instance, require
from langevin_sgd.dynamics.constant_noise import as_noise
from langevin_sgd.dynamics.equation import require_potential
from langevin_sgd.dynamics.noise import Noise, Strength
from langevin_sgd.models.linear_regression import LinearRegression
from langevin_sgd.models.potentials.landscape import EnergyLandscape
from langevin_sgd.models.potentials.quadratic import Quadratic
from langevin_sgd.sgd_settings import SGD


def strength_of_force(settings: SGD, samples: int | None, *, called: str = "samples") -> float:
    """Return lr F: the spectral density of the random force over the covariance of one sample.

    Parameters
    ----------
    settings
        Settings of SGD.
    samples
        N; ``None`` where there are no data, only a spectrum.
    called
        What the samples are called in a refusal.

    Raises
    ------
    InputError
        For shuffled epochs, whose batches are anticorrelated, and for batches without replacement
        that need data or are larger than the data.
    """
    batch = settings.batch_size
    require_white(settings)
    if settings.sampling == "with_replacement":
        return settings.lr / batch
    if samples is None:
        raise InputError(
            "sampling = 'without_replacement': "
            "needs a problem with data, this one is only a spectrum"
        )
    require(batch <= samples, "batch_size", batch, f"must be at most the {samples} {called}")
    return settings.lr * ((samples - batch) / (batch * max(samples - 1, 1)))


def require_white(settings: SGD) -> None:
    """Raise `InputError` for shuffled epochs."""
    if settings.sampling == "epochs":
        raise InputError(
            "sampling = 'epochs': the noise of a Langevin equation is white; "
            "use 'without_replacement'"
        )


def require_plain(settings: SGD) -> None:
    """Raise `InputError` for Nesterov or dampening."""
    as_instance("settings", settings, SGD)
    if settings.nesterov or settings.dampening:
        raise InputError(
            "nesterov, dampening: "
            "the Langevin equations describe plain momentum, leave both at zero"
        )


def regression_noise(problem: LinearRegression, settings: SGD) -> np.ndarray:
    """Spectral density of the random force: lr * Cov(minibatch gradient), (parameter, parameter).

    Raises
    ------
    InputError
        For shuffled epochs, Nesterov or dampening, which these equations do not describe, and for
        batches without replacement that need data or are larger than the data.
    """
    require_white(settings)
    require_plain(settings)
    return strength_of_force(settings, problem.samples) * problem.noise_covariance


def noise_of_loss(potential: EnergyLandscape, settings: SGD, noise: Strength) -> Noise:
    """Noise of the random force from that of one sample, for settings that need no data.

    Raises
    ------
    InputError
        For settings that need data, or noise that does not fit the potential.
    """
    require_potential(potential)
    require_plain(settings)
    if settings.sampling != "with_replacement" or settings.weight_decay:
        raise InputError(
            "settings: a potential without data takes "
            "sampling 'with_replacement' and weight_decay = 0"
        )
    given = as_noise("gradient_noise", noise, potential.parameters)
    return given.scaled(strength_of_force(settings, None))


def loss_potential(problem: LinearRegression, weight_decay: float) -> Quadratic:
    """Loss plus weight decay, a quadratic potential about (H + weight_decay)^-1 H theta_bar."""
    values, vectors = problem.eigenvalues, problem.eigenvectors
    stiffness = problem.hessian + weight_decay * np.eye(problem.parameters)
    # A free direction (zero stiffness) has no fixed point; its component of the minimiser serves as
    # its origin.
    total = values + weight_decay
    kept = np.divide(values, total, out=np.ones_like(values), where=total > 0)
    centre = vectors @ (kept * (vectors.T @ problem.minimiser))
    return Quadratic(stiffness=stiffness, centre=centre)
