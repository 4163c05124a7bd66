"""Differences of nearly equal numbers in closed forms: moments of laws against linear algebra in
sixty digits.
"""

import mpmath
import numpy as np
import pytest

from langevin_sgd import SGD, LinearRegression
from langevin_sgd.theory import DiscreteLaw, LangevinLaw, free_displacement
from langevin_sgd.theory.predict import predict_linear_regression
from langevin_sgd.theory.sgd_map import HeavyBallOscillators

EIGENVALUES = np.array([1.0, 0.75])
NOISE = np.array([[1.0, 0.3], [0.3, 0.5]])


@pytest.fixture(autouse=True)
def sixty_digits():
    with mpmath.workdps(60):
        yield


def problem(eigenvalues=EIGENVALUES):
    return LinearRegression.from_spectrum(eigenvalues).with_noise_covariance(NOISE)


def one_step(settings, stiffness):
    """Exact one-step matrix (x, v) of one mode and the response to its noise."""
    lr, beta, k = (mpmath.mpf(number) for number in (settings.lr, settings.momentum, stiffness))
    reach = 1 + beta if settings.nesterov else mpmath.mpf(1)
    carry = beta**2 if settings.nesterov else beta
    matrix = mpmath.matrix([[1 - lr * reach * k, lr * carry], [-k, beta]])
    return matrix, mpmath.matrix([lr * reach, 1])


def generator(settings, stiffness):
    """Exact drift per step of one mode of the Langevin equation and the response to its noise."""
    lr, beta, k = (mpmath.mpf(number) for number in (settings.lr, settings.momentum, stiffness))
    return mpmath.matrix(
        [[0, lr], [-2 * k / (1 + beta), -2 * (1 - beta) / (1 + beta)]]
    ), mpmath.matrix([0, 2 / (1 + beta)])


def solved(first, second, source, flow):
    """Block C of a pair: C = M_i C M_j^T + source, or A_i C + C A_j^T + source = 0."""
    rows, right = mpmath.matrix(4, 4), mpmath.matrix(4, 1)
    for a in range(2):
        for b in range(2):
            right[2 * a + b] = source[a, b]
            for c in range(2):
                for d in range(2):
                    same = int(a == c and b == d)
                    pair = (
                        first[a, c] * (b == d) + (a == c) * second[b, d]
                        if flow
                        else first[a, c] * second[b, d]
                    )
                    rows[2 * a + b, 2 * c + d] = -pair if flow else same - pair
    found = mpmath.lu_solve(rows, right)
    return mpmath.matrix([[found[0], found[1]], [found[2], found[3]]])


def exact(settings, time, *, flow):
    """Stationary, transient (from rest) and lagged covariance of all pairs, and displacement, in
    sixty digits.
    """
    parts = [(generator if flow else one_step)(settings, value) for value in EIGENVALUES]
    powers = [mpmath.expm(matrix * time) if flow else matrix**time for matrix, _ in parts]
    shape, moved = np.empty((3, 4, 4)), mpmath.mpf(0)
    for i, (first, kick) in enumerate(parts):
        for j, (second, other) in enumerate(parts):
            source = kick * other.T * NOISE[i, j] / settings.batch_size
            stationary = solved(first, second, source, flow)
            gone = powers[i] * stationary * powers[j].T
            for place, block in enumerate((stationary, stationary - gone, powers[i] * stationary)):
                shape[place][np.ix_([i, i + 2], [j, j + 2])] = np.array(block.tolist(), dtype=float)
            if i == j:
                moved += 2 * (stationary - powers[i] * stationary)[0, 0]
    return (*shape, float(moved))


SETTINGS = [
    SGD(lr=lr, batch_size=2, momentum=momentum, nesterov=nesterov)
    for momentum in (0.9, 0.999999, 1 - 1e-9, 1 - 2**-40)
    for lr, nesterov in ((1e-3, False), (1.0, False), (1e-3, True), (1e-12, False))
]


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
@pytest.mark.parametrize("time", [1, 7, 1000])
@pytest.mark.parametrize("kind", [DiscreteLaw, LangevinLaw])
def test_moments_are_exact_to_twelve_digits(kind, settings, time):
    if kind is LangevinLaw and settings.nesterov:
        return
    law = kind(problem(), settings)
    stationary, transient, lagged, moved = exact(settings, time, flow=kind is LangevinLaw)

    def close(found, expected):
        deviation = np.sqrt(np.diag(stationary if expected is lagged else expected))
        np.testing.assert_allclose(found / deviation[:, None] / deviation,
            expected / deviation[:, None] / deviation,
                                   rtol=0, atol=1e-12)  # fmt: skip

    close(law.stationary().covariance, stationary)
    close(law.covariance(time), transient)
    close(law.autocovariance(time), lagged)
    assert law.mean_square_displacement(time) == pytest.approx(moved, rel=1e-12)
    assert law.displacement_from_start(time) == pytest.approx(
        np.trace(transient[:2, :2]), rel=1e-12
    )


