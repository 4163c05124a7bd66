"""What the theory let in: lists as counts, masks, covariances that are none, NaN, objects of
another kind.
"""

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd import SGD, InputError, LinearRegression, theory
from langevin_sgd.models.hinge_loss import HingeLoss
from langevin_sgd.theory import DiscreteLaw, Gaussian, LangevinLaw, ModifiedLoss, perceptron
from langevin_sgd.theory.damping import damping_rate, damping_ratio, regime
from langevin_sgd.theory.displacement import (
    exponent_between,
    exponent_window,
    fitted_exponent,
    relaxation_steps,
    spurious_slope,
    velocity_memory,
)
from langevin_sgd.theory.equilibrium import entropy_production, mode_temperatures
from langevin_sgd.theory.gaussian_inputs import gaussian_input_law
from langevin_sgd.theory.modified_loss import mode_weights, ornstein_uhlenbeck_covariance
from langevin_sgd.theory.perceptron.finite_flow import finite_flow
from langevin_sgd.theory.perceptron.stopping import local_exponents
from langevin_sgd.theory.predict import predict_linear_regression
from langevin_sgd.theory.rotation import position_spectrum, swept_area_per_step, velocity_spectrum
from langevin_sgd.theory.sde_accuracy import exact_dispersion, mode_rates
from langevin_sgd.theory.stability import largest_stable_stiffness, noise_feedback, require_stable

NAN = float("nan")
PLAIN, EPOCHS = (
    SGD(lr=0.1, batch_size=1, momentum=0.5),
    SGD(lr=0.1, batch_size=1, sampling="epochs"),
)
SPECTRUM = LinearRegression.from_spectrum([1.0, 0.5])
DATA = LinearRegression.from_data(np.eye(3)[:, :2] + 0.1, np.arange(3.0))
LAW, FLOW = DiscreteLaw(SPECTRUM, PLAIN), LangevinLaw(SPECTRUM, PLAIN)
MASKED = np.ma.masked_greater([1.0, 2.0, 999.0], 100)
DIAGRAM = {"margin": 0.1, "points": 100, "dimension": 10, "constant": 0.5}
STOP = {"temperature": 1.0, **DIAGRAM}


def spectrum(**options):
    return LinearRegression.from_spectrum([0.2, 1.0], **options)


def regression(**change):
    return LinearRegression(
        **{"hessian": np.eye(2), "minimiser": np.zeros(2), "noise_covariance": np.eye(2), **change}
    )


