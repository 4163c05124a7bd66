r"""The law of SGD near a minimum: mean and covariance of (theta, v), and what follows.

A law is a set of `Oscillators` (how a deviation evolves) and `Fluctuations` (what the noise does).
All laws share the interface of this file; `LangevinLaw` and `DiscreteLaw` choose the two parts.

Conventions: time and lags count steps and may be numbers or arrays; phase space is (theta_1 ...
theta_P, v_1 ... v_P), theta_k beside v_k, the velocity that produced it; velocities have the sign
of Kunin et al. (arXiv 2107.09133). Methods named ``mode_...`` give one 2x2 block per Hessian
eigenmode, in the order of ``problem.eigenvalues``; where the noise is additive they cost no more
than the number of modes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Literal

import numpy as np

from langevin_sgd.checks import InputError, as_array, as_count, as_instance, convert_fields, require
from langevin_sgd.covariance import covariance_root
from langevin_sgd.models.linear_regression import LinearRegression
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.block_matrices import carried, from_matrix, own, to_matrix
from langevin_sgd.theory.gaussian import Gaussian
from langevin_sgd.theory.modes import Modes
from langevin_sgd.theory.oscillators import Oscillators
from langevin_sgd.theory.settings import as_settings
from langevin_sgd.theory.underflow import vanishing
from langevin_sgd.theory.white_noise import Fluctuations

LARGEST_SAMPLE = 2**31
"""Most numbers of one draw, which is kept in memory."""

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
        Where the law starts at step 0: ``None`` at rest at theta = 0 (the default of
        ``training.run``), a (parameter,) array at rest there, a `Gaussian` of (theta, v), or
        ``"stationary"``.

    Raises
    ------
    InputError
        If problem or settings are of another kind, the start has a wrong shape, or there is no such
        law; the message says what there is.
    """

    problem: LinearRegression
    settings: SGD
    start: Start = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        convert_fields(
            self, {"problem": partial(as_instance, kind=LinearRegression), "settings": as_settings}
        )
        start, size = self.start, self.problem.parameters
        if isinstance(start, str):
            require(
                start == "stationary",
                "start",
                start,
                "must be 'stationary', a position or a Gaussian",
            )
        elif isinstance(start, Gaussian):
            require(
                start.parameters == size,
                "start",
                start.mean.shape,
                f"must have mean of shape ({2 * size},)",
            )
        elif start is not None:
            allowed = f"must be finite numbers of shape ({size},), a Gaussian or 'stationary'"
            object.__setattr__(
                self, "start", as_array("start", start, shape=(size,), allowed=allowed)
            )

    # --- the two parts ----------------------------------------------------------------------------

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

    # --- time -------------------------------------------------------------------------------------

    def tau(self, t: np.ndarray | float) -> np.ndarray:
        """Physical time lr * t of the Langevin equation after `t` steps."""
        return self.settings.lr * as_array("t", t, minimum=0)

    def epochs(self, t: np.ndarray | float) -> np.ndarray:
        """Passes through the data after `t` steps.

        Raises
        ------
        InputError
            If the problem is a spectrum without data.
        """
        if self.problem.samples is None:
            raise InputError("problem: a spectrum without data has no epochs")
        return as_array("t", t, minimum=0) * self.settings.batch_size / self.problem.samples

    # --- moments from the start -------------------------------------------------------------------

    def mean(self, t: np.ndarray | float) -> np.ndarray:
        """Mean state after `t` steps, t.shape + (2 * parameter,)."""
        by_type = np.swapaxes(self.mode_mean(t), -1, -2) @ self.modes.vectors.T
        return by_type.reshape(*by_type.shape[:-2], 2 * self.problem.parameters)

    @vanishing
    def covariance(self, t: np.ndarray | float) -> np.ndarray:
        """Covariance of the state after `t` steps, t.shape + (2 * parameter, 2 * parameter)."""
        return to_matrix(self._pair_covariance(self._times("t", t)), self.modes.vectors)

    @vanishing
    def mode_mean(self, t: np.ndarray | float) -> np.ndarray:
        """Mean (position, velocity) of each eigenmode after `t` steps, t.shape + (eigenmode, 2)."""
        moved = (
            self.oscillators.propagator(self._times("t", t)) @ self._start_deviation[..., None]
        )[..., 0]
        moved[..., 0] += self.modes.centre
        return moved

    @vanishing
    def mode_covariance(self, t: np.ndarray | float) -> np.ndarray:
        """Covariance block of each eigenmode after `t` steps, t.shape + (eigenmode, 2, 2)."""
        times = self._times("t", t)
        remembered = carried(self.oscillators.propagator(times), self._start_modes, False)
        return remembered + self._added(times, pairs=False)

    @vanishing
    def displacement_from_start(self, t: np.ndarray | float) -> np.ndarray:
        """E |theta_t - theta_0|^2 for the law's own start, shape of `t`."""
        times = self._times("t", t)
        departure = self.oscillators.departure(times)
        drift = (departure @ self._start_deviation[..., None])[..., 0, 0]
        spread = carried(departure, self._start_modes, False) + self._added(times, pairs=False)
        return np.asarray((spread[..., 0, 0] + drift**2).sum(axis=-1))

    # --- stationary law ---------------------------------------------------------------------------

    @vanishing
    def stationary(self) -> Gaussian:
        """Stationary law: mean fixed point at rest, stationary covariance."""
        centre = self.modes.vectors @ self.modes.centre
        blocks = self.fluctuations.stationary(pairs=True)
        return Gaussian(
            np.concatenate([centre, np.zeros_like(centre)]), to_matrix(blocks, self.modes.vectors)
        )

    @vanishing
    def autocovariance(self, lag: np.ndarray | float) -> np.ndarray:
        """Stationary E z_{k+lag} z_k^T about the mean.

        Its shape is lag.shape + (2 * parameter, 2 * parameter).
        """
        return to_matrix(
            self.fluctuations.lagged(self._times("lag", lag), pairs=True), self.modes.vectors
        )

    def mean_square_displacement(self, lag: np.ndarray | float) -> np.ndarray:
        """Stationary E |theta_{k+lag} - theta_k|^2, summed over modes, shape of `lag`."""
        return np.asarray(self.mode_mean_square_displacement(lag).sum(axis=-1))

    def local_displacement(self) -> float:
        """Stationary E |theta_{k+1} - theta_k|^2."""
        return float(self.mean_square_displacement(1))

    @vanishing
    def mode_stationary(self) -> np.ndarray:
        """Stationary covariance block of each eigenmode, (eigenmode, 2, 2)."""
        return self.fluctuations.stationary(pairs=False)

    def mode_variances(self) -> tuple[np.ndarray, np.ndarray]:
        """Stationary variances of position and of velocity, each (eigenmode,)."""
        blocks = self.mode_stationary()
        return blocks[:, 0, 0], blocks[:, 1, 1]

    @vanishing
    def mode_autocovariance(self, lag: np.ndarray | float) -> np.ndarray:
        """Stationary block E z_{k+lag} z_k^T of each eigenmode, lag.shape + (eigenmode, 2, 2)."""
        return self.fluctuations.lagged(self._times("lag", lag), pairs=False)

    @vanishing
    def mode_mean_square_displacement(self, lag: np.ndarray | float) -> np.ndarray:
        """Stationary mean-square displacement of each eigenmode, lag.shape + (eigenmode,)."""
        return self.fluctuations.displacement(self._times("lag", lag))

    # --- sampling ---------------------------------------------------------------------------------

    @vanishing
    def sample(
        self, replicas: int, *, seed: int, t: float | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw states from the Gaussian with the moments of the law.

        Parameters
        ----------
        replicas
            How many states.
        seed
            Seed of the draw; more replicas keep the ones before.
        t
            Steps from the start, one number; ``None`` (default) draws from the stationary law.

        Returns
        -------
        position, velocity
            Each (replica, parameter).

        Raises
        ------
        InputError
            If `replicas` is no count or asks for more than 2^31 numbers, or `t` is no time.

        Notes
        -----
        Laws with minibatch noise are not Gaussian beyond second moments; the sample is.
        """
        from langevin_sgd.randomness import normals

        replicas = as_count(
            "replicas", replicas, maximum=LARGEST_SAMPLE // (2 * self.problem.parameters)
        )
        if t is not None:
            t = float(self._times("t", as_array("t", t, ndim=0, allowed="must be one time")))
        mean = self._at_rest(self.modes.centre) if t is None else self.mode_mean(t)
        white = normals((replicas, len(mean), 2), seed)
        deviation = self._coloured(white, t)
        position, velocity = np.moveaxis(mean + deviation, -1, 0) @ self.modes.vectors.T
        return position, velocity

    def _coloured(self, white: np.ndarray, t: float | None) -> np.ndarray:
        """Give white (replica, eigenmode, 2) numbers the law's covariance, in the eigenbasis."""
        if self._independent_modes:
            blocks = self.mode_stationary() if t is None else self.mode_covariance(t)
            return np.einsum("lab,rlb->rla", covariance_root(blocks), white)
        pairs = (
            self.fluctuations.stationary(pairs=True)
            if t is None
            else self._pair_covariance(np.asarray(t))
        )
        root = covariance_root(to_matrix(pairs, np.eye(len(pairs))))
        flat = np.swapaxes(white, 1, 2).reshape(len(white), -1) @ root.T
        return np.swapaxes(flat.reshape(len(white), 2, -1), 1, 2)

    # --- covariance from the start ----------------------------------------------------------------

    def _added(self, times: np.ndarray, *, pairs: bool) -> np.ndarray:
        """What the noise adds after the start, as blocks of each mode or of all `pairs`."""
        whole = pairs or self.fluctuations.couples_modes
        start = self._start_blocks if whole else self._start_modes
        return self.fluctuations.added(times, self._start_deviation, start, pairs=pairs)

    def _pair_covariance(self, times: np.ndarray) -> np.ndarray:
        """Covariance blocks of all pairs of modes after `times`."""
        remembered = carried(self.oscillators.propagator(times), self._start_blocks, True)
        return remembered + self._added(times, pairs=True)

    def _times(self, name: str, value: np.ndarray | float) -> np.ndarray:
        """Return times or lags as an array of numbers of zero or above."""
        return as_array(name, value, minimum=0)

    # --- the start in the eigenbasis --------------------------------------------------------------

    @property
    def _independent_modes(self) -> bool:
        """Whether modes are independent at all times, so that their own blocks say everything."""
        return (
            self.modes.commuting
            and not self.fluctuations.couples_modes
            and not isinstance(self.start, Gaussian)
        )

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
        """Return each mode's own block of the start's covariance.

        All pairs are built only where that cannot be avoided.
        """
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
            position = (
                np.zeros_like(centre) if self.start is None else self.start @ self.modes.vectors
            )
            mean = self._at_rest(position)
        return mean - self._at_rest(centre)

    @staticmethod
    def _at_rest(position: np.ndarray) -> np.ndarray:
        """(eigenmode, 2) Position with velocity zero."""
        return np.stack([position, np.zeros_like(position)], -1)
