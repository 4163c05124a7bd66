r"""How a batch meets a list: waiting times, and the law of the overlap.

Of P points a list holds l. A batch of B misses it with a probability p_0, and batches are
independent, so the number of steps until one meets the list is geometric, 1 + floor(log u / log
p_0) with u uniform in (0, 1]. The overlap h of that batch has the law of a batch conditioned on h
>= 1, and its members are uniform:

- without replacement: hypergeometric, p_0 = C(P-l, B) / C(P, B), and a subset of the list; where B
  + l > P every batch meets the list in at least B + l - P points;
- with replacement: binomial(B, l/P), p_0 = (1 - l/P)^B, and h independent draws from the list.

h is found by inversion, from the most likely value outwards; the probability of that value is a
product of ratios, so that no term overflows. Derived from the definition of the sampling; rounding
shifts probabilities by about 1e-13.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from langevin_sgd.kernels.compiled import inlined
from langevin_sgd.randomness import index_below


class OverlapLaw(NamedTuple):
    """The overlap of a batch with a list, given that they meet."""

    log_miss: float
    """log p_0, minus infinity if no batch misses the list."""
    lowest: int
    """Smallest overlap."""
    highest: int
    """Largest overlap."""
    mode: int
    """The most likely overlap, or nearly."""
    chance: float
    """Its probability."""


@inlined
def overlap_law(points: int, listed: int, batch_size: int, replaced: bool) -> OverlapLaw:
    """The law of the overlap for a list of at least one point."""
    if batch_size == 1:
        return OverlapLaw(math.log1p(-listed / points), 1, 1, 1, 1.0)
    if replaced:
        log_miss = batch_size * math.log1p(-listed / points)
        least, highest, log_least = 0, batch_size, log_miss
        mode = (batch_size + 1) * listed // points
        if listed == points:
            return OverlapLaw(-math.inf, batch_size, batch_size, batch_size, 1.0)
    else:
        least, highest = max(0, batch_size + listed - points), min(batch_size, listed)
        log_least = _log_miss(points, listed, batch_size)
        if least > 0:
            log_least = _log_miss(points, points - listed, points - batch_size)
        log_miss = log_least if least == 0 else -math.inf
        mode = (batch_size + 1) * (listed + 1) // (points + 2)
    lowest = max(least, 1)
    mode = min(max(mode, lowest), highest)
    log_chance = log_least
    for h in range(least, mode):
        log_chance += math.log(_ratio(h, points, listed, batch_size, replaced))
    return OverlapLaw(log_miss, lowest, highest, mode, math.exp(log_chance) / -math.expm1(log_miss))


@inlined
def _log_miss(points: int, listed: int, batch_size: int) -> float:
    """log of C(P-l, B) / C(P, B), which is symmetric in l and B, for l + B <= P."""
    fewer, more = min(listed, batch_size), max(listed, batch_size)
    total = 0.0
    if fewer + more <= points:
        for j in range(fewer):
            total += math.log1p(-more / (points - j))
    return total


@inlined
def _ratio(h: int, points: int, listed: int, batch_size: int, replaced: bool) -> float:
    """Probability of an overlap h + 1 over that of h."""
    if replaced:
        return (batch_size - h) / (h + 1.0) * (listed / (points - listed))
    return (listed - h) / (h + 1.0) * ((batch_size - h) / (points - listed - batch_size + h + 1.0))


@inlined
def steps_to_meet(law: OverlapLaw, u: float) -> int:
    """Steps until the next batch that meets the list, at least 1."""
    return 1 + int(math.log(u) / law.log_miss)


@inlined
def draw_overlap(
    law: OverlapLaw, u: float, points: int, listed: int, batch_size: int, replaced: bool
) -> int:
    """Overlap of a batch that meets the list."""
    above = below = law.mode
    chance_above = chance_below = law.chance
    u -= law.chance
    while u > 0.0 and (above < law.highest or below > law.lowest):
        if above < law.highest:
            chance_above *= _ratio(above, points, listed, batch_size, replaced)
            above += 1
            u -= chance_above
            if u <= 0.0:
                return above
        if below > law.lowest:
            below -= 1
            chance_below /= _ratio(below, points, listed, batch_size, replaced)
            u -= chance_below
            if u <= 0.0:
                return below
    return law.mode


@inlined
def draw_members(
    chosen: np.ndarray, count: int, listed: int, replaced: bool, bits: np.ndarray, taken: np.ndarray
) -> None:
    """Draw `count` uniform places of the list, distinct unless replaced (Floyd's algorithm).

    `bits` (4, at least count / 4) holds random words; `taken` marks places and is all False between
    calls.
    """
    for j in range(count):
        word = bits[j % 4, j // 4]
        if replaced:
            chosen[j] = index_below(word, listed)
        else:
            last = listed - count + j
            drawn = index_below(word, last + 1)
            chosen[j] = last if taken[drawn] else drawn
            taken[chosen[j]] = True
    if not replaced:
        for j in range(count):
            taken[chosen[j]] = False
