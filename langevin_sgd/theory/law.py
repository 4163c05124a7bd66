r"""The law of SGD near a minimum: mean and covariance of (theta, v) at any time, and what follows from them.

A law is a set of `Oscillators` (how a deviation evolves) and `Fluctuations` (what the noise does). All laws share the
interface of this file; `LangevinLaw` and `DiscreteLaw` choose the two parts.

Conventions: time and lags count steps and may be numbers or arrays; phase space is (theta_1 ... theta_P, v_1 ... v_P),
theta_k beside v_k, the velocity that produced it; velocities have the sign of Kunin et al. (arXiv 2107.09133).
Methods named ``mode_...`` give one 2x2 block per Hessian eigenmode, in the order of ``problem.eigenvalues``; where
the noise is additive they cost no more than the number of modes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from langevin_sgd.checks import InputError, require
from langevin_sgd.models.linear_regression import LinearRegression
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.blocks import from_matrix, own, to_matrix
from langevin_sgd.theory.gaussian import Gaussian
from langevin_sgd.theory.modes import Modes
from langevin_sgd.theory.oscillators import Oscillators
from langevin_sgd.theory.white_noise import Fluctuations

Start = Gaussian | np.ndarray | Literal["stationary"] | None


@dataclass(frozen=True, eq=False)
class Law(ABC):
    """Interface of all laws.

    Parameters
    ----------
    problem
        The regression problem.
    settings
        The settings of SGD.
    start
        Where the law starts at step 0: ``None`` at rest at theta = 0 (the default of ``training.run``), a (parameter,)
        array at rest there, a `Gaussian` of (theta, v), or ``"stationary"``.

    Raises
    ------
    InputError
        If the start has a wrong shape, or there is no such law; the message says what there is.
    """

    problem: LinearRegression
    settings: SGD
    start: Start = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        start, size = self.start, self.problem.parameters
        if isinstance(start, str):
            require(start == "stationary", "start", start, "must be 'stationary', a position or a Gaussian")
        elif isinstance(start, Gaussian):
            require(start.parameters == size, "start", start.mean.shape, f"must have mean of shape ({2 * size},)")
        elif start is not None:
            position = np.asarray(start, dtype=float)
            usable = position.shape == (size,) and bool(np.isfinite(position).all())
            require(usable, "start", position.shape, f"must be finite numbers of shape ({size},)")
            object.__setattr__(self, "start", position)

    # --- the two parts ---------------------------------------------------------------------------------------------

    @cached_property
    def modes(self) -> Modes:
        """Hessian eigenmodes: eigenvalues, stiffness, noise."""
        return Modes(self.problem, self.settings)

    @property
    @abstractmethod
    def oscillators(self) -> Oscillators:
        """How a deviation from the mean fixed point evolves, mode by mode."""

    @property
    @abstractmethod
    def fluctuations(self) -> Fluctuations:
        """What the noise adds."""

    # --- time ------------------------------------------------------------------------------------------------------

    def tau(self, t: np.ndarray | float) -> np.ndarray:
        """Physical time lr * t of the Langevin equation after `t` steps."""
        return self.settings.lr * np.asarray(t, dtype=float)

    def epochs(self, t: np.ndarray | float) -> np.ndarray:
        """Passes through the data after `t` steps."""
        if self.problem.samples is None:
            raise InputError("problem: a spectrum without data has no epochs")
        return np.asarray(t, dtype=float) * self.settings.batch_size / self.problem.samples

    # --- moments from the start ------------------------------------------------------------------------------------

    def mean(self, t: np.ndarray | float) -> np.ndarray:
        """Mean state after `t` steps, t.shape + (2 * parameter,)."""
        by_type = np.swapaxes(self.mode_mean(t), -1, -2) @ self.modes.vectors.T
        return by_type.reshape(*np.shape(t), -1)

    def covariance(self, t: np.ndarray | float) -> np.ndarray:
        """Covariance of the state after `t` steps, t.shape + (2 * parameter, 2 * parameter)."""
        blocks = self.fluctuations.transient(_times(t), self._start_deviation, self._start_blocks, pairs=True)
        return to_matrix(blocks, self.modes.vectors)

    def mode_mean(self, t: np.ndarray | float) -> np.ndarray:
        """Mean (position, velocity) of each eigenmode after `t` steps, t.shape + (eigenmode, 2)."""
        moved = (self.oscillators.propagator(_times(t)) @ self._start_deviation[..., None])[..., 0]
        moved[..., 0] += self.modes.centre
        return moved

    def mode_covariance(self, t: np.ndarray | float) -> np.ndarray:
        """Covariance block of each eigenmode after `t` steps, t.shape + (eigenmode, 2, 2)."""
        couples = self.fluctuations.couples_modes
        start = self._start_blocks if couples else self._start_modes
        return self.fluctuations.transient(_times(t), self._start_deviation, start, pairs=False)

    def displacement_from_start(self, t: np.ndarray | float) -> np.ndarray:
        """E |theta_t - theta_0|^2 for the law's own start, shape of `t`."""
        covariance = self._start_modes
        remembered = (self.oscillators.propagator(_times(t)) @ covariance)[..., 0, 0]
        spread = self.mode_covariance(t)[..., 0, 0] + covariance[..., 0, 0] - 2 * remembered
        drift = self.mode_mean(t)[..., 0] - self.modes.centre - self._start_deviation[:, 0]
        return np.asarray((spread + drift**2).sum(axis=-1))

    # --- stationary law --------------------------------------------------------------------------------------------

    def stationary(self) -> Gaussian:
        """Stationary law: mean fixed point at rest, stationary covariance."""
        centre = self.modes.vectors @ self.modes.centre
        blocks = self.fluctuations.stationary(pairs=True)
        return Gaussian(np.concatenate([centre, np.zeros_like(centre)]), to_matrix(blocks, self.modes.vectors))

    def autocovariance(self, lag: np.ndarray | float) -> np.ndarray:
        """Stationary E z_{k+lag} z_k^T about the mean, lag.shape + (2 * parameter, 2 * parameter)."""
        return to_matrix(self.fluctuations.lagged(_times(lag), pairs=True), self.modes.vectors)

    def mean_square_displacement(self, lag: np.ndarray | float) -> np.ndarray:
        """Stationary E |theta_{k+lag} - theta_k|^2, summed over modes, shape of `lag`."""
        return np.asarray(self.mode_mean_square_displacement(lag).sum(axis=-1))

    def local_displacement(self) -> float:
        """Stationary E |theta_{k+1} - theta_k|^2."""
        return float(self.mean_square_displacement(1))

    def mode_stationary(self) -> np.ndarray:
        """Stationary covariance block of each eigenmode, (eigenmode, 2, 2)."""
        return self.fluctuations.stationary(pairs=False)

    def mode_variances(self) -> tuple[np.ndarray, np.ndarray]:
        """Stationary variances of position and of velocity, each (eigenmode,)."""
        blocks = self.mode_stationary()
        return blocks[:, 0, 0], blocks[:, 1, 1]

    def mode_autocovariance(self, lag: np.ndarray | float) -> np.ndarray:
        """Stationary block E z_{k+lag} z_k^T of each eigenmode, lag.shape + (eigenmode, 2, 2)."""
        return self.fluctuations.lagged(_times(lag), pairs=False)

    def mode_mean_square_displacement(self, lag: np.ndarray | float) -> np.ndarray:
        """Stationary mean-square displacement of each eigenmode, lag.shape + (eigenmode,)."""
        return self.fluctuations.displacement(_times(lag))

    # --- sampling --------------------------------------------------------------------------------------------------

    def sample(self, replicas: int, *, seed: int, t: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Draw states from the Gaussian with the moments of the law.

        Parameters
        ----------
        replicas
            How many states.
        seed
            Seed of the draw; more replicas keep the ones before.
        t
            Steps from the start; ``None`` (default) draws from the stationary law.

        Returns
        -------
        position, velocity
            Each (replica, parameter).

        Notes
        -----
        Laws with minibatch noise are not Gaussian beyond second moments; the sample is.
        """
        from langevin_sgd.randomness import normals

        mean = self._at_rest(self.modes.centre) if t is None else self.mode_mean(t)
        white = normals((replicas, len(mean), 2), seed)
        deviation = self._coloured(white, t)
        position, velocity = np.moveaxis(mean + deviation, -1, 0) @ self.modes.vectors.T
        return position, velocity

    def _coloured(self, white: np.ndarray, t: float | None) -> np.ndarray:
        """Give white (replica, eigenmode, 2) numbers the covariance of the law, in the eigenbasis."""
        if self._independent_modes:
            blocks = self.mode_stationary() if t is None else self.mode_covariance(t)
            return np.einsum("lab,rlb->rla", _square_root(blocks), white)
        matrix = self.stationary().covariance if t is None else self.covariance(t)
        basis = np.kron(np.eye(2), self.modes.vectors)
        root = _square_root(basis.T @ matrix @ basis)
        flat = np.swapaxes(white, 1, 2).reshape(len(white), -1) @ root.T
        return np.swapaxes(flat.reshape(len(white), 2, -1), 1, 2)

    # --- the start in the eigenbasis -------------------------------------------------------------------------------

    @property
    def _independent_modes(self) -> bool:
        """Whether modes are independent at all times, so that their own blocks say everything."""
        return self.modes.commuting and not self.fluctuations.couples_modes and not isinstance(self.start, Gaussian)

    @cached_property
    def _start_blocks(self) -> np.ndarray:
        """Pair blocks of the start's covariance."""
        if isinstance(self.start, Gaussian):
            return from_matrix(self.start.covariance, self.modes.vectors)
        if isinstance(self.start, str):
            return self.fluctuations.stationary(pairs=True)
        size = self.problem.parameters
        return np.zeros((size, size, 2, 2))

    @cached_property
    def _start_modes(self) -> np.ndarray:
        """The modes' own blocks of the start's covariance, without building all pairs where that can be avoided."""
        if isinstance(self.start, Gaussian):
            return own(self._start_blocks)
        if isinstance(self.start, str):
            return self.fluctuations.stationary(pairs=False)
        return np.zeros((self.problem.parameters, 2, 2))

    @property
    def _start_deviation(self) -> np.ndarray:
        """(eigenmode, 2) Mean of the start, off the mean fixed point."""
        centre = self.modes.centre
        if isinstance(self.start, str):
            return np.zeros((len(centre), 2))
        if isinstance(self.start, Gaussian):
            mean = (self.start.mean.reshape(2, -1) @ self.modes.vectors).T
        else:
            position = np.zeros_like(centre) if self.start is None else self.start @ self.modes.vectors
            mean = self._at_rest(position)
        return mean - self._at_rest(centre)

    @staticmethod
    def _at_rest(position: np.ndarray) -> np.ndarray:
        """(eigenmode, 2) Position with velocity zero."""
        return np.stack([position, np.zeros_like(position)], -1)


def _times(t: np.ndarray | float) -> np.ndarray:
    times = np.asarray(t, dtype=float)
    if not bool(np.all(np.isfinite(times) & (times >= 0))):
        raise InputError(f"t = {np.array2string(times, threshold=6)}: must be finite numbers of zero or above")
    return times


def _square_root(covariance: np.ndarray) -> np.ndarray:
    """Square root of positive semi-definite matrices (..., n, n), a rounding error below zero taken as zero."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]
