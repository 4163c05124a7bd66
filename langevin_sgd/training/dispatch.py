r"""Real SGD: one call for every problem.

What is trained (the problem), how (the settings) and when it ends (`steps` or `stop`) are values;
how it is computed (the engine, a checkpoint, a progress bar) is apart from them. `DISPATCHES`
says which module trains which problem; its function ``train`` takes a
`langevin_sgd.training.request.RunRequest` and returns the result. Everything that all problems have
in common is checked here.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from langevin_sgd.checks import (
    LARGEST_COUNT,
    InputError,
    as_count,
    as_counts,
    as_flag,
    as_instance,
    require,
    shown,
)
from langevin_sgd.models.linear_regression import LinearRegression
from langevin_sgd.models.network_problem import NetworkProblem
from langevin_sgd.models.perceptron import OnePassPerceptron, Perceptron
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.simulation.beginning import resolve_seed, seed_of_start
from langevin_sgd.simulation.checkpoint import as_path
from langevin_sgd.simulation.drive import own_rounding
from langevin_sgd.simulation.earlier import is_result
from langevin_sgd.simulation.stop import Stop
from langevin_sgd.training.network_engine import NetworkEngine
from langevin_sgd.training.perceptron_engine import PerceptronEngine
from langevin_sgd.training.read_settings import READ
from langevin_sgd.training.request import RunRequest
from langevin_sgd.training.variants import Variant, joined, one_variant, variants_of

if TYPE_CHECKING:
    import xarray as xr

    from langevin_sgd.simulation.recording import Record
    from langevin_sgd.training.observables import TestError
    from langevin_sgd.training.observables.interface import Observable

Problem = LinearRegression | Perceptron | OnePassPerceptron | NetworkProblem
Engine = PerceptronEngine | NetworkEngine
ObservableName = Literal["margins", "noise_temperature", "signal", "kernel", "test_error"]


class Route(NamedTuple):
    """What the runs of a problem take."""

    name: str
    """Of the problem, in messages."""
    exact: bool
    """Whether a run has an exact number of `steps`, or ends by a `stop`."""
    engine: type[Engine] | None
    """Class of the argument `engine`."""
    together: bool
    """Whether all variants are trained in one go, and replicas may have any numbers."""


DISPATCHES = {
    "LinearRegression": "langevin_sgd.training.linear_regression",
    "Perceptron": "langevin_sgd.training.perceptron.train",
    "OnePassPerceptron": "langevin_sgd.training.perceptron.one_pass",
    "NetworkProblem": "langevin_sgd.training.networks.train",
    "PerceptronEngine": "langevin_sgd.training.perceptron_engine",
    "NetworkEngine": "langevin_sgd.training.network_engine",
}
"""Problem class -> module whose function ``train`` trains it, imported when it is needed, since
networks bring torch; engine class -> its module, whose function ``as_record`` reads observables.
The digests of stored results follow this table, which is literal, where a class occurs: what one
problem is trained by outdates no other's results.
"""
ROUTES: dict[type, Route] = {
    LinearRegression: Route("linear regression", True, None, False),
    Perceptron: Route("a perceptron", False, PerceptronEngine, False),
    OnePassPerceptron: Route("a one-pass perceptron", True, None, False),
    NetworkProblem: Route("networks", False, NetworkEngine, True),
}
"""Problem class -> what its runs take."""


@own_rounding
def run(
    problem: Problem,
    settings: SGD,
    *,
    replicas: int | Sequence[int] = 1,
    steps: int | None = None,
    stop: Stop | None = None,
    seed: int | None = None,
    vary: Mapping[str, Sequence[Any]] | None = None,
    record: Record | Observable | TestError | ObservableName | Sequence[Any] | None = None,
    schedule: Sequence[int] | np.ndarray | None = None,
    start: Any = None,
    first_replica: int = 0,
    engine: Engine | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> xr.Dataset:
    r"""Train many replicas of a problem by SGD.

    Parameters
    ----------
    problem
        `langevin_sgd.LinearRegression`: with data the gradient is the mean over minibatches of the
        data; without, it is H (theta - minimiser) plus Gaussian noise of covariance
        ``noise_covariance / batch_size``, fresh at every step. `langevin_sgd.Perceptron`: trained
        until its points are fitted, of a law each replica on a training set of its own.
        `langevin_sgd.models.OnePassPerceptron`: on fresh samples at every step, as an exact chain
        of signal and noise. `langevin_sgd.NetworkProblem`: networks, trained until they fit.
    settings
        Learning rate, batch size, momentum, ... The update is the one of `langevin_sgd.SGD`, equal
        to ``torch.optim.SGD`` on the same batches. Perceptrons read `lr`, `batch_size` and
        `sampling`, networks `momentum` too, linear regression all fields; what is not read must be
        at its default.
    replicas
        Independent repetitions, each with data (of a law), initial weights, batches and noise of
        its own: functions of the seed and of the number of the replica. Default 1. Networks also
        take numbers of replicas, for instance ``[0, 5]``.
    steps
        Updates to make, >= 1: of linear regression and of the one-pass perceptron.
    stop
        When training ends: of perceptrons, by default with the last point fitted, and of networks,
        which need its `max_steps`. Its steps are those of this call.
    seed
        0 ... 2**128 - 1; by default that of the checkpoint or of the start, else fresh entropy,
        kept in the provenance.
    vary
        Fields of problem, settings and stop, by their places (``settings.lr``) or in short by their
        last words (``lr``), or ``temperature`` = lr/batch_size or ``temperature_per_width`` =
        lr/(batch_size * width), with sequences of one length V, zipped. The result has dimensions
        (variant, replica). Replica r has the same data, initial weights and, at equal sampling,
        batches in every variant. Networks share architecture, loss and stop among all variants,
        which are trained together.
    record
        Linear regression: one recorder or several (`langevin_sgd.record`), ``displacement()`` by
        default. Networks: observables (`langevin_sgd.training.observables`) or, of those with
        defaults, their short names ``margins``, ``noise_temperature``, ``signal``, ``kernel``;
        nothing by default. Perceptron: ``test_error``, or
        `langevin_sgd.training.observables.TestError`. Observables are measured at the end and,
        those of networks, on the schedule.
    schedule
        Increasing steps to record at. With `steps` they are log-spaced by default, while
        accumulators (time averages, histograms, currents) then see every step; they weigh the steps
        of a schedule by the time each stands for. With a `stop` nothing is recorded on the way by
        default; after the end of its training a replica stays as it is.
    start
        (parameter,) or (replica, parameter) to start from; zeros by default (networks: their
        initial weights, functions of the seed, and nothing else). For linear regression also a
        tuple (position, velocity); without a velocity the first gradient is not damped. For the
        one-pass perceptron (signal, noise). Or the result of an earlier call with the same
        replicas, from which the run goes on, with whatever learning rates, batches or noise:
        position, velocity and counters of steps and random numbers, so that the same settings and
        seed continue the run bit for bit. Networks and perceptrons go on with the same seed only,
        and perceptrons with the same problem and precision; a result of networks must have kept its
        weights (`NetworkEngine.keep_weights`). The weights alone,
        ``result["final_weights"].values``, begin a new run at step 0, with the batches of its seed.
    first_replica
        Number of the first replica: replica r of a long run can be had alone by ``first_replica=r,
        replicas=1``.
    engine
        `langevin_sgd.training.NetworkEngine` or `langevin_sgd.training.PerceptronEngine`: how it is
        computed. Linear regression and the one-pass perceptron have none.
    checkpoint
        A netCDF file, written every few seconds, at an interruption and at the end; one of the same
        run is continued, bit for bit as if never interrupted. It may have ended: with
        more `steps` and the same explicit `schedule` up to there it goes on. Of variants for
        networks only.
    progress
        Show a progress bar, if standard error is a terminal.

    Returns
    -------
    xarray.Dataset
        Over ``replica``, or over ``variant`` and ``replica``. Of all problems ``status``, the codes
        of `langevin_sgd.Status`.

        *Linear regression.* The variables of the recorders over ``step``, ``replica``, ...;
        ``final_position`` and ``final_velocity`` (replica, parameter); ``diverged_step``
        (replica,), -1 if it did not diverge. A replica has diverged when \|theta\| is not finite or
        exceeds 1e100; it is stopped there, and its recorded values from that step on are NaN.

        *Perceptron.* ``t_star``, lr times the last step that changed the weights (so far, if
        censored); ``last_update_step``, that step, counted from 1, 0 if none; ``updates``, steps
        that changed the weights; ``visits``, unfit points in them; ``steps`` made; ``signal``
        w_1/sqrt(d) and ``noise`` \|\|w_2...d\|\|/sqrt(d) (of a law only); ``norm`` \|\|w\|\|;
        ``unfit``, number of unfit points, and ``unfit_fraction``; ``final_weights`` (replica,
        parameter), NaN where diverged. The provenance says whether the points are ``separable``,
        if that is known. With a schedule also, over (step, replica), ``recorded_signal``,
        ``recorded_noise``, ``recorded_norm`` and ``recorded_unfit_fraction``. If recorded,
        ``sample_test_error`` (replica,), the fraction of a fresh sample with y f <= 0. After a
        `start` that is a result, counts and times are those of all calls together, and
        ``steps_before`` and ``time_before`` those of steps with other learning rates. With a
        `Stop.max_steps`, where steps may be skipped, what such a run goes on with:
        ``final_counters``, ``final_references`` and ``final_levels``.

        *One-pass perceptron.* ``signal`` and ``noise`` (step, replica); ``final_position``
        (replica, 2), both at the end; ``diverged_step``. Time is lr * step.

        *Networks.* ``alpha``, ``lr``, ``batch_size``, ``momentum``, ``temperature_per_width`` and
        ``points`` of each run; ``t_star``, lr times the last step with an unfit point in its batch
        (so far, if censored; with momentum the weights go on after it by what is left of the
        velocity, and are those of the end); ``last_update_step``, that step, from 1 on; ``steps``
        made, up to the next look, and ``time``, lr times steps (the sum over all calls, as in
        t_star, after a `start`); ``loss``, mean of loss/alpha; ``unfit_fraction``, points with y o
        < 1; ``train_error`` and ``test_error``, points with y o <= 0; ``test_loss``;
        ``weight_change``, \|w - w0\|/\|w0\|, and ``layer_weight_change`` (replica, layer). If kept,
        ``final_weights`` (replica, parameter), layer by layer in C order, trained ones only, and
        with momentum ``final_velocity``. They give f, not o: subtract the outputs at the initial
        weights and multiply by alpha. With a schedule also ``recorded_...`` (step, replica). All
        measured numbers of a diverged replica are NaN. If observed: ``mean_margin`` and ``margin``
        (replica, margin_quantile) of y o, also ``test_...``; ``gradient_noise``, trace of the
        covariance of the gradients of loss/alpha at single training points, and
        ``noise_temperature``, that of SGD: lr s^2/(2 (1 - momentum)) times this trace over the
        number of trained weights, with s^2 = 1/batch_size with replacement and (P -
        batch_size)/(batch_size (P - 1)) without; ``signal`` and ``noise``, the change of the
        weights along the mean over test points of y grad f(w0, x) and across it, over \|w0\|;
        ``kernel_change``, \|\|K - K0\|\|/\|\|K0\|\| in the Frobenius norm.

    Raises
    ------
    InputError
        If an argument is out of range or one that the problem does not take, data are known not to
        be separable and there is no `Stop.max_steps`, a module of your own cannot be trained in
        many replicas, what is asked for does not fit into the memory of this machine, the
        checkpoint is damaged or belongs to another run, or the start is the ``final_position`` of
        a run whose random numbers this one would use again.

    Notes
    -----
    The same call gives the same bits on one machine; initial weights, data and batches do not
    depend on which replicas share a call. Batches are those of `batch_indices`.

    References
    ----------
    Kunin et al., arXiv 2107.09133 (update and sign of the velocity); Sclocchi, Geiger and Wyart,
    arXiv 2301.13703 (perceptron and networks). Rosenblatt's and Novikoff's bound on the number of
    updates of a perceptron holds: with batches of one, updates <= (R^2 + 2 margin/lr) / mu^2.

    Examples
    --------
    >>> import langevin_sgd as ls
    >>> regression = ls.LinearRegression.from_spectrum([1.0, 0.1])
    >>> dict(run(regression, SGD(lr=0.1, batch_size=1), steps=100, seed=1,
    ...     schedule=[0, 10, 100]).sizes)
    {'step': 3, 'replica': 1, 'parameter': 2}

    >>> law = ls.data.DepletedSign(points=64, dimension=8)
    >>> perceptron = ls.Perceptron(data=law, margin=0.1)
    >>> runs = run(perceptron, SGD(lr=1.0, batch_size=1), replicas=3, seed=1)
    >>> runs["unfit"].values.tolist(), runs["status"].values.tolist()
    ([0, 0, 0], [0, 0, 0])

    >>> fresh = ls.models.OnePassPerceptron(dimension=1000, chi=0.0, margin=0.1)
    >>> runs = run(fresh, SGD(lr=1.0, batch_size=1), steps=1, seed=1)
    >>> runs["signal"].dims, bool(runs["noise"][-1, 0] > 0)
    (('step', 'replica'), True)

    >>> network = ls.models.networks.FullyConnected(dimension=8, width=16, depth=1)
    >>> networks = ls.NetworkProblem(network, ls.data.DepletedSign(points=32, dimension=8))
    >>> runs = run(networks, SGD(lr=1.0, batch_size=4), replicas=2, seed=1,
    ...     stop=ls.Stop(max_steps=20_000), vary={"alpha": [1.0, 64.0]})
    >>> runs["status"].values.tolist()
    [[0, 0], [0, 0]]
    """
    route = _route(problem)
    settings = as_instance("settings", settings, SGD)
    steps, stop = _end(route, steps, stop)
    path = as_path(checkpoint)
    base = Variant(problem, settings, stop)
    variants: tuple[Variant, ...] = (base,)
    if vary is not None:
        variants = variants_of(base, as_instance("vary", vary, Mapping, "must go by name"))
        _require_alike(problem, variants)
    for variant in variants:
        variant.settings.require_only(READ[type(variant.problem).__name__], by=route.name)
    request = RunRequest(
        variants=variants,
        vary=vary,
        numbers=_numbers(route, replicas, first_replica),
        steps=steps,
        seed=resolve_seed(seed, path, earlier=seed_of_start(start)),
        record=record,
        schedule=schedule,
        start=start,
        engine=_engine(route, engine),
        checkpoint=path,
        progress=as_flag("progress", progress) and sys.stderr.isatty(),
    )
    module = importlib.import_module(DISPATCHES[type(problem).__name__])
    made: xr.Dataset
    if vary is None or route.together:
        made = module.train(request)
        return made
    require(path is None, "checkpoint", checkpoint, f"is not for variants of {route.name}")
    return joined(
        [module.train(_one_of(request, place)) for place in range(len(variants))], base, vary
    )


def as_stopped_problem(name: str, value: Any) -> Any:
    """Return a problem whose training ends by a stop, or refuse all else."""
    return as_instance(name, value, tuple(kind for kind, one in ROUTES.items() if not one.exact))


def as_engine(name: str, value: Any, problem: Problem) -> Any:
    """Return an engine of the kind that trains a problem, or ``None`` for its default."""
    kind: Any = _route(problem).engine
    return None if value is None else as_instance(name, value, kind)


def as_record(name: str, value: Any, problem: Problem) -> tuple[Any, ...]:
    """Return what is to be measured of a problem that has an engine."""
    kind: Any = _route(problem).engine
    module = importlib.import_module(DISPATCHES[kind.__name__])
    observables: tuple[Any, ...] = module.as_record(name, value)
    return observables


def _route(problem: Any) -> Route:
    names = ", ".join(kind.__name__ for kind in ROUTES)
    route = ROUTES.get(type(problem))
    if route is None:
        raise InputError(f"problem = {shown(problem)}: must be of type {names}")
    return route


def _end(route: Route, steps: Any, stop: Any) -> tuple[int | None, Stop | None]:
    """When a run ends, checked: by the one that the problem takes."""
    if route.exact:
        allowed = f"must be left out, {route.name} makes an exact number of steps"
        require(stop is None, "stop", stop, allowed)
        return as_count("steps", steps), None
    allowed = f"must be left out, {route.name} ends by stop=Stop(unfit=..., max_steps=...)"
    require(steps is None, "steps", steps, allowed)
    return None, as_instance("stop", Stop() if stop is None else stop, Stop)


def _require_alike(problem: Problem, variants: Sequence[Variant]) -> None:
    """Raise `InputError` if the results of variants cannot lie side by side."""
    for variant in variants:
        alike = type(variant.problem) is type(problem)
        require(alike, "vary", type(variant.problem).__name__, "must keep the kind of the problem")
    if isinstance(problem, LinearRegression | Perceptron):
        sizes = [_parameters(variant.problem) for variant in variants]
        allowed = "must have as many parameters in every variant"
        require(len(set(sizes)) == 1, "vary", f"{shown(sizes)} parameters", allowed)


def _parameters(problem: LinearRegression | Perceptron) -> int:
    return problem.parameters if isinstance(problem, LinearRegression) else problem.dimension


def _numbers(route: Route, replicas: Any, first_replica: Any) -> Sequence[int]:
    """Numbers of the replicas."""
    if route.together and hasattr(replicas, "__len__") and getattr(replicas, "ndim", 1) > 0:
        numbers = as_counts("replicas", replicas, minimum=0)
        require(len(set(numbers)) == len(numbers), "replicas", replicas, "must be distinct numbers")
        first = as_count("first_replica", first_replica, 0)
        require(first == 0, "first_replica", first, "must be 0 with numbers given")
        return numbers
    count = as_count("replicas", replicas)
    first = as_count("first_replica", first_replica, 0, LARGEST_COUNT - count)
    return range(first, first + count)


def _engine(route: Route, engine: Any) -> Engine | None:
    """The engine that is given, or the default of the problem."""
    if route.engine is None:
        require(engine is None, "engine", engine, f"must be left out, {route.name} has one way")
        return None
    kind: Any = route.engine
    given: Engine = as_instance("engine", kind() if engine is None else engine, kind)
    return given


def _one_of(request: RunRequest, place: int) -> RunRequest:
    """The request for one variant alone."""
    start = request.start
    if is_result(start) and "variant" in start.sizes:
        most = len(request.variants)
        there = start.sizes["variant"]
        require(there == most, "start", f"{there} variants", f"must be {most}, as many as vary")
        start = one_variant(start, place)
    return replace(request, variants=(request.variants[place],), start=start)
