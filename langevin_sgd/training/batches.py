r"""Which samples enter which step, and the normals of additive gradient noise: pure functions of a counter.

Counter of a random word: (draw, step, replica, `BATCHES`) for minibatches, (draw, epoch, replica, `BATCHES`) for the
shuffle of an epoch and (draw, step, replica, `NOISE`) for additive noise; a draw gives four words. Entry j of a batch
uses word j, so that the words of many steps are made at once, and no step depends on how a run was cut into chunks.

- ``with_replacement``: index j = floor(N * word_j / 2**64).
- ``without_replacement``: Floyd's algorithm (Bentley and Floyd, *A sample of brilliance*, Comm. ACM 30 (1987) 754): for
  j = 0 ... B-1 draw t below N - B + j + 1; take t, or N - B + j if t was taken. Every subset is equally likely.
- ``epochs``: one Fisher-Yates shuffle per epoch, cut into batches; the last one is short if B does not divide N.

Range of validity: N < 2**31 samples; the probability of an index is off by less than N / 2**64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from langevin_sgd.checks import require, require_count
from langevin_sgd.compiled import inlined, kernel
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

TILE = 64
"""Steps whose batches are drawn together: long enough to vectorise, short enough for the first-level cache."""


class Sampler(NamedTuple):
    """How batches are drawn, with the scratch of one thread."""

    kind: int
    """Place of the sampling in `SAMPLINGS`."""
    samples: int
    batch_size: int
    bits: np.ndarray
    """(4, tile) random words."""
    shuffle_bits: np.ndarray
    """(4, draws) random words of a shuffle."""
    order: np.ndarray
    """(sample,) the shuffled samples of an epoch."""
    taken: np.ndarray
    """(sample,) marks of Floyd's algorithm, all False between batches."""


def make_sampler(settings: SGD, samples: int) -> Sampler:
    """Scratch for `fill_batches`; checks that the batch fits the data.

    Raises
    ------
    InputError
        If batches of distinct samples are larger than the data.
    """
    kind = SAMPLINGS.index(settings.sampling)
    fits = kind == 0 or settings.batch_size <= samples
    require(fits, "batch_size", settings.batch_size, f"must be at most {samples} samples with {settings.sampling}")
    distinct, shuffled = (samples if kind == k else 0 for k in (1, 2))
    return Sampler(
        kind=kind,
        samples=samples,
        batch_size=settings.batch_size,
        bits=np.empty((4, TILE), np.uint64),
        shuffle_bits=np.empty((4, -(-shuffled // 4)), np.uint64),
        order=np.empty(shuffled, np.int32),
        taken=np.zeros(distinct, np.bool_),
    )


@inlined
def batch_length(sampler: Sampler, step: int) -> int:
    """Samples in the batch of a step: the batch size, less in the short last batch of an epoch."""
    if sampler.kind != 2:
        return sampler.batch_size
    batches_per_epoch = -(-sampler.samples // sampler.batch_size)
    return min(sampler.batch_size, sampler.samples - step % batches_per_epoch * sampler.batch_size)


@inlined
def _draw_indices(batches: np.ndarray, sampler: Sampler, key: np.ndarray, replica: int, first_step: int) -> None:
    """Entry j of each batch uniform below N (with replacement) or below N - B + j + 1 (for Floyd's algorithm)."""
    lanes = len(batches)
    for draw in range((sampler.batch_size + 3) // 4):
        bits_over_steps(sampler.bits, key, draw, first_step, replica, BATCHES)
        for j in range(4 * draw, min(4 * draw + 4, sampler.batch_size)):
            count = sampler.samples if sampler.kind == 0 else sampler.samples - sampler.batch_size + j + 1
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
def _shuffle(sampler: Sampler, key: np.ndarray, replica: int, epoch: int) -> None:
    order, samples = sampler.order, sampler.samples
    bits_over_draws(sampler.shuffle_bits, key, epoch, replica, BATCHES)
    for i in range(samples):
        order[i] = i
    for i in range(samples):
        j = i + index_below(sampler.shuffle_bits[i % 4, i // 4], samples - i)
        order[i], order[j] = order[j], order[i]


@kernel
def fill_batches(
    batches: np.ndarray, sampler: Sampler, key: np.ndarray, replica: int, first_step: int, epoch: int
) -> int:
    """Fill `batches` (step, batch) with the samples of consecutive steps; places beyond a short batch are left.

    `epoch` is the one whose shuffle ``sampler.order`` holds, -1 for none; the new one is returned.
    """
    if sampler.kind < 2:
        _draw_indices(batches, sampler, key, replica, first_step)
        if sampler.kind == 1:
            for lane in range(len(batches)):
                _make_distinct(batches[lane], sampler)
        return epoch
    batches_per_epoch = -(-sampler.samples // sampler.batch_size)
    for lane in range(len(batches)):
        step = first_step + lane
        if step // batches_per_epoch != epoch:
            epoch = step // batches_per_epoch
            _shuffle(sampler, key, replica, epoch)
        start = step % batches_per_epoch * sampler.batch_size
        for j in range(batch_length(sampler, step)):
            batches[lane, j] = sampler.order[start + j]
    return epoch


@kernel
def fill_normals(normals: np.ndarray, bits: np.ndarray, key: np.ndarray, replica: int, first_step: int) -> None:
    """Fill `normals` (step, parameter rounded up to a multiple of 4) for consecutive steps of one replica."""
    for draw in range(normals.shape[1] // 4):
        bits_over_steps(bits, key, draw, first_step, replica, NOISE)
        for pair in range(2):
            j = 4 * draw + 2 * pair
            for lane in range(len(normals)):
                normals[lane, j], normals[lane, j + 1] = box_muller_64(bits[2 * pair, lane], bits[2 * pair + 1, lane])


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
        The batches of steps first_step ... first_step + steps - 1; batch k is used by the update from theta_k to
        theta_{k+1}.

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
    require_count("samples", samples)
    for name, value in (("replica", replica), ("first_step", first_step), ("steps", steps)):
        require_count(name, value, minimum=0)
    sampler, key, epoch = make_sampler(settings, samples), key_from_seed(seed), -1
    batches = np.full((steps, settings.batch_size), -1, np.int32)
    for start in range(0, steps, TILE):
        epoch = fill_batches(batches[start : start + TILE], sampler, key, replica, first_step + start, epoch)
    return batches.astype(np.int64)


def gradient_normals(parameters: int, *, seed: int, replica: int = 0, first_step: int = 0, steps: int) -> np.ndarray:
    """Standard normals of the additive gradient noise that `run` uses for a problem without data.

    The noise of step k is the factor of covariance / batch_size (see `run`) times row k.

    Parameters
    ----------
    parameters
        Number of parameters.
    seed, replica, first_step, steps
        As in `batch_indices`.

    Returns
    -------
    (steps, parameters) float64
    """
    require_count("parameters", parameters)
    for name, value in (("replica", replica), ("first_step", first_step), ("steps", steps)):
        require_count(name, value, minimum=0)
    key, bits = key_from_seed(seed), np.empty((4, TILE), np.uint64)
    normals = np.empty((steps, -(-parameters // 4) * 4))
    for start in range(0, steps, TILE):
        fill_normals(normals[start : start + TILE], bits, key, replica, first_step + start)
    return normals[:, :parameters]
