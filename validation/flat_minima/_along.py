"""The alignment of SGD's noise along trainings of networks, at every moment from kernel and
residuals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

import langevin_sgd as ls
from langevin_sgd.theory.stability import InterpolatingMinimum, alignment, alignment_range


@dataclass(frozen=True, kw_only=True)
class Course:
    """Replicas of a training with the square loss.

    Parameters
    ----------
    problem, settings
        What is trained and how.
    schedule
        Steps at which the noise is looked at; the last one ends the run.
    replicas, seed
        Number of replicas, and their seed.
    """

    problem: ls.NetworkProblem
    settings: ls.SGD
    schedule: tuple[int, ...]
    replicas: int
    seed: int


@ls.sweep.task()
def noise_along(course: Course) -> xr.Dataset:
    """Alignment, its parts, and that of isotropic noise (moment, replica), and the least alignment
    over residuals at the end (replica,).
    """
    run = ls.training.run(
        course.problem,
        course.settings,
        replicas=course.replicas,
        stop=ls.Stop(max_steps=course.schedule[-1]),
        seed=course.seed,
        record=(ls.training.observables.TrainingKernel(points=course.problem.data.points),),
        schedule=course.schedule,
        engine=ls.training.NetworkEngine(precision="float64", keep_weights=True),
    )
    weights = run.sizes["parameter"]
    kernels = run["recorded_training_kernel"].transpose("step", "replica", ...).values
    residuals = run["recorded_residual"].transpose("step", "replica", ...).values
    found: dict[str, np.ndarray] = {
        name: np.empty(kernels.shape[:2]) for name in ("mu", "cosine", "size", "isotropic")
    }
    for place in np.ndindex(kernels.shape[:2]):
        minimum = InterpolatingMinimum(kernel=kernels[place])
        noise = alignment(minimum, residuals[place])
        found["mu"][place], found["cosine"][place] = noise.mu, noise.cosine
        found["size"][place] = noise.size
        spread = noise.trace_sigma * minimum.trace / weights
        found["isotropic"][place] = spread / (2 * noise.loss * minimum.frobenius_norm**2)
    least = [alignment_range(InterpolatingMinimum(kernel=kernel))[0] for kernel in kernels[-1]]
    variables = {name: (("moment", "replica"), values, "1") for name, values in found.items()}
    variables["mu_0"] = (("replica",), np.array(least), "1")
    variables["loss"] = (("replica",), run["loss"].values, "loss / alpha")
    return ls.dataset.make(variables, kind="noise along training")
