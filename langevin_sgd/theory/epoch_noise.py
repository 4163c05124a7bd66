r"""Fluctuations of shuffled epochs, in which every sample is used once.

The noise of an epoch therefore sums to zero.

With B = N/S batches in an epoch, noise frozen at the minimum and q the one-step covariance without
replacement,

    E xi_a xi_b^T = q (delta_ab - (1 - delta_ab) / (B - 1))   within an epoch,   0 between epochs.

After n batches the noise of the running epoch has added, with u_j = M^j force (M the one-step
matrix),

    W_n = q B/(B-1) [ sum_{j<n} u_j u_j^T - s_n s_n^T / B ] ,   s_n = sum_{j<n} u_j ,

a sum of squares about the mean plus a positive rest, evaluated as such. Epoch boundaries are white:
C_0 solves C_0 = M^B C_0 M^{BT} + W_B, and C_p = M^p C_0 M^{pT} + W_p at phase p, where batches to
come remember the ones used:

    E z_{k+L} z_k^T = M^L C_p - q/(B-1) (s_L - s_{max(0, p+L-B)}) s_p^T .

Derived (finite-population sampling); after averaging over the phase the noise autocovariance is
-q (B-n) / (B (B-1)) at lag n < B and its power spectrum q (B - Fejer) / (B-1),
Fejer = sin^2(B nu/2) / (B sin^2(nu/2)). Directions that relax slower than an epoch are quieted, and
free diffusion ends after an epoch; compare Kuehn and Rosenow, arXiv 2306.05300. Needs a batch size
that divides the number of samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from langevin_sgd.checks import InputError, require
from langevin_sgd.models.linear_regression import LinearRegression
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.block_matrices import carried, outer, sides, summed
from langevin_sgd.theory.sgd_map import MapOscillators
from langevin_sgd.theory.white_noise import bounded

SLOWEST = 1e-11
"""Least lr * stiffness at which, with momentum, the stationary law keeps six digits.

