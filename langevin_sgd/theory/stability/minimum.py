r"""A minimum that fits every sample, as the tangent kernel of its samples.

At an interpolating minimum of the square loss

    L = (1/2n) sum_i |r_i|^2,      r_i = f(x_i) - y_i  (k numbers),      J_i = d f(x_i) / d theta

every residual is zero and the Hessian is G = (1/n) sum_i J_i^T J_i. Nothing below needs more of the
model than the kernel of its n samples and k outputs,

    K = (1/n) J J^T,      (n k, n k), sample by sample, the outputs of a sample side by side,

which has the nonzero eigenvalues lambda_a of G: K = U diag(lambda) U^T. Loss factors: 1/2, and the
mean over samples; a loss without the 1/2, or averaged over outputs, multiplies K (PyTorch's
``MSELoss`` has 2/k times this K). Source: standard algebra; shapes as in Mulayoff and Michaeli
(arXiv 2306.07850) for k = 1. Assumption: features frozen at the minimum (linear stability).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from langevin_sgd.checks import (
    InputError,
    as_array,
    as_count,
    as_instance,
    convert_fields,
    require,
    require_memory,
)
from langevin_sgd.sgd_settings import INDEPENDENT, SGD
from langevin_sgd.theory.settings import as_settings, noise_factor
from langevin_sgd.theory.underflow import vanishing

NEGLIGIBLE = 1e-12
"""Eigenvalues of K below this part of the largest are zero."""
SMALLEST, LARGEST = 1e-40, 1e40
"""Sizes of the largest eigenvalue of K: its square and cube stay in the range of doubles."""
FARTHEST = 1e30
"""Largest lr * eigenvalue: beyond it powers leave the range of doubles."""
CHUNK = 2**22
"""Numbers of the features that are taken into a matrix product at once: 32 MB."""

_READ = ("momentum", "nesterov", "sampling")


@dataclass(frozen=True, kw_only=True, eq=False)
class InterpolatingMinimum:
    """An interpolating minimum of the square loss (1/2n) sum_i |r_i|^2.

    Parameters
    ----------
    kernel
        (n k, n k), K = J J^T / n, symmetric and positive semidefinite; unit: that of the Hessian.
    outputs
        Outputs k of the model; default 1.

    Raises
    ------
    InputError
        If the kernel is not square, symmetric, finite and positive semidefinite, is zero, has a
        largest eigenvalue outside 1e-40 ... 1e40, or its size is no multiple of `outputs`.

    Examples
    --------
    >>> InterpolatingMinimum.from_features([[1.0, 0.0], [0.0, 3.0]]).eigenvalues.tolist()
    [4.5, 0.5]
    """

    kernel: np.ndarray
    outputs: int = 1

    def __post_init__(self) -> None:
        convert_fields(
            self,
            {"kernel": lambda name, value: as_array(name, value, ndim=2), "outputs": as_count},
        )
        kernel = self.kernel
        square = kernel.shape[0] == kernel.shape[1] and kernel.size > 0
        require(square, "kernel", kernel, "must be a square matrix")
        whole = len(kernel) % self.outputs == 0
        require(whole, "outputs", self.outputs, f"must divide the {len(kernel)} rows of the kernel")
        largest = float(np.abs(kernel).max())
        within = SMALLEST <= largest <= LARGEST
        allowed = f"must hold a number between {SMALLEST:g} and {LARGEST:g} in size and none beyond"
        require(within, "kernel", kernel, allowed)
        symmetric = bool((np.abs(kernel - kernel.T) <= 1e-9 * largest).all())
        require(symmetric, "kernel", kernel, "must be symmetric")
        object.__setattr__(self, "kernel", 0.5 * (kernel + kernel.T))
        positive = bool(self._spectrum[0].min() >= -1e-9 * self._spectrum[0].max())
        require(positive, "kernel", kernel, "must have no negative eigenvalue")

    @classmethod
    @vanishing
    def from_features(cls, features: Any) -> InterpolatingMinimum:
        """Return the minimum with given model gradients, matrix-free in their number d.

        Parameters
        ----------
        features
            (n, d) or (n, k, d), d f(x_i) / d theta of every sample (and output); in any precision,
            also an array mapped from a file: K is summed over pieces of the d parameters.

        Raises
        ------
        InputError
            For any other shape, numbers that are not finite, or that give no kernel.
        """
        array = features if isinstance(features, np.ndarray) else as_array("features", features)
        shaped = array.ndim in (2, 3) and array.size > 0
        allowed = "must have shape (samples, parameters) or (samples, outputs, parameters)"
        require(shaped, "features", features, allowed)
        samples, outputs = array.shape[0], 1 if array.ndim == 2 else array.shape[1]
        size = samples * outputs
        require_memory("features", features, 8.0 * 6 * size**2)
        rows = array.reshape(size, array.shape[-1])
        kernel, piece = np.zeros((size, size)), max(1, CHUNK // size)
        for start in range(0, rows.shape[1], piece):
            part = as_array("features", rows[:, start : start + piece])
            largest = float(np.abs(part).max())
            require(
                largest <= LARGEST**0.5, "features", features, f"must be at most {LARGEST**0.5:g}"
            )
            kernel += part @ part.T
        kernel /= samples
        allowed = f"must hold a number of at least {SMALLEST**0.5:g} in size: all are zero"
        require(float(kernel.max()) >= SMALLEST, "features", features, allowed)
        return cls(kernel=kernel, outputs=outputs)

    @property
    def samples(self) -> int:
        """Number of samples n."""
        return len(self.kernel) // self.outputs

    @cached_property
    @vanishing
    def _spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        values, vectors = np.linalg.eigh(self.kernel)
        return values[::-1], vectors[:, ::-1]

    @cached_property
    def eigenvalues(self) -> np.ndarray:
        """(mode,) Nonzero eigenvalues of the Hessian, descending."""
        values = self._spectrum[0]
        return values[values > NEGLIGIBLE * values[0]]

    @cached_property
    def vectors(self) -> np.ndarray:
        """(sample and output, mode) Orthonormal eigenvectors U of K with these eigenvalues."""
        return np.ascontiguousarray(self._spectrum[1][:, : len(self.eigenvalues)])

    @property
    def trace(self) -> float:
        """Tr G."""
        return float(self.eigenvalues.sum())

    @property
    def frobenius_norm(self) -> float:
        """||G||_F."""
        return float(np.sqrt((self.eigenvalues**2).sum()))

    def as_residuals(self, residuals: Any) -> np.ndarray:
        """(sample and output,) Residuals as one vector.

        Parameters
        ----------
        residuals
            (n,) or (n, k), finite and not all zero.

        Raises
        ------
        InputError
            For any other shape, or if all are zero or so large that their squares overflow.
        """
        array = as_array("residuals", residuals)
        shapes = [(self.samples, self.outputs)] + [(self.samples,)] * (self.outputs == 1)
        wanted = " or ".join(map(str, shapes))
        require(array.shape in shapes, "residuals", residuals, f"must have shape {wanted}")
        largest = float(np.abs(array).max())
        within = SMALLEST <= largest <= LARGEST
        allowed = f"must not all be zero, and be between {SMALLEST:g} and {LARGEST:g} in size"
        require(within, "residuals", residuals, allowed)
        return array.ravel()


def diagonal_blocks(matrix: np.ndarray, outputs: int) -> np.ndarray:
    """(sample, output, output) Blocks of single samples on the diagonal of an (n k, n k) matrix."""
    samples = len(matrix) // outputs
    return np.einsum("ikil->ikl", matrix.reshape(samples, outputs, samples, outputs))


def add_to_blocks(matrix: np.ndarray, blocks: np.ndarray) -> None:
    """Add blocks (sample, output, output) to those of single samples on the diagonal of an (n k, n
    k) matrix, in place.
    """
    samples, outputs = blocks.shape[:2]
    four = matrix.reshape(samples, outputs, samples, outputs)
    own = np.arange(samples)
    four[own, :, own, :] += blocks


def by_sample(rows: np.ndarray, outputs: int) -> np.ndarray:
    """(sample, output, ...) Rows (sample and output, ...) of each sample for itself."""
    return rows.reshape(len(rows) // outputs, outputs, *rows.shape[1:])


def as_minimum(name: str, value: InterpolatingMinimum) -> InterpolatingMinimum:
    """Return an interpolating minimum.

    Raises
    ------
    InputError
        For anything else.
    """
    return as_instance(name, value, InterpolatingMinimum)


def as_plain_settings(name: str, value: SGD) -> SGD:
    """Return settings whose batches are independent of one another, without weight decay.

    Raises
    ------
    InputError
        If they are others.
    """
    settings = as_settings(name, value)
    if settings.sampling == "epochs":
        raise InputError(
            f"{name}.sampling = 'epochs': must be {' or '.join(INDEPENDENT)}, "
            "since batches of an epoch are not independent of one another"
        )
    settings.require_only(_READ, by="an interpolating minimum")
    return settings


def as_pair(minimum: InterpolatingMinimum, settings: SGD) -> tuple[InterpolatingMinimum, SGD]:
    """Return a minimum and settings that fit each other.

    Raises
    ------
    InputError
        If one of them is something else, or the batch exceeds the data.
    """
    minimum = as_minimum("minimum", minimum)
    settings = as_plain_settings("settings", settings)
    noise_factor(settings, minimum.samples)
    return minimum, settings


def require_computable(settings: SGD, largest: float) -> None:
    """Refuse a learning rate whose product with the largest eigenvalue exceeds 1e30."""
    allowed = f"must be at most {FARTHEST / largest:.3g} at a largest eigenvalue of {largest:.3g}"
    require(settings.lr * largest <= FARTHEST, "lr", settings.lr, allowed)
