r"""Noise that answers noise: the n-dimensional operator that decides mean-square stability.

The covariance C of the parameters, in the eigenbasis of the Hessian, answers the noise q of a step
by C_ab = kappa_ab q_ab, and the noise is made by the residuals that C makes,

    q = p [ (1/n) sum_i J_i^T S_i J_i - H C H ],     S_i = J_i C J_i^T,   p as in `noise_factor`.

With sum_i J_i^T S_i J_i / n = Lambda^(1/2) U^T diag(S) U Lambda^(1/2), diag(S) block-diagonal with
one (k, k) block a sample, C can be eliminated: S = T(S) with

    T(S) = blkdiag( U [ w o (U^T diag(S) U) ] U^T ),
    w_ab = n p kappa_ab lambda_a lambda_b / (1 + p kappa_ab lambda_a lambda_b) .

A second moment that grows by rho per step is stationary once it is discounted by sigma =
sqrt(rho), with kappa that of the discounted map (`sgd_map`); so

    rho is the growth of E L per step  <=>  the largest eigenvalue of T(rho) is one,

the edge of stability being rho = 1. T is symmetric; without momentum and for heavy ball w is a
positive semidefinite kernel of positive numbers (series in lambda_a lambda_b / (g_a + g_b)), so T
maps positive S to positive S and Lanczos from a positive start finds its largest eigenvalue. Every
(n k)-dimensional product costs 4 n^3 k^3 flops; nothing depends on the number of parameters.

Source: derived; for plain SGD the residual-space form of the operator of Mulayoff and Michaeli
(arXiv 2306.07850), their threshold 2 / lambda_max(C^+ D). Exact for independent batches, heavy ball
and Nesterov, any number of outputs. kappa_ab is the stationary cross-covariance of two modes driven
by one white noise, two AR(2) processes for heavy ball and two ARMA(2,1) for Nesterov
(`MapOscillators.pair_moments`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.settings import noise_factor
from langevin_sgd.theory.sgd_map import MapOscillators, sgd_oscillators
from langevin_sgd.theory.stability.minimum import InterpolatingMinimum, by_sample
from langevin_sgd.theory.underflow import vanishing

MOST_PRODUCTS = 300
"""Products of one Lanczos run; about ten are needed."""


def noise_per_spread(oscillators: MapOscillators, growth: float, *, pairs: bool) -> np.ndarray:
    """1 / kappa: noise per unit of the position covariance, both growing by `growth` per step.

    It is zero, to rounding, where growth is that of the mean.

    Parameters
    ----------
    oscillators
        The modes of SGD.
    growth
        rho > 0, above the square of every mode's slowest root.
    pairs
        Whether for all pairs of modes.

    Returns
    -------
    (mode, mode) for `pairs`, else (mode,)
    """
    discounted = oscillators.discounted(math.sqrt(growth))
    pair = discounted.pair(2 if pairs else 1)
    with np.errstate(divide="ignore"):
        virial = discounted.pair_moments(pair)[0]
    result: np.ndarray = pair.total / (virial * discounted.scale[0] ** 2)
    return result


def mean_growth(oscillators: MapOscillators) -> float:
    """Factor per step of the loss of the mean: the square of the slowest root of any mode."""
    return float(oscillators.decay_per_step.max()) ** 2


def kernel_weights(
    minimum: InterpolatingMinimum, settings: SGD, growth: float, *, pairs: bool
) -> np.ndarray:
    """w_ab of the operator T, or its diagonal w_aa without `pairs`."""
    values, share = minimum.eigenvalues, noise_factor(settings, minimum.samples)
    inverse = noise_per_spread(sgd_oscillators(settings, values), growth, pairs=pairs)
    curvature = values[:, None] * values if pairs else values**2
    result: np.ndarray = minimum.samples * share / (inverse / curvature + share)
    return result


class FeedbackOperator:
    """T(S) of a minimum; a run of calls starts each from the last eigenvector.

    Parameters
    ----------
    minimum
        The minimum.
    """

    def __init__(self, minimum: InterpolatingMinimum) -> None:
        self._vectors, self._outputs = minimum.vectors, minimum.outputs
        self.leading = np.tile(np.eye(minimum.outputs), (minimum.samples, 1, 1))
        """(sample, output, output) Positive eigenvector of the last call."""

    def projected(self, blocks: np.ndarray) -> np.ndarray:
        """(mode, mode) U^T diag(S) U of blocks (sample, output, output)."""
        scaled = blocks @ by_sample(self._vectors, self._outputs)
        result: np.ndarray = scaled.reshape(self._vectors.shape).T @ self._vectors
        return result

    def applied(self, weights: np.ndarray, blocks: np.ndarray) -> np.ndarray:
        """T(S), as blocks."""
        image = by_sample(self._vectors @ (weights * self.projected(blocks)), self._outputs)
        return image @ np.swapaxes(by_sample(self._vectors, self._outputs), 1, 2)

    @vanishing
    def largest_eigenvalue(self, weights: np.ndarray) -> float:
        """Return the largest eigenvalue of T at given weights w."""
        shape = self.leading.shape

        def apply(vector: np.ndarray) -> np.ndarray:
            return self.applied(weights, vector.reshape(shape)).ravel()

        # A little of the identity keeps the start positive.
        start = self.leading / np.linalg.norm(self.leading)
        start = start + 1e-3 * np.eye(self._outputs) / math.sqrt(start.size)
        value, vector = largest_by_lanczos(apply, start.ravel())
        blocks = vector.reshape(shape)
        blocks = 0.5 * (blocks + np.swapaxes(blocks, 1, 2))
        self.leading = blocks * np.sign(np.einsum("ikk->", blocks) or 1.0)
        return value


def largest_by_lanczos(
    apply: Callable[[np.ndarray], np.ndarray], start: np.ndarray, *, accuracy: float = 1e-13
) -> tuple[float, np.ndarray]:
    """Largest eigenvalue of a symmetric operator, and its eigenvector.

    Lanczos with full reorthogonalisation, until the value's error, the square of the residual over
    the gap to the next one, is below `accuracy` of it. What is orthogonal to the start is not seen.

    Parameters
    ----------
    apply
        The operator.
    start
        Not zero.
    """
    basis = [start / np.linalg.norm(start)]
    diagonal: list[float] = []
    beside: list[float] = []
    while True:
        image = apply(basis[-1])
        diagonal.append(float(basis[-1] @ image))
        known = np.array(basis)
        for _ in range(2):
            image = image - known.T @ (known @ image)
        matrix = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
        values, vectors = np.linalg.eigh(matrix)
        length = float(np.linalg.norm(image))
        residual = length * abs(float(vectors[-1, -1]))
        scale = max(abs(float(values[-1])), abs(float(values[0])))
        gap = float(values[-1] - values[-2]) if len(values) > 1 else 0.0
        small = residual**2 <= accuracy * scale * gap and residual <= 1e-6 * scale
        ended = length <= 1e-14 * scale or len(basis) >= min(start.size, MOST_PRODUCTS)
        if small or ended:
            return float(values[-1]), known.T @ vectors[:, -1]
        beside.append(length)
        basis.append(image / length)
