"""The generator against published vectors, and its normals against their law."""

import math

import mpmath
import numpy as np
import pytest
from scipy import stats

from langevin_sgd import randomness
from langevin_sgd.checks import InputError
from langevin_sgd.kernels.compiled import kernel
from langevin_sgd.randomness import (
    bits_over_draws,
    bits_over_steps,
    box_muller_64,
    derive_seed,
    index_below,
    key_from_seed,
    normals,
    normals_32,
    threefry4x64,
    uniform,
)

FULL = 2**64 - 1
PI = [0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89]
PI_KEY = [0x452821E638D01377, 0xBE5466CF34E90C6C, 0xBE5466CF34E90C6C, 0xC0AC29B7C97C50DD]


# Known-answer vectors of Random123 (Salmon et al., SC11) for Threefry4x64 with 20 rounds.
@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        (
            [0] * 4,
            [0] * 4,
            [0x09218EBDE6C85537, 0x55941F5266D86105, 0x4BD25E16282434DC, 0xEE29EC846BD2E40B],
        ),
        (
            [FULL] * 4,
            [FULL] * 4,
            [0x29C24097942BBA1B, 0x0371BBFB0F6F4E11, 0x3C231FFA33F83A1C, 0xCD29113FDE32D168],
        ),
        (
            PI,
            PI_KEY,
            [0xA7E8FDE591651BD9, 0xBAAFD0C30138319B, 0x84A5C1A729E685B9, 0x901D406CCEBC1BA4],
        ),
    ],
)
def test_threefry_known_answers(counter, key, words):
    found = threefry4x64(np.array(counter, np.uint64), np.array(key, np.uint64), 20)
    assert [int(word) for word in found] == words


def plain_threefry(counter, key, rounds):
    """Threefry4x64 in Python integers, straight from section 4.3 of the paper."""
    rotations = [(14, 16), (52, 57), (23, 40), (5, 37), (25, 33), (46, 12), (58, 22), (32, 32)]
    keys = [*key, 0x1BD11BDAA9FC1A22 ^ key[0] ^ key[1] ^ key[2] ^ key[3]]
    x = [(c + k) & FULL for c, k in zip(counter, key, strict=True)]
    for number in range(rounds):
        for (a, b), turn in zip(([0, 1], [2, 3]), rotations[number % 8], strict=True):
            x[a] = (x[a] + x[b]) & FULL
            x[b] = (x[b] << turn | x[b] >> (64 - turn)) & FULL ^ x[a]
        x[1], x[3] = x[3], x[1]
        if number % 4 == 3:
            s = number // 4 + 1
            x = [
                (word + keys[(s + i) % 5] + (s if i == 3 else 0)) & FULL for i, word in enumerate(x)
            ]
    return x


def test_threefry_12_rounds_against_plain_python():
    words = np.random.default_rng(0).integers(0, FULL, (20, 8), dtype=np.uint64, endpoint=True)
    for row in words:
        plain = plain_threefry([int(w) for w in row[:4]], [int(w) for w in row[4:]], 12)
        assert [int(w) for w in threefry4x64(row[:4], row[4:])] == plain


@kernel
def _lanes(key, step, block):
    over_draws = np.empty((4, 32), np.uint64)
    over_steps = np.empty((4, 32), np.uint64)
    bits_over_draws(over_draws, key, step, block, 1)
    bits_over_steps(over_steps, key, 3, step, block, 1)
    return over_draws, over_steps


def test_lanes_are_the_words_of_their_counters():
    key = key_from_seed(2**70 + 5)
    over_draws, over_steps = _lanes(key, 11, 7)
    for lane in (0, 1, 31):
        assert (
            over_draws[:, lane] == threefry4x64(np.array([lane, 11, 7, 1], np.uint64), key)
        ).all()
        assert (
            over_steps[:, lane] == threefry4x64(np.array([3, 11 + lane, 7, 1], np.uint64), key)
        ).all()


