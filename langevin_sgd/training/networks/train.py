r"""SGD on many networks at once: the call that users make.

The predictor of a network f with initial weights w0 is o = alpha * (f(w, x) - f(w0, x)), and SGD descends the mean of
loss(o, y)/alpha. With a hinge loss 1/alpha is the margin asked of f - f0: large alpha is the lazy regime, in which
weights hardly move, small alpha the feature regime. The temperature per width is lr/(batch_size * width).

Replicas that share a batch size are trained together, in groups whose size depends on network, data and batch
size alone; each group has one thread.

References
----------
Sclocchi, Geiger and Wyart, *Dissecting the effects of SGD noise in distinct regimes of deep learning*, arXiv
2301.13703; Chizat, Oyallon and Bach, *On lazy training in differentiable programming*, arXiv 1812.07956 (alpha).
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from langevin_sgd.checks import InputError, require, require_count, require_one_of
from langevin_sgd.compiled import in_threads, thread_count
from langevin_sgd.record import as_schedule
from langevin_sgd.sgd_settings import SAMPLINGS, Sampling
from langevin_sgd.training.batches import require_sampling
from langevin_sgd.training.networks.group import Task, train_group
from langevin_sgd.training.networks.losses import LOSSES
from langevin_sgd.training.networks.result import Results, make_result
from langevin_sgd.training.networks.settings import Numbers, numbers_of
from langevin_sgd.training.networks.training_sets import Arrays, DataLaw, Part, training_sets

if TYPE_CHECKING:
    import xarray as xr

    from langevin_sgd.models.networks import FullyConnected, OwnNetwork

NUMBERS = {"cpu": 2**21, "cuda": 2**28}
"""Trained weights of a group: on a processor as many as stay in its cache."""
INPUTS = {"cpu": 2**23, "cuda": 2**28}
"""Numbers in the minibatches of a group, of at least `SHORTEST` to a point."""
SHORTEST = 512
FEWEST, MOST = 8, {"cpu": 128, "cuda": 4096}
"""Replicas of a group: enough to keep the interpreter's share small, and no more, so that all cores have some."""
ROUND_SECONDS = 0.15
"""Time after which threads come back, to hear of an interruption."""


