r"""The Scharfetter-Gummel discretisation: a one-dimensional equation as a chain of cells.

Between the centres of two cells a distance h apart, let the generalised potential rise by w,
linearly, and D be that of the face. The exact flux of a stationary current is then

    J = (D/h) [B(w) p_i - B(-w) p_{i+1}],      B(w) = w/(e^w - 1) ,

(Scharfetter and Gummel, IEEE Trans. Electron Devices 16 (1969) 64; Chang and Cooper, J. Comput.
Phys. 6 (1970) 1), that is, jumps at rates D B(w)/h^2 to the right and D B(-w)/h^2 to the left. For
any w and h the rates are positive, so the density stays positive; what leaves a cell enters its
neighbour; and p ~ e^{-Phi} at the cell centres is exactly stationary. The error is O(h^2). A
density is its values at the cell centres; its integral is their sum times h.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import InputError
from langevin_sgd.fokker_planck.equations import Line
from langevin_sgd.fokker_planck.grid import Axis


def bernoulli(w: np.ndarray) -> np.ndarray:
    """Return w/(e^w - 1), 1 at w = 0."""
    safe = np.where(w == 0, 1.0, np.minimum(w, 700.0))
    return np.where(w == 0, 1.0, safe / np.expm1(safe))


@dataclass(frozen=True, eq=False)
class JumpChain:
    """Rates of jumps between the cells of an axis, per physical time.

    They may be those of several chains side by side, (cell, chain).

    Parameters
    ----------
    axis
        The cells.
    right, left
        (cell,), rates of jumping to the next and to the previous cell. On a ring the last cell's
        next one is the first; else the last `right` and the first `left` are zero.
    kill
        (cell,), rates of leaving through an absorbing end.
    rise
        (face,), differences of the generalised potential from each cell to the next; on a ring
        there is one more, that from the last cell to the first.
    """

    axis: Axis
    right: np.ndarray
    left: np.ndarray
    kill: np.ndarray
    rise: np.ndarray

    @property
    def circulation(self) -> float:
        """Rise of the generalised potential around a ring.

        It is 0 on a line, where every flux can be balanced.
        """
        return float(self.rise.sum()) if self.axis.boundary == "periodic" else 0.0

    def log_equilibrium(self) -> np.ndarray:
        """Logarithm of the probabilities e^{-Phi} of the cells.

        They are stationary where nothing circulates or leaves.
        """
        height = np.concatenate([[0.0], np.cumsum(self.rise[: len(self.right) - 1])])
        height -= height.min()
        logarithm: np.ndarray = -height - np.log(np.exp(-height).sum())
        return logarithm

    def current(self, mass: np.ndarray) -> np.ndarray:
        """Probability flux per physical time through the faces, first to last.

        Parameters
        ----------
        mass
            Probabilities of cells, (..., cell), or (..., cell, chain) for chains side by side.

        Returns
        -------
        numpy.ndarray
            (..., cell + 1), or (..., cell + 1, chain).
        """
        along = -self.right.ndim
        into_next = self.right * mass - np.roll(self.left * mass, -1, axis=along)
        into_next, last = np.split(into_next, [self.axis.cells - 1], axis=along)
        if self.axis.boundary == "periodic":
            return np.concatenate([last, into_next, last], axis=along)
        leaving = self.kill * mass
        low, high = (np.take(leaving, [cell], axis=along) for cell in (0, -1))
        return np.concatenate([-low, into_next, high], axis=along)

    @property
    def left_of_next(self) -> np.ndarray:
        """Rates at which each cell's next one jumps back."""
        return np.roll(self.left, -1, axis=0)


def jump_rates(
    rise: np.ndarray, speed: np.ndarray | float, *, ring: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Rates of jumping to the next and to the previous cell, (cell, ...) each.

    Parameters
    ----------
    rise
        (face, ...), differences of the generalised potential: between the cells of a line, and from
        the last to the first cell too on a ring.
    speed
        D/h^2, of the same shape or one that broadcasts to it.
    ring
        Whether the last cell's next one is the first.
    """
    up, down = speed * bernoulli(rise), speed * bernoulli(-rise)
    if ring:
        return up, np.roll(down, 1, axis=0)
    wall = np.zeros((1, *rise.shape[1:]))
    return np.concatenate([up, wall]), np.concatenate([wall, down])


def discretise(line: Line, axis: Axis) -> JumpChain:
    """Return the rates of a line, or of several side by side, on an axis.

    Raises
    ------
    InputError
        If potential or diffusion coefficient are not finite in the domain.
    """
    h, centres, ring = axis.width, axis.centres, axis.boundary == "periodic"
    nodes = np.append(centres, centres[-1] + h) if ring else centres
    rise = np.asarray(line.rise(nodes), dtype=float)
    diffusion = np.asarray(line.diffusion((nodes[:-1] + nodes[1:]) / 2), dtype=float)
    if not (np.isfinite(rise).all() and np.isfinite(diffusion).all()):
        raise InputError(
            f"domain = {(axis.low, axis.high)}: drift or diffusion is not finite everywhere in it"
        )
    right, left = jump_rates(rise, diffusion / h**2, ring=ring)
    kill = np.zeros(right.shape)
    for absorbs, end, cell in ((axis.absorbs_low, axis.low, 0), (axis.absorbs_high, axis.high, -1)):
        if absorbs:
            kill[cell] = _rate_through(line, centres[cell], end)
    return JumpChain(axis=axis, right=right, left=left, kill=kill, rise=rise)


def _rate_through(line: Line, centre: float, end: float) -> np.ndarray:
    """Rate at which a cell loses probability to an absorbing end half a cell away."""
    half = abs(end - centre)
    rise = np.asarray(line.rise(np.array(sorted((centre, end)))))[0] * (1 if end > centre else -1)
    diffusion = np.asarray(line.diffusion(np.array([(centre + end) / 2])))[0]
    rate: np.ndarray = diffusion * bernoulli(rise) / (half * 2 * half)
    return rate
