"""Single-precision normals against 50 digits; substreams and blocks of random numbers that must not
be the same.
"""

import itertools
import math

import mpmath
import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd import randomness
from langevin_sgd.kernels.compiled import kernel
from langevin_sgd.models import potentials
from langevin_sgd.randomness import (
    bits_over_draws,
    bits_over_steps,
    box_muller_32,
    key_from_seed,
    uniform,
)

SUBSTREAMS = ("BATCHES", "NOISE", "START", "DATA", "EVENTS", "MEMBERS", "FRESH", "TAILS")


@kernel
def _transform(radius_words, angle_words):
    out = np.empty((radius_words.size, 2), np.float32)
    for i in range(radius_words.size):
        out[i, 0], out[i, 1] = box_muller_32(radius_words[i], angle_words[i])
    return out


def test_single_precision_box_muller_against_50_digits():
    """Both normals to 1.5e-6 of their radius, at the ends of the angle and of the radius too."""
    words = np.random.default_rng(1).integers(
        0, 2**32 - 1, (2, 600), dtype=np.uint32, endpoint=True
    )
    words[0, :5] = [0, 2**32 - 1, 2**31, 3, 2**24]
    words[1, 5:30] = np.uint32(2**31 - 4) + np.arange(
        25, dtype=np.uint32
    )  # both ends of the quarter turn
    found = _transform(*words)
    mpmath.mp.dps = 50
    worst = 0.0
    for radius_word, angle_word, pair in zip(*words.tolist(), found.tolist(), strict=True):
        u = mpmath.mpf(float(np.float32(radius_word >> 1 | 1))) / 2**31
        turn = angle_word & ~3
        x = mpmath.mpf(turn - 2**32 if turn >= 2**31 else turn) / 2**31 * mpmath.pi / 4
        radius = mpmath.sqrt(-2 * mpmath.log(u))
        exact = [radius * mpmath.cos(x), radius * mpmath.sin(x)]
        exact = exact[::-1] if angle_word & 1 else exact
        sign = -1 if angle_word & 2 else 1
        scale = max(float(radius), 1e-30)
        worst = max(
            worst,
            *(
                abs(float(one - sign * other)) / scale
                for one, other in zip(pair, exact, strict=True)
            ),
        )
    assert worst < 1.5e-6


@kernel
def _uniforms(key, substream, by_steps, lanes, replica):
    bits = np.empty((4, lanes), np.uint64)
    if by_steps:
        bits_over_steps(bits, key, 0, 0, replica, substream)
    else:
        bits_over_draws(bits, key, 0, replica, substream)
    out = np.empty((4, lanes))
    for word in range(4):
        for lane in range(lanes):
            out[word, lane] = uniform(bits[word, lane])
    return out


def test_substreams_are_distinct():
    numbers = {name: getattr(randomness, name) for name in SUBSTREAMS}
    named = {
        name
        for name, value in vars(randomness).items()
        if name.isupper() and isinstance(value, int)
    }
    assert named - {"BLOCK", "LARGEST", "_ROUNDS", "_PARITY"} == set(SUBSTREAMS)
    assert len(set(numbers.values())) == len(SUBSTREAMS)


@pytest.mark.parametrize("by_steps", [False, True])
def test_substreams_are_independent(by_steps, seed):
    """All pairs of substreams, all pairs of their words: 336 correlations of 4096 within 6
    sigma.
    """
    lanes, key = 4096, key_from_seed(seed)
    words = {
        name: _uniforms(key, getattr(randomness, name), by_steps, lanes, 3) - 0.5
        for name in SUBSTREAMS
    }
    for first, second in itertools.combinations(SUBSTREAMS, 2):
        correlation = 12 * words[first] @ words[second].T / lanes
        assert np.abs(correlation).max() * math.sqrt(lanes) < 6


def largest_correlation(kicks, shift):
    """Of kicks (kind, replica) with those of the replica `shift` further on, all pairs of kinds, in
    standard errors.
    """
    first, second = kicks[:, :-shift], kicks[:, shift:]
    size = np.sqrt((first**2).mean(axis=1)[:, None] * (second**2).mean(axis=1))
    return np.abs(first @ second.T / first.shape[1] / size).max() * math.sqrt(first.shape[1])


FLAT = {
    2: potentials.Potential.from_sympy("0*x + 0*y", variables="x y"),
    3: potentials.Potential.from_sympy("0*x + 0*y + 0*z", variables="x y z"),
}


def free(parameters, potential=None, kind=ls.Overdamped):
    still = (
        potentials.Quadratic(stiffness=np.zeros((parameters, parameters)))
        if potential is None
        else potential
    )
    mass = {"mass": 1.0} if kind is ls.Underdamped else {}
    return kind(potential=still, friction=1.0, noise_covariance=1.0, step_time=1.0, **mass)


CASES = {
    "many modes, one filling for several substeps": (
        free(3),
        ls.sde.EulerMaruyama(),
        "float64",
        12,
        1024,
        (1, 16, 32),
    ),
    "many modes, several fillings": (
        free(80),
        ls.sde.EulerMaruyama(),
        "float64",
        2,
        1024,
        (1, 16, 32),
    ),
    "many modes, two sources": (
        free(40, kind=ls.Underdamped),
        ls.sde.ExactOrnsteinUhlenbeck(),
        "float64",
        2,
        1024,
        (1, 16, 32),
    ),
    "plane": (free(2, FLAT[2]), ls.sde.EulerMaruyama(), "float64", 4, 4096, (1, 4, 512, 1024)),
    "space": (free(3, FLAT[3]), ls.sde.EulerMaruyama(), "float64", 4, 4096, (1, 256, 512, 1024)),
    "plane, single": (
        free(2, FLAT[2]),
        ls.sde.EulerMaruyama(),
        "float32",
        4,
        6144,
        (1, 8, 1024, 2048),
    ),
    "plane, two draws": (
        free(2, FLAT[2], ls.Underdamped),
        ls.sde.OBABO(),
        "float64",
        3,
        4096,
        (1, 4, 512, 1024),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_replicas_of_all_blocks_have_their_own_numbers(name, seed):
    """Kicks of every step and component against all those of replicas further on: at most 25,600
    within 7 sigma.
    """
    equation, integrator, precision, steps, replicas, shifts = CASES[name]
    run = ls.sde.simulate(
        equation, integrator, replicas=replicas, steps=steps, substeps=1, seed=seed,
        precision=precision,
        schedule=np.arange(steps + 1), record=ls.record.states(),
    )  # fmt: skip
    kicks = np.diff(run["position"].values, axis=0).transpose(0, 2, 1).reshape(-1, replicas)
    if isinstance(equation, ls.Underdamped):  # what of the velocity is not remembered is the kick
        velocity = run["velocity"].values
        kicks = (velocity[1:] - np.exp(-1) * velocity[:-1]).transpose(0, 2, 1).reshape(-1, replicas)
    for shift in shifts:
        assert largest_correlation(kicks, shift) < 7
    copied = np.concatenate([kicks[:, :-16], kicks[::-1, :-16]], axis=1)
    assert (
        largest_correlation(copied, replicas - 16) > 10
    )  # control: other components of other replicas
