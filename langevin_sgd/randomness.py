r"""Counter-based random numbers: Threefry4x64-12 and block Box-Muller normals.

A random word is a pure function of a key (the seed) and a counter

    counter = (draw, step, replica or replica block, substream),

so nothing is carried from one step to the next: any block of any step can be recomputed alone, and
the number of threads, the length of a chunk and a stop and restart cannot change a bit of the
result.

The generator is Threefry4x64 of Salmon, Moraes, Dror and Shaw, *Parallel random numbers: as easy as
1, 2, 3* (SC11), section 4.3, with 12 rounds (the paper finds no failure of Crush tests there); 20
rounds are kept for the published known-answer vectors, which the tests check. Normals come from Box
and Muller (1958), branch-free, with polynomials fitted for this file: ``log`` through ``atanh``,
``sin`` and ``cos`` on a quarter turn, each with explicit fused multiply-adds and no fast-math, so
that vectorised and scalar code give the same bits.

Range: float64 normals reach 8.49 standard deviations (52-bit radius), float32 normals 6.55 (31-bit
radius). Substreams keep uses apart (`BATCHES`, `NOISE`, ...); two runs with the same seed and
settings are the same run.
"""

from __future__ import annotations

import hashlib
import json
import math
import secrets
from typing import Any

import numpy as np

from langevin_sgd.checks import InputError, as_count, as_counts, as_seed, require, shown
from langevin_sgd.kernels.compiled import inlined, kernel
from langevin_sgd.kernels.intrinsics import (
    bits_of_float32,
    bits_of_float64,
    float32_of_bits,
    float64_of_bits,
    fma,
)

# isort: split
# After langevin_sgd.kernels.compiled, which looks at the settings of Numba first.
from numba import float32, int32, int64, uint32, uint64

BATCHES = 0
"""Substream of minibatch indices."""
NOISE = 1
"""Substream of the noise of stochastic differential equations and of additive gradient noise."""
START = 2
"""Substream of initial conditions."""
DATA = 3
"""Substream of synthetic data sets."""
EVENTS = 4
"""Substream of waiting times, and of what happens when they are over."""
MEMBERS = 5
"""Substream of the samples that an event picks."""
FRESH = 6
"""Substream of one-pass data, drawn when they are used."""
TAILS = 7
"""Substream of what widens the tails of the gradient noise of SGD."""

BLOCK = 512
"""Normals per block: a block of replicas that stays in the first-level cache."""

LARGEST = 2**40
"""Normals that one call can fill: 8 TB of them."""

Word = Any
"""A machine word inside a kernel: uint64, or uint32 where the name says so."""

_PARITY = uint64(0x1BD11BDAA9FC1A22)
_ROUNDS = 12


# --- seeds ----------------------------------------------------------------------------------------


def fresh_seed() -> int:
    """Draw a seed of 64 bits from the operating system, small enough to be typed again."""
    return secrets.randbits(63)


def derive_seed(seed: int, *labels: Any) -> int:
    """Seed of an independent run, derived from `seed` and labels that name the run.

    Parameters
    ----------
    seed
        Base seed, 0 <= seed < 2**128.
    *labels
        Anything JSON can hold: the name of a claim, the index of a grid point.

    Returns
    -------
    int
        A seed of 63 bits, the same on every machine.

    Raises
    ------
    InputError
        If the seed lies outside its range, or a label is not what JSON can hold.

    Examples
    --------
    >>> derive_seed(0, "a") == derive_seed(0, "a"), derive_seed(0, "a") == derive_seed(0, "b")
    (True, False)
    """
    try:
        text = json.dumps([as_seed("seed", seed), *labels], sort_keys=True, default=_plain)
    except TypeError:
        raise InputError(f"labels = {shown(labels)}: must be what JSON can hold") from None
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def _plain(label: Any) -> Any:
    """Return a NumPy scalar as a number of Python's own."""
    if getattr(label, "ndim", None) == 0:
        return label.item()
    raise TypeError


def key_from_seed(seed: int) -> np.ndarray:
    """Key of four 64-bit words: the seed itself in the two lower ones, zero above.

    Raises
    ------
    InputError
        If the seed is not an integer in 0 ... 2**128 - 1.
    """
    value = as_seed("seed", seed)
    mask = 2**64 - 1
    return np.array([value & mask, value >> 64, 0, 0], dtype=np.uint64)