With momentum the noise that an epoch leaves in a slow mode is a difference of large numbers."""


@dataclass(frozen=True, eq=False)
class EpochFluctuations:
    """Additive noise of shuffled epochs; methods as in `white_noise.Fluctuations`.

    Parameters
    ----------
    oscillators
        The modes of SGD.
    noise
        (eigenmode, eigenmode), covariance of the noise of one step.
    batches
        Batches in an epoch.
    phase
        Batches of the epoch already used where stationary quantities begin; ``None`` averages over
        all phases.

    Raises
    ------
    InputError
        If the phase is not below the number of batches.
    """

    oscillators: MapOscillators
    noise: np.ndarray
    batches: int
    phase: int | None
    couples_modes = False

    def __post_init__(self) -> None:
        if self.phase is not None:
            few = self.phase < self.batches
            require(
                few,
                "epoch_phase",
                self.phase,
                f"must be below the {self.batches} batches of an epoch",
            )

    @property
    def _phases(self) -> np.ndarray:
        return np.arange(self.batches) if self.phase is None else np.array([self.phase])

    def _noise(self, pairs: bool) -> np.ndarray:
        return (self.noise if pairs else np.diag(self.noise))[..., None, None]

    @property
    def _force(self) -> np.ndarray:
        """(2,) Response of (position, velocity) to unit noise, in physical units."""
        return np.array(self.oscillators.force) * self.oscillators.scale

    @cached_property
    def _kicks(self) -> np.ndarray:
        """(batch, eigenmode, 2) u_j = M^j force for j = 0 ... B-1."""
        return self.oscillators.propagator(np.arange(float(self.batches))) @ self._force

    def _sums(self, count: np.ndarray) -> np.ndarray:
        """s_n: sum of the first `count` kicks, count.shape + (eigenmode, 2)."""
        return self.oscillators.accumulated(count) @ self._force

    def _added(self, pairs: bool) -> np.ndarray:
        """W_n for n = 0 ... B."""
        count = np.arange(1, self.batches + 1)[:, None, None]
        totals = np.cumsum(self._kicks, axis=0)
        # The sum of squares about the mean grows with every item by a positive term (Welford), and
        # does not change if the first kick is taken off them all, which leaves the digits in which
        # slow kicks differ.
        change = self.oscillators.departure(np.arange(float(self.batches))) @ self._force
        earlier_mean = np.cumsum(change, axis=0)[:-1] / count[:-1]
        surprise = np.zeros_like(change)
        surprise[1:] = (change[1:] - earlier_mean) * np.sqrt((count[1:] - 1) / count[1:])
        rest = totals * np.sqrt(1 / count - 1 / self.batches)
        squares = np.cumsum(outer(surprise, surprise, pairs), axis=0) + outer(rest, rest, pairs)
        spread = self._noise(pairs) * squares * self.batches / max(self.batches - 1, 1)
        return np.concatenate([np.zeros_like(spread[:1]), spread])

    def _boundary(self, pairs: bool, first: np.ndarray) -> np.ndarray:
        """C_0 from C_0 = M^B C_0 M^{BT} + W_B: the sum of what all epochs before have left."""
        noisy = (self._noise(pairs) != 0)[..., 0, 0]
        free = self.oscillators.pair(2 if pairs else 1).total == 0
        bounded(np.where(noisy & free, np.inf, 0.0))
        self._require_digits()
        total, epochs = first, 1.0
        more = np.ones(1)
        while more.any() and epochs < 1e300:
            more = carried(
                self.oscillators.propagator(np.array(epochs * self.batches)), total, pairs
            )
            total, epochs = total + more, 2 * epochs
        return total

    def _require_digits(self) -> None:
        stiffness = self.oscillators.stiffness[np.diag(self.noise) > 0]
        slowest = float(stiffness.min(initial=np.inf))
        if self.oscillators.momentum > 0 and slowest < SLOWEST:
            raise InputError(
                "settings: with momentum the stationary law of epochs keeps "
                f"no digits of modes as slow as lr * (eigenvalue + weight_decay) = {slowest:.3g}; "
                f"it needs {SLOWEST:g} or more"
            )

    def _by_phase(self, pairs: bool) -> np.ndarray:
        """C_p for p = 0 ... B-1."""
        added = self._added(pairs)
        boundary = self._boundary(pairs, added[-1])
        return (
            carried(self.oscillators.propagator(np.arange(float(self.batches))), boundary, pairs)
            + added[:-1]
        )

    def stationary(self, *, pairs: bool) -> np.ndarray:
        """See `white_noise.Fluctuations`."""
        return self._by_phase(pairs)[self._phases].mean(axis=0)

    def added(
        self, time: np.ndarray, mean: np.ndarray, covariance: np.ndarray, *, pairs: bool
    ) -> np.ndarray:
        """See `white_noise.Fluctuations`: the start is the start of an epoch."""
        by_phase, batches = self._added(pairs), float(self.batches)
        epochs, within = np.divmod(np.asarray(time, dtype=float), batches)
        whole = summed(
            by_phase[-1], epochs, lambda count: self.oscillators.propagator(count * batches), pairs
        )
        return (
            carried(self.oscillators.propagator(within), whole, pairs)
            + by_phase[within.astype(int)]
        )

    def lagged(self, lag: np.ndarray, *, pairs: bool) -> np.ndarray:
        """See `white_noise.Fluctuations`."""
        carried_on = sides(self.oscillators.propagator(lag), pairs)[0] @ self.stationary(
            pairs=pairs
        )
        used = self._sums(self._phases)
        beyond = np.maximum(0, self._phases + np.asarray(lag)[..., None] - self.batches)
        to_come = self._sums(np.asarray(lag))[..., None, :, :] - self._sums(beyond)
        rule = "...pia,pjb->...ijab" if pairs else "...pia,pib->...iab"
        remembered = np.einsum(rule, to_come, used, optimize=True) / len(self._phases)
        return carried_on - self._noise(pairs) * remembered / max(self.batches - 1, 1)

    def displacement(self, lag: np.ndarray) -> np.ndarray:
        """See `white_noise.Fluctuations`."""
        variance = self._by_phase(False)[..., 0, 0]
        lag = np.asarray(lag, dtype=float)
        later = variance[
            np.mod(self._phases + np.mod(lag, self.batches)[..., None], self.batches).astype(int)
        ]
        return (
            variance[self._phases].mean(0)
            + later.mean(axis=-2)
            - 2 * self.lagged(lag, pairs=False)[..., 0, 0]
        )

    def noise_spectrum(self, frequency: np.ndarray) -> np.ndarray:
        """See `white_noise.Fluctuations`: q (B - Fejer) / (B - 1), averaged over the phase.

        It is zero at frequency zero.
        """
        half = 0.5 * np.asarray(frequency, dtype=float)[..., None]
        flat = np.sin(half) == 0
        ratio = np.sin(self.batches * half) / np.where(flat, 1.0, np.sin(half))
        fejer = np.where(flat, self.batches, ratio**2 / self.batches)
        return np.diag(self.noise) * (self.batches - fejer) / max(self.batches - 1, 1)


def batches_per_epoch(problem: LinearRegression, settings: SGD) -> int:
    """Batches in an epoch.

    Raises
    ------
    InputError
        If the problem has no data or the batch size does not divide the number of samples.
    """
    samples = problem.samples
    if samples is None or samples % settings.batch_size:
        have = "a problem without data" if samples is None else f"{samples} samples"
        raise InputError(
            f"batch_size = {settings.batch_size}: "
            f"the law of epochs needs a divisor of N, here {have}"
        )
    return samples // settings.batch_size
