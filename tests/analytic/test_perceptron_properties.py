"""Laws of the perceptron's theory that hold for any state: rescaling, signs, bounds, monotonicity,
consistency.
"""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from langevin_sgd.theory import perceptron
from langevin_sgd.theory.perceptron.increments import mean_increments
from langevin_sgd.theory.perceptron.inputs import mean_projection
from langevin_sgd.theory.perceptron.late_stage import quasi_stationary_noise
from langevin_sgd.theory.perceptron.phase_diagram import critical_batch_size

plan = settings(max_examples=60, derandomize=True, deadline=None, database=None)
few = settings(max_examples=12, derandomize=True, deadline=None, database=None)

depletions = st.sampled_from([-0.8, -0.3, 0.0, 0.7, 1.0, 2.0, 3.5, 9.0])
positive = st.floats(-12, 12).map(lambda power: 10.0**power)
moderate = st.floats(-2, 2).map(lambda power: 10.0**power)
margins = st.one_of(st.just(0.0), moderate)


def numbers(state):
    return np.array([state.n, state.g1, state.gz, state.q])


@plan
@given(
    chi=depletions, a=positive, s=positive, margin=st.one_of(st.just(0.0), positive), scale=positive
)
def test_averages_are_invariant_under_a_common_scale(chi, a, s, margin, scale):
    here = numbers(perceptron.averages(a, s, chi=chi, margin=margin))
    there = numbers(perceptron.averages(scale * a, scale * s, chi=chi, margin=scale * margin))
    np.testing.assert_allclose(there, here, rtol=1e-9, atol=1e-280)


@plan
@given(
    chi=depletions,
    a=st.one_of(st.just(0.0), positive),
    s=st.one_of(st.just(0.0), positive),
    margin=positive,
)
def test_signs_and_bounds(chi, a, s, margin):
    """0 < n <= 1, 0 <= g1 <= M, -1/sqrt(2 pi) <= gz <= 0, 0 <= q <= 1 and Cauchy-Schwarz gz^2 <= n
    q; all finite.
    """
    n, g1, gz, q = numbers(perceptron.averages(a, s, chi=chi, margin=margin))
    one = 1 + 1e-10
    assert 0 <= n <= one
    assert 0 <= g1 <= mean_projection(chi) * one
    assert -one / np.sqrt(2 * np.pi) <= gz <= 0
    assert 0 <= q <= one + 1e-12
    assert gz**2 <= n * q * (1 + 1e-9)
    assert g1**2 <= (1 + chi) * n * (1 + 1e-9)


@plan
@given(chi=depletions, a=positive, s=positive, margin=margins, factor=st.floats(1.01, 3.0))
def test_more_margin_leaves_more_unfit_and_more_signal_fewer(chi, a, s, margin, factor):
    def fraction(signal, wall):
        return float(perceptron.averages(signal, s, chi=chi, margin=wall).n)

    here = fraction(a, margin)
    assert fraction(a, margin * factor) >= here * (1 - 1e-10)
    assert fraction(a * factor, margin) <= here * (1 + 1e-10)
    assert here >= float(perceptron.test_error(a, s, chi=chi)) * (1 - 1e-10)


@plan
@given(chi=depletions, a=moderate, s=moderate, margin=moderate)
def test_derivatives_of_n_are_averages(chi, a, s, margin):
    """s dn/ds = q - n: theta depends on z through s z alone, so by parts E[z^2 theta] - n = E[z
    d(theta)/dz].
    """
    step = 1e-4
    n = perceptron.averages(a, s * np.array([1 - step, 1 + step]), chi=chi, margin=margin).n
    state = perceptron.averages(a, s, chi=chi, margin=margin)
    expected = float(state.q - state.n)
    np.testing.assert_allclose((n[1] - n[0]) / (2 * step), expected, rtol=1e-5, atol=1e-6)


@plan
@given(chi=depletions, a=moderate, s=moderate, margin=margins, temperature=moderate, scale=positive)
def test_increments_scale_with_temperature(chi, a, s, margin, temperature, scale):
    """(lr, kappa, w) -> lambda (lr, kappa, w) at the same batch size: E[da] -> lambda, E[ds^2] ->
    lambda^2.
    """
    here = mean_increments(
        a, s, chi=chi, margin=margin, temperature=temperature, dimension=9, batch_size=3
    )
    there = mean_increments(
        scale * a,
        scale * s,
        chi=chi,
        margin=scale * margin,
        temperature=scale * temperature,
        dimension=9,
        batch_size=3,
    )
    size = max(s, temperature) ** 2 * 1e-12
    np.testing.assert_allclose(there[0] / scale, here[0], rtol=1e-9)
    np.testing.assert_allclose(there[1] / scale**2, here[1], rtol=1e-9, atol=size)


@few
@given(
    chi=depletions, margin=margins, temperature=moderate, tau=moderate, power=st.integers(-40, 40)
)
def test_the_flow_is_homogeneous(chi, margin, temperature, tau, power):
    """Powers of two change no bit."""
    scale = 2.0**power
    here = perceptron.flow(tau, chi=chi, margin=margin, temperature=temperature, noise=1e-3)
    there = perceptron.flow(
        scale * tau,
        chi=chi,
        margin=scale * margin,
        temperature=scale * temperature,
        noise=scale * 1e-3,
    )
    np.testing.assert_array_equal(np.array(there), scale * np.array(here))


@few
@given(chi=depletions, margin=margins, temperature=moderate)
def test_the_signal_never_falls_and_forgets_its_start(chi, margin, temperature):
    times = temperature * np.geomspace(1e-3, 1e4, 12)
    a, s = perceptron.flow(times, chi=chi, margin=margin, temperature=temperature)
    assert (np.diff(a) >= 0).all()
    assert (s > 0).all()
    other, _ = perceptron.flow(
        times, chi=chi, margin=margin, temperature=temperature, noise=1e-6 * temperature
    )
    np.testing.assert_allclose(other[-1], a[-1], rtol=0.05)


@plan
@given(chi=depletions, margin=positive, temperature=positive, scale=positive)
def test_quasi_stationary_noise_is_homogeneous_and_rises(chi, margin, temperature, scale):
    def noise(wall, heat):
        return quasi_stationary_noise(chi=chi, margin=wall, temperature=heat)

    here = noise(margin, temperature)
    np.testing.assert_allclose(noise(scale * margin, scale * temperature), scale * here, rtol=1e-10)
    assert noise(margin, 1.5 * temperature) > here
    if chi >= 0:
        assert noise(1.5 * margin, temperature) >= here * (1 - 1e-12)


@plan
@given(
    chi=depletions,
    ratio=st.integers(2, 10**6),
    dimension=st.integers(2, 1000),
    factor=st.integers(2, 50),
)
def test_scaling_laws_of_the_critical_batch_size(chi, ratio, dimension, factor):
    """B* ~ d (P/d)^gamma, exactly."""
    here = critical_batch_size(chi=chi, points=ratio * dimension, dimension=dimension, constant=0.5)
    wide = critical_batch_size(
        chi=chi, points=ratio * dimension * factor, dimension=dimension * factor, constant=0.5
    )
    more = critical_batch_size(
        chi=chi, points=ratio * dimension * factor, dimension=dimension, constant=0.5
    )
    np.testing.assert_allclose(wide, factor * here, rtol=1e-9)
    np.testing.assert_allclose(more, factor ** perceptron.exponents(chi).gamma * here, rtol=1e-9)
