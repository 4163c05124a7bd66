"""Where two branches of a power law meet: crossover temperature and critical batch size."""

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.randomness import normals


def test_the_crossing_of_two_power_laws_is_where_they_are_equal(seed):
    """Against a root of the difference, by bisection. Control: the slopes exchanged."""
    from scipy.optimize import brentq

    for first, second, a, b in normals((20, 4), seed):
        slopes = (first, first + 0.3 + second**2)

        def difference(x, slopes=slopes, a=a, b=b):
            return a + slopes[0] * (x - np.log(2)) - b - slopes[1] * (x - np.log(50))

        ends = [np.exp(a), np.exp(b)]
        found = ls.experiments.branch_crossing([2.0, 50.0], ends, slopes=slopes)
        assert np.isclose(found, brentq(difference, -400, 400), rtol=1e-9)
        swapped = ls.experiments.branch_crossing([2.0, 50.0], ends, slopes=slopes[::-1])
        assert not np.isclose(found, swapped, rtol=1e-3)


def test_what_replicas_share_drops_out_of_the_crossing(seed):
    """A factor common to both branches of a replica moves neither T_x nor B*."""
    noise, factor = normals((2, 5), seed), np.exp(3 * normals((5,), seed + 1))
    ends = np.exp(noise)
    alone = ls.experiments.branch_crossing([1.0, 9.0], list(ends), slopes=(0.0, 1.0))
    shared = ls.experiments.branch_crossing([1.0, 9.0], list(ends * factor), slopes=(0.0, 1.0))
    assert np.allclose(alone, shared, rtol=1e-12)
    one_sided = ls.experiments.branch_crossing(
        [1.0, 9.0], [ends[0] * factor, ends[1]], slopes=(0.0, 1.0)
    )
    assert not np.allclose(alone, one_sided, rtol=1e-2)


@pytest.mark.parametrize(
    ("x", "y", "slopes", "words"),
    [
        ([1.0], [1.0, 2.0], (0.0, 1.0), "x: has 1 entries"),
        ([1.0, 2.0], [1.0, 2.0], (1.0, 1.0), r"slopes = \(1.0, 1.0\): must differ"),
        ([1.0, -2.0], [1.0, 2.0], (0.0, 1.0), "x = -2"),
        ([1.0, 2.0], [1.0, 0.0], (0.0, 1.0), "y: must be positive"),
    ],
)
def test_branches_that_cannot_cross_are_refused_in_one_line(x, y, slopes, words):
    with pytest.raises(ls.InputError, match=words):
        ls.experiments.branch_crossing(x, y, slopes=slopes)
