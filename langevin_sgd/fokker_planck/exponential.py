r"""The exponential of a generator of a one-dimensional jump process, at any time in one go.

    p(t) = e^{tA} p(0) = -2 Re sum_k (c_k/t) (z_k/t - A)^{-1} p(0)

A is the generator of jumps between neighbouring cells (rates to the right and to the left, and
rates of being killed), z_k and c_k are poles and residues of the best rational approximation of e^x
on the negative axis, found by the Caratheodory-Fejer method (Trefethen, Weideman and Schmelzer,
*Talbot quadratures and rational approximations*, BIT 46 (2006) 653, and the program given there).
At degree 14 the error is 6e-14 on the whole negative axis, so that a step of any length has an
error of time of so much of a mass in units of sqrt(rest), rest the stationary one, in which A is
symmetric, and keeps a density positive, to rounding. Of a mass that began in cell j the error in
cell i is at most 6e-14 sqrt(rest_i/rest_j) (derived), far downhill of its start more than rounding,
until it has relaxed. It takes seven complex tridiagonal systems for each time.

The spectrum must be real (no net circulation), or the imaginary parts of t times the eigenvalues
small: 3e-8 at 2.

The systems are solved without a subtraction of large numbers (derived; Grassmann, Taksar and
Heyman, Operations Research 33 (1985) 1107, do so for stationary laws). With z + kill + left + right
on the diagonal, eliminating cell i - 1 leaves a cell i that is killed, as it were, at the rate

    kappa_i = z + kill_i + left_i kappa_{i-1} / (right_{i-1} + kappa_{i-1}),
    pivot_i = right_i + kappa_i .
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.linalg import hankel

from langevin_sgd.kernels.compiled import inlined, kernel

DEGREE = 14
"""Degree of the rational function, which must be even.

