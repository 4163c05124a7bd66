r"""The normals of a step from those of its two halves, on the same Wiener process.

An integrator's normals are integrals of the Wiener process over its step, each of unit variance;
those over a step follow exactly from those over its halves:

    `increments`   integrals of dW
    `frictions`    integrals of exp(-rate (t - s)) dW
    `legendre`     integrals against the first three Legendre polynomials: up to their signs the W,
                   H and K of `langevin_sgd.sde.shifted_ode`

Derived: an integral over the step is the sum over its halves of the same integrand, expanded there.
Arrays are (step, draw, source, replica) with an even number of steps.
"""

from __future__ import annotations

import math

import numpy as np


def increments(fine: np.ndarray) -> np.ndarray:
    """Join Wiener increments."""
    joined: np.ndarray = (fine[0::2] + fine[1::2]) / math.sqrt(2)
    return joined


def frictions(fine: np.ndarray, size: float, rate: float) -> np.ndarray:
    """Join integrals of exp(-rate (t - s)) dW over halves of length `size`."""
    keep = math.exp(-rate * size)
    joined: np.ndarray = (keep * fine[0::2] + fine[1::2]) / math.sqrt(1 + keep**2)
    return joined


def legendre(fine: np.ndarray) -> np.ndarray:
    """Project W, H and K of the halves onto the whole."""
    nodes, weights = np.polynomial.legendre.leggauss(6)
    norm = np.sqrt(2 * np.arange(3) + 1)
    sign = np.array([1.0, -1.0, 1.0])  # H is minus the integral against the first polynomial
    joined = np.zeros_like(fine[0::2])
    for half, offset in ((fine[0::2], -0.5), (fine[1::2], 0.5)):
        whole = np.polynomial.legendre.legvander(nodes / 2 + offset, 2) * norm
        own = np.polynomial.legendre.legvander(nodes, 2) * norm
        project = np.einsum("n,ni,nj->ij", weights / 2, whole, own) / math.sqrt(2)
        joined = joined + np.einsum("ij,sjkr->sikr", np.outer(sign, sign) * project, half)
    return joined
