"""Stop, exponents, crossover, regimes and JSON of the perceptron: derivation against numerics,
worked numbers.
"""

import json

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import gammainc

from langevin_sgd import InputError
from langevin_sgd.theory import perceptron
from langevin_sgd.theory.perceptron.derivation import derive_exponents
from langevin_sgd.theory.perceptron.inputs import mean_projection
from langevin_sgd.theory.perceptron.late_stage import late_integral, late_pull
from langevin_sgd.theory.perceptron.phase_diagram import critical_batch_size
from langevin_sgd.theory.perceptron.predict import predict_flow, predict_perceptron
from langevin_sgd.theory.perceptron.stopping import local_exponents

PLANE = {"chi": 1, "margin": 0.03, "points": 1024, "dimension": 32, "constant": 0.25}


@pytest.fixture(scope="module")
def derivation():
    return derive_exponents()


@pytest.mark.parametrize("chi", [0, 1, 3])
def test_derived_exponents_are_the_limits_of_the_flow(chi, derivation):
    """Local slopes at n = 1e-6 to 1e-3; controls: the exponents of another chi, and the rival b = 1
    + 1/(1+chi).
    """
    gamma, b = local_exponents(1e-6, chi=chi, margin=0.1, temperature=1.0)
    law = derivation.at(chi)
    assert float(gamma) == pytest.approx(law["gamma"], abs=2e-3)
    assert float(b) == pytest.approx(law["b"], abs=6e-3)
    wrong = derivation.at(chi + 0.2)
    assert abs(float(gamma) - wrong["gamma"]) > 5e-3
    assert abs(float(b) - wrong["b"]) > 0.01
    assert abs(float(b) - (1 + 1 / (1 + chi))) > 0.2


@pytest.mark.parametrize("chi", [-0.5, 0, 1, 2, 3])
def test_table_of_exponents(chi, derivation):
    law = perceptron.exponents(chi)
    assert {
        name: getattr(law, name) for name in ("gamma", "b", "delta", "growth")
    } == pytest.approx(derivation.at(chi))
    assert law.crossover == law.gamma
    assert law.b == pytest.approx(1 + 2 / (1 + chi))
    if chi >= 0:
        assert (law.gamma, law.b) == pytest.approx(
            [(1, 3), (1 / 2, 2), (1 / 3, 5 / 3), (1 / 4, 3 / 2)][chi]
        )


def test_derived_growth_and_temperature_exponents(derivation):
    tau = np.array([1e9, 1e10])
    for chi in (0, 1, 3):
        a, _ = perceptron.flow(tau, chi=chi, margin=0.0, temperature=1.0)
        assert np.log10(a[1] / a[0]) == pytest.approx(derivation.at(chi)["growth"], abs=2e-4)
        norms = [
            float(
                perceptron.stopping(
                    chi=chi, temperature=t, margin=0.1, points=10**5, dimension=9, constant=1.0
                ).norm
            )
            for t in (100.0, 200.0)
        ]
        assert np.log2(norms[1] / norms[0]) == pytest.approx(derivation.at(chi)["delta"], abs=0.01)


def test_derived_amplitudes_are_those_of_the_flow(derivation):
    """The steps carry prefactors too: the time of the stop, with numbers put in, against the flow
    at small n.
    """
    for chi in (0, 1):
        steps = dict(derivation.steps)
        k0 = [
            late_integral(chi, 0.0),
            late_integral(chi + 1, 0.0),
            late_pull(chi, 0.0),
        ]
        numbers = dict(zip(["J_chi", "J_chi_plus_1", "Jprime_chi"], map(float, k0), strict=True))
        numbers |= {
            "chi": chi,
            "T": 2.0,
            "P": 3e6,
            "d": 30,
            "c": 0.4,
            "C": {0: np.sqrt(2 / np.pi), 1: 1.0}[chi],
        }
        symbolic = {
            name: steps[step].rhs.subs(
                {symbol: numbers[symbol.name] for symbol in steps[step].rhs.free_symbols}
            )
            for name, step in {
                "time": "time of the stop",
                "norm": "norm at the stop",
                "ratio": "ratio at the stop",
            }.items()
        }
        stop = perceptron.stopping(
            chi=chi, temperature=2.0, margin=0.0, points=3 * 10**6, dimension=30, constant=0.4
        )
        for name, value in symbolic.items():
            assert float(getattr(stop, name)) == pytest.approx(float(value), rel=5e-3)


