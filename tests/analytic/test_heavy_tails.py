"""Student's t in place of the normals of the SGD map: covariance, tails, and who refuses it."""

import json
import math
import re

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.fokker_planck.gaussian_law import GaussianLaw
from langevin_sgd.models import potentials

SETTINGS = ls.SGD(lr=0.2, batch_size=2, momentum=0.5)
COVARIANCE = np.array([[0.7, 0.3], [0.3, 0.4]])
STIFFNESS = np.diag([1.0, 0.5])
EQUATION = ls.Underdamped.from_potential(
    potentials.Quadratic(stiffness=STIFFNESS), SETTINGS, gradient_noise=COVARIANCE
)
FLAT = ls.Underdamped.from_potential(
    potentials.Quadratic(stiffness=np.zeros((2, 2))), SETTINGS, gradient_noise=COVARIANCE
)
REPLICAS = 40_000


def heavy(nu):
    return ls.sde.SGDMap(driver=ls.sde.StudentT(nu=nu))


def simulate(integrator, equation=EQUATION, **options):
    defaults = {"replicas": REPLICAS, "steps": 1, "substeps": 1, "schedule": [1], "seed": 3}
    return ls.sde.simulate(equation, integrator, **{**defaults, **options})


def kicks(integrator, **options):
    """The gradient noise of one step, (replica, parameter), of unit covariance."""
    run = simulate(integrator, FLAT, **options)
    root = np.linalg.cholesky(COVARIANCE / SETTINGS.batch_size)
    return np.linalg.solve(root, run["final_velocity"].values.T).T


@pytest.mark.parametrize("precision", ["float64", "float32", "mixed"])
def test_the_covariance_of_a_step_is_that_of_normals(precision, seed):
    """Within 5 standard errors estimated from the fourth moments of nu = 10."""
    found = kicks(heavy(10.0), precision=precision, seed=seed)
    products = np.einsum("ri,rj->rij", found, found)
    error = products.std(axis=0) / math.sqrt(REPLICAS)
    assert np.abs((products.mean(axis=0) - np.eye(2)) / error).max() < 5
    # control: t that is not scaled to unit variance, nu/(nu - 2) = 1.25
    assert np.abs((products.mean(axis=0) * 1.25 - np.eye(2)) / error).max() > 10


def test_every_direction_has_the_distribution_of_t(seed):
    """Kolmogorov-Smirnov in three directions for nu = 3 (p > 1e-4); normals fail (control)."""
    from scipy import stats

    found = kicks(heavy(3.0), seed=seed)
    scaled = stats.t(df=3.0, scale=math.sqrt(1 / 3))
    for direction in ([1.0, 0.0], [0.0, 1.0], [0.6, 0.8]):
        assert stats.kstest(found @ direction, scaled.cdf).pvalue > 1e-4
        assert stats.kstest(found @ direction, "norm").pvalue < 1e-6


def test_the_kurtosis_is_that_of_t(seed):
    """3 (nu - 2)/(nu - 4) for nu = 12, where the eighth moment exists: 5 standard errors."""
    found = kicks(heavy(12.0), seed=seed).ravel()
    fourth = found**4
    error = fourth.std() / math.sqrt(
        REPLICAS
    )  # the two components of a replica are not independent
    assert abs(fourth.mean() - 3 * 10 / 8) < 5 * error
    assert abs(fourth.mean() - 3) > 5 * error


def stationary():
    """Covariance of (theta, v) of the map, by iteration of its own moments."""
    lr, momentum = SETTINGS.lr, SETTINGS.momentum
    one, zero = np.eye(2), np.zeros((2, 2))
    kick = np.block([[one - lr * STIFFNESS, lr * momentum * one], [-STIFFNESS, momentum * one]])
    gain = np.block([[lr * one], [one]])
    noise = gain @ COVARIANCE @ gain.T / SETTINGS.batch_size
    moment = np.zeros_like(kick + zero[0, 0])
    for _ in range(400):
        moment = kick @ moment @ kick.T + noise
    return moment[:2, :2]