# --- Threefry4x64 ---------------------------------------------------------------------------------


@inlined
def _rotate(word: Word, bits: Word) -> Word:
    # The constants come as uint64: Numba compiles a function once for every literal integer it is
    # called with.
    return (word << bits) | (word >> (uint64(64) - bits))


@inlined
def _mix(a: Word, b: Word, bits: Word) -> tuple[Word, Word]:
    a = a + b
    return a, _rotate(b, bits) ^ a


@inlined
def _rounds_0_to_3(a: Word, b: Word, c: Word, d: Word) -> tuple[Word, Word, Word, Word]:
    a, b = _mix(a, b, uint64(14))
    c, d = _mix(c, d, uint64(16))
    a, d = _mix(a, d, uint64(52))
    c, b = _mix(c, b, uint64(57))
    a, b = _mix(a, b, uint64(23))
    c, d = _mix(c, d, uint64(40))
    a, d = _mix(a, d, uint64(5))
    c, b = _mix(c, b, uint64(37))
    return a, b, c, d


@inlined
def _rounds_4_to_7(a: Word, b: Word, c: Word, d: Word) -> tuple[Word, Word, Word, Word]:
    a, b = _mix(a, b, uint64(25))
    c, d = _mix(c, d, uint64(33))
    a, d = _mix(a, d, uint64(46))
    c, b = _mix(c, b, uint64(12))
    a, b = _mix(a, b, uint64(58))
    c, d = _mix(c, d, uint64(22))
    a, d = _mix(a, d, uint64(32))
    c, b = _mix(c, b, uint64(32))
    return a, b, c, d


@inlined
def _threefry(
    a: Word, b: Word, c: Word, d: Word, k0: Word, k1: Word, k2: Word, k3: Word, rounds: int
) -> tuple[Word, Word, Word, Word]:
    k4 = k0 ^ k1 ^ k2 ^ k3 ^ _PARITY
    a, b, c, d = _rounds_0_to_3(a + k0, b + k1, c + k2, d + k3)
    a, b, c, d = _rounds_4_to_7(a + k1, b + k2, c + k3, d + k4 + uint64(1))
    a, b, c, d = _rounds_0_to_3(a + k2, b + k3, c + k4, d + k0 + uint64(2))
    a, b, c, d = a + k3, b + k4, c + k0, d + k1 + uint64(3)
    if rounds == 20:
        a, b, c, d = _rounds_4_to_7(a, b, c, d)
        a, b, c, d = _rounds_0_to_3(a + k4, b + k0, c + k1, d + k2 + uint64(4))
        a, b, c, d = a + k0, b + k1, c + k2, d + k3 + uint64(5)
    return a, b, c, d


@kernel
def _words(counter: np.ndarray, key: np.ndarray, rounds: int) -> np.ndarray:
    out = np.empty(4, np.uint64)
    out[0], out[1], out[2], out[3] = _threefry(
        counter[0], counter[1], counter[2], counter[3], key[0], key[1], key[2], key[3], rounds
    )
    return out


def threefry4x64(counter: np.ndarray, key: np.ndarray, rounds: int = _ROUNDS) -> np.ndarray:
    """Four random words of one counter.

    Parameters
    ----------
    counter, key
        uint64 arrays of four words.
    rounds
        12 (the package's generator) or 20 (published test vectors).

    Returns
    -------
    array of 4 uint64

    Raises
    ------
    InputError
        If they are not.
    """
    require(as_count("rounds", rounds) in (12, 20), "rounds", rounds, "must be 12 or 20")
    for name, words in (("counter", counter), ("key", key)):
        four = isinstance(words, np.ndarray) and words.shape == (4,) and words.dtype == np.uint64
        require(four, name, words, "must be an array of four uint64")
    return _words(counter, key, int(rounds))