@kernel
def _transform(radius_words, angle_words):
    out = np.empty((radius_words.size, 3))
    for i in range(radius_words.size):
        out[i, 0], out[i, 1] = box_muller_64(radius_words[i], angle_words[i])
        out[i, 2] = uniform(radius_words[i])
    return out


def test_box_muller_against_50_digits():
    words = np.random.default_rng(1).integers(0, FULL, (2, 400), dtype=np.uint64, endpoint=True)
    words[0, :4] = [0, FULL, FULL - 2**12, 2**60]
    found = _transform(*words)
    mpmath.mp.dps = 50
    for radius_word, angle_word, (first, second, u) in zip(*words.tolist(), found, strict=True):
        exact_u = 1 - mpmath.mpf(radius_word >> 12) / 2**52
        assert u == float(exact_u)
        x = (mpmath.mpf(angle_word >> 12) / 2**52 - 0.5) * mpmath.pi / 2
        radius = mpmath.sqrt(-2 * mpmath.log(exact_u))
        pair = [radius * mpmath.cos(x), radius * mpmath.sin(x)]
        pair = pair[::-1] if angle_word & 1 else pair
        sign = -1 if angle_word & 2 else 1
        scale = max(float(radius), 1e-300)
        assert abs(first - sign * pair[0]) <= 1.5e-15 * scale
        assert abs(second - sign * pair[1]) <= 1.5e-15 * scale


@kernel
def _single_precision(blocks, key):
    out = np.empty((blocks, 512), np.float32)
    bits = np.empty((4, 64), np.uint64)
    for block in range(blocks):
        normals_32(out[block], bits, key, 0, block, 1)
    return out


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_normals_follow_the_normal_law(precision, seed):
    count = 512 * 2000
    if precision == "float64":
        x = normals((count,), seed)
    else:
        x = _single_precision(2000, key_from_seed(seed)).ravel().astype(float)
    assert abs(x.mean()) < 4.9 / math.sqrt(count)
    assert abs(x.var() - 1) < 4.9 * math.sqrt(2 / count)
    assert abs((x**4).mean() - 3) < 4.9 * math.sqrt(96 / count)
    assert abs((x[:-1] * x[1:]).mean()) < 4.9 / math.sqrt(count)
    assert abs((x[: count // 2] * x[count // 2 :]).mean()) < 4.9 / math.sqrt(count / 2)
    assert stats.kstest(x, "norm").pvalue > 1e-6
    # Control: a law that is nearly normal must be told apart.
    assert stats.kstest(x, stats.t(df=60).cdf).pvalue < 1e-6


def test_normals_do_not_depend_on_how_many_are_asked_for():
    assert (normals((5000, 3), 9)[:700] == normals((700, 3), 9)).all()
    assert not (normals((8,), 9) == normals((8,), 10)).any()
    assert not (normals((8,), 9) == normals((8,), 9, substream=randomness.NOISE)).any()


@kernel
def _indices(words, count):
    out = np.empty(words.size, np.int64)
    for i in range(words.size):
        out[i] = index_below(words[i], count)
    return out


@pytest.mark.parametrize("count", [1, 2, 442, 2**20 + 7, 2**32 - 1])
def test_index_below_is_the_scaled_word(count):
    words = np.random.default_rng(2).integers(0, FULL, 200, dtype=np.uint64, endpoint=True)
    words[:2] = [0, FULL]
    assert _indices(words, count).tolist() == [int(w) * count >> 64 for w in words]


def test_seeds():
    assert key_from_seed(3 + (5 << 64)).tolist() == [3, 5, 0, 0]
    assert derive_seed(0, "claim", 3) != derive_seed(1, "claim", 3)
    for wrong in (-1, 2**128, 1.5, "0", True):
        with pytest.raises(InputError, match="seed"):
            key_from_seed(wrong)