def train_networks(
    network: FullyConnected | OwnNetwork,
    data: DataLaw | Arrays | Sequence[Arrays],
    *,
    max_steps: int,
    alpha: float | Sequence[float] | np.ndarray = 1.0,
    lr: float | Sequence[float] | np.ndarray | None = None,
    temperature_per_width: float | Sequence[float] | np.ndarray | None = None,
    batch_size: int | Sequence[int] | np.ndarray = 16,
    sampling: Sampling = "without_replacement",
    loss: Literal["hinge", "quadratic_hinge", "soft_hinge", "square", "logistic"] = "hinge",
    points: int | Sequence[int] | np.ndarray | None = None,
    replicas: int | Sequence[int] | np.ndarray | None = None,
    seed: int | Sequence[int] | None = None,
    probe_points: int = 0,
    schedule: Sequence[int] | np.ndarray | None = None,
    keep_weights: bool = False,
    precision: Literal["float32", "float64"] = "float32",
    device: str = "cpu",
    progress: bool = False,
) -> xr.Dataset:
    r"""Train networks until they fit their points, each with numbers of its own.

    `alpha`, `lr` (or `temperature_per_width`), `batch_size`, `points`, `seed` and `replicas` may be sequences with one
    entry for each replica; a single number is shared by all.

    Parameters
    ----------
    network
        The architecture.
    data
        (X, y) or (X, y, X_test, y_test) with labels +-1; a list with one such set for each replica; or a law with a
        method ``sample(seed, replica)`` that returns one.
    max_steps
        Steps after which a replica is given up.
    alpha
        Scale of the predictor, > 0; 1/alpha is the margin.
    lr, temperature_per_width
        Learning rate, or lr/(batch_size * width); one of them.
    batch_size
        Points per step; 16 by default, as in the reference. All points without replacement: gradient descent.
    sampling
        As in `langevin_sgd.SGD`; distinct points in independent batches by default, as in the reference.
    loss
        ``hinge`` (default), ``quadratic_hinge``, ``soft_hinge``, ``square`` (o - y)^2/2 or ``logistic``. The last two
        never vanish: their training ends at `max_steps`.
    points
        Use the first so many points of each training set; all by default.
    replicas
        How many, or their numbers. Data of a law, initial weights and batches are functions of (seed, number), so
        replicas of equal seed and number differ in nothing but their other settings: numbers like ``[0, 1, 0, 1]`` pair
        the settings of a grid. By default 0, 1, 2, ... with one seed, and 0 for each if every replica has a seed.
    seed
        0 ... 2**128 - 1; by default fresh entropy, kept in the provenance.
    probe_points
        Points, the first of the test set (of the training set if there is none), on which the tangent kernel is
        compared before and after; none by default.
    schedule
        Increasing steps to record at; after the end of its training a replica stays as it is. Nothing by default.
    keep_weights
        Whether to return the weights.
    precision
        Of weights and arithmetic. Warns where float32 is too coarse for 1/alpha.
    device
        ``cpu``, or ``cuda`` (or ``cuda:1``).
    progress
        Show a progress bar, if standard error is a terminal.

    Returns
    -------
    xarray.Dataset
        Over ``replica``: its ``alpha``, ``lr``, ``batch_size``, ``temperature_per_width``, ``points`` and ``number``;
        ``status``, 0 fitted, 1 step_limit, 2 diverged, 3 stuck (points are unfit, but none of them can change
        a weight any more: the units of a layer are dead, as beyond the largest learning rate); ``t_star``, lr times the
        last step with an unfit point in its batch (so far, if censored); ``last_update_step``, that step, from 1 on;
        ``steps`` made, up to the next look; ``loss``, mean of loss/alpha; ``unfit_fraction``, points with y o < 1;
        ``train_error`` and ``test_error``, points with y o <= 0; ``test_loss``; ``weight_change``, |w - w0|/|w0|, and
        ``layer_weight_change`` (replica, layer); ``kernel_change``, ||K - K0||/||K0|| in the Frobenius norm; with
        `keep_weights` ``weights`` (replica, parameter), layer by layer in C order, trained ones only. With a schedule
        also ``recorded_...`` (step, replica). All measured numbers of a diverged replica are NaN.

    Raises
    ------
    InputError
        If an argument is out of range or lengths differ.

    Notes
    -----
    The same call gives the same bits on one machine; initial weights, data and batches do not depend on which replicas
    share a call. Batches are those of `batch_indices`.

    Examples
    --------
    >>> import langevin_sgd as ls
    >>> network = ls.models.networks.FullyConnected(dimension=8, width=16, depth=1)
    >>> law = ls.data.DepletedSign(points=32, dimension=8)
    >>> runs = train_networks(network, law, alpha=[1.0, 64.0], lr=1.0, batch_size=4, max_steps=20_000, seed=1)
    >>> runs["status"].values.tolist(), runs["unfit_fraction"].values.tolist()
    ([0, 0], [0.0, 0.0])
    """
    require_count("max_steps", max_steps)
    require_count("probe_points", probe_points, minimum=0)
    require_one_of("loss", loss, LOSSES)
    require_one_of("sampling", sampling, SAMPLINGS)
    require_one_of("precision", precision, ("float32", "float64"))
    _require_device(device)
    steps = np.empty(0, np.int64) if schedule is None else as_schedule(schedule, max_steps)
    numbers = numbers_of(
        width=network.width,
        alpha=alpha,
        lr=lr,
        temperature_per_width=temperature_per_width,
        batch_size=batch_size,
        sampling=sampling,
        points=points,
        seed=seed,
        replicas=replicas,
    )
    train, test = training_sets(data, numbers.draws, numbers.points, getattr(torch, precision), device)
    _require_fitting(network, numbers, train, probe_points, test)
    parameters = sum(w[0].numel() for w in network.replicas([(0, 0)], train.X.dtype).trained)
    results = Results(
        len(numbers.draws),
        parameters if keep_weights else 0,
        network.layers,
        steps,
        has_test=len(test.X) > 0,
        has_probe=probe_points > 0,
    )
    task = Task(network, numbers, LOSSES[loss], train, test, probe_points, steps, max_steps, results)
    _run(
        task, _groups(numbers, parameters, train.X.shape[1], device), device, progress=progress and sys.stderr.isatty()
    )
    seeds = [one for one, _ in numbers.draws]
    provenance = {
        "network": network.describe(),
        "loss": loss,
        "max_steps": max_steps,
        "precision": precision,
        "settings": {"sampling": sampling},
        "seed": seeds[0] if len(set(seeds)) == 1 else None,
        "seeds": seeds,
        "probe_points": probe_points,
    }
    return make_result(results, numbers, train.points, network.width, **provenance)