@pytest.mark.parametrize("momentum", [0.999, 0.999999, 1 - 1e-9, 1 - 1e-10])
def test_predictions_are_exact_and_no_mode_is_called_free(momentum):
    """lr q (1+b) / ((1-b) k (2 (1+b) - lr k)): from the recursion of one mode by hand (derived)."""
    mode = predict_linear_regression(eigenvalues=[1.0], lr=0.1, momentum=momentum)["modes"][0]
    lr, b = mpmath.mpf(0.1), mpmath.mpf(momentum)
    variance = lr * (1 + b) / ((1 - b) * (2 * (1 + b) - lr))
    assert mode["sgd"]["var_position"] == pytest.approx(float(variance), rel=1e-14)
    assert mode["sde"]["var_position"] == pytest.approx(float(lr / (2 * (1 - b))), rel=1e-14)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.999999, 1 - 1e-12])
def test_free_displacement_keeps_its_digits(momentum):
    """(lr/(1-b))^2 (t - 2 b (1-b^t)/(1-b^2)), in sixty digits."""
    settings, b = SGD(lr=0.1, batch_size=1, momentum=momentum), mpmath.mpf(momentum)
    for lag in (1, 3, 100, 10**6):
        expected = mpmath.mpf(0.1) ** 2 / (1 - b) ** 2 * (lag - 2 * b * (1 - b**lag) / (1 - b**2))
        assert float(free_displacement(lag, settings, 1.0)) == pytest.approx(
            float(expected), rel=1e-13
        )


@pytest.mark.parametrize(
    ("stiffness", "momentum", "tolerance"),
    [(1e-12, 0.5, 1e-14), (1e-15, 0.0, 1e-14), (1e-7, 1 - 1e-6, 1e-12), (1e-3, 1 - 1e-9, 1e-7)],
)
def test_powers_over_three_relaxation_times(stiffness, momentum, tolerance):
    """Up to 3e15 steps; what tolerance remains is the rounding of the phase, 2e8 radians in the
    last case.
    """
    steps = int(3 / HeavyBallOscillators(np.array([stiffness]), momentum).rates[0][0])
    found = HeavyBallOscillators(np.array([stiffness]), momentum).propagator(
        np.array(float(steps))
    )[0]
    h, b = mpmath.mpf(stiffness), mpmath.mpf(momentum)
    expected = np.array((mpmath.matrix([[1 - h, b], [-h, b]]) ** steps).tolist(), dtype=float)
    unit = np.array([1.0, np.sqrt(stiffness)])  # of position and velocity of a free swing
    np.testing.assert_allclose(
        found * unit / unit[:, None], expected * unit / unit[:, None], rtol=0, atol=tolerance
    )


def test_oscillation_at_tiny_momentum_decays_by_the_root_of_the_momentum():
    oscillators = HeavyBallOscillators(np.array([1.0]), 1e-12)
    assert oscillators.decay_per_step[0] == pytest.approx(1e-6, rel=1e-12)


def test_nearly_equal_modes_share_their_covariance():
    """Two modes as near as float64 can tell have the block of one mode, times their correlation."""
    settings = SGD(lr=1e-3, batch_size=1, momentum=1 - 1e-9)
    pair = LinearRegression.from_spectrum([1.0, 1.0 - 2**-52]).with_noise_covariance(
        np.array([[1, 0.5], [0.5, 1]])
    )
    for kind in (DiscreteLaw, LangevinLaw):
        covariance = kind(pair, settings).stationary().covariance
        np.testing.assert_allclose(
            covariance[[0, 2], [1, 3]], 0.5 * covariance[[0, 2], [0, 2]], rtol=1e-12
        )
