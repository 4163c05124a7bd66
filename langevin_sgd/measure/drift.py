r"""Drift and diffusion: what part of a displacement all replicas share.

    E |Delta_t|^2 = |E Delta_t|^2 + tr Cov Delta_t

The first term grows as t^2 under a constant force, the second as t for a free random walk, so a
diffusion exponent above one means drift where momentum is forgotten. The square of a sample mean
contains the variance of that mean, which the jackknife takes off exactly: value = |mean|^2 -
tr(sample covariance)/replicas. It may come out negative where there is no drift. The covariance is
the unbiased one.
"""

from __future__ import annotations

import numpy as np

from langevin_sgd.checks import as_array, require
from langevin_sgd.estimate import in_units
from langevin_sgd.measure.curve import Curve
from langevin_sgd.measure.jackknife import jackknife

SMALLEST = 1e-150
"""Least displacement: squares of smaller ones and their errors would lose digits."""


def drift_and_diffusion(steps: np.ndarray, displacement: np.ndarray) -> tuple[Curve, Curve]:
    """Split the mean square displacement of replicas that share start and law.

    Parameters
    ----------
    steps
        (step,).
    displacement
        (step, replica, parameter), theta_t - theta_0; at least two replicas.

    Returns
    -------
    drift
        |E Delta_t|^2, unbiased.
    diffusion
        tr Cov Delta_t, unbiased; the two add up to the mean square displacement. Both are NaN where
        a replica is not finite.

    Raises
    ------
    InputError
        If shapes do not match, there are fewer than two replicas, or all displacements at a step
        are so small that double precision does not hold their squares.

    Examples
    --------
    >>> moved = np.array([[[3.0], [5.0]]])  # one step, two replicas: mean 4, variance 2
    >>> [float(part.value[0]) for part in drift_and_diffusion(np.array([1]), moved)]
    [15.0, 2.0]
    """
    steps = as_array("steps", steps, ndim=1)
    displacement = as_array("displacement", displacement, finite=False)
    shape = displacement.shape
    require(
        displacement.ndim == 3,
        "displacement",
        shape,
        "must have dimensions (step, replica, parameter)",
    )
    require(shape[1] >= 2, "displacement", shape, "must have at least 2 replicas")
    require(
        len(steps) == shape[0],
        "steps",
        steps,
        f"must be one for each of the {shape[0]} rows of displacement",
    )
    largest = np.abs(displacement).max(axis=(1, 2), initial=0.0)
    lost = largest[(largest > 0) & (largest < SMALLEST)]
    require(
        not lost.size,
        "displacement",
        lost.tolist(),
        f"must be zero or at least {SMALLEST:g} at every step: rescale",
    )
    displacement, exponent = in_units(displacement)
    square = np.einsum("krp,krp->kr", displacement, displacement)[..., None]
    samples = np.concatenate([displacement, square], axis=2).swapaxes(0, 1)

    def parts(mean: np.ndarray) -> np.ndarray:
        drift = (mean[..., :-1] ** 2).sum(axis=-1)
        return np.stack([drift, mean[..., -1] - drift], axis=1)

    with np.errstate(over="ignore", under="ignore"):
        value, error = (np.ldexp(part, 2 * exponent) for part in jackknife(parts, samples))
    drift, diffusion = (
        Curve(x=steps, value=value[i], standard_error=error[i], n_independent=shape[1], method=name)
        for i, name in enumerate(("squared mean displacement, unbiased", "variance over replicas"))
    )
    return drift, diffusion
