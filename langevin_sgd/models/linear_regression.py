r"""Linear regression: the problem in which the limiting dynamics of SGD can be computed.

    L(theta) = (1/2N) sum_i (x_i . theta - y_i)^2,   H = X^T X / N,   g_i = x_i (x_i . theta - y_i)

The factor 1/2 and the mean over samples fix what is called Hessian and noise scale everywhere in
the package. The covariance of ONE per-sample gradient is, with residuals r_i = y_i - x_i .
theta_bar at the minimiser theta_bar, u = theta - theta_bar and e_i = x_i . u - r_i,

    Sigma(theta) = (1/N) sum_i x_i x_i^T e_i^2 - H u u^T H ,
    Sigma(theta_bar) = (1/N) sum_i x_i x_i^T r_i^2 .

For inputs and residuals that are independent of one another Sigma(theta_bar) = sigma^2 H, sigma^2 =
mean r_i^2 (Kunin et al., arXiv 2107.09133); real data depart from that, and the package keeps both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from langevin_sgd.checks import (
    InputError,
    as_array,
    as_not_negative,
    as_states,
    convert_fields,
    require,
    shown,
)
from langevin_sgd.covariance import as_covariance

LARGEST, SMALLEST = 1e100, 1e-100
"""Sizes of data, beyond which their squares and the squares of those leave the range of float64."""
UNEVEN = 1e3
"""Ratio of the sizes of columns from which on they are taken in their own units."""


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
        (parameter, parameter), covariance of one per-sample gradient at the minimiser (divide by
        the batch size for the noise of a step).
    X, y
        (sample, parameter) and (sample,), the data; ``None`` for a problem that is only a spectrum,
        whose gradient noise is additive and Gaussian.

    Raises
    ------
    InputError
        If a shape does not match, a number is not finite, or Hessian or noise covariance are not
        symmetric or have a negative eigenvalue.

    Notes
    -----
    Arrays are copied: a problem keeps what it was made from.
    """

    hessian: np.ndarray
    minimiser: np.ndarray
    noise_covariance: np.ndarray
    X: np.ndarray | None = None
    y: np.ndarray | None = None

    def __post_init__(self) -> None:
        size = _vector("minimiser", self.minimiser).size

        def matrix(name: str, value: np.ndarray) -> np.ndarray:
            return as_covariance(name, value, size)

        convert_fields(self, {"minimiser": _vector, "hessian": matrix, "noise_covariance": matrix})
        require((self.X is None) == (self.y is None), "y", self.y, "goes together with X")
        if self.X is not None:
            X, y = _data(self.X, self.y)
            require(
                X.shape[1] == size, "X", X, f"must have a column for each of the {size} parameters"
            )
            convert_fields(self, {"X": lambda *_: X, "y": lambda *_: y})

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
        X, y = _data(X, y)
        samples = len(X)
        with np.errstate(all="ignore"):
            try:
                minimiser = _least_squares(X, y)
            except np.linalg.LinAlgError:
                raise InputError(f"X = {shown(X)}: its singular values cannot be found") from None
            weighted = X * (y - X @ minimiser)[:, None]
            hessian, noise = X.T @ X / samples, weighted.T @ weighted / samples
        if not (np.isfinite(minimiser).all() and np.isfinite(noise).all()):
            raise InputError(
                f"X, y = shapes {X.shape}, {y.shape}: the numbers differ too much in size"
            )
        return cls(hessian=hessian, minimiser=minimiser, noise_covariance=noise, X=X, y=y)

    @classmethod
    def from_spectrum(
        cls,
        eigenvalues: np.ndarray,
        *,
        noise_scale: float = 1.0,
        minimiser: np.ndarray | None = None,
        eigenvectors: np.ndarray | None = None,
    ) -> LinearRegression:
        """Build a problem from its Hessian's eigenvalues, with Gaussian noise noise_scale * H.

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

        Raises
        ------
        InputError
            If an argument is not finite or out of range, or the eigenvectors are not orthogonal (to
            1e-9).
        """
        values = as_array("eigenvalues", eigenvalues, minimum=0, allowed=_SPECTRUM)
        require(values.ndim == 1 and values.size > 0, "eigenvalues", eigenvalues, _SPECTRUM)
        noise_scale = as_not_negative("noise_scale", noise_scale)
        with np.errstate(over="ignore", under="ignore"):
            largest = noise_scale * values.max()
        require(
            bool(np.isfinite(largest)),
            "noise_scale",
            noise_scale,
            "times the largest eigenvalue must be finite",
        )
        hessian = np.diag(values)
        if eigenvectors is not None:
            vectors = as_array("eigenvectors", eigenvectors, shape=(values.size, values.size))
            departure = float(np.abs(vectors.T @ vectors - np.eye(values.size)).max())
            require(departure <= 1e-9, "eigenvectors", eigenvectors, "must be orthogonal")
            hessian = (vectors * values) @ vectors.T
        centre = (
            np.zeros(values.size)
            if minimiser is None
            else as_array("minimiser", minimiser, shape=values.shape)
        )
        return cls(hessian=hessian, minimiser=centre, noise_covariance=noise_scale * hessian)

    def with_noise_covariance(self, covariance: np.ndarray) -> LinearRegression:
        """Return the same loss with another additive Gaussian noise, the data forgotten.

        Parameters
        ----------
        covariance
            (parameter, parameter), covariance of one per-sample gradient.

        Raises
        ------
        InputError
            If it is not symmetric, has a negative eigenvalue or is not finite.
        """
        covariance = as_covariance("covariance", covariance, self.parameters)
        return replace(self, noise_covariance=covariance, X=None, y=None)

    def with_hessian_noise(self) -> LinearRegression:
        """Return the same loss with additive noise sigma^2 H, sigma^2 = `noise_scale`."""
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
        """sigma^2: mean squared residual (divided by N) with data, tr(Sigma)/tr(H) without.

        Raises
        ------
        InputError
            If there is neither data nor curvature.
        """
        if self.X is None or self.y is None:
            if not self.hessian.any():
                raise InputError("problem: a Hessian of zero has no noise scale")
            return float(np.trace(self.noise_covariance) / np.trace(self.hessian))
        return float(np.mean((self.y - self.X @ self.minimiser) ** 2))

    @cached_property
    def _eigensystem(self) -> tuple[np.ndarray, np.ndarray]:
        diagonal = np.diag(self.hessian)
        order = np.argsort(-diagonal, kind="stable")
        axes = np.eye(len(order))[:, order]
        if np.count_nonzero(self.hessian) == np.count_nonzero(diagonal):
            return diagonal[order], axes
        # With the large entries first eigh keeps the digits of small eigenvalues of parameters in
        # different units.
        values, vectors = np.linalg.eigh(self.hessian[np.ix_(order, order)])
        values, vectors = values[::-1], (axes @ vectors)[:, ::-1]
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
        """Loss (...) at `theta` (..., parameter); without data the excess over the minimum."""
        theta = self._parameters(theta)
        if self.X is None or self.y is None:
            offset = theta - self.minimiser
            return 0.5 * np.einsum("...i,ij,...j->...", offset, self.hessian, offset)
        return 0.5 * np.mean((theta @ self.X.T - self.y) ** 2, axis=-1)

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """Gradient of the loss at `theta` (..., parameter), same shape."""
        return (self._parameters(theta) - self.minimiser) @ self.hessian

    def noise_covariance_at(self, theta: np.ndarray) -> np.ndarray:
        """Covariance of one per-sample gradient at `theta` (parameter,); constant without data.

        Returns
        -------
        (parameter, parameter)
        """
        theta = as_array("theta", theta, shape=(self.parameters,))
        if self.X is None or self.y is None:
            return self.noise_covariance.copy()
        with np.errstate(over="ignore", invalid="ignore"):
            per_sample = self.X * (self.X @ theta - self.y)[:, None]
            mean = per_sample.mean(axis=0)
            covariance: np.ndarray = per_sample.T @ per_sample / len(self.X) - np.outer(mean, mean)
        require(
            bool(np.isfinite(covariance).all()),
            "theta",
            theta,
            "leads to numbers beyond the range of float64",
        )
        return covariance

    def _parameters(self, theta: np.ndarray) -> np.ndarray:
        """Parameters (..., parameter); NaN is let through, since runs that diverged end there."""
        return as_states("theta", theta, self.parameters)