@inlined
def bits_over_draws(
    bits: np.ndarray, key: np.ndarray, step: int, block: int, substream: int
) -> None:
    """Fill `bits` (4, lanes) with the words of draws 0 ... lanes-1 at one step of one block."""
    b, c, d = uint64(step), uint64(block), uint64(substream)
    k0, k1, k2, k3 = key[0], key[1], key[2], key[3]
    for lane in range(bits.shape[1]):
        bits[0, lane], bits[1, lane], bits[2, lane], bits[3, lane] = _threefry(
            uint64(lane), b, c, d, k0, k1, k2, k3, _ROUNDS
        )


@inlined
def bits_over_steps(
    bits: np.ndarray, key: np.ndarray, draw: int, first_step: int, replica: int, substream: int
) -> None:
    """Fill `bits` (4, lanes) with the words of one draw at steps `first_step` and following."""
    a, c, d = uint64(draw), uint64(replica), uint64(substream)
    start = uint64(first_step)
    k0, k1, k2, k3 = key[0], key[1], key[2], key[3]
    for lane in range(bits.shape[1]):
        bits[0, lane], bits[1, lane], bits[2, lane], bits[3, lane] = _threefry(
            a, start + uint64(lane), c, d, k0, k1, k2, k3, _ROUNDS
        )


@inlined
def index_below(word: Word, count: int) -> Any:
    """floor(word * count / 2**64): uniform on 0 ... count-1 for count < 2**32.

    The bias is below count / 2**64.
    """
    low = (word & uint64(0xFFFFFFFF)) * uint64(count)
    high = (word >> uint64(32)) * uint64(count)
    return int64((high + (low >> uint64(32))) >> uint64(32))


@inlined
def uniform(word: Word) -> float:
    """Uniform float64 in (0, 1], a multiple of 2**-52."""
    return 2.0 - float64_of_bits(uint64(0x3FF0000000000000) | (word >> uint64(12)))


# --- normals --------------------------------------------------------------------------------------

_QUARTER_TURN = math.pi / 2
_LN2_64, _LN2_32 = math.log(2.0), np.float32(math.log(2.0))

# Interpolation at Chebyshev nodes, found in 60 digits; largest relative error over the interval
# behind each line. log(m) = 2 s P(s^2), s = (m-1)/(m+1), 1/sqrt(2) <= m < sqrt(2);  sin(x) = x
# S(x^2), cos(x) = C(x^2), |x| <= pi/4.
_LOG_64 = (
    1.000000000000000171, 0.33333333333276459, 0.200000000308708076, 0.1428570801055383579,
    0.1111171727375895333,
    0.09060967215607607207, 0.08418829985340244146,
)  # 1.7e-16  # fmt: skip
_SIN_64 = (
    0.9999999999999999969, -0.1666666666666661667, 0.008333333333320362457,
    -0.0001984126982865030001,
    2.755731337640012913e-6, -2.505071697410274503e-8, 1.589473665184909526e-10,
)  # 3.5e-18  # fmt: skip
_COS_64 = (
    0.9999999999999999528, -0.4999999999999925078, 0.0416666666664723058, -0.001388888886997865882,
    0.00002480157853856298634, -2.75552338848474186e-7, 2.063045437966229288e-9,
)  # 6.7e-17  # fmt: skip
_LOG_32 = tuple(
    np.float32(c)
    for c in (0.9999999993156590862, 0.33333407669075594, 0.19987425258759524, 0.14962195239572)
)  # 6.9e-10
_SIN_32 = tuple(
    np.float32(c)
    for c in (
        0.999999996917703555,
        -0.16666650673996773,
        0.00833203578559731,
        -0.000195039042508408,
    )
)  # 3.4e-9
_COS_32 = tuple(
    np.float32(c)
    for c in (0.9999999723284943, -0.4999985641918218, 0.041655014924883755, -0.00135857792648424)
)  # 3.9e-8


@inlined
def _horner_7(x: float, c: tuple[float, ...]) -> float:
    p = fma(c[6], x, c[5])
    p = fma(p, x, c[4])
    p = fma(p, x, c[3])
    p = fma(p, x, c[2])
    p = fma(p, x, c[1])
    return fma(p, x, c[0])


@inlined
def _horner_4(x: Any, c: tuple[Any, ...]) -> Any:
    p = fma(c[3], x, c[2])
    p = fma(p, x, c[1])
    return fma(p, x, c[0])


