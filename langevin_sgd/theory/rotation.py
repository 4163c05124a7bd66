r"""How the stationary state of a mode turns in phase space, by both laws.

The angle of a mode is phi = atan2(v, omega * theta), with omega = sqrt(2 stiffness / (lr (1 +
momentum))) the natural frequency of the Langevin equation; clockwise turning is negative.

Langevin equation: the stationary current is the undamped rotation (theta', v') = (v, -omega^2
theta) of Kunin et al. (arXiv 2107.09133), so the mean advance is -lr * omega per step in every
damping regime, also where the autocorrelation does not oscillate (derived).

SGD: the mean advance per step, wrapped to (-pi, pi], under the stationary law of the map
(`winding_per_step`). Derived: write the state as a radius times L (cos psi, sin psi), L a square
root of the covariance; psi is uniform, and at fixed psi the next state is a (radius) - w (noise),
Rayleigh against Gaussian, so that their direction depends on a number u uniform on (-1, 1). The
mean angle over u is the Poisson integral of s / sqrt(1 + s^2), an analytic function; the
probability of passing the cut at the opposite direction is elementary; one smooth integral over psi
is left.

Swept area: (1/2) E[theta dv - v dtheta] per step is -lr Var v for the Langevin equation and, for
the chords of the heavy-ball map, -(lr/2)(1 + momentum - lr stiffness / 2) Var v (derived; general
form -Cov(theta_{k+1}, v_k) etc.).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from langevin_sgd.checks import as_array, as_instance, require
from langevin_sgd.theory.law import Law
from langevin_sgd.theory.oscillator_propagator import LangevinOscillators
from langevin_sgd.theory.oscillators import Oscillators
from langevin_sgd.theory.sgd_map import MapOscillators
from langevin_sgd.theory.underflow import vanishing


@cache
def _gauss_legendre() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on (-1, 1); 160 of them give ten digits up to momentum 0.9999."""
    return np.polynomial.legendre.leggauss(160)


@vanishing
def natural_angle_per_step(oscillators: Oscillators) -> np.ndarray:
    """lr * omega of each mode, (eigenmode,), in radians per step.

    omega is the natural frequency of the Langevin equation.
    """
    oscillators = as_instance("oscillators", oscillators, Oscillators)
    return np.sqrt(LangevinOscillators(oscillators.stiffness, oscillators.momentum).rate_product)


@vanishing
def winding_per_step(oscillators: Oscillators) -> np.ndarray:
    """Mean advance of atan2(v, omega * theta) per step at stationarity.

    (eigenmode,), in radians, negative = clockwise.

    A mode without noise has the limit of vanishing noise, a free mode (stiffness zero) has winding
    zero.
    """
    if isinstance(oscillators, LangevinOscillators):
        return -natural_angle_per_step(oscillators)
    oscillators = as_instance(
        "oscillators", oscillators, MapOscillators, "must be the oscillators of a law"
    )
    winding = np.zeros_like(oscillators.stiffness)
    bound = oscillators.stiffness > 0
    if bound.any():
        kept = type(oscillators)(oscillators.stiffness[bound], oscillators.momentum)
        winding[bound] = _winding_of_map(kept)
    return winding


def _winding_of_map(oscillators: MapOscillators) -> np.ndarray:
    # In the plane (omega theta, v): covariance root L, propagator M and kick w of each mode.
    stretch = np.stack(
        [natural_angle_per_step(oscillators), np.ones_like(oscillators.stiffness)], -1
    )
    root = np.linalg.cholesky(oscillators.stationary(np.ones_like(oscillators.stiffness)))
    root = stretch[:, :, None] * root
    one_step = oscillators.propagator(np.array(1.0)) * stretch[:, :, None] / stretch[:, None, :]
    kick = stretch * np.array(oscillators.force)
    carried = one_step @ root
    # The integrand has kinks where the state or its image is parallel to the kick.
    breaks = np.sort(
        np.stack([_parallel_angle(root, kick), _parallel_angle(carried, kick)], -1), axis=-1
    )
    first = _integral(root, carried, kick, breaks[:, 0], breaks[:, 1])
    second = _integral(root, carried, kick, breaks[:, 1], breaks[:, 0] + np.pi)
    return (first + second) / np.pi


