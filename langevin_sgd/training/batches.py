r"""Samples and additive noise of every step, as pure functions of a counter.

Counter of a random word: (draw, step, replica, `BATCHES`) for minibatches, (draw, epoch, replica,
`BATCHES`) for the shuffle of an epoch and (draw, step, replica, `NOISE`) for additive noise; a draw
gives four words. Entry j of a batch uses word j, so that the words of many steps are made at once,
and no step depends on how a run was cut into chunks.

- ``with_replacement``: index j = floor(N * word_j / 2**64).
- ``without_replacement``: Floyd's algorithm (Bentley and Floyd, *A sample of brilliance*, Comm. ACM
  30 (1987) 754): for j = 0 ... B-1 draw t below N - B + j + 1; take t, or N - B + j if t was taken.
  Every subset is equally likely.
- ``epochs``: one Fisher-Yates shuffle per epoch, cut into batches; the last one is short if B does
  not divide N.

Range of validity: N < 2**31 samples; the probability of an index is off by less than N / 2**64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from langevin_sgd.checks import as_count, as_instance, require, require_memory
from langevin_sgd.kernels.compiled import inlined, kernel
from langevin_sgd.randomness import (
    BATCHES,
    NOISE,
    bits_over_draws,
    bits_over_steps,
    box_muller_64,
    index_below,
    key_from_seed,
)
from langevin_sgd.sgd_settings import SAMPLINGS, SGD
from langevin_sgd.simulation.beginning import require_steps

TILE = 64
"""Steps whose batches are drawn together: enough to vectorise, and within the first-level cache."""
MOST_SAMPLES = 2**31 - 1
"""Indices of samples are kept in 32 bits."""
ORDER_BYTES = 2**31
"""Memory that the shuffled orders of all replicas may take."""


class Sampler(NamedTuple):
    """How batches are drawn, with the scratch of a few replicas that share a thread."""

    kind: int
    """Place of the sampling in `SAMPLINGS`."""
    samples: int
    batch_size: int
    bits: np.ndarray
    """(4, tile) random words."""
    taken: np.ndarray
    """(sample,) marks of Floyd's algorithm, all False between batches."""
    order: np.ndarray
    """(replica, sample) the shuffled samples of an epoch, kept while it lasts."""
    order_epoch: np.ndarray
    """(replica,) the epoch of that order, -1 for none."""


def make_sampler(settings: SGD, samples: int, replicas: int) -> Sampler:
    """Scratch for `fill_batches`."""
    kind = SAMPLINGS.index(settings.sampling)
    return Sampler(
        kind=kind,
        samples=samples,
        batch_size=settings.batch_size,
        bits=np.empty((4, TILE), np.uint64),
        taken=np.zeros(samples if kind == 1 else 0, np.bool_),
        order=np.empty((replicas, samples if kind == 2 else 0), np.int32),
        order_epoch=np.full(replicas, -1),
    )


def require_sampling(settings: SGD, samples: int, replicas: int) -> None:
    """Raise `InputError` if batches exceed the data, or the shuffled orders the memory."""
    if settings.sampling == "with_replacement":
        return
    most = f"must be at most {samples} samples with {settings.sampling}"
    require(settings.batch_size <= samples, "batch_size", settings.batch_size, most)
    if settings.sampling == "epochs":
        fits = ORDER_BYTES // (4 * samples)
        hint = (
            f"at most {fits} at a time for epochs of {samples} samples; "
            "run the rest with first_replica"
        )
        require(replicas <= fits, "replicas", replicas, hint)


