"""Real SGD runs of the claims of this folder, reduced to averages over groups of replicas.

Replicas are independent, so the spread of the group averages gives the standard error of every
measured number.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from langevin_sgd.validation.limiting_dynamics._problems import (
    OFFSET_MODE,
    RegressionProblem,
    begin,
    built,
    exact_law,
)

import langevin_sgd as ls

GROUPS = 64
"""Groups that replicas are averaged in: 63 degrees of freedom give a standard error to 9 %."""


BURNED_IN = {"burned in": "rest", "burned in from the minimiser": "minimiser"}
"""Starts that SGD itself makes, and where it begins."""


@dataclass(frozen=True, kw_only=True)
class RegressionRun:
    """An ensemble of SGD runs.

    Parameters
    ----------
    problem
        What SGD runs on.
    settings
        Settings of SGD.
    replicas
        A multiple of `GROUPS`.
    schedule
        Recorded steps; the last one ends the run.
    seed
        Seed of batches, noise and start.
    start
        ``rest``: theta = 0, no velocity. ``minimiser``: at the minimiser, no velocity.
        ``stationary``: drawn from a normal law with the exact stationary moments. ``burned in`` and
        ``burned in from the minimiser``: what `burn_in` steps of SGD lead to, from rest at theta =
        0 or at the minimiser.
    burn_in
        Steps before the start that are not recorded.
    offset
        Shift of the start along `OFFSET_MODE`, after the burn-in if there is one.
    modes
        Eigenmodes to keep, all by default.
    """

    problem: RegressionProblem
    settings: ls.SGD
    replicas: int
    schedule: tuple[int, ...]
    seed: int
    start: str = "rest"
    burn_in: int = 0
    offset: float = 0.0
    modes: tuple[int, ...] = ()


@ls.sweep.task()
def displacement(run: RegressionRun) -> xr.Dataset:
    """Squared distance from the start, (step, group)."""

    def observe(block: ls.record.Snapshots) -> dict:
        squared = ((block.position - block.start) ** 2).sum(axis=-1)
        return {
            "squared_displacement": (("step", "group"), _groups(squared).mean(axis=2), "theta^2")
        }

    return _simulate(run, observe).drop_dims("replica")


@ls.sweep.task()
def moments(run: RegressionRun) -> xr.Dataset:
    """First and second moments of eigenmodes in phase space, (step, group, eigenmode)."""
    chosen = built(run.problem)
    vectors = chosen.eigenvectors[:, list(run.modes)] if run.modes else chosen.eigenvectors
    project = ls.record.eigenprojections(vectors, centre=chosen.minimiser)

    def observe(block: ls.record.Snapshots) -> dict:
        projections = project(block)
        x, v = _groups(projections["mode_position"][1]), _groups(projections["mode_velocity"][1])
        dx, dv = x - x.mean(axis=2, keepdims=True), v - v.mean(axis=2, keepdims=True)
        free = x.shape[2] - 1
        dims = ("step", "group", "eigenmode")
        return {
            "mean_position": (dims, x.mean(axis=2), "theta"),
            "mean_velocity": (dims, v.mean(axis=2), "v"),
            "var_position": (dims, (dx**2).sum(axis=2) / free, "theta^2"),
            "var_velocity": (dims, (dv**2).sum(axis=2) / free, "v^2"),
            "cov_position_velocity": (dims, (dx * dv).sum(axis=2) / free, "theta v"),
        }

    return _simulate(run, observe).drop_dims("replica")


@ls.sweep.task()
def rotation(run: RegressionRun) -> xr.Dataset:
    """Rate of turning and frequency of eigenmodes with standard errors, (eigenmode,).

    The rate is twice the area swept per step over the mean square of (omega theta, v), omega the
    natural frequency of the Langevin equation; the frequency is that of a damped cosine fitted to
    the autocorrelation over the first 40 lags, a few decay times.
    """
    chosen, modes = built(run.problem), list(run.modes)
    result = _simulate(
        run, ls.record.eigenprojections(chosen.eigenvectors[:, modes], centre=chosen.minimiser)
    )
    lr, momentum = run.settings.lr, run.settings.momentum
    omega = np.sqrt(
        2 * (chosen.eigenvalues[modes] + run.settings.weight_decay) / (lr * (1 + momentum))
    )
    rows = []
    for mode in range(len(modes)):
        x, v = (result[name].values[:, :, mode] for name in ("mode_position", "mode_velocity"))
        turning = _turning(omega[mode] * x, v)
        frequency = ls.measure.oscillation(x, lags=np.arange(1, 41)).frequency
        rows.append([*turning, frequency.value, frequency.standard_error])
    names = ("turning", "turning_error", "frequency", "frequency_error")
    columns = np.array(rows, dtype=float).T
    return ls.dataset.make(
        {
            name: (("eigenmode",), column, "rad/step")
            for name, column in zip(names, columns, strict=True)
        },
        kind="rotation",
        settings=run.settings.to_dict(),
        seed=run.seed,
    )


@ls.sweep.task()
def crossed(run: RegressionRun) -> xr.Dataset:
    """Mean products of coordinates of modes, averaged over time, (group, eigenmode, other).

    The schedule holds pairs of consecutive steps: *now* and *next*.
    """
    chosen, modes = built(run.problem), list(run.modes)
    project = ls.record.eigenprojections(chosen.eigenvectors[:, modes], centre=chosen.minimiser)
    result = _simulate(run, project)
    x, v = (_groups(result[name].values) for name in ("mode_position", "mode_velocity"))
    pairs = {
        "position_velocity": (x, v),
        "now_next_velocity": (x[0::2], v[1::2]),
        "next_now_velocity": (x[1::2], v[0::2]),
        "position_position": (x, x),
        "velocity_velocity": (v, v),
    }
    dims = ("group", "eigenmode", "other")
    variables = {
        name: (
            dims,
            np.einsum("tgri,tgrj->gij", first, second) / (first.shape[0] * first.shape[2]),
            "1",
        )
        for name, (first, second) in pairs.items()
    }
    return ls.dataset.make(variables, kind="crossed_moments", seed=run.seed)


def _turning(x: np.ndarray, v: np.ndarray) -> tuple[float, float]:
    """Angular momentum over moment of inertia of paths (step, replica), and its error."""
    momentum = (x[:-1] * v[1:] - v[:-1] * x[1:]).mean(axis=0)
    inertia = (x**2 + v**2).mean(axis=0)
    rate, error = ls.measure.jackknife(
        lambda mean: mean[:, 0] / mean[:, 1], np.stack([momentum, inertia], axis=1)
    )
    return float(rate), float(error)


def _groups(values: np.ndarray) -> np.ndarray:
    """(step, replica, ...) -> (step, group, replica in group, ...)."""
    return values.reshape(len(values), GROUPS, -1, *values.shape[2:])


def _simulate(run: RegressionRun, recorder: ls.record.Recorder) -> xr.Dataset:
    position, velocity = _start(run)
    return ls.training.run(
        built(run.problem),
        run.settings,
        replicas=run.replicas,
        steps=run.schedule[-1],
        schedule=run.schedule,
        start=position if velocity is None else (position, velocity),
        seed=run.seed,
        record=recorder,
    )


def _start(run: RegressionRun) -> tuple[np.ndarray, np.ndarray | None]:
    chosen = built(run.problem)
    shift = run.offset * chosen.eigenvectors[:, OFFSET_MODE] if run.offset else 0.0
    if run.start in BURNED_IN:
        before = ls.training.run(
            chosen,
            run.settings,
            replicas=run.replicas,
            steps=run.burn_in,
            schedule=[run.burn_in],
            start=begin(run.problem, BURNED_IN[run.start]),
            seed=ls.derive_seed(run.seed, "burn in"),
        )
        return before["final_position"].values + shift, before["final_velocity"].values
    if run.start == "stationary":
        position, velocity = exact_law(run.problem, run.settings).sample(
            run.replicas, seed=run.seed
        )
        return position + shift, velocity
    return begin(run.problem, run.start), None


def estimate(data: xr.Dataset, name: str, **where: int) -> ls.Estimate:
    """Mean over groups of one number of a run, selected by step and position of the eigenmode."""
    chosen = data[name].sel(step=where["step"])
    if "eigenmode" in where:
        chosen = chosen.isel(eigenmode=where["eigenmode"])
    return ls.Estimate.from_samples(chosen.values, method=f"mean over {GROUPS} groups of replicas")


def measured(label: str, name: str, **where: int) -> Callable[[ls.claims.Data], ls.Estimate]:
    """Return how `estimate` measures one number of the run with this label."""
    return lambda data: estimate(data[label], name, **where)


def mean_and_error(data: xr.Dataset, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard error over groups of a whole variable, each (step, ...)."""
    groups = data[name].values
    return groups.mean(axis=1), groups.std(axis=1, ddof=1) / np.sqrt(groups.shape[1])
