r"""SGD on many networks at once.

The predictor of a network f with initial weights w0 is o = alpha * (f(w, x) - f(w0, x)), and SGD
descends the mean of loss(o, y)/alpha. The temperature per width is lr/(batch_size * width).

Runs that share a batch size and a momentum are trained together, whichever variant they belong to,
in groups whose size depends on network, data and batch size alone; each group has one thread.
Langevin noise may take the place of that of minibatches
(`langevin_sgd.training.networks.langevin_noise`).

References
----------
Sclocchi, Geiger and Wyart, *Dissecting the effects of SGD noise in distinct regimes of deep
learning*, arXiv 2301.13703; Chizat, Oyallon and Bach, *On lazy training in differentiable
programming*, arXiv 1812.07956 (alpha).
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import torch

from langevin_sgd.checks import InputError, require, require_memory
from langevin_sgd.models.losses import LOSSES
from langevin_sgd.models.networks.interface import Architecture
from langevin_sgd.models.networks.torch_there import as_device
from langevin_sgd.record.schedules import as_schedule
from langevin_sgd.training.batches import TILE, require_sampling
from langevin_sgd.training.network_engine import NetworkEngine, require_trainable
from langevin_sgd.training.networks.langevin_noise import NOISES
from langevin_sgd.training.networks.outcome import make_result
from langevin_sgd.training.networks.result import Results
from langevin_sgd.training.networks.schedule_of_groups import train_task
from langevin_sgd.training.networks.settings import RunNumbers, numbers_of
from langevin_sgd.training.networks.start import from_the_beginning, taken_up
from langevin_sgd.training.networks.state import NetworkTask
from langevin_sgd.training.networks.training_sets import Part, training_sets
from langevin_sgd.training.observables.interface import Observable
from langevin_sgd.training.observables.measured import variables_of
from langevin_sgd.training.observables.table import as_observables
from langevin_sgd.training.request import RunRequest
from langevin_sgd.training.variants import Variant

if TYPE_CHECKING:
    import xarray as xr

BYTES = 1000
"""Bytes per run for its settings, counts and results, roughly."""


def train(request: RunRequest) -> xr.Dataset:
    """Train networks until they fit their points; see `langevin_sgd.training.run`."""
    _require_usable(request)
    numbers = numbers_of(request)
    task = _task(request, numbers)
    problem, engine, stop = task.problem, request.engine, request.variants[0].ending
    provenance = {
        "network": task.network.describe(),
        "loss": problem.loss,
        "engine": engine.to_dict(),
        "stop": asdict(stop),
        "settings": request.variants[0].settings.to_dict(),
        "seed": request.seed,
        "record": [repr(observable) for observable in task.record],
    }
    identity = provenance | engine.to_dict()
    del identity["engine"]  # what differs is named by its field
    train_task(task, engine.device, request.checkpoint, identity, progress=request.progress)
    return make_result(task, request, **provenance)


def _task(request: RunRequest, numbers: RunNumbers) -> NetworkTask:
    """What is to be done, checked against the points there are."""
    first, engine = request.variants[0], request.engine
    network, stop = first.problem.network, first.ending
    train, test = _points(network, numbers, engine)
    record = as_observables("record", request.record)
    _require_fitting(network, numbers, train, test, record)
    parameters = sum(w[0].numel() for w in network.replicas([(0, 0)], train.X.dtype).trained)
    begun = (
        from_the_beginning(numbers)
        if request.start is None
        else taken_up(request, network, numbers, parameters)
    )
    limit = stop.max_steps or 0
    schedule = np.empty(0, np.int64)
    if request.schedule is not None:
        schedule = as_schedule(request.schedule, limit)
    variables = variables_of(record, has_test=len(test.X) > 0)
    moving = any(settings.momentum for settings in numbers.settings)
    kept = _kept(engine.keep_weights, moving=moving)
    returned = len(schedule) * len(variables) + len(kept) * parameters
    longest = int(NOISES[engine.noise].lengths(numbers, train.points).max())
    _require_memory(len(numbers.draws), train, parameters, returned, longest)
    coordinates = {"layer": np.array(network.layers)}
    for observable in record:
        coordinates |= observable.coordinates
    runs = len(numbers.draws)
    return NetworkTask(
        problem=first.problem,
        numbers=numbers,
        loss=LOSSES[first.problem.loss],
        noise=engine.noise,
        train=train,
        test=test,
        begun=begun,
        record=record,
        max_steps=limit,
        until_unfit=stop.unfit,
        deadline=math.inf if engine.seconds is None else time.monotonic() + engine.seconds,
        results=Results(runs, variables, coordinates, schedule, (kept, parameters)),
    )


def _kept(keep_weights: bool, *, moving: bool) -> tuple[str, ...]:
    """Arrays over all trained weights that the result holds."""
    if not keep_weights:
        return ()
    return ("weights", "velocity") if moving else ("weights",)


def _points(network: Architecture, numbers: RunNumbers, engine: NetworkEngine) -> tuple[Part, Part]:
    """Training and test points of all runs, with the width of the widest layer that sees them."""
    dtype = getattr(torch, engine.precision)
    sets = training_sets(numbers.problems, numbers.places, numbers.draws, dtype, engine.device)
    train, test = (part._replace(widest=max(part.widest, network.widest)) for part in sets)
    return train, test


def _require_usable(request: RunRequest) -> None:
    """Raise `InputError` for what networks cannot have, before any point is drawn."""
    engine, variants, replicas = request.engine, request.variants, len(request.numbers)
    require_memory("replicas", replicas, float(BYTES) * len(variants) * replicas)
    require_device(engine.device)
    first = variants[0]
    for variant in variants:
        require_trainable(variant.settings, variant.stop, engine)
        together = (
            variant.problem.network == first.problem.network
            and variant.problem.loss == first.problem.loss
            and variant.stop == first.stop
        )
        if not together:
            raise InputError(
                "vary: networks that are trained together share network, loss and stop; "
                "give each variant a call of its own"
            )
        _require_precision(variant, getattr(torch, engine.precision))
        data = variant.problem.data
        if isinstance(data, list):
            allowed = f"must have one set for each of {replicas} replicas"
            require(len(data) == replicas, "data", len(data), allowed)


def _require_precision(variant: Variant, dtype: torch.dtype) -> None:
    """Raise `InputError` if alpha or lr/batch_size exceeds the range of `dtype`."""
    lowest, highest = torch.finfo(dtype).tiny, torch.finfo(dtype).max
    allowed = f"must lie between {lowest:.3g} and {highest:.3g}, the numbers of {dtype}"
    alpha, settings = variant.problem.alpha, variant.settings
    require(lowest <= alpha <= highest, "alpha", alpha, allowed)
    over_batch = f"over the batch size {allowed}"
    require(lowest <= settings.temperature, "lr", settings.lr, over_batch)
    require(settings.lr <= highest, "lr", settings.lr, allowed)


def require_device(device: str) -> None:
    """Raise `InputError` unless `device` is ``cpu`` or an existing GPU (``cuda``, ``cuda:1``)."""
    kind, _, number = as_device("device", device).partition(":")
    if kind == "cuda":
        if not torch.cuda.is_available():
            raise InputError(f"device = {device!r}: there is no CUDA device here; use cpu")
        known = not number or int(number) < torch.cuda.device_count()
        require(known, "device", device, "there is no such CUDA device; they are counted from 0")


def _require_fitting(
    network: Architecture,
    numbers: RunNumbers,
    train: Part,
    test: Part,
    record: Sequence[Observable],
) -> None:
    """Raise `InputError` unless network, batches and observables fit the data."""
    network.require_trainable(train.X[: int(train.points[0])])
    for settings, points in zip(numbers.settings, train.points.tolist(), strict=True):
        require_sampling(settings, points, 1)
    for observable in record:
        observable.require_points(int(train.points.min()), int(test.points.min()))


def _require_memory(runs: int, train: Part, parameters: int, returned: int, batch: int) -> None:
    """Raise `InputError` where weights, batches or results cannot fit, each by a lower bound.

    `returned` is how many numbers are returned of a run, those of the schedule and its weights;
    `batch` the most points that a step has.
    """
    size = train.X.element_size()
    require_memory("replicas", runs, 8.0 * runs * returned + 3.0 * parameters * size)
    require_memory("batch_size", batch, float(batch) * (16 * TILE + train.X.shape[1] * size))
