"""How two half steps of noise make a whole one."""

import math

import numpy as np
import pytest

from langevin_sgd.sde.coarsening import frictions


@pytest.mark.parametrize("rate", [0.3, 4.0])
def test_two_half_steps_of_friction_are_one_of_the_coarser_normals(rate):
    """v <- k v + sqrt(1 - k^2) xi, twice with k of half the step, once with k^2."""
    half = 0.5
    fine = np.random.default_rng(1).normal(size=(4, 1, 1, 3))
    k = math.exp(-rate * half)
    coarse = frictions(fine, half, rate)
    v = np.full((1, 1, 3), 2.0)
    for step in range(2):
        earlier, later = fine[2 * step], fine[2 * step + 1]
        twice = k * (k * v + math.sqrt(1 - k**2) * earlier) + math.sqrt(1 - k**2) * later
        once = k**2 * v + math.sqrt(1 - k**4) * coarse[step]
        np.testing.assert_allclose(once, twice, rtol=1e-12)
        damped = k * v + math.sqrt(1 - k**2) * (earlier + k * later)  # control
        assert not np.allclose(once, damped, rtol=1e-3)
        v = twice
