"""SGD to where it stops: what the claims of this folder train.

The learning rate rises in stages, stays, all weights are kicked, and it stays again. Without the
rise a start that is too sharp diverges; without the kick a run that fitted its points while the
learning rate was small sits at a minimum that it could not come back to. At the end of every stage,
before the kick and at the end, the kernel of the Gauss-Newton matrix and the residuals are kept:
what the theory is asked about.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

import langevin_sgd as ls

ENGINE = ls.training.NetworkEngine(precision="float64", keep_weights=True)


@dataclass(frozen=True, kw_only=True)
class Search:
    """Replicas of one search for a minimum.

    Parameters
    ----------
    problem
        Network, data and alpha, which sets how sharp the start is; square loss.
    settings
        Of SGD at the end of the warm-up.
    stages, stage_steps
        Of the warm-up: the k-th has k/stages of the learning rate.
    steps
        At the full learning rate before the kick, and as many after it.
    kick
        Relative size of the kick of every weight.
    replicas, seed
        Number of replicas, and their seed.
    """

    problem: ls.NetworkProblem
    settings: ls.SGD
    stages: int
    stage_steps: int
    steps: int
    kick: float
    replicas: int
    seed: int


@ls.sweep.task()
def find_minima(search: Search) -> xr.Dataset:
    """Kernels and residuals (moment, replica, point, ...) on the way and at the end."""
    full, count = search.settings, search.stages
    rates = [full.lr * k / count for k in range(1, count + 1)] + [full.lr, full.lr]
    lengths = [search.stage_steps] * count + [search.steps, search.steps]
    moments: list[xr.Dataset] = []
    for place, (rate, length) in enumerate(zip(rates, lengths, strict=True)):
        last = moments[-1] if moments else None
        if place == count + 1 and last is not None:
            last = _kicked(last, search)
        moments.append(_go_on(search, replace(full, lr=rate), length, last))
    kept = [one[["training_kernel", "residual", "loss", "status"]] for one in moments]
    joined = xr.concat(kept, dim="moment", data_vars="all")
    found = {
        "kernel": (("moment", "replica", "point", "other_point"), joined["training_kernel"]),
        "residual": (("moment", "replica", "point"), joined["residual"]),
        "loss": (("moment", "replica"), joined["loss"]),
        "status": (("moment", "replica"), joined["status"]),
        "lr": (("moment",), np.array(rates)),
    }
    units = {"kernel": "loss / (alpha w^2)", "residual": "sqrt(loss / alpha)"}
    variables = {
        name: (dims, np.asarray(values), units.get(name, "1"))
        for name, (dims, values) in found.items()
    }
    return ls.dataset.make(variables, kind="minima")


def _go_on(search: Search, settings: ls.SGD, steps: int, last: xr.Dataset | None) -> xr.Dataset:
    """Train some more steps at one learning rate."""
    points = search.problem.data.points
    return ls.training.run(
        search.problem,
        settings,
        replicas=search.replicas,
        stop=ls.Stop(max_steps=steps),
        seed=search.seed,
        record=(ls.training.observables.TrainingKernel(points=points),),
        engine=ENGINE,
        **({} if last is None else {"start": last}),
    )


def _kicked(last: xr.Dataset, search: Search) -> xr.Dataset:
    """The same state with all weights changed by a random part of themselves."""
    weights = last["final_weights"]
    drawn = np.random.default_rng(ls.derive_seed(search.seed, "kick")).standard_normal(
        weights.shape
    )
    return last.assign(final_weights=weights * (1 + search.kick * drawn))
