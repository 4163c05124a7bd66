r"""SGD on many networks at once: the call that users make.

The predictor of a network f with initial weights w0 is o = alpha * (f(w, x) - f(w0, x)), and SGD
descends the mean of loss(o, y)/alpha. With a hinge loss 1/alpha is the margin asked of f - f0:
large alpha is the lazy regime, in which weights hardly move, small alpha the feature regime. The
temperature per width is lr/(batch_size * width).

Replicas that share a batch size and a momentum are trained together, in groups whose size depends
on network, data and batch size alone; each group has one thread. Langevin noise may take the place
of that of minibatches (`langevin_sgd.training.networks.langevin_noise`).

References
----------
Sclocchi, Geiger and Wyart, *Dissecting the effects of SGD noise in distinct regimes of deep
learning*, arXiv 2301.13703; Chizat, Oyallon and Bach, *On lazy training in differentiable
programming*, arXiv 1812.07956 (alpha).
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from langevin_sgd.checks import (
    InputError,
    as_choice,
    as_count,
    as_flag,
    as_fraction,
    as_positive,
    as_tuple,
    require,
    require_memory,
)
from langevin_sgd.models.losses import LOSSES
from langevin_sgd.models.networks import Architecture
from langevin_sgd.models.networks.families import as_network
from langevin_sgd.models.networks.torch_there import as_device
from langevin_sgd.record import as_schedule
from langevin_sgd.sgd_settings import SAMPLINGS, Sampling
from langevin_sgd.simulation.checkpoint import as_path, stored_seed
from langevin_sgd.training.batches import TILE, require_sampling
from langevin_sgd.training.networks.langevin_noise import NOISES
from langevin_sgd.training.networks.result import Results, make_result
from langevin_sgd.training.networks.schedule_of_groups import train_task
from langevin_sgd.training.networks.settings import Numbers, numbers_of
from langevin_sgd.training.networks.start import as_in_start, from_the_beginning, taken_up
from langevin_sgd.training.networks.state import NetworkTask
from langevin_sgd.training.networks.training_sets import Arrays, DataLaw, Part, training_sets
from langevin_sgd.training.observables.measured import variables_of
from langevin_sgd.training.observables.table import OBSERVABLES, observables_of

if TYPE_CHECKING:
    import xarray as xr


def train_networks(
    network: Architecture,
    data: DataLaw | Arrays | Sequence[Arrays],
    *,
    max_steps: int,
    alpha: float | Sequence[float] | np.ndarray = 1.0,
    lr: float | Sequence[float] | np.ndarray | None = None,
    temperature_per_width: float | Sequence[float] | np.ndarray | None = None,
    batch_size: int | Sequence[int] | np.ndarray = 16,
    momentum: float | Sequence[float] | np.ndarray = 0.0,
    sampling: Sampling = "without_replacement",
    noise: Literal["sgd", "minibatch_covariance", "isotropic"] = "sgd",
    loss: Literal["hinge", "quadratic_hinge", "soft_hinge", "square", "logistic"] = "hinge",
    points: int | Sequence[int] | np.ndarray | None = None,
    replicas: int | Sequence[int] | np.ndarray | None = None,
    seed: int | Sequence[int] | None = None,
    until_unfit: float = 0.0,
    start: xr.Dataset | None = None,
    probe_points: int = 0,
    observe: Sequence[Literal["margins", "noise_temperature", "signal", "kernel"]] = (),
    schedule: Sequence[int] | np.ndarray | None = None,
    keep_weights: bool = False,
    precision: Literal["float32", "float64"] = "float32",
    device: str = "cpu",
    seconds: float | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> xr.Dataset:
    r"""Train networks until they fit their points, each with numbers of its own.

    What is trained is not the output f of the network but the predictor o = alpha (f - f0), f0
    being the output at step 0: losses, errors and margins that are returned are those of o. With
    the returned weights the module gives f, whose own loss and error differ from them; subtract its
    outputs at the initial weights and multiply by alpha.

    `alpha`, `lr` (or `temperature_per_width`), `batch_size`, `momentum`, `points`, `seed` and
    `replicas` may be sequences with one entry for each replica; a single number is shared by all.

    Parameters
    ----------
    network
        The architecture; a module of your own as `langevin_sgd.models.networks.OwnNetwork`.
    data
        (X, y) or (X, y, X_test, y_test) with labels +-1; a list with one such set for each replica;
        or a law with a method ``sample(seed, replica)`` that returns one.
    max_steps
        Steps of this call after which a replica is given up.
    alpha
        Scale of the predictor, > 0; 1/alpha is the margin.
    lr, temperature_per_width
        Learning rate, or lr/(batch_size * width); one of them.
    batch_size
        Points per step; 16 by default, as in the reference. All points without replacement:
        gradient descent.
    momentum
        v' = momentum v - gradient, theta' = theta + lr v' as in `langevin_sgd.SGD`, 0 <= value < 1;
        none by default.
    sampling
        As in `langevin_sgd.SGD`; distinct points in independent batches by default, as in the
        reference.
    noise
        ``sgd`` (default): minibatches. ``minibatch_covariance``: the gradient of all points and
        Gaussian noise of the covariance that minibatches of `batch_size` points would have there.
        ``isotropic``: the same with noise of equal strength for all trained weights, of that
        covariance's trace.
    loss
        ``hinge`` (default), ``quadratic_hinge``, ``soft_hinge``, ``square`` (o - y)^2/2 or
        ``logistic``. The last two never vanish: their training ends at `max_steps`.
    points
        Use the first so many points of each training set; all by default.
    replicas
        How many, or their numbers. Data of a law, initial weights and batches are functions of
        (seed, number), so replicas of equal seed and number differ in nothing but their other
        settings: numbers like ``[0, 1, 0, 1]`` pair the settings of a grid. By default 0, 1, 2, ...
        with one seed, and 0 for each if every replica has a seed.
    seed
        0 ... 2**128 - 1; by default fresh entropy, kept in the provenance.
    until_unfit
        Training also ends where at most this fraction of the training points is unfit, 0 <= value <
        1; looked at every 16 steps, and 0 by default: not at all.
    start
        A result with weights, of the same replicas: training goes on from there, with whatever
        learning rates, batches or noise. f0 and w0 stay those of step 0, counters of random numbers
        and times go on; `max_steps` and `schedule` count the steps of this call.
    probe_points
        Points, the first of the test set (of the training set if there is none), on which the
        tangent kernel is compared before and after; none by default.
    observe
        What is measured beside the losses and errors, on the schedule and at the end: ``margins``,
        ``noise_temperature`` (as costly as two steps on all points), ``signal`` (needs test points)
        and ``kernel`` (needs `probe_points`). Nothing by default.
    schedule
        Increasing steps to record at; after the end of its training a replica stays as it is.
        Nothing by default.
    keep_weights
        Whether to return the weights, and with momentum the velocities.
    precision
        Of weights and arithmetic. Warns where float32 is too coarse for 1/alpha.
    device
        ``cpu``, or ``cuda`` (or ``cuda:1``).
    seconds
        Time limit of this call, looked at every 64 steps of a group of replicas, of which each
        makes so many at least; none by default. What such a call returns depends on the speed of
        the machine.
    checkpoint
        File from which a call that was killed goes on, bit for bit if nothing else has changed;
        written every few seconds. It is left there, and a call that had ended is read from it.
    progress
        Show a progress bar, if standard error is a terminal.

    Returns
    -------
    xarray.Dataset
        Over ``replica``: its ``alpha``, ``lr``, ``batch_size``, ``momentum``,
        ``temperature_per_width``, ``points`` and ``number``; ``status``, 0 fitted, 1 step_limit, 2
        diverged, 3 stuck (points are unfit, but none of them can change a weight any more: the
        units of a layer are dead, as beyond the largest learning rate), 4 time_limit, 5 reached
        (`until_unfit`); ``t_star``, lr times the last step with an unfit point in its batch (so
        far, if censored; with momentum the weights go on after it by what is left of the velocity,
        and are those of the end); ``last_update_step``, that step, from 1 on; ``steps`` made, up to
        the next look, and ``time``, lr times steps (the sum over all calls, as in t_star, after a
        `start`); ``loss``, mean of loss/alpha; ``unfit_fraction``, points with y o < 1;
        ``train_error`` and ``test_error``, points with y o <= 0; ``test_loss``; ``weight_change``,
        |w - w0|/|w0|, and ``layer_weight_change`` (replica, layer); ``kernel_change``, ||K -
        K0||/||K0|| in the Frobenius norm; with `keep_weights` ``weights`` (replica, parameter),
        layer by layer in C order, trained ones only, and ``velocity``.

        If observed: ``mean_margin`` and ``margin`` (replica, margin_quantile) of y o, also
        ``test_...``; ``gradient_noise``, trace of the covariance of the gradients of loss/alpha at
        single training points, and ``noise_temperature``, that of SGD: lr s^2/(2 (1 - momentum))
        times this trace over the number of trained weights, with s^2 = 1/batch_size with
        replacement and (P - batch_size)/(batch_size (P - 1)) without; ``signal`` and ``noise``, the
        change of the weights along the mean over test points of y grad f(w0, x) and across it, over
        |w0|.

        With a schedule also ``recorded_...`` (step, replica). All measured numbers of a diverged
        replica are NaN.

    Raises
    ------
    InputError
        If an argument is out of range, lengths differ, a module of your own cannot be trained in
        many replicas, or what is asked for does not fit into the memory of this machine.

    Notes
    -----
    The same call gives the same bits on one machine; initial weights, data and batches do not
    depend on which replicas share a call. Batches are those of `batch_indices`.

    Examples
    --------
    >>> import langevin_sgd as ls
    >>> network = ls.models.networks.FullyConnected(dimension=8, width=16, depth=1)
    >>> law = ls.data.DepletedSign(points=32, dimension=8)
    >>> runs = train_networks(network, law, alpha=[1.0, 64.0], lr=1.0, batch_size=4,
    ...     max_steps=20_000, seed=1)
    >>> runs["status"].values.tolist(), runs["unfit_fraction"].values.tolist()
    ([0, 0], [0.0, 0.0])
    """
    network = as_network("network", network)
    max_steps = as_count("max_steps", max_steps)
    probe_points = as_count("probe_points", probe_points, minimum=0)
    loss = as_choice("loss", loss, LOSSES)
    noise = as_choice("noise", noise, NOISES)
    sampling = as_choice("sampling", sampling, SAMPLINGS)
    precision = as_choice("precision", precision, ("float32", "float64"))
    until_unfit = as_fraction("until_unfit", until_unfit)
    seconds = None if seconds is None else as_positive("seconds", seconds)
    keep_weights, progress = as_flag("keep_weights", keep_weights), as_flag("progress", progress)
    require_device(device)
    path = as_path(checkpoint)
    steps = np.empty(0, np.int64) if schedule is None else as_schedule(schedule, max_steps)
    if start is not None:
        seed, replicas = as_in_start(start, seed, replicas)
    elif seed is None and path is not None:
        seed = stored_seed(path)
    numbers = numbers_of(
        width=network.width,
        alpha=alpha,
        lr=lr,
        temperature_per_width=temperature_per_width,
        batch_size=batch_size,
        momentum=momentum,
        sampling=sampling,
        points=points,
        seed=seed,
        replicas=replicas,
    )
    independent = noise == "sgd" or sampling != "epochs"
    require(
        independent,
        "sampling",
        sampling,
        "must be with_replacement or without_replacement with Langevin noise",
    )
    _require_precision(numbers, getattr(torch, precision))
    sets = training_sets(data, numbers.draws, numbers.points, getattr(torch, precision), device)
    train, test = (part._replace(widest=max(part.widest, network.widest)) for part in sets)
    _require_fitting(network, numbers, train, probe_points, test)
    observed = _observables(observe, probe_points, has_test=len(test.X) > 0)
    parameters = sum(w[0].numel() for w in network.replicas([(0, 0)], train.X.dtype).trained)
    begun = (
        from_the_beginning(numbers)
        if start is None
        else taken_up(start, network, numbers, parameters)
    )
    at_end = observables_of(observed, probe_points)
    on_schedule = tuple(observable for observable in at_end if observable.name in observed)
    coordinates = {"layer": np.array(network.layers)}
    for observable in at_end:
        coordinates |= observable.coordinates
    moving = any(settings.momentum for settings in numbers.settings)
    kept = ("weights", "velocity") if moving else ("weights",)
    always = variables_of(on_schedule, has_test=len(test.X) > 0)
    returned = len(steps) * len(always) + (len(kept) * parameters if keep_weights else 0)
    longest = int(NOISES[noise].lengths(numbers, train.points).max())
    _require_memory(len(numbers.draws), train, parameters, returned, longest, probe_points)
    task = NetworkTask(
        network=network,
        numbers=numbers,
        loss=LOSSES[loss],
        noise=noise,
        train=train,
        test=test,
        begun=begun,
        on_schedule=on_schedule,
        at_end=at_end,
        max_steps=max_steps,
        until_unfit=until_unfit,
        deadline=math.inf if seconds is None else time.monotonic() + seconds,
        results=Results(
            len(numbers.draws),
            variables_of(at_end, has_test=len(test.X) > 0),
            always,
            coordinates,
            steps,
            (kept if keep_weights else (), parameters),
        ),
    )
    seeds = [one for one, _ in numbers.draws]
    provenance = {
        "network": network.describe(),
        "loss": loss,
        "noise": noise,
        "max_steps": max_steps,
        "until_unfit": until_unfit,
        "precision": precision,
        "settings": {"sampling": sampling},
        "seed": seeds[0] if len(set(seeds)) == 1 else None,
        "seeds": seeds,
        "probe_points": probe_points,
        "observe": list(observed),
    }
    train_task(task, device, path, provenance, progress=progress and sys.stderr.isatty())
    return make_result(task.results, numbers, begun, train.points, network.width, **provenance)


def require_device(device: str) -> None:
    """Raise `InputError` unless `device` is ``cpu``, or ``cuda`` (or ``cuda:1``) and there is such
    a GPU.
    """
    kind, _, number = as_device("device", device).partition(":")
    if kind == "cuda":
        if not torch.cuda.is_available():
            raise InputError(f"device = {device!r}: there is no CUDA device here; use cpu")
        known = not number or int(number) < torch.cuda.device_count()
        require(known, "device", device, "there is no such CUDA device; they are counted from 0")


def _require_precision(numbers: Numbers, dtype: torch.dtype) -> None:
    """Raise `InputError` where alpha or lr/batch_size is beyond the numbers that are trained
    with.
    """
    lowest, highest = torch.finfo(dtype).tiny, torch.finfo(dtype).max
    allowed = f"must lie between {lowest:.3g} and {highest:.3g}, the numbers of {dtype}"
    for alpha in set(numbers.alpha):
        require(lowest <= alpha <= highest, "alpha", alpha, allowed)
    for settings in set(numbers.settings):
        require(lowest <= settings.temperature, "lr", settings.lr, f"over the batch size {allowed}")
        require(settings.lr <= highest, "lr", settings.lr, allowed)


def _require_fitting(
    network: Architecture, numbers: Numbers, train: Part, probe_points: int, test: Part
) -> None:
    """Raise `InputError` unless network, batches and probe fit the data."""
    network.require_trainable(train.X[: int(train.points[0])])
    for settings, points in zip(numbers.settings, train.points.tolist(), strict=True):
        require_sampling(settings, points, 1)
    most = int((test.points if len(test.X) else train.points).min())
    require(
        probe_points <= most,
        "probe_points",
        probe_points,
        f"must be at most {most}, the points there are",
    )


def _observables(observe: Any, probe_points: int, *, has_test: bool) -> tuple[str, ...]:
    """Names of what is observed, checked."""
    names = as_tuple(
        "observe", observe, lambda _, name: as_choice("observe", name, OBSERVABLES), empty=True
    )
    require("signal" not in names or has_test, "observe", "signal", "needs test points")
    require("kernel" not in names or probe_points > 0, "observe", "kernel", "needs probe_points")
    return names


def _require_memory(
    replicas: int, train: Part, parameters: int, returned: int, batch: int, probe_points: int
) -> None:
    """Raise `InputError` where weights, batches or results need more than there is, each by a lower
    bound.

    `returned` is how many numbers are returned of a replica, those of the schedule and its weights;
    `batch` the most points that a step has.
    """
    size = train.X.element_size()
    require_memory("replicas", replicas, 8.0 * replicas * returned + 3.0 * parameters * size)
    require_memory("batch_size", batch, float(batch) * (16 * TILE + train.X.shape[1] * size))
    require_memory("probe_points", probe_points, 2.0 * probe_points**2 * size)
