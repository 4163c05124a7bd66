"""Rotation, spectra and currents against brute-force averages, quadrature and the worked
numbers.
"""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

from langevin_sgd import SGD, LinearRegression
from langevin_sgd.theory import DiscreteLaw, LangevinLaw, natural_angle_per_step, winding_per_step
from langevin_sgd.theory.rotation import position_spectrum, swept_area_per_step, velocity_spectrum
from langevin_sgd.theory.sgd_map import HeavyBallOscillators, NesterovOscillators

REFERENCE = SGD(lr=0.05, batch_size=1, momentum=0.9)


def reference(law):
    return law(LinearRegression.from_spectrum([1.3], noise_scale=0.7 / 1.3), REFERENCE)


def brute_force_winding(stiffness, momentum, *, reach, cells=1500):
    """Average of the wrapped advance on a grid of (direction of the state, direction of state
    against noise).
    """
    omega = np.sqrt(2 * stiffness / (1 + momentum))
    matrix = np.array(
        [[1 - reach * stiffness, reach - 1 if reach > 1 else momentum], [-stiffness, momentum]]
    )
    if reach > 1:
        matrix[0, 1] = momentum**2
    kick = np.array([reach, 1.0])
    covariance = np.linalg.solve(
        np.eye(4) - np.kron(matrix, matrix), np.outer(kick, kick).ravel()
    ).reshape(2, 2)
    psi = (np.arange(cells) + 0.5) / cells * 2 * np.pi
    share = (np.arange(cells) + 0.5) / cells * 2 - 1
    now = np.linalg.cholesky(covariance) @ [np.cos(psi), np.sin(psi)]
    after = (matrix @ now)[:, :, None] * np.sqrt(1 - share**2) - kick[:, None, None] * share
    advance = np.arctan2(after[1], omega * after[0]) - np.arctan2(now[1], omega * now[0])[:, None]
    return np.mean((advance + np.pi) % (2 * np.pi) - np.pi)


@pytest.mark.parametrize(
    ("stiffness", "momentum"), [(0.065, 0.9), (0.3, 0.0), (1.0, 0.5), (3.5, 0.9), (0.01, 0.99)]
)
def test_winding_of_sgd_is_the_average_advance(stiffness, momentum):
    winding = winding_per_step(HeavyBallOscillators(np.array([stiffness]), momentum))[0]
    assert winding == pytest.approx(brute_force_winding(stiffness, momentum, reach=1.0), abs=2e-4)


def test_winding_with_nesterov_momentum():
    winding = winding_per_step(NesterovOscillators(np.array([0.5]), 0.8))[0]
    assert winding == pytest.approx(brute_force_winding(0.5, 0.8, reach=1.8), abs=2e-4)


