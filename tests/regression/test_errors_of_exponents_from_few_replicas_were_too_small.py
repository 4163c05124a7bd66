"""Error bars of exponents from a few replicas were several times too small: their weights came from
the same replicas.

Every estimator that is given replicas is asked for intervals at 2, 3 and 5 of them. The share of
one-sigma intervals that hold the truth is compared with Student's t; binomial bounds leave 1e-7 a
side. Intervals narrower by a factor of three, about what weights from three replicas did, have to
fall below the bounds.
"""

import numpy as np
import pytest
from scipy import stats

import langevin_sgd as ls
from langevin_sgd import measure
from langevin_sgd.measure.scaling_corrections import correction_to_scaling, extrapolate
from langevin_sgd.randomness import normals

X = np.geomspace(1, 100, 8)
STEPS = np.unique(np.rint(np.geomspace(10, 1000, 15)))
FEW = [2, 3, 5]


def covers(estimates, truth, narrower=3.0):
    """Whether intervals hold the truth as often as they say, and whether those narrower by a factor
    do.
    """
    assert all(one.valid for one in estimates)
    off = np.array([abs(one.value - truth) / one.standard_error for one in estimates])
    wanted = 2 * stats.t.cdf(1, estimates[0].degrees_of_freedom) - 1
    low, high = stats.binom.ppf([1e-7, 1 - 1e-7], len(off), wanted)
    return tuple(
        bool(low <= np.count_nonzero(off * factor < 1) <= high) for factor in (1.0, narrower)
    )


@pytest.mark.parametrize("replicas", FEW)
def test_exponent_of_a_displacement(replicas, seed):
    """Wiener paths on the clock t^0.7 in eight directions."""
    kicks = normals((500, len(STEPS), replicas, 8), seed)
    squared = (
        np.cumsum(kicks * np.sqrt(np.diff(STEPS**0.7, prepend=0.0) / 8)[:, None, None], axis=1) ** 2
    ).sum(-1)
    found = [measure.diffusion_exponent((STEPS, one), window=(10, 1000)) for one in squared]
    assert covers(found, 0.7) == (True, False)
    assert sum("not a power law" in one.note for one in found) <= 7


def uneven(x, replicas, sets, seed, scale=0.3):
    """Replicas (set, point, replica) of 3 x^1.7 that share a kick, and whose scatter differs
    between points.
    """
    kicks = normals((sets, len(x) + 1, replicas), seed)
    scatter = scale * np.linspace(0.5, 2, len(x))[:, None]
    return 3 * x[:, None] ** 1.7 * np.exp(scatter * kicks[:, 1:] + 0.5 * kicks[:, :1])


@pytest.mark.parametrize("replicas", FEW)
def test_exponent_of_a_power_law(replicas, seed):
    found = [measure.fit_power_law(X, y) for y in uneven(X, replicas, 500, seed)]
    assert covers([one.exponent for one in found], 1.7) == (True, False)
    assert (
        covers([one.amplitude for one in found], 3.0)[1] is False
    )  # exp of a mean: its error is of first order
    each = np.polyfit(np.log(X), np.log(uneven(X, replicas, 1, seed)[0]), 1)[0]
    exact = ls.Estimate.from_samples(each)
    assert found[0].exponent.value == pytest.approx(exact.value, rel=1e-9)
    assert found[0].exponent.standard_error == pytest.approx(exact.standard_error, rel=1e-9)


@pytest.mark.parametrize("replicas", [3, 5])
def test_exponent_of_a_power_law_with_errors_of_x(replicas, seed):
    found = []
    for y, kick in zip(
        uneven(X, replicas, 500, seed, 0.1), normals((500, 8, replicas), seed + 1), strict=True
    ):
        found.append(measure.fit_power_law(X[:, None] * np.exp(0.1 * kick), y).exponent)
    assert covers(found, 1.7) == (True, False)


def test_two_replicas_with_errors_of_x_are_refused(seed):
    x = X[:, None] * np.exp(0.1 * normals((8, 2), seed))
    assert "at least 3 needed" in measure.fit_power_law(x, x).exponent.note


