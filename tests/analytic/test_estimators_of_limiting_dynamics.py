"""What the claims of limiting dynamics measure, against closed forms and linear algebra."""

import numpy as np
import pytest
from langevin_sgd.validation.limiting_dynamics import (
    currents,
    damping_regimes,
    fokker_planck_agreement,
    invariances,
    local_displacement,
    phase_space_oscillations,
)
from langevin_sgd.validation.limiting_dynamics._problems import (
    DIABETES,
    EmbeddedData,
    PowerLawSpectrum,
    built,
    exact_law,
    lacking,
    near_misses,
    slips,
)
from langevin_sgd.validation.numerics import baoab_bias, integrator_orders

import langevin_sgd as ls


@pytest.mark.parametrize("stiffness", [0.3, 0.999, 1.3, 8.0])
def test_the_fit_of_a_damped_motion_gives_its_damping_ratio(stiffness):
    """1/zeta^2 on both sides of critical damping, from the solution in closed form."""
    damping, time = 0.05, 5.0 * np.arange(16)
    beyond = damping * np.sqrt(complex(1 - stiffness))  # omega^2 = stiffness * damping^2
    motion = np.exp(-damping * time) * np.real(
        np.cosh(beyond * time) + damping * np.sinh(beyond * time) / beyond
    )
    assert damping_regimes.damping_of(motion) == pytest.approx(stiffness, rel=1e-6)


def test_the_momentum_called_critical_is():
    settings = damping_regimes.of_stiffest(damping_regimes.CRITICAL_MOMENTUM)
    stiffest = damping_regimes.LR * built(DIABETES).eigenvalues[0]
    assert damping_regimes.threshold(settings) == pytest.approx(stiffest, rel=1e-5)


def test_the_rate_of_turning_is_that_of_the_map():
    """-lr omega (1 + momentum - lr k / 2) / 2 for any size of the noise, minibatch or not."""
    settings = phase_space_oscillations.SETTINGS
    stiffness = settings.lr * built(DIABETES).eigenvalues
    natural = np.sqrt(2 * stiffness / (1 + settings.momentum))
    expected = -natural * (1 + settings.momentum - stiffness / 2) / 2
    np.testing.assert_allclose(phase_space_oscillations.turning(settings), expected, rtol=1e-9)


def test_the_current_of_paths_in_steps_is_that_of_regression_forth_and_back():
    """Mean change of velocity at a place, half of it from before and half from after."""
    from scipy.linalg import expm

    problem, settings = fokker_planck_agreement.PROBLEM, fokker_planck_agreement.SETTINGS
    mass, friction = settings.lr * (1 + settings.momentum) / 2, 1 - settings.momentum
    drift = np.array([[0, 1], [-problem.eigenvalues[0] / mass, -friction / mass]])
    step = settings.lr / fokker_planck_agreement.FINE
    forth = expm(drift * step)
    covariance = np.diag(np.concatenate(ls.theory.LangevinLaw(problem, settings).mode_variances()))
    back = covariance @ forth.T @ np.linalg.inv(covariance)
    velocity = 0.5 * (forth - back)[1] / step
    assert velocity[1] == pytest.approx(0, abs=1e-12)
    ratio = fokker_planck_agreement.seen_in_steps() / fokker_planck_agreement.exact_current()
    assert velocity[0] / drift[1, 0] == pytest.approx(ratio, rel=1e-9)
    assert 0.99 < ratio < 0.999


