r"""The Kramers equation on a grid of phase space, by splitting.

    dp/dt = -v dp/dx  -  a(x) dp/dv  +  damping d/dv (v + v_T^2 d/dv) p

(Kramers, Physica 7 (1940) 284; Risken, *The Fokker-Planck Equation* (1989), section 10). Each part
is solved alone:
drift and kick are shifts of rows (`langevin_sgd.fokker_planck.transport`), friction with its noise
is one matrix of transition probabilities between velocities. A step is kick/2, drift/2, friction,
drift/2, kick/2, the order of BAOAB (Leimkuhler and Matthews, Applied Mathematics Research eXpress
2013, 34): second order in time.

Every part keeps the density positive and conserves probability to rounding; friction leaves the
Maxwell distribution unchanged to rounding. The Boltzmann distribution is stationary up to the error
of a step. A density is its values at the cell centres. Walls reflect elastically (x, v) -> (x, -v),
absorb, or join into a ring.
"""

from __future__ import annotations

import math

import numpy as np

from langevin_sgd.fokker_planck.chain import jump_rates
from langevin_sgd.fokker_planck.equations import PhaseSpace
from langevin_sgd.fokker_planck.exponential import propagate
from langevin_sgd.fokker_planck.grid import Axis
from langevin_sgd.fokker_planck.transport import WIDTH, mix_rows, shift_rows, shift_weights

_SCALINGS = 8
_NARROW = 0.8
_ROUNDING = 1e-18


