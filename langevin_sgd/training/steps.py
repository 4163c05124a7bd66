r"""The update of SGD as one compiled loop over replicas and steps.

    v_{k+1}     = momentum * v_k - keep_k * (g_k + weight_decay * theta_k)
    theta_{k+1} = theta_k + lr * v_{k+1}

with keep_k = 1 - dampening, 1 for the first gradient of a run that starts without a velocity; with
Nesterov theta_{k+1} = theta_k + lr * (momentum * v_{k+1} - g_k - weight_decay * theta_k). This is
``torch.optim.SGD`` with v = -buffer (without momentum it has no buffer, and dampening does
nothing), and for dampening = 0 the update of Kunin et al. (arXiv 2107.09133). The gradient g_k is

- with data: (1/B) sum over the batch of x_i (x_i . theta - y_i), B the size of that batch;
- without: H (theta - minimiser) + F xi_k, F F^T = covariance / batch_size, xi_k standard normal;
  entry by entry where H and F are diagonal in the parameters.

Rows are padded with zeros to whole lines of the cache; the padding stays zero. Each replica is
advanced alone, so its numbers depend neither on the others nor on how replicas are spread over
threads. A replica whose |theta| is not finite or beyond the limit is stopped: its state is NaN from
then on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from langevin_sgd.kernels.compiled import inlined, kernel, reassociating
from langevin_sgd.training.batches import Sampler, batch_length, fill_batches, fill_normals

DATA, DIAGONAL, DENSE = range(3)
"""Kinds of gradient: minibatches of data; additive noise, all matrices diagonal; additive noise."""


class GradientSource(NamedTuple):
    """Where gradients come from; arrays that a kind does not use are empty."""

    kind: int
    X: np.ndarray
    """(sample, parameter), the data."""
    y: np.ndarray
    """(sample,)."""
    minimiser: np.ndarray
    """(parameter,)."""
    hessian: np.ndarray
    """(parameter, parameter), or (1, parameter) its diagonal."""
    noise_factor: np.ndarray
    """Same shape as `hessian`."""


class UpdateRule(NamedTuple):
    """The numbers of the update rule."""

    lr: float
    momentum: float
    weight_decay: float
    dampening: float
    nesterov: bool
    undamped_step: int
    """The step whose gradient is not damped, -1 for none."""
    limit_squared: float
    """|theta|^2 beyond which a replica counts as diverged."""


class RegressionState(NamedTuple):
    """All replicas after some step."""

    position: np.ndarray
    """(replica, parameter), padded."""
    velocity: np.ndarray
    """(replica, parameter), padded."""
    diverged_step: np.ndarray
    """(replica,) updates made when the divergence was seen, -1 for none."""


class Buffer(NamedTuple):
    """Snapshots to take during a call."""

    steps: np.ndarray
    """(step,) increasing."""
    position: np.ndarray
    """(step, replica, parameter), not padded."""
    velocity: np.ndarray
    """(step, replica, parameter), not padded."""


@reassociating
def _add_row(total: np.ndarray, X: np.ndarray, y: np.ndarray, theta: np.ndarray, i: int) -> None:
    prediction = 0.0
    for p in range(len(theta)):
        prediction += X[i, p] * theta[p]
    residual = prediction - y[i]
    for p in range(len(theta)):
        total[p] += residual * X[i, p]


@reassociating
def _add_four_rows(
    total: np.ndarray,
    X: np.ndarray,
    y: np.ndarray,
    theta: np.ndarray,
    h: int,
    i: int,
    j: int,
    k: int,
) -> None:
    a = b = c = d = 0.0
    for p in range(len(theta)):
        a += X[h, p] * theta[p]
        b += X[i, p] * theta[p]
        c += X[j, p] * theta[p]
        d += X[k, p] * theta[p]
    a, b, c, d = a - y[h], b - y[i], c - y[j], d - y[k]
    for p in range(len(theta)):
        total[p] += (a * X[h, p] + b * X[i, p]) + (c * X[j, p] + d * X[k, p])


@inlined
def _sum_over_batch(
    total: np.ndarray,
    source: GradientSource,
    theta: np.ndarray,
    batches: np.ndarray,
    place: int,
    length: int,
) -> None:
    """Sum per-sample gradients four rows at a time, twice as fast as one by one."""
    X, y = source.X, source.y
    total[:] = 0.0
    whole = length // 4 * 4
    for b in range(0, whole, 4):
        h, i, j, k = (
            batches[place, b],
            batches[place, b + 1],
            batches[place, b + 2],
            batches[place, b + 3],
        )
        _add_four_rows(total, X, y, theta, h, i, j, k)
    for b in range(whole, length):
        _add_row(total, X, y, theta, batches[place, b])


@inlined
def _diagonal_gradient(
    gradient: np.ndarray, source: GradientSource, theta: np.ndarray, normals: np.ndarray, place: int
) -> None:
    for p in range(normals.shape[1]):
        pull = source.hessian[0, p] * (theta[p] - source.minimiser[p])
        gradient[p] = pull + source.noise_factor[0, p] * normals[place, p]


@reassociating
def _dense_gradient(
    gradient: np.ndarray, source: GradientSource, theta: np.ndarray, normals: np.ndarray, place: int
) -> None:
    for i in range(normals.shape[1]):
        total = 0.0
        for p in range(normals.shape[1]):
            pull = source.hessian[i, p] * (theta[p] - source.minimiser[p])
            total += pull + source.noise_factor[i, p] * normals[place, p]
        gradient[i] = total


@reassociating
def _update(
    theta: np.ndarray,
    velocity: np.ndarray,
    gradient: np.ndarray,
    scale: float,
    rule: UpdateRule,
    keep: float,
) -> float:
    """Make one update in place with gradient ``scale * gradient``; return |theta|^2."""
    squared = 0.0
    for p in range(len(theta)):
        slope = scale * gradient[p] + rule.weight_decay * theta[p]
        velocity[p] = rule.momentum * velocity[p] - keep * slope
        theta[p] += rule.lr * (
            rule.momentum * velocity[p] - slope if rule.nesterov else velocity[p]
        )
        squared += theta[p] * theta[p]
    return squared


@kernel
def advance(
    state: RegressionState,
    buffer: Buffer,
    source: GradientSource,
    rule: UpdateRule,
    sampler: Sampler,
    gradient: np.ndarray,
    key: np.ndarray,
    replicas: tuple[int, int],
    first_replica: int,
    steps: tuple[int, int],
) -> None:
    """Advance replicas ``replicas[0]:replicas[1]`` by updates ``steps[0]:steps[1]``, in place.

    Replica r of the arrays is number ``first_replica + r`` for the random numbers. `gradient`
    (parameter,) is scratch, its padding zero.
    """
    parameters, tile = buffer.position.shape[2], sampler.bits.shape[1]
    batches = np.empty((tile, sampler.batch_size if source.kind == DATA else 0), np.int32)
    normals = np.empty((tile, 0 if source.kind == DATA else (parameters + 3) // 4 * 4))
    # Rows of `batches` and `normals` are passed as array and number: a view made in every step
    # costs more than its sum.
    for r in range(replicas[0], replicas[1]):
        theta, velocity = state.position[r], state.velocity[r]
        taken = 0
        for start in range(steps[0], steps[1], tile):
            stop = min(start + tile, steps[1])
            if source.kind == DATA:
                fill_batches(
                    batches[: stop - start], sampler, r - replicas[0], key, first_replica + r, start
                )
            else:
                fill_normals(normals[: stop - start], sampler.bits, key, first_replica + r, start)
            for k in range(start, stop):
                if state.diverged_step[r] < 0:
                    scale = 1.0
                    if source.kind == DATA:
                        length = batch_length(sampler, k)
                        scale = 1.0 / length
                        _sum_over_batch(gradient, source, theta, batches, k - start, length)
                    elif source.kind == DIAGONAL:
                        _diagonal_gradient(gradient, source, theta, normals, k - start)
                    else:
                        _dense_gradient(gradient, source, theta, normals, k - start)
                    keep = 1.0 if k == rule.undamped_step else 1.0 - rule.dampening
                    if (
                        not _update(theta, velocity, gradient, scale, rule, keep)
                        <= rule.limit_squared
                    ):
                        state.diverged_step[r] = k + 1
                        theta[:] = np.nan
                        velocity[:] = np.nan
                if taken < len(buffer.steps) and buffer.steps[taken] == k + 1:
                    for p in range(parameters):
                        buffer.position[taken, r, p] = theta[p]
                        buffer.velocity[taken, r, p] = velocity[p]
                    taken += 1
