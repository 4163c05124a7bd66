"""Minibatches of a finite set of samples: all of them with their weights, or drawn at random.

Drawn with the package's counter-based numbers: counter (draw, batch, replica, `BATCHES`), entry j
of a batch from word j. With replacement an entry is floor(n * word / 2^64); distinct samples are
the first entries of a Fisher-Yates shuffle. Range of validity: n < 2^31.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from langevin_sgd.kernels.compiled import kernel
from langevin_sgd.randomness import BATCHES, bits_over_draws, index_below, key_from_seed
from langevin_sgd.sgd_settings import SGD


@kernel
def _fill(
    batches: np.ndarray,
    order: np.ndarray,
    distinct: bool,
    key: np.ndarray,
    replica: int,
    first: int,
) -> None:
    count, size = batches.shape
    samples = len(order)
    bits = np.empty((4, (size + 3) // 4), np.uint64)
    for row in range(count):
        bits_over_draws(bits, key, first + row, replica, BATCHES)
        if distinct:
            for i in range(samples):
                order[i] = i
        for j in range(size):
            word = bits[j % 4, j // 4]
            if distinct:
                other = j + index_below(word, samples - j)
                order[j], order[other] = order[other], order[j]
                batches[row, j] = order[j]
            else:
                batches[row, j] = index_below(word, samples)


def drawn_batches(
    settings: SGD, samples: int, count: int, *, seed: int, replica: int = 0, first: int = 0
) -> np.ndarray:
    """(count, batch) Indices of the samples of batches `first` and following.

    Parameters
    ----------
    settings
        Batch size, and sampling with or without replacement.
    samples
        Number of samples n.
    count
        Number of batches.
    seed, replica, first
        Key and counter; the same three give the same batches.
    """
    batches = np.empty((count, settings.batch_size), np.int64)
    distinct = settings.sampling == "without_replacement"
    _fill(batches, np.empty(samples, np.int64), distinct, key_from_seed(seed), replica, first)
    return batches


def number_of_batches(settings: SGD, samples: int) -> int:
    """Batches that differ in more than the order of their samples."""
    if settings.sampling == "without_replacement":
        return math.comb(samples, settings.batch_size)
    return math.comb(samples + settings.batch_size - 1, settings.batch_size)


def all_batches(settings: SGD, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return all these batches (count, batch), and their probabilities (count,)."""
    size = settings.batch_size
    if settings.sampling == "without_replacement":
        batches = np.array(list(itertools.combinations(range(samples), size)))
        return batches, np.full(len(batches), 1 / len(batches))
    batches = np.array(list(itertools.combinations_with_replacement(range(samples), size)))
    # The orders of a batch that differ are B! over the product of the places of its entries in
    # their runs of equal ones.
    place, logarithm = np.ones(len(batches)), np.full(len(batches), math.lgamma(size + 1))
    for column in range(1, size):
        place = np.where(batches[:, column] == batches[:, column - 1], place + 1, 1.0)
        logarithm -= np.log(place)
    return batches, np.exp(logarithm - size * math.log(samples))