def test_slopes_of_the_flow_between_sizes():
    """ln2 of the ratio of predicted t* at P/d = 8-16 and 16-32 (chi 0), 16-32 (chi 1), 16-128 (chi
    3), as known.
    """
    sizes = {
        0: (0.5, [8, 16, 32], [2.97, 2.99]),
        1: (0.25, [16, 32], [1.98]),
        3: (0.08, [16, 32, 64, 128], [1.37, 1.46, 1.50]),
    }
    for chi, (constant, ratios, expected) in sizes.items():
        points = 256 * np.array(ratios)
        stop = perceptron.stopping(
            chi=chi, temperature=1.0, margin=1e-3, points=points, dimension=256, constant=constant
        )
        np.testing.assert_allclose(np.log2(stop.time[1:] / stop.time[:-1]), expected, atol=0.02)
        np.testing.assert_allclose(points * stop.unfit, constant * 256)


def test_measured_times_and_signals_at_the_stop_exceed_the_flow_by_known_factors():
    """Stored measurements at d = 128, T = 1, kappa = 1e-3: t*/(T d (P/d)^b) against the flow's, a
    factor 7 at chi 0.
    """
    stop = perceptron.stopping(
        temperature=1.0, margin=1e-3, points=4096, dimension=128, constant=0.5
    )
    assert 1.14 * 128 * 32**3 / float(stop.time) == pytest.approx(7.0, rel=0.1)
    stop = perceptron.stopping(
        chi=1, temperature=1.0, margin=1e-3, points=16384, dimension=128, constant=0.23
    )
    assert 0.97 * 128 * 128**2 / float(stop.time) == pytest.approx(2.9, rel=0.1)


@pytest.mark.parametrize("chi", [0.0, 1.0, 2.5])
def test_crossover_temperature_is_where_the_branches_of_the_flow_meet(chi):
    """Signals at one small n: descent from P((1+chi)/2, kappa^2/(2 a^2)) = n, noise from the flow
    at T >> kappa.
    """
    unfit, margin = 1e-6, 0.3
    descent = margin * np.exp(
        brentq(lambda z: gammainc((1 + chi) / 2, np.exp(-2 * z) / 2) - unfit, 0, 40)
    )
    _, a, _ = perceptron.flow_until(unfit, chi=chi, margin=0.0, temperature=1.0)
    assert perceptron.crossover_temperature(chi=chi, margin=margin) == pytest.approx(
        descent / a, rel=3e-3
    )
    assert perceptron.crossover_temperature(margin=1.0) == pytest.approx(2 * np.pi, rel=1e-9)


def test_crossover_with_measured_constants_is_near_the_measured_one():
    assert perceptron.crossover_temperature(
        margin=1.0, constant_ratio=0.53 / 0.94
    ) == pytest.approx(3.5, abs=0.1)
    assert perceptron.crossover_temperature(
        chi=1, margin=1.0, constant_ratio=0.26 / 0.85
    ) == pytest.approx(3.0, abs=0.6)


def test_critical_batch_size():
    diagram = perceptron.PhaseDiagram(**PLANE)
    assert diagram.critical_batch_size == pytest.approx(45, abs=0.5)
    many = critical_batch_size(chi=1, points=4096, dimension=32, constant=0.25)
    assert many / diagram.critical_batch_size == pytest.approx(2.0)
    flow = perceptron.stopping(
        temperature=1.0, margin=0.0, points=10**6, dimension=40, constant=0.5
    )
    exact = float(flow.signal) * 40 / mean_projection(0)
    assert critical_batch_size(points=10**6, dimension=40, constant=0.5) == pytest.approx(
        exact, rel=1e-3
    )


def test_regimes_and_their_triple_point():
    diagram = perceptron.PhaseDiagram(**PLANE)
    here = {"batch_size": diagram.critical_batch_size, "lr": diagram.first_step_lr}
    signals = diagram.signals(**here)
    np.testing.assert_allclose(list(signals.values()), signals["noise"], rtol=1e-12)
    found = {
        batch: diagram.regime(batch_size=batch, lr=float(batch)) for batch in (1, 4, 16, 256, 1024)
    }
    assert found == {1: "noise", 4: "noise", 16: "noise", 256: "first_step", 1024: "first_step"}
    assert {diagram.regime(batch_size=batch, lr=1e-5) for batch in (1, 1024)} == {"descent"}
    # ||w*||/sqrt(d) measured at B = P = 1024, T = 1: 40.8
    assert diagram.signals(batch_size=1024, lr=1024.0)["first_step"] == pytest.approx(
        40.8, rel=0.03
    )