REFUSED = [
    # lists and fractions as counts
    (lambda: LAW.sample([8], seed=1), "replicas = [8]"),
    (lambda: FLOW.sample([2], seed=1, t=3), "replicas = [2]"),
    (lambda: LAW.sample(np.array([8]), seed=1), "replicas = "),
    (lambda: LAW.sample(2.0, seed=1), "replicas = 2.0"),
    (lambda: LAW.sample(10**12, seed=1), "replicas = 1000000000000"),
    (lambda: LAW.sample(2, seed=1, t=[1, 2]), "t = "),
    (lambda: DiscreteLaw(DATA, EPOCHS, epoch_phase=[1]), "epoch_phase = [1]"),
    (lambda: DiscreteLaw(DATA, EPOCHS, epoch_phase=1.0), "epoch_phase = 1.0"),
    (lambda: perceptron.stopping(**{**STOP, "points": [100.5]}), "points = "),
    (lambda: perceptron.stopping(**{**STOP, "dimension": [10]}), "dimension = [10]"),
    (lambda: perceptron.step_one(lr=1.0, batch_size=[2], dimension=4), "batch_size = [2]"),
    (
        lambda: perceptron.quenched_noise(1.0, margin=1, temperature=1, points=[9], dimension=2),
        "points = [9]",
    ),
    (lambda: perceptron.PhaseDiagram(**{**DIAGRAM, "points": [100]}), "points = [100]"),
    (
        lambda: finite_flow(1.0, margin=1, temperature=1, dimension=9, batch_size=[1]),
        "batch_size = [1]",
    ),
    (lambda: exponent_window(PLAIN, largest=1.0, decay=2.0, modes=[100]), "modes = [100]"),
    # masks and complex numbers
    (lambda: LinearRegression.from_spectrum(MASKED), "eigenvalues = "),
    (lambda: LinearRegression.from_data(np.eye(3), MASKED), "y = "),
    (lambda: LinearRegression.from_data(np.eye(3) * 1j, np.ones(3)), "X = "),
    (lambda: predict_linear_regression(eigenvalues=MASKED, lr=0.1), "eigenvalues = "),
    (lambda: HingeLoss(rows=MASKED[:, None], margin=1.0), "rows = "),
    (lambda: perceptron.averages(MASKED, 1.0, margin=0.1), "signal = "),
    # covariances and structure
    (lambda: spectrum().with_noise_covariance(-np.eye(2)), "covariance = "),
    (lambda: spectrum().with_noise_covariance([[1, 0.5], [0, 1]]), "covariance = "),
    (lambda: spectrum().with_noise_covariance([[1, 2], [2, 1]]), "covariance = "),
    (lambda: spectrum().with_noise_covariance(np.full((2, 2), NAN)), "covariance = "),
    (lambda: spectrum(minimiser=[NAN, 0]), "minimiser = "),
    (lambda: spectrum(eigenvectors=[[1, 1], [0, 1]]), "eigenvectors = "),
    (lambda: spectrum(eigenvectors=[[1, NAN], [0, 1]]), "eigenvectors = "),
    (lambda: spectrum(noise_scale=1.7e308 * 2), "noise_scale = inf"),
    (lambda: regression(hessian=-np.eye(2)), "hessian = "),
    (lambda: regression(noise_covariance=[[1, 0.5], [0, 1]]), "noise_covariance = "),
    (lambda: regression(minimiser=[NAN, 0]), "minimiser = "),
    (lambda: regression(X=np.eye(2)), "y = None"),
    (lambda: regression(X=np.eye(3), y=np.ones(3)), "X = "),
    (lambda: LinearRegression.from_data([[1e300], [1.0]], [1, 2]), "X = "),
    (lambda: LinearRegression.from_data([[1e-300], [1e-301]], [1, 2]), "X = "),
    (lambda: Gaussian(np.zeros(2), -np.eye(2)), "covariance = "),
    (lambda: Gaussian([0, NAN], np.eye(2)), "mean = "),
    (lambda: ls.Perceptron(data=None, margin=0.1), "data = None"),
    (lambda: LinearRegression.from_spectrum([0.0]).noise_scale, "problem: "),
    # NaN and numbers out of range
    (lambda: regime(PLAIN, [NAN]), "stiffness = "),
    (lambda: damping_ratio(PLAIN, [-1.0]), "stiffness = "),
    (lambda: relaxation_steps(PLAIN, [-1.0]), "stiffness = "),
    (lambda: theory.free_displacement([1], PLAIN, NAN), "noise = nan"),
    (lambda: theory.free_displacement([0.5], PLAIN, 1.0), "lag = [0.5]"),
    (
        lambda: theory.power_law_displacement(
            [1], PLAIN, largest=1, decay=2, modes=9, noise_scale=NAN
        ),
        "noise_scale = nan",
    ),
    (lambda: theory.spectral_exponent(2.0, noise_power=NAN), "noise_power = nan"),
    (lambda: exponent_between(LAW, 1, NAN), "last = nan"),
    (lambda: fitted_exponent(LAW, [5, 5]), "lags = [5, 5]"),
    (lambda: fitted_exponent(DiscreteLaw(spectrum(noise_scale=0), PLAIN), [1, 5]), "law: "),
    (lambda: LAW.tau(NAN), "t = nan"),
    (lambda: DiscreteLaw(DATA, PLAIN).epochs(-1), "t = -1"),
    (lambda: LAW.autocovariance(lag=NAN), "lag = nan"),
    (lambda: FLOW.mode_autocovariance(-1.0), "lag = -1.0"),
    (lambda: LAW.mean_square_displacement(0.5), "lag = 0.5"),
    (lambda: LAW.covariance("1"), "t = '1'"),
    (lambda: theory.paper_displacement(FLOW, 10**12), "lag = 1000000000000"),
    (lambda: DiscreteLaw(DATA, PLAIN, noise="minibatch").covariance(1e12), "t = 1000000000000.0"),
    (
        lambda: predict_linear_regression(eigenvalues=[1.0], lr=0.1, lags=[NAN]),
        "lags = [nan]",
    ),
    (lambda: theory.sde_error([1.0], 0.5, lags=[0]), "lags = [0]"),
    (lambda: theory.sde_error([0.0], 0.5), "lr_times_stiffness = [0.0]"),
    (lambda: mode_rates([NAN], 0.5), "lr_times_stiffness = [nan]"),
    (lambda: exact_dispersion(NAN, 0.1, 0.5), "rate = nan"),
    (lambda: gaussian_input_law([NAN], PLAIN), "eigenvalues = [nan]"),
    (lambda: gaussian_input_law([0.0], PLAIN), "eigenvalues = [0.0]"),
    (lambda: require_stable(PLAIN, [NAN]), "eigenvalues = [nan]"),
    (lambda: position_spectrum(NAN, LAW), "frequency = nan"),
    (lambda: ornstein_uhlenbeck_covariance(-np.eye(2), np.eye(2)), "drift = "),
    (lambda: ornstein_uhlenbeck_covariance(np.eye(2), -np.eye(2)), "diffusion = "),
    (lambda: ModifiedLoss(FLOW).density([0.0, 1.0]), "state = "),
    (lambda: SPECTRUM.loss(np.zeros(3)), "theta = "),
    (lambda: local_exponents(NAN, margin=1.0, temperature=1.0), "unfit = nan"),
    # truth values, and what was not looked at
    (lambda: LAW.sample(2, seed=1, t=True), "t = True"),
    (
        lambda: predict_linear_regression(eigenvalues=[1.0], lr=0.1, lags=[True]),
        "lags = [True]",
    ),
    (lambda: theory.sde_error([1.0], 0.5, lags=[True]), "lags = [True]"),
    (lambda: perceptron.averages(True, 1.0, margin=0.1), "signal = True"),
    (lambda: SPECTRUM.noise_covariance_at({}), "theta = {}"),
    (lambda: SPECTRUM.gradient([np.inf, 0.0]), "theta = [inf, 0.0]"),
    (lambda: HingeLoss(rows=np.eye(2), margin=1.0).force([np.inf, 0.0]), "w = [inf, 0.0]"),
    (lambda: exact_dispersion([0.1, 0.2], [0.1], 0.5 + 1j), "momentum = (0.5+1j)"),
    (
        lambda: exact_dispersion([0.1, 0.2], [0.1, 0.2, 0.3], 0.5),
        "rate = [0.1, 0.2]: must have a shape",
    ),
    (lambda: exact_dispersion([[0.1], [0.1, 0.2]], 0.1, 0.5), "rate = [[0.1], [0.1, 0.2]]"),
    (lambda: exact_dispersion(np.ma.masked, 0.1, 0.5), "rate = masked"),
    # numbers that float64 cannot invert or square
    (lambda: damping_rate(SGD(lr=1e-320, batch_size=1)), "settings.lr = 1e-320"),
    (lambda: noise_feedback(DATA, SGD(lr=1e-320, batch_size=1)), "settings.lr = 1e-320"),
    (lambda: LangevinLaw(SPECTRUM, SGD(lr=1e200, batch_size=1)), "settings.lr = 1e+200"),
    (
        lambda: predict_linear_regression(eigenvalues=[1.0], lr=1e-320),
        "settings.lr = 1e-320",
    ),
    (lambda: ornstein_uhlenbeck_covariance(np.eye(2), np.eye(2), 1e-320), "kappa = 1e-320"),
    (lambda: ornstein_uhlenbeck_covariance(np.diag([1.0, 1e-17]), np.eye(2)), "drift = "),
    (lambda: DATA.noise_covariance_at([1e200, 1e200]), "theta = "),
    (
        lambda: theory.power_law_displacement(1e10, PLAIN, largest=1e308, decay=1.5, modes=5),
        "largest = 1e+308",
    ),
    # objects of another kind
    (lambda: LangevinLaw(SPECTRUM, None), "settings = None"),
    (lambda: DiscreteLaw(None, PLAIN), "problem = None"),
    (lambda: velocity_memory(None), "settings = None"),
    (lambda: damping_rate(None), "settings = None"),
    (lambda: largest_stable_stiffness(None), "settings = None"),
    (lambda: noise_feedback(None, PLAIN), "problem = None"),
    (lambda: theory.largest_stable_lr(SPECTRUM, None), "settings = None"),
    (lambda: mode_temperatures(None), "law = None"),
    (lambda: entropy_production(LAW), "law = "),
    (lambda: ModifiedLoss(LAW), "law = "),
    (lambda: mode_weights(None), "law = None"),
    (lambda: spurious_slope(LAW), "law = "),
    (lambda: swept_area_per_step(None), "law = None"),
    (lambda: velocity_spectrum(0.1, None), "law = None"),
    (lambda: theory.winding_per_step(None), "oscillators = None"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_is_refused_is_named_in_one_line(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_problems_keep_what_they_were_made_from():
    X, y, start = np.eye(3)[:, :2] + 0.1, np.arange(3.0), np.ones(2)
    values, covariance, mean = np.array([1.0, 0.5]), np.eye(4), np.zeros(4)
    data, made = (
        LinearRegression.from_data(X, y),
        LinearRegression.from_spectrum(values, minimiser=start),
    )
    given = regression(hessian=(hessian := np.eye(2)))
    gaussian, law = Gaussian(mean, covariance), DiscreteLaw(made, PLAIN, start=start)
    loss = HingeLoss(rows=(rows := np.eye(2)), margin=1.0)
    before = [data.X.copy(), data.y.copy(), law.mean(3).copy()]
    for array in (X, y, start, values, covariance, mean, hessian, rows):
        array[...] = 7.0
    for kept, was in zip((data.X, data.y, law.mean(3)), before, strict=True):
        np.testing.assert_array_equal(kept, was)
    assert made.eigenvalues.tolist() == [1.0, 0.5]
    assert made.minimiser.tolist() == [1.0, 1.0]
    np.testing.assert_array_equal(given.hessian, np.eye(2))
    np.testing.assert_array_equal(gaussian.covariance, np.eye(4))
    np.testing.assert_array_equal(gaussian.mean, np.zeros(4))
    np.testing.assert_array_equal(loss.rows, np.eye(2))


def test_noise_in_a_free_direction_has_a_covariance_at_every_time():
    """Random walk with momentum b: v_t = sum b^(t-k) g_k and theta_t = lr sum (1-b^(t-k+1))/(1-b)
    g_k, by the sums.
    """
    problem = LinearRegression.from_spectrum([1.0, 0.0]).with_noise_covariance(
        [[1.0, 0.3], [0.3, 0.5]]
    )
    law, b, steps = DiscreteLaw(problem, PLAIN), 0.5, 7
    kicks = np.array([[0.1 * (1 - b**k) / (1 - b), b ** (k - 1)] for k in range(1, steps + 1)])
    np.testing.assert_allclose(
        law.covariance(steps)[np.ix_([1, 3], [1, 3])], 0.5 * kicks.T @ kicks, rtol=1e-13
    )
    np.testing.assert_allclose(law.mode_covariance(steps)[1], 0.5 * kicks.T @ kicks, rtol=1e-13)
    assert law.displacement_from_start(0) == 0
    position = law.sample(20_000, seed=1, t=steps)[0]
    assert position[:, 1].var() == pytest.approx(
        0.5 * (kicks[:, 0] ** 2).sum(), rel=5 * np.sqrt(2 / 20_000)
    )
    with pytest.raises(InputError, match="diffuses without bound"):
        law.stationary()
    flow = LangevinLaw(problem, SGD(lr=0.1, batch_size=1))
    late = flow.covariance(1e4)[1, 1]  # lr^2 noise (t - 3/4 ...): overdamped random walk
    assert late == pytest.approx(0.1**2 * 0.5 * 1e4, rel=1e-3)


def test_free_directions_under_epochs_stand_still_after_each_epoch():
    """Without curvature the noise of an epoch sums to zero: plain SGD is back where it was, in all
    replicas.
    """
    problem = LinearRegression.from_data(np.eye(4)[:, :2] + [[0.1, 0]], np.arange(4.0))
    free = LinearRegression(
        hessian=np.zeros((2, 2)),
        minimiser=np.zeros(2),
        noise_covariance=np.eye(2),
        X=problem.X,
        y=problem.y,
    )
    law = DiscreteLaw(free, EPOCHS)
    positions = law.mode_covariance(np.arange(9.0))[:, 0, 0, 0]
    np.testing.assert_allclose(
        positions / positions[1], [0, 1, 4 / 3, 1, 0, 1, 4 / 3, 1, 0], atol=1e-13
    )


def test_numbers_that_vanish_are_no_error():
    with np.errstate(all="raise"):
        problem = LinearRegression.from_spectrum([1.0, 1e-3], minimiser=[1.0, 2.0])
        for kind in (DiscreteLaw, LangevinLaw):
            law = kind(problem, SGD(lr=0.5, batch_size=1, momentum=0.2))
            for time in (3, 10_000, 1e22):
                assert np.isfinite(law.mean(time)).all()
                assert np.isfinite(law.covariance(time)).all()
                assert np.isfinite(law.autocovariance(time)).all()
                assert law.mean_square_displacement(time) > 0
            law.sample(3, seed=0, t=5000)
        perceptron.flow([1.0, 1e9], margin=0.1, temperature=1.0)
        perceptron.averages(1.0, 1e-30, margin=0.1)


def test_lags_beyond_all_integers_have_the_saturated_displacement():
    law = DiscreteLaw(SPECTRUM, PLAIN)
    saturated = 2 * law.mode_variances()[0].sum()
    assert law.mean_square_displacement(10**22) == pytest.approx(saturated, rel=1e-13)
    shuffled = DiscreteLaw(DATA, EPOCHS)
    assert np.isfinite(shuffled.mean_square_displacement(10**22))
    result = predict_linear_regression(eigenvalues=[1.0], lr=0.1, lags=[10**22])
    assert result["lags"] == [10**22]
    assert result["msd"]["sgd"][0] == pytest.approx(
        2 * result["modes"][0]["sgd"]["var_position"], rel=1e-13
    )


def test_no_times_have_no_means():
    assert LAW.mean([]).shape == (0, 4)
    assert FLOW.covariance([]).shape == (0, 4, 4)


def test_slow_rates_of_any_size_have_a_covariance():
    """SciPy warned that eigenvalues were near zero, and perturbed them."""
    found = ornstein_uhlenbeck_covariance(1e-300 * np.diag([1.0, 0.5]), 1e-290 * np.eye(2))
    np.testing.assert_allclose(found, 1e10 * np.diag([1.0, 2.0]), rtol=1e-14)


def test_weights_that_are_lost_are_neither_right_nor_fitted():
    for signal, noise in ((1.0, NAN), (NAN, 1.0), (NAN, NAN)):
        for chi in (0.0, 1.5):
            assert np.isnan(perceptron.test_error(signal, noise, chi=chi))
    loss, w = HingeLoss(rows=np.eye(2), margin=1.0), np.array([[NAN, 2.0], [2.0, 0.0]])
    assert np.isnan(loss.energy(w)).tolist() == [True, False]
    assert np.isnan(loss.force(w)).all(axis=-1).tolist() == [True, False]
    np.testing.assert_array_equal(loss.unfit_fraction(w), [NAN, 0.5])
    assert loss.unfit(w).tolist() == [[True, True], [False, True]]


def test_slow_modes_in_epochs_have_digits_or_none():
    """As lr -> 0 Var theta / lr^2 tends to a constant; with momentum rounding made it 100 times
    larger, or negative.
    """
    for momentum in (0.0, 0.5):
        settings = [
            SGD(lr=lr, batch_size=1, momentum=momentum, sampling="epochs") for lr in (1e-6, 1e-9)
        ]
        ratio = [DiscreteLaw(DATA, one).mode_variances()[0] / one.lr**2 for one in settings]
        np.testing.assert_allclose(ratio[0], ratio[1], rtol=1e-5)
    with pytest.raises(InputError, match="slow as lr"):
        DiscreteLaw(DATA, SGD(lr=1e-20, batch_size=1, momentum=0.5, sampling="epochs")).stationary()
    slow = DiscreteLaw(DATA, SGD(lr=1e-20, batch_size=1, sampling="epochs"))
    np.testing.assert_allclose(
        slow.mode_variances()[0] / 1e-40,
        DiscreteLaw(DATA, SGD(lr=1e-9, batch_size=1, sampling="epochs")).mode_variances()[0]
        / 1e-18,
        rtol=1e-5,
    )
