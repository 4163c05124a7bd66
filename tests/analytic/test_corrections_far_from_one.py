"""Corrections to scaling where amplitudes and errors of x are not those of x = 1 and of the
asymptote.

Coverage of one-sigma intervals within binomial bounds of probability 1e-7 a side; controls are
stated with each test.
"""

import numpy as np
import pytest
from scipy import stats

from langevin_sgd.measure.scaling_corrections import correction_to_scaling
from langevin_sgd.randomness import normals


def covers(estimates, truth, factor=1.0):
    off = np.array([abs(one.value - truth) / (factor * one.standard_error) for one in estimates])
    low, high = stats.binom.ppf(
        [1e-7, 1 - 1e-7], len(off), 2 * stats.t.cdf(1, estimates[0].degrees_of_freedom) - 1
    )
    return low <= np.count_nonzero(off < 1) <= high


@pytest.mark.parametrize("first", [30.0, 0.01])
def test_the_amplitude_is_covered_where_the_smallest_x_is_not_one(first, seed):
    """y = 3 x^1.7 (1 - 0.4 (x/first)^-1); the amplitude is that of x = 1, far outside. Control:
    half and twice.
    """
    x = first * np.geomspace(1, 1000, 9)
    law = 3 * x**1.7 * (1 - 0.4 * (x / first) ** -1)
    found = []
    for kick in normals((200, 9), seed):
        y = law * np.exp(0.003 * kick)
        found.append(correction_to_scaling(x, y, y_error=0.003 * y, power=1.0))
    amplitudes = [one.amplitude for one in found]
    assert covers(amplitudes, 3.0)
    assert not covers(amplitudes, 3.0, 0.5)
    assert not covers(amplitudes, 3.0, 2.0)
    assert covers([one.exponent for one in found], 1.7)


def test_errors_of_x_count_with_the_local_slope(seed):
    """y = 3 x^1.7 (1 - 0.8/x), whose slope is 5.7 at x = 1, where the correction has its error
    from.

    Control: errors smaller by 3, about the ratio of the local to the asymptotic slope.
    """
    x = np.geomspace(1, 100, 9)
    found = []
    for kick in normals((200, 9), seed):
        # What x = 1 is must not move with its error: the truth of a point lies off instead.
        true = x * np.exp(0.002 * kick)
        y = 3 * true**1.7 * (1 - 0.8 / true)
        found.append(correction_to_scaling(x, y, x_error=0.002 * x, power=1.0))
    assert covers([one.correction for one in found], -0.8)
    assert not covers([one.correction for one in found], -0.8, 1 / 3)