def _least_squares(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the minimiser of least norm, in units of the columns if uneven and of full rank."""
    sizes = np.linalg.norm(X / np.abs(X).max(), axis=0) if X.any() else np.zeros(X.shape[1])
    if sizes.min() > 0 and sizes.max() > UNEVEN * sizes.min():
        minimiser, _, rank, _ = np.linalg.lstsq(X / sizes, y, rcond=None)
        if rank == len(sizes):
            return minimiser / sizes
    shortest: np.ndarray = np.linalg.lstsq(X, y, rcond=None)[0]
    return shortest


_SPECTRUM = "must be a list of numbers of zero or above"


def _vector(name: str, value: np.ndarray) -> np.ndarray:
    """Return a copy of a list of at least one finite number."""
    vector = as_array(name, value, ndim=1)
    require(vector.size > 0, name, value, "must hold at least one number")
    return vector


def _data(X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return copies of inputs and targets that fit together and whose squares can be computed."""
    inputs, targets = as_array("X", X, finite=False), as_array("y", y, finite=False)
    fits = inputs.ndim == 2 and inputs.size > 0 and targets.shape == inputs.shape[:1]
    if not fits:
        raise InputError(
            f"X, y = shapes {inputs.shape}, {targets.shape}: "
            "must be (sample, parameter) and (sample,)"
        )
    if not (np.isfinite(inputs).all() and np.isfinite(targets).all()):
        raise InputError("X, y = data with NaN or infinity: every entry must be a finite number")
    for name, columns, largest in (("X", inputs, LARGEST), ("y", targets[:, None], math.inf)):
        sizes = np.abs(columns).max(axis=0)
        usable = bool(((sizes == 0) | (sizes >= SMALLEST) & (sizes <= largest)).all())
        allowed = (
            "the largest entry of a column must be zero "
            f"or from {SMALLEST:g} to {largest:g} in size"
        )
        require(usable, name, columns, f"{allowed}: choose other units")
    return inputs, targets