A higher one gains nothing in double precision.
"""

_COEFFICIENTS, _POINTS, _SCALE = 75, 1024, 9.0  # of the method; the values of the paper's program


@lru_cache(maxsize=1)
def poles_and_residues() -> tuple[np.ndarray, np.ndarray]:
    """Poles with positive imaginary part, and their residues.

    The residues are doubled, since each pole stands for its conjugate too.
    """
    circle = np.exp(2j * np.pi * np.arange(_POINTS) / _POINTS)
    cosine = circle.real
    chebyshev = np.fft.fft(np.exp(_SCALE * (cosine - 1) / (cosine + 1 + 1e-16))).real / _POINTS
    left, values, right = np.linalg.svd(hankel(chebyshev[1 : _COEFFICIENTS + 1]))
    blaschke = np.fft.fft(left[::-1, DEGREE], _POINTS) / np.fft.fft(right[DEGREE], _POINTS)
    series = np.polyval(chebyshev[_COEFFICIENTS::-1], circle)
    approximation = series - values[DEGREE] * circle**_COEFFICIENTS * blaschke
    roots = np.roots(right[DEGREE])
    roots = roots[np.abs(roots) > 1]
    numerator = (
        np.fft.fft(approximation * np.polyval(np.poly(roots), circle)).real[DEGREE::-1] / _POINTS
    )
    others = [np.prod(root - np.delete(roots, k)) for k, root in enumerate(roots)]
    poles = _SCALE * (roots - 1) ** 2 / (roots + 1) ** 2
    residues = 4 * np.polyval(numerator, roots) / np.array(others) * poles / (roots**2 - 1)
    at_zero = -np.sum(
        residues / poles
    ).real  # one up to rounding: made exact, for it is what conserves probability
    upper = poles.imag > 0
    return poles[upper], 2 * residues[upper] / at_zero


@inlined
def _reciprocal(z: complex) -> complex:
    size = 1.0 / (z.real * z.real + z.imag * z.imag)
    return complex(z.real * size, -z.imag * size)


@kernel
def _resolvent(
    right: np.ndarray,
    left: np.ndarray,
    kill: np.ndarray,
    source: np.ndarray,
    shift: complex,
    back: np.ndarray,
    pivots: np.ndarray,
    solution: np.ndarray,
) -> None:
    """Solve (shift - A) solution = source for chains on a line.

    `back` and `pivots`, (2, chain), are scratch.
    """
    cells, chains = source.shape
    kappa, inverse = pivots[0], pivots[1]
    for c in range(chains):
        kappa[c] = shift + kill[0, c]
        inverse[c] = _reciprocal(right[0, c] + kappa[c])
        solution[0, c] = source[0, c] * inverse[c]
    for i in range(1, cells):
        for c in range(chains):
            kappa[c] = shift + kill[i, c] + left[i, c] * (kappa[c] * inverse[c])
            back[i - 1, c] = left[i, c] * inverse[c]
            inverse[c] = _reciprocal(right[i, c] + kappa[c])
            solution[i, c] = (source[i, c] + right[i - 1, c] * solution[i - 1, c]) * inverse[c]
    for i in range(cells - 2, -1, -1):
        for c in range(chains):
            solution[i, c] += back[i, c] * solution[i + 1, c]


@kernel
def add_resolvents(
    right: np.ndarray,
    left: np.ndarray,
    kill: np.ndarray,
    source: np.ndarray,
    shift: np.ndarray,
    weight: np.ndarray,
    total: np.ndarray,
) -> None:
    """Add Re sum_k weight_k (shift_k - A)^{-1} source to `total`, for many chains at once.

    Parameters
    ----------
    right, left, kill
        (cell, chain), rates of jumping to the next and the previous cell and of being killed; the
        last rate to the right and the first to the left are zero.
    source, total
        (cell, chain).
    shift, weight
        (pole,), complex.
    """
    cells, chains = source.shape
    back = np.empty((cells, chains), np.complex128)
    solution = np.empty((cells, chains), np.complex128)
    pivots = np.empty((2, chains), np.complex128)
    for pole in range(len(shift)):
        _resolvent(right, left, kill, source, shift[pole], back, pivots, solution)
        for i in range(cells):
            for c in range(chains):
                total[i, c] += (weight[pole] * solution[i, c]).real


@kernel
def add_ring_resolvents(
    right: np.ndarray,
    left: np.ndarray,
    source: np.ndarray,
    shift: np.ndarray,
    weight: np.ndarray,
    total: np.ndarray,
) -> None:
    """Do what `add_resolvents` does, on rings.

    The last `right` leads to the first cell, and the first `left` to the last.

    A ring is cut open; what crosses the cut is killed, and comes back as a source of unknown
    strength at either end.
    """
    cells, chains = source.shape
    open_right, open_left, kill = right.copy(), left.copy(), np.zeros((cells, chains))
    open_right[-1], open_left[0] = 0.0, 0.0
    kill[0] += left[0]
    kill[-1] += right[-1]
    ends = np.zeros((2, cells, chains))
    ends[0, 0] = 1.0
    ends[1, -1] = 1.0
    back = np.empty((cells, chains), np.complex128)
    pivots = np.empty((2, chains), np.complex128)
    solution = np.empty((3, cells, chains), np.complex128)
    for pole in range(len(shift)):
        _resolvent(open_right, open_left, kill, source, shift[pole], back, pivots, solution[0])
        _resolvent(open_right, open_left, kill, ends[0], shift[pole], back, pivots, solution[1])
        _resolvent(open_right, open_left, kill, ends[1], shift[pole], back, pivots, solution[2])
        for c in range(chains):
            last, first = right[-1, c], left[0, c]
            # Strengths a (at the first cell) and b (at the last): a = last * x_last, b = first *
            # x_first.
            m11, m12 = 1.0 - last * solution[1, -1, c], -last * solution[2, -1, c]
            m21, m22 = -first * solution[1, 0, c], 1.0 - first * solution[2, 0, c]
            scale = weight[pole] * _reciprocal(m11 * m22 - m12 * m21)
            flow, ebb = last * solution[0, -1, c], first * solution[0, 0, c]
            a, b = scale * (m22 * flow - m12 * ebb), scale * (m11 * ebb - m21 * flow)
            for i in range(cells):
                weighted = (
                    weight[pole] * solution[0, i, c] + a * solution[1, i, c] + b * solution[2, i, c]
                )
                total[i, c] += weighted.real


def propagate(
    right: np.ndarray,
    left: np.ndarray,
    kill: np.ndarray,
    mass: np.ndarray,
    time: float,
    *,
    ring: bool = False,
) -> np.ndarray:
    """Return e^{time A} mass for chains side by side, (cell, chain) all.

    Rounding below zero counts as zero.
    """
    if time == 0:
        return mass.copy()
    poles, residues = poles_and_residues()
    total = np.zeros(mass.shape)
    if ring:
        add_ring_resolvents(right, left, mass, poles / time, -residues / time, total)
    else:
        add_resolvents(right, left, kill, mass, poles / time, -residues / time, total)
    np.maximum(total, 0.0, out=total)
    if ring or not kill.any():
        before, after = mass.sum(axis=0), total.sum(axis=0)
        # They differ by rounding, which would add up over many steps.
        total *= np.divide(before, after, out=np.ones_like(after), where=after > 0)
    return total
