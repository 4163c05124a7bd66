"""What claims measure of the test error over the plane of alpha and T, on data made for it."""

import math

import numpy as np
import pytest
import xarray as xr
from langevin_sgd.validation.sgd_regimes import flat_border
from langevin_sgd.validation.sgd_regimes import performance_by_regime as regimes
from langevin_sgd.validation.sgd_regimes import two_ways_out_of_lazy as ways

REPLICAS = 8


def trained(error=0.1, kernel=0.05, failed=()):
    """One training: every replica alike, but for a spread that all trainings share."""
    spread = np.exp(0.01 * np.sin(np.arange(REPLICAS)))
    status = np.isin(np.arange(REPLICAS), failed).astype(int)
    values = {
        "test_error": error * spread,
        "kernel_change": kernel * spread,
        "t_star": spread,
        "weight_change": spread,
    }
    arrays = {name: ("replica", one) for name, one in values.items()}
    return xr.Dataset(arrays | {"status": ("replica", status)})


# --- boxes ----------------------------------------------------------------------------------------

BOX = regimes.BOXES[0]


def in_box(cold, hot):
    return {BOX.label(BOX.cold): cold, BOX.label(BOX.hot): hot}


def test_the_slope_over_a_box_is_that_of_a_power_law():
    power = 0.02
    errors = [0.1 * 2 ** (power * one) for one in (BOX.cold, BOX.hot)]
    found = regimes.slope_of_box(BOX, in_box(*map(trained, errors)))
    assert found.value == pytest.approx(power, rel=1e-9)
    assert found.standard_error == pytest.approx(0, abs=1e-9)


def test_a_run_that_fails_counts_with_the_worst_error_of_its_box():
    slopes = BOX.slopes(in_box(trained(0.2), trained(0.1, failed=[3])))
    worst = 0.2 * math.exp(0.01 * np.sin(np.arange(REPLICAS)).max())
    reach = math.log(2) * (BOX.hot - BOX.cold)
    cold = 0.2 * math.exp(0.01 * math.sin(3))
    assert slopes[3] == pytest.approx(math.log(worst / cold) / reach)
    assert np.delete(slopes, 3) == pytest.approx(-math.log(2) / reach)


def test_temperatures_exchanged_in_every_other_replica_leave_no_slope():
    found = regimes.slope_of_exchanged(BOX, in_box(trained(0.1), trained(0.12)))
    assert found.value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("kernel", "said"), [(0.05, None), (0.2, "the kernel changes by 0.2")])
def test_a_lazy_box_where_the_kernel_changes_is_out_of_range(monkeypatch, kernel, said):
    monkeypatch.setattr(regimes, "BOXES", (BOX,))
    found = regimes.PerformanceByRegime().out_of_range(
        in_box(trained(), trained(kernel=kernel)), "full"
    )
    assert found is None if said is None else said in found


# --- two ways -------------------------------------------------------------------------------------

CASE = ways.CASES["full"][0]


def along_both(first, second):
    """Trainings along both ways, ln(error) growing by so much for each e-fold of the kernel."""
    kernels = (0.001, 0.25, 0.7)

    def error(power, kernel):
        return 0.1 * (kernel / kernels[0]) ** power

    made = {
        ways.hotter(CASE, scale): trained(error(first, kernel), kernel)
        for scale, kernel in zip(CASE.scales, kernels, strict=True)
    }
    return made | {
        ways.nearer(CASE, alpha): trained(error(second, kernel), kernel)
        for alpha, kernel in zip(ways.ALPHAS[1:], kernels[1:], strict=True)
    }


def test_effects_are_read_off_at_an_equal_change_of_the_kernel():
    """By powers of the kernel's change, which a straight line in logarithms meets exactly."""
    spread = 0.01 * np.sin(np.arange(REPLICAS)).mean()
    reach = math.log(ways.CHANGED / 0.001) - spread
    first, second = ways.effects(along_both(0.02, -0.04), CASE)
    assert first == pytest.approx(0.02 * reach, rel=1e-9)
    assert second == pytest.approx(-0.04 * reach, rel=1e-9)


@pytest.mark.parametrize(("first", "share"), [(0.02, -0.5), (-0.04, 1.0)])
def test_the_share_is_negative_where_effects_are_opposite(first, share):
    [comparison, _] = ways.TwoWaysOutOfLazy().comparisons("full")
    found = comparison.measure(along_both(first, -0.04))
    assert found.value == pytest.approx(share, rel=1e-9)


# --- flat border ----------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [0.0, -1.0, 0.02])
def test_the_border_moves_with_the_power_of_alpha_that_was_put_in(power):
    """A kernel that changes as T, and a T_c that goes with a power of alpha."""
    data = {
        flat_border.label(alpha, one): trained(kernel=0.25 * one / 2**-5.5)
        for alpha in flat_border.ALPHAS
        for one in flat_border.TEMPERATURES
    }
    lines = [flat_border.shifted(line, power) for line in flat_border.lines(data)]
    assert flat_border.exponent_of_border(lines).value == pytest.approx(power, abs=1e-9)