def _require_device(device: str) -> None:
    kind = device.split(":")[0]
    require(kind in NUMBERS, "device", device, "must be cpu or cuda")
    if kind == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device = {device!r}: there is no CUDA device here; use cpu")


def _require_fitting(
    network: FullyConnected | OwnNetwork, numbers: Numbers, train: Part, probe_points: int, test: Part
) -> None:
    """Raise `InputError` unless network, batches and probe fit the data."""
    there = train.X.shape[1]
    dimension = getattr(network, "dimension", there)
    require(dimension == there, "dimension", dimension, f"must be {there}, that of the data")
    for settings, points in zip(numbers.settings, train.points.tolist(), strict=True):
        require_sampling(settings, points, 1)
    most = int((test.points if len(test.X) else train.points).min())
    require(probe_points <= most, "probe_points", probe_points, f"must be at most {most}, the points there are")


def _run(task: Task, groups: list[np.ndarray], device: str, *, progress: bool) -> None:
    """Train all groups, in rounds of about `ROUND_SECONDS` so that an interruption is heard."""
    from tqdm import tqdm

    waiting = deque(train_group(task, members) for members in groups)
    threads = thread_count() if device == "cpu" else 1
    with one_torch_thread(), tqdm(total=len(task.results.status), unit="replica", disable=not progress) as bar:
        while waiting:
            round_of_work = partial(_work, waiting, time.perf_counter() + ROUND_SECONDS)
            in_threads(round_of_work, range(min(len(waiting), threads)))
            bar.update(task.results.ended() - bar.n)


def _groups(numbers: Numbers, parameters: int, dimension: int, device: str) -> list[np.ndarray]:
    """Replicas that are trained together: of one batch size, in their order."""
    sizes = np.array([settings.batch_size for settings in numbers.settings])
    kind = device.split(":")[0]
    within_cache = min(MOST[kind], max(FEWEST, NUMBERS[kind] // parameters))
    groups = []
    for size in np.unique(sizes):
        members = np.flatnonzero(sizes == size)
        most = max(1, min(within_cache, INPUTS[kind] // (int(size) * max(dimension, SHORTEST))))
        # Two groups at least, for two cores; but the number of cores itself must not matter to any bit.
        fewest_groups = min(2, len(members) // FEWEST) if kind == "cpu" else 1
        groups += np.array_split(members, max(-(-len(members) // most), fewest_groups, 1))
    return groups


def _work(waiting: deque[Iterator[None]], deadline: float, _: int) -> None:
    """Advance groups from the head of the queue until time is up; one that has not ended goes back there."""
    torch.set_num_threads(1)  # a thread's own setting
    with torch.no_grad():
        while waiting and time.perf_counter() < deadline:
            try:
                group = waiting.popleft()
            except IndexError:  # another thread took the last one
                return
            for _few_steps in group:
                if time.perf_counter() >= deadline:
                    waiting.appendleft(group)
                    break


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Keep torch to one thread per call: replicas are what is spread over cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