def test_winding_of_a_simulated_mode():
    """One long path of the map, 400 000 steps; the advance decorrelates within 100; 5 sigma over
    4000 blocks.
    """
    stiffness, momentum, steps = 0.2, 0.8, 400_000
    rng = np.random.default_rng(2)
    kicks = rng.normal(size=steps)
    theta, velocity, angles = 0.0, 0.0, np.empty(steps)
    omega = np.sqrt(2 * stiffness / (1 + momentum))
    for step, kick in enumerate(kicks.tolist()):
        velocity = momentum * velocity - stiffness * theta - kick
        theta += velocity
        angles[step] = np.arctan2(velocity, omega * theta)
    advance = (np.diff(angles[1000:]) + np.pi) % (2 * np.pi) - np.pi
    blocks = advance[: advance.size // 100 * 100].reshape(-1, 100).mean(axis=1)
    error = blocks.std() / np.sqrt(blocks.size)
    oscillators = HeavyBallOscillators(np.array([stiffness]), momentum)
    assert abs(blocks.mean() - winding_per_step(oscillators)[0]) < 5 * error
    # Control: the natural frequency of the Langevin equation is not the winding of the map.
    assert abs(blocks.mean() + natural_angle_per_step(oscillators)[0]) > 10 * error


def test_winding_tends_to_the_natural_frequency_and_scales_to_many_modes():
    stiffness = np.array([1e-4, 1e-3, 0.0])
    oscillators = HeavyBallOscillators(stiffness, 0.999)
    winding = winding_per_step(oscillators)
    np.testing.assert_allclose(winding[:2], -natural_angle_per_step(oscillators)[:2], rtol=1e-3)
    assert winding[2] == 0
    law = LangevinLaw(LinearRegression.from_spectrum([1.3]), REFERENCE)
    assert winding_per_step(law.oscillators)[0] == pytest.approx(-0.05 * 5.2314836)


def test_angular_velocity_of_the_current_is_minus_omega_for_a_sampled_flow():
    """Mean advance of the exact flow over 1/50 of a step, 4e5 states; alarm below 1e-5."""
    law = reference(LangevinLaw)
    rng, count, part = np.random.default_rng(4), 400_000, 0.02
    covariance, propagator = law.mode_stationary()[0], law.oscillators.propagator(np.array(part))[0]
    now = np.linalg.cholesky(covariance) @ rng.normal(size=(2, count))
    rest = covariance - propagator @ covariance @ propagator.T
    later = propagator @ now + np.linalg.cholesky(rest) @ rng.normal(size=(2, count))
    omega = 5.2314836
    advance = np.arctan2(later[1], omega * later[0]) - np.arctan2(now[1], omega * now[0])
    advance = ((advance + np.pi) % (2 * np.pi) - np.pi) / part
    expected = winding_per_step(law.oscillators)[0]
    assert abs(advance.mean() - expected) < 4.5 * advance.std() / np.sqrt(count) + 0.02 * abs(
        expected
    )


def test_swept_area():
    assert swept_area_per_step(reference(DiscreteLaw))[0] == pytest.approx(-0.175, abs=1e-12)
    law = reference(DiscreteLaw)
    velocity = law.mode_variances()[1][0]
    assert swept_area_per_step(law)[0] == pytest.approx(-0.025 * (1.9 - 0.05 * 1.3 / 2) * velocity)
    assert swept_area_per_step(reference(LangevinLaw))[0] == pytest.approx(
        -0.05 * 3.6842105, rel=1e-7
    )


@pytest.mark.parametrize("kind", [LangevinLaw, DiscreteLaw])
def test_spectra_integrate_to_the_variances(kind):
    law = reference(kind)
    top = np.pi if kind is DiscreteLaw else 3000.0
    for spectrum, variance in zip(
        (position_spectrum, velocity_spectrum), law.mode_variances(), strict=True
    ):
        integral = quad(
            lambda nu, s=spectrum: float(s(nu, law)[0]), 1e-12, top, points=[0.2, 0.3, 3], limit=500
        )[0]
        assert integral / np.pi == pytest.approx(variance[0], rel=5e-5)


def test_spectrum_of_the_map_and_its_relation_to_the_velocity():
    law, nu, h = reference(DiscreteLaw), np.linspace(0.01, 3.1, 40), 0.05 * 1.3
    position = 0.05**2 * 0.7 / ((h - 1.9 * (1 - np.cos(nu))) ** 2 + (0.1 * np.sin(nu)) ** 2)
    np.testing.assert_allclose(position_spectrum(nu, law)[:, 0], position, rtol=1e-10)
    velocity = position * 4 * np.sin(nu / 2) ** 2 / 0.05**2
    np.testing.assert_allclose(velocity_spectrum(nu, law)[:, 0], velocity, rtol=1e-10)


def test_velocity_spectrum_of_the_langevin_equation_peaks_at_the_natural_frequency():
    law = reference(LangevinLaw)
    omega, gamma = 0.05 * 5.2314836, 0.05 * 1.0526316
    for spectrum, peak in (
        (velocity_spectrum, omega),
        (position_spectrum, np.sqrt(omega**2 - 2 * gamma**2)),
    ):
        found = minimize_scalar(
            lambda nu, s=spectrum: -float(s(nu, law)[0]),
            bounds=(0.1, 0.5),
            method="bounded",
            options={"xatol": 1e-9},
        )
        assert found.x == pytest.approx(peak, rel=1e-6)
