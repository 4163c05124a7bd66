"""Time evolution and stationary state of a chain.

On a line the spectrum is real and a time of any length is one step
(`langevin_sgd.fokker_planck.exponential`). On a ring around which probability circulates
eigenvalues are complex, -D k^2 + i c k for a uniform drift c. The imaginary parts of what is still
there after a time t (D k^2 t < 30) are below c sqrt(30 t/D); time is cut into steps of at most 2
D/c^2, with c the rise of the potential around the ring times D over its length. Against matrix
exponentials that leaves errors below 1e-9, in tilted potentials too.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.sparse import diags_array
from scipy.sparse.linalg import spsolve

from langevin_sgd.fokker_planck.chain import JumpChain
from langevin_sgd.fokker_planck.exponential import propagate
from langevin_sgd.fokker_planck.thermodynamics import log

_STEPS = 0.5
"""Steps per time D/c^2."""


def evolve(chain: JumpChain, mass: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return cell probabilities (time, cell) at increasing times, from those at time zero."""
    evolved = np.empty((len(times), len(mass)))
    right, left, kill = (rates[:, None] for rates in (chain.right, chain.left, chain.kill))
    state, now, ring = np.ascontiguousarray(mass[:, None]), 0.0, chain.axis.boundary == "periodic"
    for row, time in enumerate(times):
        steps = _steps(chain, time - now)
        for _ in range(steps):
            state = propagate(right, left, kill, state, (time - now) / steps, ring=ring)
        evolved[row], now = state[:, 0], time
    return evolved


def _steps(chain: JumpChain, time: float) -> int:
    if abs(chain.circulation) < 1e-9:
        return 1
    length = chain.axis.high - chain.axis.low
    diffusion = chain.axis.width**2 * float(np.sqrt(chain.right * chain.left_of_next).max())
    return max(1, math.ceil(_STEPS * diffusion * (chain.circulation / length) ** 2 * time))


def stationary(chain: JumpChain) -> np.ndarray:
    """Return the stationary probabilities of a closed chain, (cell,)."""
    probability: np.ndarray = np.exp(log_stationary(chain))
    return probability


def log_stationary(chain: JumpChain) -> np.ndarray:
    """Return their logarithm, (cell,), which has no smallest value."""
    if abs(chain.circulation) <= 1e-12 * np.abs(chain.rise).sum():
        return chain.log_equilibrium()
    generator = matrix(chain).tolil()
    generator[0] = 1.0
    right_side = np.zeros(chain.axis.cells)
    right_side[0] = 1.0
    return log(spsolve(generator.tocsc(), right_side))


def matrix(chain: JumpChain) -> diags_array:
    """Return the generator as a sparse matrix, (cell, cell): d mass/dt = matrix @ mass."""
    cells = chain.axis.cells
    bands = {
        0: -(chain.right + chain.left + chain.kill),
        -1: chain.right[:-1],
        1: chain.left[1:],
        cells - 1: chain.right[-1:],
        1 - cells: chain.left[:1],
    }
    return diags_array(list(bands.values()), offsets=list(bands), shape=(cells, cells))
