"""Paths at steps h, h/2, h/4 ... that are driven by one Wiener process.

The normals of a coarse step are made from those of its two halves, by the rule by which an
integrator's normals follow from the Wiener process: ``increments`` (integrals of dW), ``frictions``
(integrals of exp(-rate (t - s)) dW) and ``legendre`` (integrals against the first three Legendre
polynomials, up to their signs W, H and K). All are exact.
"""

import math

import numpy as np

import langevin_sgd as ls


def increments(fine: np.ndarray, size: float, rate: float) -> np.ndarray:
    """Join Wiener increments (step, draw, source, replica)."""
    return (fine[0::2] + fine[1::2]) / math.sqrt(2)


def frictions(fine: np.ndarray, size: float, rate: float) -> np.ndarray:
    """Join integrals of exp(-rate (t - s)) dW over halves of length `size`, each of unit
    variance.
    """
    keep = math.exp(-rate * size)
    return (keep * fine[0::2] + fine[1::2]) / math.sqrt(1 + keep**2)


def legendre(fine: np.ndarray, size: float, rate: float) -> np.ndarray:
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


JOINS = {
    ls.sde.EulerMaruyama(): (increments, 1, 1),
    ls.sde.Milstein(): (increments, 1, 1),
    ls.sde.Heun(): (increments, 1, 1),
    ls.sde.BAOAB(): (frictions, 1, 1),
    ls.sde.OBABO(): (frictions, 2, 2),
    ls.sde.ShiftedODE(): (legendre, 3, 1),
}
"""Integrator -> rule, normals per step, and stretches of time per step among which they are shared
out.
"""


def ends(
    equation: ls.Underdamped | ls.Overdamped,
    integrator: ls.sde.Integrator,
    *,
    start: float,
    coarsest: int,
    levels: int,
    normals: np.ndarray,
) -> np.ndarray:
    """Positions at the end of one step of SGD, cut into coarsest * 2^level steps of an integrator.

    Parameters
    ----------
    equation
        With one parameter.
    integrator
        One of `JOINS`.
    start
        Position at the beginning, at rest.
    coarsest, levels
        Steps on the first level, and how many levels there are.
    normals
        Those of the finest level, (stretch, draw per stretch, 1, replica).

    Returns
    -------
    numpy.ndarray
        (level, replica).
    """
    join, draws, stretches = JOINS[integrator]
    rate = equation.friction / getattr(equation, "mass", 1.0)
    found = []
    for level in range(levels - 1, -1, -1):
        steps = coarsest * 2**level
        given = normals.reshape(steps, draws, 1, -1)
        position, _ = ls.sde.follow(
            equation, integrator, given, start=np.array([start]), substeps=steps
        )
        found.append(position[-1, :, 0])
        normals = join(normals, equation.step_time / steps / stretches, rate)
    return np.array(found[::-1])
