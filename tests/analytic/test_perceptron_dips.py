"""What the claims on perceptrons say of finite size, by another route: how deep the noise dips, how
its fluctuations die out, how much of the weights a visit pays for.
"""

import numpy as np
import pytest
from langevin_sgd.validation.sgd_regimes import _stops as stops
from scipy.optimize import brentq

import langevin_sgd as ls
from langevin_sgd.theory.perceptron.finite_flow import finite_flow


@pytest.mark.parametrize("chi", [0.0, 1.0])
@pytest.mark.parametrize("dimension", [64, 512])
def test_noise_fluctuates_by_about_the_root_of_half_the_inverse_dimension(chi, dimension):
    """The law of dips says 1/sqrt(2 d); the expansion in 1/d gives .93 and .95 of it."""
    late = finite_flow(1000.0, chi=chi, margin=0.0, temperature=1.0, dimension=dimension)
    relative = late.noise_deviation / late.noise * np.sqrt(2 * dimension)
    assert 0.9 < float(relative) < 1.0


@pytest.mark.parametrize("chi", [0.0, 1.0])
def test_the_deepest_dip_of_a_run_on_fresh_points(chi):
    """Least noise over its typical size, in the late stage of one-pass runs: within the half that
    the claims leave open of the dip that ends training at the same signal.
    """
    dimension, ratio = 64, {0.0: 16, 1.0: 48}[chi]
    tau, a, s = ls.theory.perceptron.flow_until(
        stops.CONSTANT[chi] / ratio, chi=chi, margin=stops.MARGIN, temperature=1.0
    )
    last = round(float(tau) * dimension)
    schedule = tuple(np.unique(np.geomspace(last / 50, last, 600).astype(int)).tolist())
    result = ls.training.run(
        ls.models.OnePassPerceptron(dimension=dimension, chi=chi, margin=stops.MARGIN),
        ls.SGD(lr=1.0, batch_size=1),
        replicas=64,
        steps=last,
        schedule=schedule,
        seed=3,
    )
    assert float(result["signal"].isel(step=-1).mean()) == pytest.approx(float(a), rel=0.02)
    depth = np.log(result["noise"].min("step") / float(s)).mean()
    expected = float(stops.dip(chi, float(ratio), dimension))
    assert 0.5 * expected > float(depth) > 1.5 * expected


@pytest.mark.parametrize("chi", [0.0, 1.0, 3.0])
def test_a_visit_pays_for_a_known_part_of_its_square(chi):
    """q = (1+chi)/(2+chi), from the averages at the quasi-stationary noise."""
    theory = ls.theory.perceptron
    a = 1e5
    s = theory.late_stage.quasi_stationary_noise(chi=chi, margin=0.0, temperature=1.0)
    state = theory.averages(a, s, chi=chi, margin=0.0)
    # d(a^2 + s^2)/dtau = 2 a g1 + 2 s gz + T n, over T n visits.
    q = 1 + (2 * a * state.g1 + 2 * s * state.gz) / state.n
    assert float(q) == pytest.approx((1 + chi) / (2 + chi), rel=1e-6)


def least_noise(chi, log_number):
    """Least noise over the typical one in exp(log_number d) visits, by large deviations (derived).

    A visit to an unfit point adds (2 s z + 1)/d to s^2 in units of T, z < 0 of density |z|^(1+chi)
    phi(z): as d -> infinity s^2 has the density exp(-d V), V' = -theta(s), theta < 0 the root of E
    exp(theta (1 + 2 s z)) = 1 (Freidlin and Wentzell).
    """
    z = np.linspace(0.0, 25.0, 6001)
    weights = z ** (1 + chi) * np.exp(-(z**2) / 2)
    weights /= weights.sum()
    typical = 0.5 / (weights @ z)

    def slope(s):
        with np.errstate(over="ignore"):
            return brentq(lambda t: np.log(weights @ np.exp(t * (1 - 2 * s * z))), -40.0, -1e-6)

    part = np.linspace(0.45, 0.995, 60)
    force = np.array([-slope(one * typical) for one in part]) * 2 * part * typical**2
    barrier = np.append(np.cumsum((force[1:] + force[:-1])[::-1] / 2 * np.diff(part))[::-1], 0.0)
    return np.interp(log_number, barrier[::-1], part[::-1])


@pytest.mark.parametrize("line", stops.LINES["quick"], ids=lambda line: line.title)
def test_large_deviations_leave_more_than_half_of_the_dips(line):
    """What the claims leave open of the correction to slopes holds the whole tail of the noise."""
    theory, chi = ls.theory.perceptron, line.chi
    _, a, s = theory.flow_until(
        stops.CONSTANT[chi] / line.ends, chi=chi, margin=stops.MARGIN, temperature=1.0
    )
    ratio = theory.late_integral(chi, 0.0) / theory.late_integral(chi + 1, 0.0)
    number = ratio * a**2 / (2 * s)
    fall = np.log(least_noise(chi, np.log(number) / line.dimension))
    correction = float(np.diff(fall)[0]) / line.width
    assert 0.5 < correction / stops.dip_slope(line, "norm") < 1.0


def test_slopes_with_dips_lie_below_the_flow_and_come_back_to_it():
    small, large = (stops.Line(0.0, d, (16, 160), 1) for d in (32, 4096))
    for quantity in ("time", "norm"):
        assert stops.slope(small, quantity) < stops.slope(large, quantity)
        assert stops.slope(large, quantity) < stops.flow_slope(large, quantity)
        assert stops.margin(large, quantity) < stops.margin(small, quantity) / 5