class Shift:
    """Shift of the rows of an array by amounts given in cells.

    Beyond the ends `room` empty cells are kept.
    """

    def __init__(self, amounts: np.ndarray, cells: int, room: int) -> None:
        whole = np.floor(amounts)
        self._whole, self._weights = whole.astype(np.int64), shift_weights(amounts - whole)
        self._cells = cells
        self._source, self._moved = np.zeros((2, len(amounts), cells + room))

    @property
    def source(self) -> np.ndarray:
        """The rows to be moved, (row, cell), to be filled before a call."""
        return self._source[:, : self._cells]

    def __call__(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows moved, (row, cell), and what went beyond the ends, (row, room)."""
        shift_rows(self._source, self._whole, self._weights, self._moved)
        return self._moved[:, : self._cells], self._moved[:, self._cells :]


class Drift:
    """Free flight over a time, x += v time, with the walls of the axis.

    Densities are (velocity, position).
    """

    def __init__(self, position: Axis, velocity: Axis, time: float) -> None:
        self._is_ring, cells = position.boundary == "periodic", position.cells
        amounts = velocity.centres * time / position.width
        room = 0 if self._is_ring else int(np.ceil(np.abs(amounts).max())) + WIDTH
        self._half = velocity.cells // 2
        self._low_reflects, self._high_reflects = (
            not position.absorbs_low,
            not position.absorbs_high,
        )
        self._unfolds = not self._is_ring and (self._low_reflects or self._high_reflects)
        if self._unfolds:
            closed = self._low_reflects and self._high_reflects
            self._shift = Shift(amounts[self._half :], 2 * cells, 0 if closed else room)
        else:
            self._shift = Shift(amounts, cells, 2 * room)

    def __call__(self, mass: np.ndarray) -> None:
        """Move `mass` in place."""
        if not self._unfolds:
            self._shift.source[:] = mass
            mass[:] = self._shift()[0]
            return
        # A reflected particle flies on through the mirror image of the stretch, where its velocity
        # is reversed.
        cells, half = mass.shape[1], self._half
        images = self._images(self._shift.source, cells)
        images[0][:], images[1][:] = mass[half:], mass[half - 1 :: -1, ::-1]
        moved = self._images(self._shift()[0], cells)
        mass[half:], mass[half - 1 :: -1, ::-1] = moved

    def _images(self, rows: np.ndarray, cells: int) -> tuple[np.ndarray, np.ndarray]:
        first, second = rows[:, :cells], rows[:, cells:]
        return (first, second) if self._high_reflects else (second, first)


class Kick:
    """Change of velocity over a time, v += a(x) time.

    What goes beyond the largest velocity stays in the last cell.
    """

    def __init__(self, acceleration: np.ndarray, velocity: Axis, time: float) -> None:
        amounts = acceleration * time / velocity.width
        self._room = int(np.ceil(np.abs(amounts).max())) + WIDTH
        self._shift = Shift(amounts, velocity.cells, 2 * self._room)

    def __call__(self, mass: np.ndarray) -> None:
        """Change `mass` (velocity, position) in place."""
        self._shift.source[:] = mass.T
        moved, beyond = self._shift()
        moved[:, -1] += beyond[:, : self._room].sum(axis=1)
        moved[:, 0] += beyond[:, self._room :].sum(axis=1)
        mass[:] = moved.T


def friction_matrix(phase: PhaseSpace, velocity: Axis, time: float) -> np.ndarray:
    """Transition probabilities (to, from) of velocity under friction and noise over a time.

    The Gaussian kernel of the Ornstein-Uhlenbeck process at the cell centres, where it is about as
    wide as a cell or wider (the error of the quadrature is exp(-2 pi^2 variance/h^2), at most
    1e-7), else the exponential of the Scharfetter-Gummel chain. The first is scaled symmetrically
    until it conserves probability and leaves the Maxwell distribution unchanged, both to rounding.
    """
    centres, h = velocity.centres / phase.thermal_velocity, velocity.width / phase.thermal_velocity
    memory = np.exp(-phase.damping * time)
    variance = -np.expm1(-2 * phase.damping * time)
    if variance < _NARROW * h * h:
        return _friction_chain(phase, velocity, time)
    root = np.exp(-(centres**2) / 4)
    exponent = (centres[:, None] - memory * centres) ** 2 / (2 * variance) + (
        centres**2 - centres[:, None] ** 2
    ) / 4
    symmetric = np.exp(-exponent)  # kernel(i, j) sqrt(maxwell_j / maxwell_i), up to a factor
    scale = np.full(len(centres), np.sqrt(h / np.sqrt(2 * np.pi * variance)))
    for _ in range(_SCALINGS):
        scale *= np.sqrt(root / (scale * (symmetric @ (scale * root))))
    matrix: np.ndarray = (scale * root)[:, None] * symmetric * (scale / root)
    return matrix / matrix.sum(axis=0)


def _friction_chain(phase: PhaseSpace, velocity: Axis, time: float) -> np.ndarray:
    right, left = friction_rates(phase, velocity)
    cells = velocity.cells
    right, left, kill = (
        np.repeat(rates[:, None], cells, axis=1) for rates in (right, left, np.zeros(cells))
    )
    return propagate(right, left, kill, np.eye(cells), time)


def friction_rates(phase: PhaseSpace, velocity: Axis) -> tuple[np.ndarray, np.ndarray]:
    """Rates of jumps to the next and previous cell of velocity (Scharfetter and Gummel).

    Both are (velocity,).
    """
    rise = np.diff(velocity.centres**2) / (2 * phase.thermal_velocity**2)
    speed = phase.damping * (phase.thermal_velocity / velocity.width) ** 2
    return jump_rates(rise, speed, ring=False)


def _banded(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a transition matrix without its entries below rounding, and what rows hold.

    Row i holds entries of the columns first[i] <= j < stop[i].
    """
    kept = np.where(matrix > _ROUNDING, matrix, 0.0)
    kept /= kept.sum(axis=0)
    first = np.argmax(kept > 0, axis=1)
    return kept, first, kept.shape[1] - np.argmax(kept[:, ::-1] > 0, axis=1)


def friction_stride(phase: PhaseSpace, velocity: Axis, step: float, gap: float) -> int:
    """Apply friction every this many steps; the number is odd.

    Weak friction is applied once for several steps, in the middle of them, so that its noise is as
    wide as a cell; at every step if that would take longer than half of `gap`. What it costs is of
    second order in damping h^2/damping, whereas many narrow kernels would smear the density.
    """
    needed = _NARROW * (velocity.width / phase.thermal_velocity) ** 2 / (2 * phase.damping * step)
    stride = 2 * math.ceil((needed - 1) / 2) + 1
    return stride if needed > 1 and stride * step <= gap / 2 else 1


class Step:
    """Steps of the splitting over a physical time each.

    Parameters
    ----------
    phase
        The equation.
    position, velocity
        The axes.
    time
        Length of a step.
    stride
        Apply friction every this many steps; must be odd.
    """

    def __init__(
        self, phase: PhaseSpace, position: Axis, velocity: Axis, time: float, stride: int = 1
    ) -> None:
        acceleration = phase.acceleration(position.centres)
        self._half_kick, self._kick = (
            Kick(acceleration, velocity, share * time) for share in (0.5, 1.0)
        )
        self._half_drift, self._drift = (
            Drift(position, velocity, share * time) for share in (0.5, 1.0)
        )
        self._friction = _banded(friction_matrix(phase, velocity, stride * time))
        self._scratch = np.empty((velocity.cells, position.cells))
        self._stride = stride

    def repeat(self, mass: np.ndarray, steps: int) -> None:
        """Take `steps` steps, a multiple of the stride, with `mass` (position, velocity), in place.

        The kicks of neighbouring steps are one.
        """
        state = np.ascontiguousarray(mass.T)
        self._half_kick(state)
        for step in range(steps):
            if step % self._stride == self._stride // 2:
                self._half_drift(state)
                mix_rows(*self._friction, state, self._scratch)
                state[:] = self._scratch
                self._half_drift(state)
            else:
                self._drift(state)
            (self._kick if step < steps - 1 else self._half_kick)(state)
        mass[:] = state.T
