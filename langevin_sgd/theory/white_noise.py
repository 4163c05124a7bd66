r"""Fluctuations driven by additive noise that is white in time, as in the paper.

They are the same in the flow and in the map.

    C = stationary covariance,   C(t) = E(t) C_0 E(t)^T + W(t),   E z_{t+lag} z_t^T = E(lag) C

with E the propagator and W(t) what the noise has added since the start, C - E(t) C E(t)^T where C
exists (Kunin et al., arXiv 2107.09133, for the Langevin equation; for the map the same with powers
of the matrix). W is summed, not subtracted: it keeps its digits at short times and exists for free
modes. Exact for Gaussian noise; for other noise with the same covariance exact in second moments.

Every kind of fluctuations offers the methods of `Fluctuations`, from which `law.Law` builds its
interface.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from langevin_sgd.checks import InputError
from langevin_sgd.theory.block_matrices import sides
from langevin_sgd.theory.oscillators import Oscillators


class Fluctuations(Protocol):
    """Second moments about the mean, as blocks (see `block_matrices`).

    There is a block for every pair of modes, or for each mode if not `pairs`.
    """

    @property
    def couples_modes(self) -> bool:
        """Whether modes depend on one another, so that all pairs must be carried along."""

    def stationary(self, *, pairs: bool) -> np.ndarray:
        """Stationary covariance blocks."""

    def added(
        self, time: np.ndarray, mean: np.ndarray, covariance: np.ndarray, *, pairs: bool
    ) -> np.ndarray:
        """Covariance blocks that the noise adds in `time` steps after a start.

        The start has this `mean` (off centre) and spread.

        The propagated `covariance` of the start itself is not part of them.
        """

    def lagged(self, lag: np.ndarray, *, pairs: bool) -> np.ndarray:
        """Stationary blocks of E z_{k+lag} z_k^T."""

    def displacement(self, lag: np.ndarray) -> np.ndarray:
        """Stationary mean-square displacement of each mode's position, lag.shape + (eigenmode,)."""

    def noise_spectrum(self, frequency: np.ndarray) -> np.ndarray:
        """Power spectrum of each mode's noise at angular frequencies per step.

        Its shape is frequency.shape + (eigenmode,).
        """


@dataclass(frozen=True, eq=False)
class WhiteFluctuations:
    """Additive noise, independent from step to step.

    Parameters
    ----------
    oscillators
        The modes and their dynamics.
    noise
        (eigenmode, eigenmode), covariance of the noise of one step in the Hessian eigenbasis.
    """

    oscillators: Oscillators
    noise: np.ndarray
    couples_modes = False

    def stationary(self, *, pairs: bool) -> np.ndarray:
        """See `Fluctuations`."""
        return bounded(self.oscillators.stationary(self.noise if pairs else np.diag(self.noise)))

    def added(
        self, time: np.ndarray, mean: np.ndarray, covariance: np.ndarray, *, pairs: bool
    ) -> np.ndarray:
        """See `Fluctuations`."""
        noise = self.noise if pairs else np.diag(self.noise)
        return noise[..., None, None] * self.oscillators.added(time, pairs=pairs)

    def lagged(self, lag: np.ndarray, *, pairs: bool) -> np.ndarray:
        """See `Fluctuations`."""
        return sides(self.oscillators.propagator(lag), pairs)[0] @ self.stationary(pairs=pairs)

    def displacement(self, lag: np.ndarray) -> np.ndarray:
        """See `Fluctuations`."""
        return self.oscillators.mean_square_displacement(lag, np.diag(self.noise))

    def noise_spectrum(self, frequency: np.ndarray) -> np.ndarray:
        """See `Fluctuations`: white."""
        return np.broadcast_to(np.diag(self.noise), (*np.shape(frequency), len(self.noise)))


def bounded(blocks: np.ndarray) -> np.ndarray:
    """Pass finite blocks on.

    Raises
    ------
    InputError
        If a mode has noise but neither curvature nor weight decay.
    """
    if not np.isfinite(blocks).all():
        raise InputError(
            "problem: a mode without curvature and weight "
            "decay has gradient noise and diffuses without bound; "
            "there is no stationary law, only moments after a start and mean_square_displacement"
        )
    return blocks