@inlined
def batch_length(sampler: Sampler, step: int) -> int:
    """Samples in the batch of a step: the batch size, less in the short last batch of an epoch."""
    if sampler.kind != 2:
        return sampler.batch_size
    batches_per_epoch = -(-sampler.samples // sampler.batch_size)
    return min(sampler.batch_size, sampler.samples - step % batches_per_epoch * sampler.batch_size)


@inlined
def _draw_indices(
    batches: np.ndarray, sampler: Sampler, key: np.ndarray, replica: int, first_step: int
) -> None:
    """Entry j of each batch, uniform below N, or below N - B + j + 1 (Floyd's algorithm)."""
    lanes = len(batches)
    for draw in range((sampler.batch_size + 3) // 4):
        bits_over_steps(sampler.bits, key, draw, first_step, replica, BATCHES)
        for j in range(4 * draw, min(4 * draw + 4, sampler.batch_size)):
            count = (
                sampler.samples
                if sampler.kind == 0
                else sampler.samples - sampler.batch_size + j + 1
            )
            for lane in range(lanes):
                batches[lane, j] = index_below(sampler.bits[j - 4 * draw, lane], count)


@inlined
def _make_distinct(batch: np.ndarray, sampler: Sampler) -> None:
    for j in range(len(batch)):
        if sampler.taken[batch[j]]:
            batch[j] = sampler.samples - sampler.batch_size + j
        sampler.taken[batch[j]] = True
    for j in range(len(batch)):
        sampler.taken[batch[j]] = False


@inlined
def _shuffle(order: np.ndarray, key: np.ndarray, replica: int, epoch: int) -> None:
    samples = len(order)
    bits = np.empty((4, (samples + 3) // 4), np.uint64)
    bits_over_draws(bits, key, epoch, replica, BATCHES)
    for i in range(samples):
        order[i] = i
    for i in range(samples):
        j = i + index_below(bits[i % 4, i // 4], samples - i)
        order[i], order[j] = order[j], order[i]


@kernel
def fill_batches(
    batches: np.ndarray, sampler: Sampler, row: int, key: np.ndarray, replica: int, first_step: int
) -> None:
    """Fill `batches` (step, batch), at most `TILE` steps, with the samples of one replica.

    What lies beyond a short batch is left as it is. `row` is the place of the replica among those
    of the sampler.
    """
    if sampler.kind < 2:
        _draw_indices(batches, sampler, key, replica, first_step)
        if sampler.kind == 1 and sampler.batch_size > 1:
            for lane in range(len(batches)):
                _make_distinct(batches[lane], sampler)
        return
    batches_per_epoch = -(-sampler.samples // sampler.batch_size)
    for lane in range(len(batches)):
        epoch, place = divmod(first_step + lane, batches_per_epoch)
        if sampler.order_epoch[row] != epoch:
            _shuffle(sampler.order[row], key, replica, epoch)
            sampler.order_epoch[row] = epoch
        for j in range(batch_length(sampler, first_step + lane)):
            batches[lane, j] = sampler.order[row, place * sampler.batch_size + j]


@kernel
def fill_normals(
    normals: np.ndarray, bits: np.ndarray, key: np.ndarray, replica: int, first_step: int
) -> None:
    """Fill `normals`, at most `TILE` steps of one replica.

    Shape (step, parameter rounded up to a multiple of 4).
    """
    four = np.empty(bits.shape)
    for draw in range(normals.shape[1] // 4):
        bits_over_steps(bits, key, draw, first_step, replica, NOISE)
        for pair in range(0, 4, 2):
            for lane in range(bits.shape[1]):
                four[pair, lane], four[pair + 1, lane] = box_muller_64(
                    bits[pair, lane], bits[pair + 1, lane]
                )
        for lane in range(len(normals)):
            for j in range(4):
                normals[lane, 4 * draw + j] = four[j, lane]


def _as_span(replica: int, first_step: int, steps: int) -> tuple[int, int, int]:
    """Convert the numbers that say which batches are asked for."""
    counts = (("replica", replica), ("first_step", first_step), ("steps", steps))
    replica, first_step, steps = (as_count(name, value, minimum=0) for name, value in counts)
    require_steps(first_step, steps)
    return replica, first_step, steps


def batch_indices(
    settings: SGD, samples: int, *, seed: int, replica: int = 0, first_step: int = 0, steps: int
) -> np.ndarray:
    """Samples of the minibatches that `run` uses, to replay a run elsewhere.

    Parameters
    ----------
    settings
        Gives batch size and sampling; the rest does not matter.
    samples
        Number of samples N of the data.
    seed, replica
        As in `run`; the replica counts from 0, ``first_replica`` included.
    first_step, steps
        The batches of steps first_step ... first_step + steps - 1; batch k is used by the update
        from theta_k to theta_{k+1}.

    Returns
    -------
    (steps, batch_size) int64
        Indices from 0 to N-1; -1 in the places that a short last batch of an epoch leaves empty.

    Raises
    ------
    InputError
        If an argument is out of range, or the batch does not fit the data.

    Examples
    --------
    >>> import numpy as np
    >>> epoch = batch_indices(SGD(lr=0.1, batch_size=4, sampling="epochs"), 10, seed=1, steps=3)
    >>> np.sort(epoch.ravel()).tolist()
    [-1, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    settings = as_instance("settings", settings, SGD)
    samples = as_count("samples", samples, maximum=MOST_SAMPLES)
    replica, first_step, steps = _as_span(replica, first_step, steps)
    require_memory("steps", steps, 12.0 * steps * settings.batch_size + 4.0 * samples)
    require_sampling(settings, samples, 1)
    sampler, key = make_sampler(settings, samples, 1), key_from_seed(seed)
    batches = np.full((steps, settings.batch_size), -1, np.int32)
    for start in range(0, steps, TILE):
        fill_batches(batches[start : start + TILE], sampler, 0, key, replica, first_step + start)
    return batches.astype(np.int64)


def gradient_normals(
    parameters: int, *, seed: int, replica: int = 0, first_step: int = 0, steps: int
) -> np.ndarray:
    """Standard normals of the additive gradient noise that `run` uses for a problem without data.

    The noise of step k is F times row k, with F F^T = noise_covariance / batch_size: the square
    root of its diagonal where it and the Hessian are diagonal, else
    ``covariance_root(noise_covariance) / sqrt(batch_size)`` (`langevin_sgd.covariance`).

    Parameters
    ----------
    parameters
        Number of parameters.
    seed, replica, first_step, steps
        As in `batch_indices`.

    Returns
    -------
    (steps, parameters) float64

    Raises
    ------
    InputError
        If an argument is out of range.

    Examples
    --------
    >>> gradient_normals(3, seed=1, steps=2).shape
    (2, 3)
    """
    parameters = as_count("parameters", parameters)
    replica, first_step, steps = _as_span(replica, first_step, steps)
    require_memory("steps", steps, 8.0 * (steps + TILE) * (parameters + 4))
    key, bits = key_from_seed(seed), np.empty((4, TILE), np.uint64)
    normals = np.empty((steps, -(-parameters // 4) * 4))
    for start in range(0, steps, TILE):
        fill_normals(normals[start : start + TILE], bits, key, replica, first_step + start)
    return normals[:, :parameters]