def test_the_stationary_variance_is_that_of_the_gaussian_map(seed):
    """Covariances do not see the tails: nu = 10 and normals against the exact one, 5 sigma."""
    exact = stationary()
    for integrator in (heavy(10.0), ls.sde.SGDMap()):
        run = simulate(integrator, steps=80, schedule=[80], seed=seed, replicas=20_000)
        found = run["final_position"].values
        products = np.einsum("ri,rj->rij", found, found)
        error = products.std(axis=0) / math.sqrt(20_000)
        assert np.abs((products.mean(axis=0) - exact) / error).max() < 5
        wrong = exact * 10 / 8  # t with its own variance
        assert np.abs((products.mean(axis=0) - wrong) / error).max() > 8


def test_bits_depend_on_the_replica_alone(monkeypatch):
    options = {"replicas": 1100, "steps": 5, "schedule": [5], "record": ls.record.states()}
    plain = simulate(heavy(4.0), **options)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    threaded = simulate(heavy(4.0), **options)
    assert plain["position"].equals(threaded["position"])
    alone = simulate(heavy(4.0), **{**options, "replicas": 7, "first_replica": 1020})
    assert np.array_equal(
        plain["position"].isel(replica=slice(1020, 1027)).values, alone["position"].values
    )
    first = simulate(heavy(4.0), **{**options, "steps": 2, "schedule": [2]})
    rest = simulate(heavy(4.0), **{**options, "steps": 3, "schedule": [3]}, start=first)
    assert np.array_equal(rest["final_position"].values, plain["final_position"].values)


def test_many_degrees_of_freedom_are_nearly_normal():
    """The normals are those of the Gaussian map, times a factor that goes to one."""
    gaussian = simulate(ls.sde.SGDMap(), FLAT, replicas=50, precision="mixed")
    nearly = simulate(heavy(1e12), FLAT, replicas=50, precision="mixed")
    assert np.allclose(
        gaussian["final_velocity"].values, nearly["final_velocity"].values, rtol=1e-4
    )


def test_provenance_and_checkpoints_name_the_driver(tmp_path):
    run = simulate(heavy(3.0), replicas=2)
    settings = json.loads(run.attrs["provenance"])["settings"]
    assert settings["integrator"] == "SGDMap"
    assert settings["driver"] == "StudentT(nu=3.0)"
    plain = simulate(ls.sde.SGDMap(), replicas=2)
    assert "driver" not in json.loads(plain.attrs["provenance"])["settings"]
    simulate(heavy(3.0), replicas=2, checkpoint=tmp_path / "run.nc")
    with pytest.raises(ls.InputError, match="checkpoint"):
        simulate(heavy(5.0), replicas=2, checkpoint=tmp_path / "run.nc")


TAILS = ls.sde.StudentT(nu=3)
WELL = potentials.double_well()
NUMBERS = {"friction": 1.0, "step_time": 0.1}


@pytest.mark.parametrize(
    "refused",
    [
        *(
            lambda kind=kind: kind(driver=TAILS)
            for kind in (
                ls.sde.BAOAB,
                ls.sde.OBABO,
                ls.sde.EulerMaruyama,
                ls.sde.Heun,
                ls.sde.Milstein,
                ls.sde.ShiftedODE,
                ls.sde.ExactOrnsteinUhlenbeck,
            )
        ),
        lambda: ls.Overdamped(potential=WELL, noise_covariance=TAILS, **NUMBERS),
        lambda: ls.fokker_planck.solve(
            heavy(3), initial=ls.fokker_planck.GaussianDensity([0.0], [[1.0]]), times=[1.0]
        ),
        lambda: GaussianLaw(heavy(3), ls.fokker_planck.GaussianDensity([0.0], [[1.0]])),
        lambda: ls.theory.DiscreteLaw(ls.LinearRegression.from_spectrum([1.0]), heavy(3)),
        lambda: ls.LinearRegression.from_spectrum([1.0]).with_noise_covariance(TAILS),
        lambda: heavy(3).linear_step(EQUATION.linear(), 0.2),
        lambda: ls.sde.follow(EQUATION, heavy(3), np.zeros((1, 1, 2, 1))),
    ],
)
def test_others_refuse_it_by_name_in_one_line(refused):
    with pytest.raises(ls.InputError, match=re.escape("StudentT(nu=3.0)")) as caught:
        refused()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("nu", [2.0, 0.0, float("nan"), "3", None])
def test_a_variance_is_needed(nu):
    with pytest.raises(ls.InputError, match="nu"):
        ls.sde.StudentT(nu=nu)


def test_a_driver_is_a_driver():
    with pytest.raises(ls.InputError, match="driver = 3: must be a driver"):
        ls.sde.SGDMap(driver=3)