def test_first_step_by_simulation():
    """100 000 first steps in all dimensions, 5 sigma."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(100_000, 3, 6))
    x[..., 0] = np.sqrt(2 * rng.gamma(1.25, size=(100_000, 3)))
    weights = 0.7 * x.mean(axis=1) / np.sqrt(6)
    a, s = weights[:, 0] / np.sqrt(6), np.linalg.norm(weights[:, 1:], axis=1) / np.sqrt(6)
    law = perceptron.step_one(chi=1.5, lr=0.7, batch_size=3, dimension=6)
    for sample, mean in ((a, law.signal), (s, law.noise), (s**2, law.noise_square)):
        assert abs(sample.mean() - mean) < 5 * sample.std() / np.sqrt(sample.size)
    assert a.std() == pytest.approx(law.signal_deviation, rel=0.02)


def test_json_of_one_state():
    state = {"chi": 0, "temperature": 1.0, "margin": 0.2, "signal": 1.3, "noise": 0.4}
    result = predict_perceptron(**state, dimension=64, batch_size=4)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    names = "n g1 gz q da_dtau ds_dtau noise_quasi_stationary exponents mean_increments"
    assert list(result) == names.split()
    assert list(result["exponents"]) == ["gamma", "b", "delta"]
    assert list(result["mean_increments"]) == ["da", "ds2"]
    expected = [0.16438312, 0.03597160, -0.15868788, 0.23647872]
    np.testing.assert_allclose(
        [result[name] for name in ("n", "g1", "gz", "q")], expected, atol=6e-9
    )
    assert result["da_dtau"] == result["g1"]
    assert result["ds_dtau"] == pytest.approx(result["gz"] + result["n"] / 0.8)
    assert result["mean_increments"]["da"] == pytest.approx(4 / 64 * result["g1"])
    assert predict_perceptron(**state)["mean_increments"] is None
    assert predict_perceptron(**{**state, "noise": 0.0})["ds_dtau"] is None
    bare = predict_perceptron(chi=1, temperature=1.0, margin=0.0, signal=1.0, noise=0.1)
    assert bare["noise_quasi_stationary"] == pytest.approx(0.313329, abs=6e-7)


def test_json_of_the_flow():
    result = predict_flow(chi=1, temperature=0.5, margin=0.2, tau=[100.0, 0.0])
    assert list(result) == ["tau", "a", "s"]
    assert result["tau"] == [100.0, 0.0]
    np.testing.assert_allclose(
        [result["a"], result["s"]], [[1.47424, 0.0], [0.218398, 1e-3]], atol=6e-6
    )
    json.dumps(result, allow_nan=False)


def test_bad_input_gets_one_line():
    stop = {"temperature": 1.0, "margin": 0.1, "points": 100, "dimension": 10, "constant": 0.5}
    cases = [
        (
            lambda: perceptron.stopping(**{**stop, "points": 4}),
            "points = 4: must be whole and above",
        ),
        (lambda: perceptron.stopping(**{**stop, "constant": 0}), "constant = 0"),
        (
            lambda: perceptron.stopping(**{**stop, "margin": 0, "temperature": 0}),
            "margin = 0: must be positive when",
        ),
        (lambda: local_exponents(0.95, margin=0.1, temperature=1.0), "unfit = 0.95"),
        (lambda: perceptron.exponents(-1), "chi = -1: must be a number above -1"),
        (lambda: perceptron.step_one(lr=-1.0, batch_size=1, dimension=2), "lr = -1.0"),
        (
            lambda: perceptron.PhaseDiagram(**{**PLANE, "margin": 0}),
            "margin = 0: must be a positive number",
        ),
        (
            lambda: predict_perceptron(temperature=1, margin=1, signal=1, noise=1, dimension=4),
            "batch_size = None: goes together with dimension",
        ),
        (
            lambda: predict_flow(temperature=1.0, margin=1.0, tau=[-1.0]),
            "tau = ",
        ),
    ]
    for call, message in cases:
        with pytest.raises(InputError) as caught:
            call()
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