@pytest.mark.parametrize("one", invariances.OTHERS, ids=lambda one: one.label)
def test_settings_of_the_same_density_have_the_same_langevin_law(one):
    """Variances of modes on real data, whose noise does not commute with the Hessian."""
    problem = built(invariances.PROBLEM)
    here, base = (
        ls.theory.LangevinLaw(problem, settings) for settings in (one.settings, invariances.BASE)
    )
    for mine, other in zip(here.mode_variances(), base.mode_variances(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-10)
    exact = [exact_law(invariances.PROBLEM, law.settings).mode_variances() for law in (here, base)]
    for mine, other in zip(*exact, strict=True):
        assert np.abs(np.log(mine / other)).max() < one.left_out


def test_invariance_holds_for_each_mode_and_not_between_modes():
    """Friction rules how far noise that does not commute ties modes of different curvature."""
    noise = np.array([[2.0, 0.5], [0.5, 0.2]])
    problem = ls.LinearRegression.from_spectrum([2.0, 0.2]).with_noise_covariance(noise)
    one = invariances.SameDensity(19).settings
    here, base = (
        ls.theory.LangevinLaw(problem, s).stationary().covariance for s in (one, invariances.BASE)
    )
    np.testing.assert_allclose(np.diag(here), np.diag(base), rtol=1e-10)
    assert abs(here[0, 1] / base[0, 1] - 1) > 1e-3


def test_bounds_of_the_local_displacement_hold_for_the_exact_law():
    for case in local_displacement.CASES:
        exact = exact_law(DIABETES, case.settings)
        length = case.settings.lr**2 * exact.mode_variances()[1].sum()
        assert abs(np.log(length / case.formula)) < case.left_out, case.label


@pytest.mark.parametrize("order", [1.0, 2.0, 4.0])
def test_extrapolated_orders_are_free_of_the_next_order(order):
    sizes = 1 / 2.0 ** np.arange(5, 9)
    errors = 0.3 * sizes**order * (1 + 3 * sizes - 5 * sizes**2)
    found = integrator_orders.extrapolated_order(errors)
    plain = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert found.standard_error == 0
    assert abs(found.value - order) < (3 * sizes[1]) ** 2 < abs(plain - order)


def test_the_chain_of_positions_has_the_leading_bias_of_each_scheme():
    """OBABO goes to one in units of it, BAOAB to zero as h^2."""
    obabo = [baoab_bias.chain_bias("OBABO", step) for step in (0.4, 0.5)]
    baoab = [baoab_bias.chain_bias("BAOAB", step) for step in (0.4, 0.5)]
    at_zero = (0.25 * obabo[0] - 0.16 * obabo[1]) / 0.09
    assert at_zero == pytest.approx(1, abs=0.1)
    assert baoab[1] / baoab[0] == pytest.approx(0.25 / 0.16, rel=0.25)


def test_what_a_burn_in_lacks_falls_to_nothing():
    settings, problem = ls.SGD(lr=0.1, batch_size=1, momentum=0.5), PowerLawSpectrum(1, 8)
    short, long = (lacking(problem, settings, steps, (1, 10)) for steps in (20, 2000))
    assert (long < 1e-9).all()
    assert (short > long).all()


def test_principal_components_keep_the_stiffest_eigenvalues():
    whole, part = built(EmbeddedData("digits")), built(EmbeddedData("digits", components=12))
    np.testing.assert_allclose(part.eigenvalues, whole.eigenvalues[:12], rtol=1e-9)


def test_near_misses_are_what_the_margin_hides_or_the_replicas_see():
    settings = ls.SGD(lr=0.1, batch_size=16, momentum=0.9)
    changed = [(one.lr, one.batch_size, one.momentum) for one in slips(settings).values()]
    expected = [(0.11, 16, 0.9), (0.1, 16, 0.89), (0.1, 18, 0.9)]
    np.testing.assert_allclose(changed, expected, rtol=1e-12)

    def predict(changed):
        return 1 + 0.2 * (changed.lr / 0.1 - 1) + (changed.batch_size / 16 - 1)

    assert list(near_misses(predict, settings)) == ["batch size 18 for 16"]
    hidden = near_misses(predict, settings, margin=0.02)
    assert list(hidden) == ["lr 10% larger", "batch size 18 for 16"]
    assert near_misses(predict, settings, more={"twice": 2.0})["twice"] == 2.0


def test_currents_between_modes_are_those_of_the_formula():
    """(k_i - k_j) <theta_i theta_j> / (1 - momentum) for the Langevin law, near it for the map."""
    problem, settings = built(DIABETES), currents.SETTINGS
    law, vectors = ls.theory.LangevinLaw(problem, settings), problem.eigenvectors
    together = vectors.T @ law.stationary().position_covariance @ vectors
    for i, j in currents.PAIRS:
        gap = problem.eigenvalues[i] - problem.eigenvalues[j]
        expected = gap * together[i, j] / (1 - settings.momentum) / currents.unit((i, j))
        assert currents.current(law, (i, j)) == pytest.approx(expected, rel=1e-6)


def test_an_overdamped_mode_turns_at_the_rate_of_its_second_moments():
    law, mode = exact_law(DIABETES, currents.SETTINGS), currents.OVERDAMPED
    assert law.oscillators.frequency[mode] == 0
    omega = currents.natural_angle(currents.SETTINGS) / currents.SETTINGS.lr
    next_step, (position, velocity) = law.mode_autocovariance(1)[mode], law.mode_variances()
    angular = omega * (next_step[1, 0] - next_step[0, 1])
    rate = angular / (omega**2 * position[mode] + velocity[mode])
    assert rate == pytest.approx(currents.turning(currents.SETTINGS), rel=1e-9)
