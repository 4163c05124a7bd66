"""Escape over a barrier outside the domain, at the bottom of a well, or of one well alone gave a
rate.
"""

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd import fokker_planck as fp

WELLS = fp.Diffusion(drift=lambda x: x - x**3, diffusion=0.05, step_time=0.1)
ONE_WELL = fp.Diffusion(drift=lambda x: -x, diffusion=0.05)


def particle(friction=1.0, temperature=0.05):
    return ls.Underdamped(
        potential=ls.Potential.from_sympy("x**4/4 - x**2/2"),
        mass=1.0,
        friction=friction,
        noise_covariance=2 * friction * temperature,
        step_time=0.1,
    )


@pytest.mark.parametrize("barrier", [9.0, -9.0, 1e300, -1e300])
@pytest.mark.parametrize("well", ["low", "high"])
def test_a_barrier_outside_the_domain_is_refused(barrier, well):
    with pytest.raises(ls.InputError, match=r"barrier = .*: must lie in the domain, \(-"):
        fp.escape_rate(WELLS, barrier=barrier, well=well)


@pytest.mark.parametrize("barrier", [1.0, -1.0, 0.9, 1.3, 0.6, -0.5])
def test_a_barrier_that_is_none_is_refused(barrier):
    """The bottom of a well gave half the rate and said that it had converged."""
    for well in ("low", "high"):
        with pytest.raises(ls.InputError, match=rf"barrier = {barrier}: is no barrier"):
            fp.escape_rate(WELLS, barrier=barrier, well=well)


@pytest.mark.parametrize("barrier", [-0.7, 0.0, 0.3])
def test_one_well_has_no_barrier(barrier):
    with pytest.raises(ls.InputError, match="there is no well on either side of it"):
        fp.escape_rate(ONE_WELL, barrier=barrier)


def test_a_barrier_that_is_none_is_refused_in_phase_space():
    with pytest.raises(ls.InputError, match="is no barrier"):
        fp.escape_rate(particle(), barrier=1.0, cells=32, tolerance=1.0)


def test_control_the_top_gives_the_rate_of_both_wells():
    rates = [
        fp.escape_rate(WELLS, barrier=top, well=well)
        for top in (0.0, 0.05)
        for well in ("low", "high")
    ]
    assert all(rate.converged for rate in rates)
    assert np.allclose([rate.value for rate in rates], rates[0].value, rtol=2e-3)
    tilted = fp.Diffusion(drift=lambda x: x - x**3 + 0.2, diffusion=0.02)
    top = float(sorted(np.roots([-1, 0, 1, 0.2]).real)[1])
    low, high = (fp.escape_rate(tilted, barrier=top, well=well) for well in ("low", "high"))
    assert low.value > 100 * high.value


@pytest.mark.parametrize("barrier", [None, "0", True, float("nan"), [0.0, 1.0], 1j])
def test_a_barrier_that_is_no_number_is_one_line(barrier):
    with pytest.raises(ls.InputError, match="barrier = ") as caught:
        fp.escape_rate(WELLS, barrier=barrier)
    assert "\n" not in str(caught.value)
    assert fp.escape_rate(WELLS, barrier=np.array(0.0)).converged