def _parallel_angle(matrix: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Angle in [0, pi) at which matrix (cos, sin) is parallel to `direction`."""
    cross = matrix[:, 0, :] * direction[:, 1:] - matrix[:, 1, :] * direction[:, :1]
    return np.arctan2(-cross[:, 0], cross[:, 1]) % np.pi


def _integral(
    root: np.ndarray, carried: np.ndarray, kick: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> np.ndarray:
    """Gauss-Legendre integral over psi from `lower` to `upper` of the mean advance."""
    nodes, weights = _gauss_legendre()
    half = 0.5 * (upper - lower)[:, None]
    psi = 0.5 * (upper + lower)[:, None] + half * nodes
    compass = np.stack([np.cos(psi), np.sin(psi)], 1)
    advance = _mean_advance(_along(root @ compass, kick), _along(carried @ compass, kick))
    return (half * weights * advance).sum(axis=1)


def _along(vectors: np.ndarray, kick: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Components of vectors (mode, 2, node) along and across the kick, in units of its length."""
    first, second = kick[:, :1], kick[:, 1:]
    squared = first**2 + second**2
    along = (vectors[:, 0] * first + vectors[:, 1] * second) / squared
    return along, (vectors[:, 1] * first - vectors[:, 0] * second) / squared


def _mean_advance(
    now: tuple[np.ndarray, np.ndarray], image: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Mean over the noise of the wrapped angle from `now` to the next state.

    The next state is drawn about `image`.
    """
    before = np.arctan2(now[1], now[0])
    side = np.where(image[1] >= 0, 1.0, -1.0)
    distance = np.abs(image[1])
    point = image[0] + 1j * distance
    poisson = (point / np.sqrt(1 + point**2) * (1 + 2j / np.pi * np.arcsinh(point))).real
    after = side * 0.5 * np.pi * (1 - poisson)
    # Beyond the direction opposite to `now` the advance wraps around.
    to_cut = np.maximum(np.pi - np.abs(before), 1e-300)
    cut = image[0] - distance / np.tan(to_cut)
    beyond = 0.5 * (1 - cut / np.sqrt(1 + cut**2))
    return after - before - 2 * np.pi * side * beyond * (before * side < 0)


@vanishing
def swept_area_per_step(law: Law) -> np.ndarray:
    """Mean area (1/2) E[theta_k v_{k+1} - v_k theta_{k+1}] swept per step.

    (eigenmode,), negative = clockwise.

    For a `LangevinLaw` the area of the continuous path, -lr Var v; for SGD that of the chords.
    """
    law = as_instance("law", law, Law)
    if isinstance(law.oscillators, LangevinOscillators):
        return -law.settings.lr * law.mode_variances()[1]
    next_step = law.mode_autocovariance(1)
    return 0.5 * (next_step[:, 1, 0] - next_step[:, 0, 1])


def position_spectrum(frequency: np.ndarray, law: Law) -> np.ndarray:
    r"""Power spectrum S(nu) of each mode's position, the sum over lags k of Cov(k) exp(-i nu k).

    heavy ball:  S = lr^2 q / ( (h - (1+beta)(1 - cos nu))^2 + (1-beta)^2 sin^2 nu )
    Langevin:    S = lr^2 q / ( (h - (1+beta) nu^2 / 2)^2 + (1-beta)^2 nu^2 )

    with h = lr * stiffness.

    Parameters
    ----------
    frequency
        Angular frequencies nu in radians per step, any shape; 0 < |nu| <= pi for SGD.
    law
        A `LangevinLaw` or a `DiscreteLaw`; for epochs the average over the phase, with the noise
        spectrum of `epoch_noise` in place of q.

    Returns
    -------
    array of shape frequency.shape + (eigenmode,)
        Its integral over nu / (2 pi), from -pi to pi for SGD and over the whole line for the
        Langevin equation, is the variance.
    """
    return _spectrum(frequency, law, 0)


def velocity_spectrum(frequency: np.ndarray, law: Law) -> np.ndarray:
    """Power spectrum of each mode's velocity, as `position_spectrum`.

    It peaks at omega for the Langevin equation.
    """
    return _spectrum(frequency, law, 1)


@vanishing
def _spectrum(frequency: np.ndarray, law: Law, component: int) -> np.ndarray:
    """Power spectrum of one component of (position, velocity)."""
    law, nu = as_instance("law", law, Law), as_array("frequency", frequency)
    at_zero = bool((nu == 0).any()) and bool((law.modes.stiffness == 0).any())
    require(
        not at_zero,
        "frequency",
        frequency,
        "must not be 0 where a mode has neither curvature nor weight decay",
    )
    return np.abs(_transfer(nu, law)[..., component]) ** 2 * law.fluctuations.noise_spectrum(nu)


def _transfer(frequency: np.ndarray, law: Law) -> np.ndarray:
    """Response of (position, velocity) to unit noise at one frequency.

    It is (i nu + A)^-1 or (e^{i nu} - M)^-1.
    """
    nu = frequency[..., None]
    oscillators = law.oscillators
    change = oscillators.change
    turn = 1j * nu if isinstance(oscillators, LangevinOscillators) else np.expm1(1j * nu)
    first, second = oscillators.force
    determinant = (turn + change[:, 0, 0]) * (turn + change[:, 1, 1]) - change[:, 0, 1] * change[
        :, 1, 0
    ]
    position = ((turn + change[:, 1, 1]) * first - change[:, 0, 1] * second) / determinant
    velocity = ((turn + change[:, 0, 0]) * second - change[:, 1, 0] * first) / determinant
    return np.stack([position, velocity], -1) * oscillators.scale
