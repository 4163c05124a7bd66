r"""Named potentials, with exact moments of exp(-U/T) where they exist.

Each returns a `Potential`; parameters may be arrays over replicas. The moments are derived in the
docstrings and tested against quadrature.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from langevin_sgd.checks import as_array, require
from langevin_sgd.models.potentials.potential import (
    BoltzmannMoments,
    Potential,
    Value,
    checked_values,
)
from langevin_sgd.models.potentials.quadratic import Quadratic


def quadratic(
    spectrum: Sequence[float] | np.ndarray,
    *,
    centre: np.ndarray | None = None,
    eigenvectors: np.ndarray | None = None,
) -> Quadratic:
    """Quadratic potential with a given spectrum.

    Parameters
    ----------
    spectrum
        (eigenmode,), eigenvalues of the stiffness, of either sign.
    centre
        (parameter,), where the force vanishes; zero by default.
    eigenvectors
        (parameter, eigenmode), orthogonal; the identity by default.

    Returns
    -------
    Quadratic

    Examples
    --------
    >>> quadratic([4.0, 1.0]).boltzmann(2.0).covariance.tolist()
    [[0.5, 0.0], [0.0, 2.0]]
    """
    values = as_array("spectrum", spectrum, ndim=1)
    require(values.size > 0, "spectrum", spectrum, "must be a list of numbers")
    square = values.size, values.size
    vectors = (
        np.eye(values.size)
        if eigenvectors is None
        else as_array("eigenvectors", eigenvectors, shape=square)
    )
    orthogonal = bool(np.allclose(vectors.T @ vectors, np.eye(values.size), rtol=0, atol=1e-8))
    require(orthogonal, "eigenvectors", eigenvectors, "must be orthogonal, of length one")
    return Quadratic(stiffness=(vectors * values) @ vectors.T, centre=centre)


def double_well(*, quartic: Value = 1.0, curvature: Value = 1.0) -> Potential:
    r"""Symmetric double well U = quartic x^4/4 - curvature x^2/2.

    Wells at x^2 = curvature/quartic, barrier height curvature^2/(4 quartic). With z =
    curvature^2/(8 quartic T),

        Z = (pi/2) sqrt(curvature/quartic) e^z [I_{1/4}(z) + I_{-1/4}(z)],

    <x^2> = 2 T d(ln Z)/d(curvature), and <x U'> = T gives <x^4> (derived; curvature > 0).

    Examples
    --------
    >>> print(round(double_well().boltzmann(0.25).covariance[0, 0], 6))
    0.832745
    """
    return Potential.from_sympy(
        "quartic*x**4/4 - curvature*x**2/2",
        parameters=checked_values({"quartic": quartic, "curvature": curvature}),
        moments=_double_well_moments,
        name="double well",
    )


def _double_well_moments(temperature: float, quartic: float, curvature: float) -> BoltzmannMoments:
    require(curvature > 0, "curvature", curvature, "moments are known for a double well only")
    require(quartic > 0, "quartic", quartic, "moments are known for a double well only")
    # In units of (T/quartic)^(1/4) the density is exp(-u^4/4 + b u^2/2).
    b = curvature / math.sqrt(quartic) / math.sqrt(temperature)
    if b < 2:
        square = _series_of_square(b) * math.sqrt(temperature / quartic)
    else:
        square = curvature / quartic * _square_over_bottom(b * b / 8)
    return BoltzmannMoments(
        mean=np.zeros(1),
        covariance=np.array([[square]]),
        energy=(temperature - curvature * square) / 4,
    )


def _series_of_square(b: float) -> float:
    """<u^2> of exp(-u^4/4 + b u^2/2) by series in b: terms of one sign, no digits are lost."""
    terms = [b**n / math.factorial(n) * math.gamma((2 * n + 1) / 4) for n in range(50)]
    above = [b**n / math.factorial(n) * math.gamma((2 * n + 3) / 4) for n in range(50)]
    return 2 * sum(above) / sum(terms)


def _square_over_bottom(z: float) -> float:
    """<x^2> over its value curvature/quartic at the bottom of the wells.

    That is 2 T quartic/curvature d(ln Z)/d(curvature).
    """
    from scipy.special import ive, kve

    if z > 1e6:  # Hankel's expansion: what is left out is below rounding
        return 1 - 1 / (8 * z) - 3 / (64 * z * z)
    # I_{-n} = I_n + (2/pi) sin(n pi) K_n; ive and kve carry e^{-z} and e^{z}.
    reflected = math.sqrt(2) / math.pi * math.exp(-2 * z)
    total = 2 * ive(0.25, z) + reflected * kve(0.25, z)
    # d/dz of [I_n + I_{-n}]: I_n' = I_{n+1} + n I_n / z, K_n' = -K_{n+1} + n K_n / z.
    slope = 2 * (ive(1.25, z) + 0.25 / z * ive(0.25, z)) + reflected * (
        -kve(1.25, z) + 0.25 / z * kve(0.25, z)
    )
    return float(0.5 + 1 / (8 * z) + slope / total / 2)


def mueller_brown(*, scale: Value = 1.0) -> Potential:
    """Mueller-Brown surface: four anisotropic Gaussians in the plane, times `scale`.

    Mueller and Brown, Theor. Chim. Acta 53 (1979) 75. At scale 1: minima at (-0.558, 1.442),
    (0.623, 0.028) and (-0.050, 0.467) with energies -146.700, -108.167 and -80.768; saddles at
    (-0.822, 0.624) and (0.212, 0.293) with -40.665 and -72.249. No moments in closed form.
    """
    rows = (
        (-200, -1, 0, -10, 1, 0),
        (-100, -1, 0, -10, 0, "1/2"),
        (-170, "-13/2", 11, "-13/2", "-1/2", "3/2"),
        (15, "7/10", "3/5", "7/10", -1, 1),
    )
    terms = [
        f"{height}*exp(({a})*(x - ({p}))**2 + ({b})*(x - ({p}))*(y - ({q})) + ({c})*(y - ({q}))**2)"
        for height, a, b, c, p, q in rows
    ]
    return Potential.from_sympy(
        f"scale*({' + '.join(terms)})",
        variables="x y",
        parameters=checked_values({"scale": scale}),
        name="Mueller-Brown",
    )


def curved_valley(*, bend: Value = 1.0, along: Value = 1.0, across: Value = 10.0) -> Potential:
    """Valley along the parabola y = bend x^2: U = across (y - bend x^2)^2/2 + along x^2/2.

    The map (x, y) -> (x, y - bend x^2) has unit Jacobian, so that both are independent Gaussians
    (derived): Var x = T/along, <y> = bend T/along, Var y = T/across + 2 (bend T/along)^2, no
    covariance, mean energy T.

    Examples
    --------
    >>> curved_valley().boltzmann(0.5).mean.tolist()
    [0.0, 0.5]
    """
    return Potential.from_sympy(
        "across*(y - bend*x**2)**2/2 + along*x**2/2",
        variables="x y",
        parameters=checked_values({"bend": bend, "along": along, "across": across}),
        moments=_curved_valley_moments,
        name="curved valley",
    )


def _curved_valley_moments(
    temperature: float, bend: float, along: float, across: float
) -> BoltzmannMoments:
    for name, stiffness in (("along", along), ("across", across)):
        require(stiffness > 0, name, stiffness, "moments are known for a valley only")
    lift = bend * temperature / along
    covariance = np.diag([temperature / along, temperature / across + 2 * lift**2])
    return BoltzmannMoments(mean=np.array([0.0, lift]), covariance=covariance, energy=temperature)


def hinge(*, stiffness: Value = 1.0, margin: Value = 1.0) -> Potential:
    """Flat floor between two squared hinges: U = stiffness max(0, |x| - margin)^2/2.

    The loss of a margin that is kept is flat; beyond it the hinge pushes back. With s = sqrt(2 pi
    T/stiffness), Z = 2 margin + s, <x^2> = [2 margin^3/3 + s (margin^2 + T/stiffness) + 4 margin
    T/stiffness]/Z and <U> = (T/2) s/Z (derived: the walls are halves of a Gaussian).

    Examples
    --------
    >>> hinge(margin=0.0).boltzmann(0.5).covariance.tolist()
    [[0.5]]
    """
    return Potential.from_sympy(
        "stiffness*Max(0, Abs(x) - margin)**2/2",
        parameters=checked_values({"stiffness": stiffness, "margin": margin}),
        moments=_hinge_moments,
        name="hinge",
    )


def _hinge_moments(temperature: float, stiffness: float, margin: float) -> BoltzmannMoments:
    require(margin >= 0, "margin", margin, "moments are known for a margin of zero or above")
    require(
        stiffness > 0, "stiffness", stiffness, "moments are known for walls that push back only"
    )
    soft = temperature / stiffness
    wall = math.sqrt(2 * math.pi * soft)
    weight = 2 * margin + wall
    square = (2 * margin**3 / 3 + wall * (margin**2 + soft) + 4 * margin * soft) / weight
    return BoltzmannMoments(
        mean=np.zeros(1), covariance=np.array([[square]]), energy=temperature / 2 * wall / weight
    )
