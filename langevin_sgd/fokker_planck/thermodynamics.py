r"""Free energy and entropy production along a solution.

    F(t) - F_equilibrium = T sum_i p_i ln(p_i / pi_i),
    entropy production   = sum over faces of J ln(k+ p_i / (k- p_{i+1})),
    J = k+ p_i - k- p_{i+1} >= 0 each,

pi being the stationary probabilities and k+, k- the rates of the jumps through a face
(Schnakenberg, Rev. Mod. Phys. 48
(1976) 571). Where nothing circulates T times the entropy production is exactly -dF/dt of the chain,
       and F falls at
every time: both carry over from the continuum (Risken, *The Fokker-Planck Equation* (1989), section
6.1) without error. Temperatures are those of the noise (Boltzmann's constant is 1); where an
equation has none T is 1.
"""

from __future__ import annotations

import numpy as np

_FLOOR = 1e-300
"""Stands for an empty cell in a logarithm."""


def log(probability: np.ndarray) -> np.ndarray:
    """Logarithm of probabilities, some of which may be zero.

    Where this is used, these count nothing.
    """
    logarithm: np.ndarray = np.log(np.maximum(probability, _FLOOR))
    return logarithm


def relative_entropy(mass: np.ndarray, log_reference: np.ndarray) -> np.ndarray:
    """Sum over all dimensions but the first of mass (ln mass - log_reference), (time,)."""
    terms = mass * (log(mass) - log_reference)
    total: np.ndarray = terms.reshape(len(mass), -1).sum(axis=1)
    return total


def pair_production(right: np.ndarray, left: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """Entropy produced per physical time by the jumps of closed chains.

    Parameters
    ----------
    right, left
        (cell,), rates as in `langevin_sgd.fokker_planck.chain.Chain`.
    mass
        (..., cell), cell probabilities.

    Returns
    -------
    numpy.ndarray
        (...).
    """
    forward, backward = right * mass, np.roll(left * mass, -1, axis=-1)
    # A face that neither side can cross (the end of a line) has both zero and counts nothing.
    produced: np.ndarray = ((forward - backward) * (log(forward) - log(backward))).sum(axis=-1)
    return produced