@inlined
def _log_64(x: float) -> float:
    """Natural logarithm of a normal number 0 < x <= 1, to 3 units in the last place."""
    bits = bits_of_float64(x)
    # 0 for [1/sqrt 2, sqrt 2), 4095 below
    exponent = (bits - uint64(0x3FE6A09E667F3BCD)) >> uint64(52)
    mantissa = float64_of_bits(bits - (exponent << uint64(52)))
    # An integer placed in the mantissa of 2**52 is read back by one subtraction, without a
    # conversion instruction.
    signed = (exponent ^ uint64(0x800)) & uint64(0xFFF)
    octaves = float64_of_bits(uint64(0x4330000000000000) | signed) - (4503599627370496.0 + 2048.0)
    s = (mantissa - 1.0) / (mantissa + 1.0)
    return fma(octaves, _LN2_64, (s + s) * _horner_7(s * s, _LOG_64))


@inlined
def _log_32(x: Any) -> Any:
    bits = bits_of_float32(x)
    exponent = uint32(uint32(bits - uint32(0x3F3504F3)) >> uint32(23))
    mantissa = float32_of_bits(uint32(bits - uint32(exponent << uint32(23))))
    signed = uint32(uint32(exponent ^ uint32(0x100)) & uint32(0x1FF))
    octaves = float32_of_bits(uint32(uint32(0x4B000000) | signed)) - float32(8388608.0 + 256.0)
    s = (mantissa - float32(1.0)) / (mantissa + float32(1.0))
    return fma(octaves, _LN2_32, (s + s) * _horner_4(s * s, _LOG_32))


@inlined
def box_muller_64(radius_word: Word, angle_word: Word) -> tuple[float, float]:
    """Two independent float64 normals of two words.

    The angle is uniform on a quarter turn about zero; the two lowest bits of its word, which it
    does not use, swap the pair and flip the sign of both, which carries that quarter onto the other
    three.
    """
    radius = math.sqrt(-2.0 * _log_64(uniform(radius_word)))
    x = (0.5 - uniform(angle_word)) * _QUARTER_TURN
    x2 = x * x
    c, s = radius * _horner_7(x2, _COS_64), radius * x * _horner_7(x2, _SIN_64)
    swap, sign = angle_word & uint64(1), (angle_word & uint64(2)) << uint64(62)
    first, second = (s, c) if swap else (c, s)
    return (
        float64_of_bits(bits_of_float64(first) ^ sign),
        float64_of_bits(bits_of_float64(second) ^ sign),
    )


@inlined
def box_muller_32(radius_word: Word, angle_word: Word) -> tuple[float, float]:
    """Two independent float32 normals of two 32-bit words."""
    # 31 bits, made odd so that zero cannot occur; rounding to 24 keeps the small ones fine: the
    # tail reaches 6.55.
    u = float32(int32((radius_word >> uint32(1)) | uint32(1))) * float32(2.0**-31)
    radius = math.sqrt(float32(-2.0) * _log_32(u))
    x = float32(int32(angle_word & uint32(0xFFFFFFFC))) * float32(math.pi / 4 * 2.0**-31)
    x2 = x * x
    c, s = radius * _horner_4(x2, _COS_32), radius * x * _horner_4(x2, _SIN_32)
    swap, sign = angle_word & uint32(1), uint32(uint32(angle_word & uint32(2)) << uint32(30))
    first, second = (s, c) if swap else (c, s)
    return (
        float32_of_bits(uint32(bits_of_float32(first) ^ sign)),
        float32_of_bits(uint32(bits_of_float32(second) ^ sign)),
    )


@inlined
def normals_64(
    out: np.ndarray, bits: np.ndarray, key: np.ndarray, step: int, block: int, substream: int
) -> None:
    """Fill `out` with float64 normals of one (step, block, substream).

    Parameters
    ----------
    out
        float64 array of 4*lanes numbers; number j of a block is the same for every lanes > j // 4
        only at equal lanes, so a caller fixes lanes (`BLOCK` // 4 by convention).
    bits
        uint64 scratch of shape (4, lanes).
    """
    bits_over_draws(bits, key, step, block, substream)
    lanes = bits.shape[1]
    for pair in range(2):
        radius_words, angle_words = bits[2 * pair], bits[2 * pair + 1]
        first, second = (
            out[2 * pair * lanes : (2 * pair + 1) * lanes],
            out[(2 * pair + 1) * lanes : (2 * pair + 2) * lanes],
        )
        for lane in range(lanes):
            first[lane], second[lane] = box_muller_64(radius_words[lane], angle_words[lane])