@pytest.mark.parametrize("replicas", FEW)
def test_asymptotic_exponent_with_a_correction(replicas, seed):
    x = np.geomspace(1, 1000, 10)
    law = (1 - 0.4 * x**-0.5)[:, None]
    found = [
        correction_to_scaling(x, y * law, power=0.5).exponent
        for y in uneven(x, replicas, 60, seed, 0.02)
    ]
    assert covers(found, 1.7, narrower=10.0) == (True, False)


@pytest.mark.parametrize("replicas", FEW)
def test_limit_of_a_sequence(replicas, seed):
    size = np.array([8.0, 16.0, 32.0, 64.0])
    scatter = np.linspace(0.02, 0.08, 4)[:, None]
    kicks = normals((1000, 4, replicas), seed)
    found = [extrapolate(size, (1.5 - 2 / size)[:, None] + scatter * kick).limit for kick in kicks]
    assert covers(found, 1.5) == (True, False)


@pytest.mark.parametrize("replicas", FEW)
def test_exponents_of_a_collapse(replicas, seed):
    x = np.geomspace(0.1, 30, 8)
    found = []
    for kick in normals((60, 3, 8, replicas), seed):
        laws = [P**0.6 * np.sqrt(1 + (x * P**-0.5) ** 2) for P in (1.0, 3.0, 9.0)]
        y = [
            law[:, None] * np.exp(0.01 * np.linspace(1, 3, 8)[:, None] * one)
            for law, one in zip(laws, kick, strict=True)
        ]
        found.append(
            measure.collapse([(P, x, one) for P, one in zip((1.0, 3.0, 9.0), y, strict=True)])
        )
    assert covers([one.x_exponent for one in found], -0.5, narrower=10.0) == (True, False)
    assert covers([one.y_exponent for one in found], 0.6, narrower=10.0) == (True, False)


@pytest.mark.parametrize("replicas", FEW)
def test_frequency_and_decay_of_an_oscillation(replicas, seed):
    """One mode of SGD with additive noise."""
    lr, momentum, stiffness, sets, steps = 0.05, 0.9, 1.3, 150, 1500
    theta, v = np.zeros((2, sets * replicas))
    path = np.empty((steps, sets * replicas))
    for k, kick in enumerate(normals((300 + steps, sets * replicas), seed)):
        v = momentum * v - stiffness * theta - kick
        theta = theta + lr * v
        path[max(k - 300, 0)] = theta
    found = [
        measure.oscillation(one, lags=np.arange(1, 40)) for one in np.split(path, sets, axis=1)
    ]
    frequency = np.arccos((1 + momentum - lr * stiffness) / (2 * np.sqrt(momentum)))
    assert covers([one.frequency for one in found], frequency, narrower=6.0) == (True, False)
    assert covers([one.decay for one in found], -np.log(momentum) / 2, narrower=6.0) == (
        True,
        False,
    )


@pytest.mark.parametrize(("points", "replicas", "lower"), [(3, 2, 2), (8, 2, 1), (8, 4, 3)])
def test_chance_of_the_misfit_of_a_law_is_uniform(points, replicas, lower, seed):
    """p-values of points that follow the law, at few replicas, whatever moves the whole line of a
    replica.

    Control: other `lower` degrees of freedom, those of one replica too many or of a single point.
    """
    freedom, x = points - 2, X[:points]
    kicks = normals((800, points + 1, replicas), seed)
    found = [
        measure.fit_power_law(x, 3 * x[:, None] ** 1.7 * np.exp(0.1 * k[1:] + k[:1])) for k in kicks
    ]
    assert stats.kstest([one.p_value for one in found], "uniform").pvalue > 1e-6
    wrong = [stats.f.sf(one.chi_squared / freedom, freedom, lower) for one in found]
    assert stats.kstest(wrong, "uniform").pvalue < 1e-6
    limits = [extrapolate(x, 1 + 1 / x[:, None] + k[1:]) for k in kicks]
    assert stats.kstest([one.p_value for one in limits], "uniform").pvalue > 1e-6
