r"""Gradients and velocities at the mean-square edge of heavy ball.

At the edge one second moment neither grows nor decays. With expectations over it, for any data,

    E|g_b|^2 / E[delta.H delta] = 2 (1 - beta) / lr + (2 beta / (1 + beta)) E[v.Hv] / E|v|^2,

g_b the gradient of a batch, v = beta v + g_b the velocity, from the plateau 2 (1 - beta) / lr of
many modes and small batches to 2 (1 + beta) / lr of full batches, where v.Hv / |v|^2 is lambda_1 =
2 (1 + beta) / lr. Derivation: under v' = beta v + g, delta' = delta - lr v' with E[delta.g] =
E[delta.H delta] and E[v.g] = E[v.H delta], stationarity of E|delta|^2 and E[delta.v] gives
E[delta.H delta] = lr (1 + beta) E|v|^2 / 2, the same two relations with H in between give E[v.H
delta] = -lr E[v.Hv] / 2, and stationarity of E|v|^2 is (1 - beta^2) E|v|^2 = 2 beta E[v.H delta] +
E|g_b|^2.

In the eigenbasis the critical second moment is C_aa = kappa_aa q_aa with the noise q of the leading
eigenvector of T (`feedback`), or N_a of the stream (`gaussian_stream`); E v_a^2 = nu_a q_aa with
the stationary second moment nu_a of the velocity under unit noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from langevin_sgd.checks import require
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.settings import noise_factor
from langevin_sgd.theory.sgd_map import sgd_oscillators
from langevin_sgd.theory.stability.edge import edge_lr
from langevin_sgd.theory.stability.feedback import (
    FeedbackOperator,
    kernel_weights,
    noise_per_spread,
)
from langevin_sgd.theory.stability.gaussian_stream import as_stream, own_feedback, stream_edge_lr
from langevin_sgd.theory.stability.minimum import InterpolatingMinimum, as_pair
from langevin_sgd.theory.underflow import vanishing


@dataclass(frozen=True, kw_only=True)
class CriticalMoments:
    """Ratios of second moments at the mean-square edge; each in units of the Hessian.

    Parameters
    ----------
    lr
        The edge.
    momentum
        beta of heavy ball.
    gradient_ratio
        E|g_b|^2 / E[delta.H delta].
    gradient_curvature
        E[g_b.H g_b] / E|g_b|^2, H the Hessian of all samples.
    velocity_curvature
        E[v.Hv] / E|v|^2.
    """

    lr: float
    momentum: float
    gradient_ratio: float
    gradient_curvature: float
    velocity_curvature: float

    @property
    def lower_plateau(self) -> float:
        """2 (1 - beta) / lr: many comparable modes, small batches."""
        return 2 * (1 - self.momentum) / self.lr

    @property
    def upper_plateau(self) -> float:
        """2 (1 + beta) / lr: full batches."""
        return 2 * (1 + self.momentum) / self.lr

    @property
    def identity(self) -> float:
        """The right side of the identity, which equals `gradient_ratio`."""
        beta = self.momentum
        return self.lower_plateau + 2 * beta / (1 + beta) * self.velocity_curvature


@vanishing
def critical_moments(minimum: InterpolatingMinimum, settings: SGD) -> CriticalMoments:
    """Return gradients and velocities at the edge of SGD at an interpolating minimum.

    Parameters
    ----------
    minimum, settings
        As in `edge_lr`, without Nesterov.

    Raises
    ------
    InputError
        As `edge_lr`, and for Nesterov momentum.
    """
    minimum, settings = as_pair(minimum, settings)
    _require_heavy_ball(settings)
    at, values = replace(settings, lr=edge_lr(minimum, settings)), minimum.eigenvalues
    if noise_factor(at, minimum.samples) == 0:
        stiffest = float(values[0])
        return CriticalMoments(
            lr=at.lr,
            momentum=at.momentum,
            gradient_ratio=stiffest,
            gradient_curvature=stiffest,
            velocity_curvature=stiffest,
        )
    weights = kernel_weights(minimum, at, 1.0, pairs=True)
    operator = FeedbackOperator(minimum)
    operator.largest_eigenvalue(weights)
    critical = np.einsum("aa,aa->a", weights, operator.projected(operator.leading))
    spread = critical / (minimum.samples * values)
    return _ratios(at, values, spread)


@vanishing
def stream_critical_moments(eigenvalues: Any, settings: SGD) -> CriticalMoments:
    """Return gradients and velocities at the edge of SGD on a Gaussian stream.

    Parameters
    ----------
    eigenvalues, settings
        As in `stream_edge_lr`, without Nesterov.

    Raises
    ------
    InputError
        As `stream_edge_lr`, and for Nesterov momentum.

    Examples
    --------
    >>> found = stream_critical_moments([1.0, 0.5], SGD(lr=0.1, batch_size=4, momentum=0.9))
    >>> bool(abs(found.gradient_ratio / found.identity - 1) < 1e-9)
    True
    """
    values, settings = as_stream(eigenvalues, settings)
    _require_heavy_ball(settings)
    at = replace(settings, lr=stream_edge_lr(values, settings))
    own = own_feedback(values, at, 1.0)
    # D_a = kappa_a lambda_a S / (B (1 - q_a)) at S = 1.
    return _ratios(at, values, own / (values * (1 - own)))


def _ratios(settings: SGD, values: np.ndarray, spread: np.ndarray) -> CriticalMoments:
    """Return the ratios from the critical variances of the positions."""
    oscillators = sgd_oscillators(settings, values)
    noise = spread * noise_per_spread(oscillators, 1.0, pairs=False)
    gradient = values**2 * spread + noise
    velocity = oscillators.stationary(noise)[:, 1, 1]
    return CriticalMoments(
        lr=settings.lr,
        momentum=settings.momentum,
        gradient_ratio=float(gradient.sum() / (values * spread).sum()),
        gradient_curvature=float((values * gradient).sum() / gradient.sum()),
        velocity_curvature=float((values * velocity).sum() / velocity.sum()),
    )


def _require_heavy_ball(settings: SGD) -> None:
    require(not settings.nesterov, "nesterov", True, "must be False: the identity is of heavy ball")