@inlined
def normals_32(
    out: np.ndarray, bits: np.ndarray, key: np.ndarray, step: int, block: int, substream: int
) -> None:
    """Fill `out` with 8*lanes float32 normals of one (step, block, substream).

    `bits` (4, lanes) is scratch.
    """
    bits_over_draws(bits, key, step, block, substream)
    halves = 2 * bits.shape[1]
    for pair in range(2):
        radius_words, angle_words = (
            bits[2 * pair].view(np.uint32),
            bits[2 * pair + 1].view(np.uint32),
        )
        first, second = (
            out[2 * pair * halves : (2 * pair + 1) * halves],
            out[(2 * pair + 1) * halves : (2 * pair + 2) * halves],
        )
        for lane in range(halves):
            first[lane], second[lane] = box_muller_32(radius_words[lane], angle_words[lane])


@kernel
def _fill_normals(out: np.ndarray, key: np.ndarray, step: int, substream: int) -> None:
    bits = np.empty((4, BLOCK // 4), np.uint64)
    block = np.empty(BLOCK)
    for start in range(0, out.size, BLOCK):
        normals_64(block, bits, key, step, start // BLOCK, substream)
        # A loop, because assigning a slice takes seconds to compile.
        for i in range(min(BLOCK, out.size - start)):
            out[start + i] = block[i]


def normals(
    shape: tuple[int, ...], seed: int, *, step: int = 0, substream: int = START
) -> np.ndarray:
    """Standard normals of a given shape, for initial conditions and samples of a law.

    Parameters
    ----------
    shape
        Shape of the result, filled in C order: a longer first axis keeps the numbers before it.
    seed, step, substream
        Key and counter; the same three give the same numbers.

    Returns
    -------
    float64 array

    Raises
    ------
    InputError
        If the shape is not a sequence of counts of zero or above, or an argument lies outside its
        range.
    """
    sizes = () if isinstance(shape, tuple) and not shape else as_counts("shape", shape, minimum=0)
    size = math.prod(sizes)
    require(size < LARGEST, "shape", shape, f"must hold fewer than {LARGEST} numbers")
    step, substream = as_count("step", step, minimum=0), as_count("substream", substream, minimum=0)
    out = np.empty(size)
    _fill_normals(out, key_from_seed(seed), step, substream)
    return out.reshape(sizes)


# --- gamma variables ------------------------------------------------------------------------------


@inlined
def gamma_64(
    shape: float, key: np.ndarray, draw: int, step: int, replica: int, substream: int
) -> float:
    """Return a gamma variable of any shape > 0 and scale 1.

    It takes the draws `draw`, `draw` + 2**32, ... until one is accepted.

    A fraction of at least 0.95 is accepted at the first draw. A shape below one is reached from
    shape + 1 by a factor uniform ** (1 / shape). Source: Marsaglia and Tsang, *A simple method for
    generating gamma variables*, ACM Transactions on Mathematical Software 26 (2000) 363.
    """
    centre = (shape if shape >= 1.0 else shape + 1.0) - 1.0 / 3.0
    spread = 1.0 / math.sqrt(9.0 * centre)
    trial = uint64(draw)
    while True:
        a, b, c, d = _threefry(
            trial,
            uint64(step),
            uint64(replica),
            uint64(substream),
            key[0],
            key[1],
            key[2],
            key[3],
            _ROUNDS,
        )
        x = box_muller_64(a, b)[0]
        cube = (1.0 + spread * x) ** 3
        if cube > 0.0 and math.log(uniform(c)) < 0.5 * x * x + centre * (
            1.0 - cube + math.log(cube)
        ):
            value = centre * cube
            return value if shape >= 1.0 else value * uniform(d) ** (1.0 / shape)
        trial += uint64(1) << uint64(32)
