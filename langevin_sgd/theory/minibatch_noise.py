r"""Fluctuations driven by the noise of real minibatches, exact on a finite data set.

This noise depends on theta.

With u = theta - theta_bar, m = E u, C = Cov u, residuals r_i at the minimiser, the noise of one
step is

    q(m, C) = f [ (1/N) sum_i x_i x_i^T ( (x_i . m - r_i)^2 + x_i^T C x_i )  -  H (C + m m^T) H ] ,
    f = 1/S (with replacement)   or   (N-S) / (S (N-1)) (distinct samples in a batch)

and the covariance of (theta, v) obeys  C' = M C M^T + q force force^T. Since q is linear in C,
first and second moments are closed; higher ones are not. Derived: expectation of the covariance of
a batch gradient over the law of theta.

At stationarity C = R q, with R the response to white noise (`oscillators`), so q solves q = q_0 + T
R q, T the part of q that is linear in C. R and T preserve positive matrices, so that a solution
exists exactly where the spectral radius of R T, the `noise_feedback`, is below one: the mean-square
stability limit. Cost per step or iteration: N P^2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from langevin_sgd.checks import InputError, require
from langevin_sgd.theory.block_matrices import carried, outer, own
from langevin_sgd.theory.modes import Modes
from langevin_sgd.theory.settings import noise_factor
from langevin_sgd.theory.sgd_map import MapOscillators
from langevin_sgd.theory.white_noise import WhiteFluctuations

LONGEST = 10**7
"""Largest number of steps from a start."""


@dataclass(frozen=True, eq=False)
class MinibatchFluctuations:
    """Noise of real batches; methods as in `white_noise.Fluctuations`.

    Parameters
    ----------
    oscillators
        The modes of SGD.
    modes
        The eigenmodes of a problem with data.
    """

    oscillators: MapOscillators
    modes: Modes
    couples_modes = True

    @cached_property
    def _inputs(self) -> np.ndarray:
        """(sample, eigenmode) Inputs in the eigenbasis; exactly zero along flat directions."""
        assert self.modes.problem.X is not None
        return (self.modes.problem.X @ self.modes.vectors) * (self.modes.eigenvalues > 0)

    @cached_property
    def _residuals(self) -> np.ndarray:
        problem = self.modes.problem
        assert problem.X is not None
        assert problem.y is not None
        return problem.y - problem.X @ problem.minimiser

    @cached_property
    def _offset(self) -> np.ndarray:
        """(eigenmode,) Mean fixed point minus minimiser: what weight decay does to the mean."""
        return self.modes.centre - self.modes.problem.minimiser @ self.modes.vectors

    @cached_property
    def _factor(self) -> float:
        return noise_factor(self.modes.settings, self.modes.problem.samples)

    def _weighted(self, weights: np.ndarray) -> np.ndarray:
        return self._factor * (self._inputs * weights[:, None]).T @ self._inputs / len(self._inputs)

    def _noise_of_mean(self, offset: np.ndarray) -> np.ndarray:
        """Noise of a step at theta_bar + offset."""
        pull = self.modes.eigenvalues * offset
        return self._weighted(
            (self._inputs @ offset - self._residuals) ** 2
        ) - self._factor * np.outer(pull, pull)

    def _noise_of_spread(self, covariance: np.ndarray) -> np.ndarray:
        """Noise of a step that a covariance of positions adds."""
        squared = np.einsum("ni,ni->n", self._inputs @ covariance, self._inputs)
        curvature = self.modes.eigenvalues
        return self._weighted(squared) - self._factor * curvature[:, None] * covariance * curvature

    # --- stationary -------------------------------------------------------------------------------

    @cached_property
    def _response(self) -> np.ndarray:
        """(eigenmode, eigenmode) Root of the position covariance per unit noise; 0 if flat."""
        per_noise = self.oscillators.stationary(np.ones_like(self.modes.vectors))[..., 0, 0]
        return np.sqrt(np.where(np.isfinite(per_noise), per_noise, 0.0))

    def _fed_back(self, amplitude: np.ndarray) -> np.ndarray:
        """Symmetric form of R T: acts on position covariance / response."""
        return self._response * self._noise_of_spread(self._response * amplitude)

    @cached_property
    def noise_feedback(self) -> float:
        """Spectral radius of R T, by power iteration.

        Below one SGD is stable in the mean square.

        R T preserves positive matrices, so that its largest eigenvalue belongs to one and the
        iteration finds it.
        """
        amplitude = self._response * np.diag(self.modes.eigenvalues + 1e-300)
        value = 0.0
        for _ in range(2000):
            norm = np.linalg.norm(amplitude)
            if norm == 0:
                return 0.0
            amplitude = amplitude / norm
            image = self._fed_back(amplitude)
            value, previous = float(np.vdot(amplitude, image)), value
            if abs(value - previous) <= 1e-12 * abs(value):
                break
            amplitude = image
        return value

    @cached_property
    def _white(self) -> WhiteFluctuations:
        """The white noise with the stationary covariance of the state-dependent one.

        Raises
        ------
        InputError
            If SGD is unstable in the mean square.
        """
        from scipy.sparse.linalg import LinearOperator, cg

        if self.noise_feedback >= 1:
            raise InputError(
                "noise = 'minibatch': SGD diverges in the mean square, "
                f"noise feedback {self.noise_feedback:.4g} must stay below 1 "
                f"(lr = {self.modes.settings.lr:g}, batch_size = {self.modes.settings.batch_size})"
            )
        shape = self._response.shape
        frozen = self._noise_of_mean(self._offset)

        def apply(flat: np.ndarray) -> np.ndarray:
            amplitude = flat.reshape(shape)
            return (amplitude - self._fed_back(0.5 * (amplitude + amplitude.T))).ravel()

        operator = LinearOperator((frozen.size, frozen.size), matvec=apply, dtype=float)
        amplitude, failed = cg(
            operator, (self._response * frozen).ravel(), rtol=1e-13, atol=0.0, maxiter=10_000
        )
        if failed:
            raise InputError(
                "noise = 'minibatch': too near the mean-square limit, "
                f"feedback {self.noise_feedback:.10g}"
            )
        covariance = self._response * amplitude.reshape(shape)
        return WhiteFluctuations(
            self.oscillators, frozen + self._noise_of_spread(0.5 * (covariance + covariance.T))
        )

    def stationary(self, *, pairs: bool) -> np.ndarray:
        """See `white_noise.Fluctuations`."""
        return self._white.stationary(pairs=pairs)

    def lagged(self, lag: np.ndarray, *, pairs: bool) -> np.ndarray:
        """See `white_noise.Fluctuations`.

        The conditional mean is linear, so that the propagator carries the covariance.
        """
        return self._white.lagged(lag, pairs=pairs)

    def displacement(self, lag: np.ndarray) -> np.ndarray:
        """See `white_noise.Fluctuations`."""
        return self._white.displacement(lag)

    def noise_spectrum(self, frequency: np.ndarray) -> np.ndarray:
        """See `white_noise.Fluctuations`: white, since a batch knows nothing of earlier ones."""
        return self._white.noise_spectrum(frequency)

    # --- from a start -----------------------------------------------------------------------------

    def added(
        self, time: np.ndarray, mean: np.ndarray, covariance: np.ndarray, *, pairs: bool
    ) -> np.ndarray:
        """See `white_noise.Fluctuations`: step by step up to the largest time.

        It needs the start's pair blocks.

        Raises
        ------
        InputError
            If that are more steps than `LONGEST`.
        """
        steps = np.asarray(time, dtype=float)
        last = float(steps.max(initial=0.0))
        allowed = (
            f"with noise = 'minibatch' must be at most {LONGEST} steps from a start, "
            "which are gone one by one"
        )
        require(last <= LONGEST, "t", last, allowed)
        one_step = self.oscillators.propagator(np.array(1.0))
        kick = np.broadcast_to(
            np.array(self.oscillators.force) * self.oscillators.scale, mean.shape
        )
        kick_blocks = outer(kick, kick, True)
        kept = np.empty((*steps.shape, *covariance.shape))
        added = np.zeros_like(covariance)
        for step in range(int(last) + 1):
            kept[steps == step] = added
            noise = self._noise_of_mean(mean[:, 0] + self._offset)
            noise = noise + self._noise_of_spread((covariance + added)[..., 0, 0])
            added = carried(one_step, added, True) + noise[..., None, None] * kick_blocks
            covariance = carried(one_step, covariance, True)
            mean = (one_step @ mean[..., None])[..., 0]
        return kept if pairs else own(kept)
