"""The flow at extreme numbers: a right result, or one line that names what is out of range; never
without end.
"""

import mpmath
import numpy as np
import pytest

from langevin_sgd import InputError
from langevin_sgd.theory import perceptron
from langevin_sgd.theory.perceptron.late_stage import (
    late_integral,
    late_pull,
    quasi_stationary_noise,
    signal_growth,
)
from langevin_sgd.theory.perceptron.predict import predict_flow, predict_perceptron

HALF, ALL = np.sqrt(1 / (2 * np.pi)), np.sqrt(2 / np.pi)
"""Mean of |x_1| over half of Gaussian inputs, and over all."""


@pytest.mark.parametrize("tau", [1e-320, 1e-300, 1e-150, 1e-100, 1e-20, 1e-12])
def test_short_times_move_along_a_straight_line(tau):
    """From a = 0 and s = 1e-3 far below the margin every sample is unfit: a = M tau, s^2 = 1e-6 + T
    tau.
    """
    a, s = perceptron.flow(tau, margin=0.1, temperature=1.0)
    assert float(a) == pytest.approx(ALL * tau, rel=1e-9)
    assert float(s) == pytest.approx(np.sqrt(1e-6 + tau), rel=1e-9)


@pytest.mark.parametrize("temperature", [1e10, 1e20, 1e50])
def test_hot_starts_forget_margin_and_first_noise(temperature):
    """At tau << T without signal half of the samples are unfit: a = tau M/2, s^2 = T tau/2 up to
    sqrt(tau/T).
    """
    for margin in (0.0, 0.1):
        a, s = perceptron.flow(5.0, margin=margin, temperature=temperature)
        tolerance = 10 * np.sqrt(5 / temperature) + 1e-9
        assert float(a) == pytest.approx(5 * HALF, rel=tolerance)
        assert float(s) == pytest.approx(np.sqrt(2.5 * temperature), rel=tolerance)


def test_times_of_all_sizes_at_once_are_those_one_by_one():
    times = [0.0, 1e-300, 1e-90, 1e-7, 1e-3, 5.0, 1e6]
    together = np.array(perceptron.flow(times, margin=0.1, temperature=2.0))
    alone = np.array([perceptron.flow(tau, margin=0.1, temperature=2.0) for tau in times]).T
    np.testing.assert_allclose(together, alone, rtol=1e-8)
    late = np.array(perceptron.flow([1e-90, 5.0, 1e20], margin=0.0, temperature=1e50))
    np.testing.assert_allclose(late[0, :2], [1e-90 * HALF, 5 * HALF], rtol=1e-9)


@pytest.mark.parametrize("unit", [1e-40, 1e40])
def test_units_do_not_matter(unit):
    """Weights, margin, temperature and time in one unit: the equations are homogeneous."""
    sizes = {"margin": 0.3, "temperature": 0.7, "signal": 0.1, "noise": 0.2}
    a, s = perceptron.flow(3.0, **sizes)
    scaled = perceptron.flow(3.0 * unit, **{name: unit * size for name, size in sizes.items()})
    np.testing.assert_allclose(scaled, (unit * a, unit * s), rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: predict_flow(temperature=1e308, margin=0.1, tau=5.0),
            "temperature = 1e+308: must be",
        ),
        (lambda: predict_flow(temperature=1.0, margin=1e308, tau=5.0), "margin = 1e+308: must be"),
        (
            lambda: predict_flow(temperature=1e-320, margin=1.0, tau=5.0),
            "temperature = 1e-320: must be",
        ),
        (
            lambda: perceptron.flow(1e308, margin=1.0, temperature=1.0),
            "tau = 1e+308: must be at most 1e+120",
        ),
        (
            lambda: perceptron.flow(1.0, chi=1000.0, margin=1.0, temperature=1.0),
            "chi = 1000.0: must be",
        ),
        (
            lambda: perceptron.flow_until(1e-5, chi=-0.99, margin=1.0, temperature=1.0),
            "unfit = 1e-05: is not reached",
        ),
        (
            lambda: predict_perceptron(temperature=1, margin=1, signal=1e308, noise=1),
            "signal = 1e+308",
        ),
        (
            lambda: predict_perceptron(temperature=1, margin=1, signal=1, noise=1e308),
            "noise = 1e+308",
        ),
        (
            lambda: perceptron.crossover_temperature(chi=-0.9999, margin=1.0, constant_ratio=1e9),
            "chi = -0.9999: ",
        ),
        (
            lambda: signal_growth(1e308, margin=1.0, temperature=float("nan")),
            "temperature = nan",
        ),
        (lambda: late_integral(50.0, 1e300), "margin_over_noise = 1e+300: leads to numbers beyond"),
        (lambda: late_integral(0.0, float("nan")), "margin_over_noise = nan"),
        (lambda: late_pull(float("nan"), 1.0), "power = nan"),
        (
            lambda: perceptron.averages([1.0, 2.0], [1.0, 2.0, 3.0], margin=0.1),
            "noise = (3,): must have a shape that",
        ),
    ],
)
def test_what_is_out_of_range_is_said_in_one_line(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("chi", [0.0, 30.0, 100.0])
@mpmath.workdps(25)
def test_averages_at_large_depletion_by_quadrature_in_many_digits(chi):
    a, s, margin = 1.3, 0.4, 0.2
    amplitude = mpmath.mpf(2) ** ((1 - chi) / 2) / mpmath.gamma((1 + mpmath.mpf(chi)) / 2)

    def over_inputs(function):
        return float(
            mpmath.quad(
                lambda x: (
                    amplitude
                    * x**chi
                    * mpmath.exp(-x * x / 2)
                    * function((margin - a * x) / mpmath.mpf(s), x)
                ),
                [mpmath.mpf(place) / 2 for place in range(38)],
            )
        )

    state = perceptron.averages(a, s, chi=chi, margin=margin)
    assert float(state.n) == pytest.approx(
        over_inputs(lambda height, _: mpmath.ncdf(height)), rel=1e-11
    )
    assert float(state.g1) == pytest.approx(
        over_inputs(lambda height, x: x * mpmath.ncdf(height)), rel=1e-11
    )
    assert float(state.gz) == pytest.approx(
        -over_inputs(lambda height, _: mpmath.npdf(height)), rel=1e-11
    )


def test_first_step_in_very_many_dimensions():
    """The mean length of d - 1 normals is sqrt(d - 3/2 + 1/(8 d)) to order d^(-5/2)."""
    for dimension in (10**4, 10**9, 10**15):
        step = perceptron.step_one(lr=1.0, batch_size=1, dimension=dimension)
        assert step.noise * dimension == pytest.approx(
            np.sqrt(dimension - 1.5 + 1 / (8 * dimension)), rel=1e-12
        )


def test_weights_that_diverged_have_no_test_error():
    np.testing.assert_array_equal(
        perceptron.test_error([np.nan, 0.0], [np.nan, 1.0], chi=0), [np.nan, 0.5]
    )


def test_noise_in_balance_near_the_lowest_depletion():
    """At chi = -0.99 the bracket of the root was wrong: a traceback. The balance itself is the
    test.
    """
    s = quasi_stationary_noise(chi=-0.99, margin=1.0, temperature=1.0)
    balance = late_integral(-0.99, 1 / s) / late_pull(-0.99, 1 / s)
    assert s == pytest.approx(float(balance) / 2, rel=1e-12)
