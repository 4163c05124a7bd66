"""Values of parameters that leave a formula without a number gave NaN in silence; what diverged
counted as fitted.
"""

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.dynamics.minibatch_noise import MinibatchNoise
from langevin_sgd.models.hinge_loss import HingeLoss

WITHOUT = {
    "broken power of a negative parameter": ("a**0.3*x**2", -1.0, "a**0.3"),
    "broken power in one replica of two": ("a**0.3*x**2", [1.0, -1.0], "a**0.3"),
    "broken power of a sum that may be negative": ("(a + x**2)**0.3", -2.0, "(a + x**2)**0.3"),
    "division by zero": ("x**2/a", 0.0, "1/a"),
    "logarithm of a negative parameter": ("log(a)*x**2", -1.0, "log(a)"),
    "root of a negative parameter": ("sqrt(a)*x**2 + x**4", -1.0, "sqrt(a)"),
    "exponential that is too large": ("exp(a)*x**2", 1000.0, "exp(a)"),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_it_is_refused_where_the_values_are_given(name):
    formula, value, part = WITHOUT[name]
    value = np.asarray(value) if isinstance(value, list) else value
    with pytest.raises(ls.InputError, match=r"^parameters = \{'a'") as caught:
        ls.Potential.from_sympy(formula, parameters={"a": value})
    assert part in str(caught.value)
    well = ls.Potential.from_sympy(formula, parameters={"a": 2.0})
    with pytest.raises(ls.InputError, match=r"^parameters = \{'a'"):
        well.with_values(a=value)
    with pytest.raises(ls.InputError, match=r"^parameters = \{'a'"):
        ls.dynamics.Ito.from_sympy(formula, variables="x", parameters={"a": value})


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("Piecewise((sqrt(a)*x**2, a > 0), (x**2, True))", -1.0),
        ("(a + x**2)**0.3", 0.0),
        ("abs(x)**a", 1.5),
        ("a*x**2", -3.0),
        ("x**2/a", -3.0),
        ("cbrt(a)*x**2", -8.0),
    ],
)
def test_what_has_a_number_stays(formula, value):
    found = ls.Potential.from_sympy(formula, parameters={"a": value}).energy([[0.7], [-0.7]])
    assert np.isfinite(found).all()


def test_weights_that_diverged_fit_no_point():
    """NaN < margin is false, so that a path that had diverged was one without unfit points."""
    loss = HingeLoss(rows=np.array([[1.0, 0.5], [0.5, 1.0]]), margin=1.0)
    weights = np.array([[0.0, 0.0], [np.nan, 5.0], [5.0, 5.0]])
    assert np.array_equal(loss.unfit_fraction(weights), [1.0, np.nan, 0.0], equal_nan=True)
    assert np.array_equal(loss.energy(weights), [1.0, np.nan, 0.0], equal_nan=True)
    assert np.isnan(loss.force(weights)[1]).all()
    noise = MinibatchNoise(loss=loss, strength=0.1)
    for one in (noise, noise.decoupled(), noise.isotropic()):
        found = one.covariance(weights)
        assert np.isnan(found[1]).any()
        assert np.isfinite(found[[0, 2]]).all()
    assert loss.unfit_fraction(weights[2]).shape == ()


def test_points_that_diverged_stay_nan_and_others_what_they_are():
    theta = np.array([[0.5], [np.nan]])
    noise = ls.dynamics.Ito.from_sympy("sqrt(1 + x**2)")
    assert np.allclose(
        noise.variance(theta), [[1.25], [np.nan]], rtol=1e-15, atol=0, equal_nan=True
    )
    well = ls.models.potentials.double_well()
    for found in (well.energy(theta), well.force(theta), well.hessian(theta)):
        assert np.isfinite(found[0]).all()
        assert np.isnan(found[1]).all()


@pytest.mark.parametrize(
    "temperature", [1e-12, 1e-9, 1e-7, 1e-3, 0.03, 0.0312, 0.0313, 1.0, 1e4, 1e29, 1e300]
)
def test_moments_of_the_double_well_at_any_temperature(temperature):
    """They were NaN below 1e-9 and lost their digits far above the barrier: against quadrature in
    units of its own.
    """
    found = ls.models.potentials.double_well().boltzmann(temperature)
    if temperature < 0.1:
        # x = 1 + s u with s^2 = T/2, the width of the well; U - U(1) = (y + y^2/2)^2 with y = s u.
        s = np.sqrt(temperature / 2)
        u = np.linspace(max(-1 / s, -12), 12, 20001)
        weight = np.exp(-((s * u * (1 + s * u / 2)) ** 2) / temperature)
        weight[0] /= 2
        square = (weight * (2 * s * u + (s * u) ** 2)).sum() / weight.sum() + 1
    else:
        s = temperature**0.25
        u = np.linspace(0, 8, 20001)
        weight = np.exp(-(u**4) / 4 + u**2 / 2 / s**2)
        weight[0] /= 2
        square = s * s * (weight * u * u).sum() / weight.sum()
    assert abs(found.covariance[0, 0] / square - 1) < 1e-9
    assert abs(found.energy - (temperature - square) / 4) < 1e-9 * max(temperature, 0.25)
