r"""Linear regression: the problem in which the limiting dynamics of SGD can be computed.

    L(theta) = (1/2N) sum_i (x_i . theta - y_i)^2,   H = X^T X / N,   g_i = x_i (x_i . theta - y_i)

The factor 1/2 and the mean over samples fix what is called Hessian and noise scale everywhere in the package. The
covariance of ONE per-sample gradient is, with residuals r_i = y_i - x_i . theta_bar at the minimiser theta_bar,
u = theta - theta_bar and e_i = x_i . u - r_i,

    Sigma(theta) = (1/N) sum_i x_i x_i^T e_i^2 - H u u^T H ,   Sigma(theta_bar) = (1/N) sum_i x_i x_i^T r_i^2 .

For inputs and residuals that are independent of one another Sigma(theta_bar) = sigma^2 H, sigma^2 = mean r_i^2
(Kunin et al., arXiv 2107.09133); real data depart from that, and the package keeps both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from langevin_sgd.checks import InputError, as_not_negative, require


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearRegression:
    """A quadratic loss with its gradient noise; build it with `from_data` or `from_spectrum`.

    Parameters
    ----------
    hessian
        (parameter, parameter), symmetric, positive semi-definite.
    minimiser
        (parameter,), the minimiser theta_bar of the loss without weight decay.
    noise_covariance
        (parameter, parameter), covariance of one per-sample gradient at the minimiser (divide by the batch size for
        the noise of a step).
    X, y
        (sample, parameter) and (sample,), the data; ``None`` for a problem that is only a spectrum, whose gradient
        noise is additive and Gaussian.
    """

    hessian: np.ndarray
    minimiser: np.ndarray
    noise_covariance: np.ndarray
    X: np.ndarray | None = None
    y: np.ndarray | None = None

    @classmethod
    def from_data(cls, X: np.ndarray, y: np.ndarray) -> LinearRegression:
        """Build the problem of a data set, as it stands: no intercept, no scaling.

        Parameters
        ----------
        X
            (sample, parameter).
        y
            (sample,).

        Raises
        ------
        InputError
            If shapes do not match or a number is not finite.
        """
        X = np.ascontiguousarray(X, dtype=float)
        y = np.ascontiguousarray(y, dtype=float)
        if X.ndim != 2 or y.shape != X.shape[:1] or X.shape[0] == 0:
            raise InputError(f"X, y = shapes {X.shape}, {y.shape}: must be (sample, parameter) and (sample,)")
        if not (np.isfinite(X).all() and np.isfinite(y).all()):
            raise InputError("X, y = data with NaN or infinity: every entry must be a finite number")
        minimiser = np.linalg.lstsq(X, y, rcond=None)[0]
        weighted = X * (y - X @ minimiser)[:, None]
        samples = len(X)
        return cls(
            hessian=X.T @ X / samples,
            minimiser=minimiser,
            noise_covariance=weighted.T @ weighted / samples,
            X=X,
            y=y,
        )

    @classmethod
    def from_spectrum(
        cls,
        eigenvalues: np.ndarray,
        *,
        noise_scale: float = 1.0,
        minimiser: np.ndarray | None = None,
        eigenvectors: np.ndarray | None = None,
    ) -> LinearRegression:
        """Build a problem from the eigenvalues of its Hessian, with additive Gaussian noise noise_scale * H.

        Parameters
        ----------
        eigenvalues
            (eigenmode,), each >= 0.
        noise_scale
            sigma^2 in Sigma = sigma^2 H of one sample.
        minimiser
            (parameter,), zero by default.
        eigenvectors
            (parameter, eigenmode), orthogonal; the identity by default.
        """
        values = np.asarray(eigenvalues, dtype=float)
        usable = values.ndim == 1 and values.size > 0 and bool(np.all(np.isfinite(values) & (values >= 0)))
        require(usable, "eigenvalues", eigenvalues, "must be a list of numbers of zero or above")
        noise_scale = as_not_negative("noise_scale", noise_scale)
        if eigenvectors is None:
            hessian = np.diag(values)
        else:
            vectors = np.asarray(eigenvectors, dtype=float)
            hessian = (vectors * values) @ vectors.T
        centre = np.zeros(values.size) if minimiser is None else np.array(minimiser, dtype=float)
        require(centre.shape == values.shape, "minimiser", centre.shape, f"must have shape {values.shape}")
        return cls(hessian=hessian, minimiser=centre, noise_covariance=noise_scale * hessian)

    def with_noise_covariance(self, covariance: np.ndarray) -> LinearRegression:
        """Return the same loss with another additive Gaussian noise, the data forgotten.

        Parameters
        ----------
        covariance
            (parameter, parameter), covariance of one per-sample gradient.
        """
        shape = self.hessian.shape
        covariance = np.asarray(covariance, dtype=float)
        require(covariance.shape == shape, "covariance", covariance.shape, f"must have shape {shape}")
        return replace(self, noise_covariance=covariance, X=None, y=None)

    def with_hessian_noise(self) -> LinearRegression:
        """Return the same loss with the idealised additive noise sigma^2 H, sigma^2 = `noise_scale`."""
        return self.with_noise_covariance(self.noise_scale * self.hessian)

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return len(self.minimiser)

    @property
    def samples(self) -> int | None:
        """Number of samples, ``None`` without data."""
        return None if self.X is None else len(self.X)

    @cached_property
    def noise_scale(self) -> float:
        """sigma^2: mean squared residual (divided by N) with data, tr(Sigma)/tr(H) without."""
        if self.X is None or self.y is None:
            return float(np.trace(self.noise_covariance) / np.trace(self.hessian))
        return float(np.mean((self.y - self.X @ self.minimiser) ** 2))

    @cached_property
    def _eigensystem(self) -> tuple[np.ndarray, np.ndarray]:
        diagonal = np.diag(self.hessian)
        if np.count_nonzero(self.hessian) == np.count_nonzero(diagonal):
            order = np.argsort(-diagonal, kind="stable")
            return diagonal[order], np.eye(len(order))[:, order]
        values, vectors = np.linalg.eigh(self.hessian)
        values, vectors = values[::-1], vectors[:, ::-1]
        # eigh leaves the sign of a vector open; the largest component is made positive.
        largest = vectors[np.argmax(np.abs(vectors), axis=0), np.arange(len(values))]
        return np.maximum(values, 0.0), np.ascontiguousarray(vectors * np.sign(largest))

    @property
    def eigenvalues(self) -> np.ndarray:
        """(eigenmode,) Eigenvalues of the Hessian, descending."""
        return self._eigensystem[0]

    @property
    def eigenvectors(self) -> np.ndarray:
        """(parameter, eigenmode) Orthonormal eigenvectors, in the order of `eigenvalues`."""
        return self._eigensystem[1]

    def loss(self, theta: np.ndarray) -> np.ndarray:
        """Loss at `theta` (..., parameter); without data the excess over the minimum. Returns shape (...)."""
        theta = np.asarray(theta, dtype=float)
        if self.X is None or self.y is None:
            offset = theta - self.minimiser
            return 0.5 * np.einsum("...i,ij,...j->...", offset, self.hessian, offset)
        return 0.5 * np.mean((theta @ self.X.T - self.y) ** 2, axis=-1)

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """Gradient of the loss at `theta` (..., parameter), same shape."""
        return (np.asarray(theta, dtype=float) - self.minimiser) @ self.hessian

    def noise_covariance_at(self, theta: np.ndarray) -> np.ndarray:
        """Covariance of one per-sample gradient at `theta` (parameter,); constant without data.

        Returns
        -------
        (parameter, parameter)
        """
        if self.X is None or self.y is None:
            return self.noise_covariance
        per_sample = self.X * (self.X @ np.asarray(theta, dtype=float) - self.y)[:, None]
        mean = per_sample.mean(axis=0)
        return per_sample.T @ per_sample / len(self.X) - np.outer(mean, mean)
