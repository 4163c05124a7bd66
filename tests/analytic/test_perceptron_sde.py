"""The SDE of the perceptron: noise of minibatches that depends on the weights.

Against enumeration of all batches (exact: one Euler-Maruyama step of length lr has the moments of
one step of SGD), and against SGD written out in numpy. Rivals with the same trace, or with the loss
taken from the gradients, must fail.
"""

import dataclasses
import itertools

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.dynamics import Isotropic
from langevin_sgd.dynamics.minibatch_noise import MinibatchNoise
from langevin_sgd.dynamics.noise import NoiseOfState
from langevin_sgd.measure.passage import first_at_or_below
from langevin_sgd.models.hinge_loss import HingeLoss

EULER = ls.sde.EulerMaruyama()
RIVALS = ("decoupled", "isotropic")


def problem(points, dimension, margin=0.3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((points, dimension))
    return ls.Perceptron.from_data(X, np.sign(X[:, 0]), margin=margin)


def rival(equation, name):
    return dataclasses.replace(
        equation, noise_covariance=getattr(equation.noise_covariance, name)()
    )


def step_moments(equation, w):
    """Mean and covariance of one compiled step of length lr, from its response to each normal
    alone.
    """
    sources = equation.noise_covariance.sources
    normals = np.concatenate([np.zeros((sources, 1)), np.eye(sources)], axis=1)[None, None]
    ends = ls.sde.follow(equation, EULER, normals, start=w)[0][0]
    factor = (ends[1:] - ends[0]).T
    return ends[0], factor @ factor.T


def batch_moments(rows, w, margin, lr, batches):
    """Mean and covariance of w after one step of SGD over equally likely batches."""
    chosen = rows[np.array(list(batches))]
    ends = w + lr * ((chosen @ w < margin)[..., None] * chosen).mean(axis=1)
    return ends.mean(axis=0), np.cov(ends.T, ddof=0)


@pytest.mark.parametrize("sampling", ["without_replacement", "with_replacement"])
@pytest.mark.parametrize("w", [[0.0, 0.0, 0.0], [0.5, -0.4, 0.5]])
def test_one_step_has_the_moments_of_all_batches(sampling, w):
    given, settings = problem(6, 3), ls.SGD(lr=0.2, batch_size=3, sampling=sampling)
    points = range(6)
    batches = (
        itertools.combinations(points, 3)
        if sampling[:8] == "without_"
        else itertools.product(points, repeat=3)
    )
    mean, covariance = batch_moments(given.rows(0), np.array(w), 0.3, 0.2, batches)
    equation = ls.Overdamped.from_sgd(given, settings)
    found = step_moments(equation, np.array(w))
    assert np.allclose(found[0], mean, rtol=0, atol=1e-14)
    assert np.allclose(found[1], covariance, rtol=0, atol=1e-15)
    assert np.allclose(
        0.2 * equation.noise_covariance.covariance(w), covariance, rtol=0, atol=1e-15
    )
    for name in RIVALS:
        other = rival(equation, name)
        drift, spread = step_moments(other, np.array(w))
        assert np.allclose(drift, mean, rtol=0, atol=1e-14)
        assert np.allclose(spread, 0.2 * other.noise_covariance.covariance(w), rtol=0, atol=1e-15)
        assert np.abs(spread - covariance).max() > 0.1 * np.abs(covariance).max()
    assert np.trace(spread) == pytest.approx(
        np.trace(covariance), rel=1e-12
    )  # of the isotropic rival


def test_the_decoupled_rival_is_the_product_of_averages():
    given = problem(40, 3)
    w, rows = np.array([0.5, -0.4, 0.5]), given.rows(0)
    noise = ls.Overdamped.from_sgd(given, ls.SGD(lr=0.2, batch_size=4)).noise_covariance.decoupled()
    assert np.allclose(noise.covariance(w), 0.05 * np.mean(rows @ w < 0.3) * rows.T @ rows / 40)


def test_full_batches_without_replacement_are_gradient_descent():
    given = problem(30, 4)
    equation = ls.Overdamped.from_sgd(
        given, ls.SGD(lr=0.5, batch_size=30, sampling="without_replacement")
    )
    run = ls.sde.simulate(
        equation, EULER, replicas=2, steps=60, substeps=1, seed=1, record=ls.record.states()
    )
    path, rows = [np.zeros(4)], given.rows(0)
    for _ in range(60):
        path.append(path[-1] + 0.5 / 30 * (rows @ path[-1] < 0.3) @ rows)
    expected = np.array(path)[run["step"].values]
    assert len(expected) > 10
    assert np.allclose(run["position"], expected[:, None], rtol=0, atol=1e-12)


def sgd(rows, margin, lr, batch, steps, replicas, seed):
    """Signal and noise (step, replica) of plain SGD, batches without replacement."""
    rng = np.random.default_rng(seed)
    w, found = np.zeros((replicas, rows.shape[1])), []
    for _ in range(steps):
        chosen = rows[np.argsort(rng.random((replicas, len(rows))), axis=1)[:, :batch]]
        unfit = np.einsum("rbp,rp->rb", chosen, w) < margin
        w = w + lr / batch * np.einsum("rb,rbp->rp", unfit, chosen)
        found.append(w)
    return parts(np.array(found))


def parts(w):
    root = np.sqrt(w.shape[-1])
    return np.stack([w[..., 0], np.linalg.norm(w[..., 1:], axis=-1)]) / root


def test_signal_and_noise_agree_with_sgd_at_small_temperature(seed):
    """Means over 256 replicas at six times, within 4.5 standard errors; without noise, or
    isotropic, not.
    """
    lr, batch, steps, replicas = 0.4, 8, 150, 256
    given = problem(64, 8, margin=1.0)
    real = sgd(given.rows(0), 1.0, lr, batch, steps, replicas, seed)
    settings = ls.SGD(lr=lr, batch_size=batch, sampling="without_replacement")
    equation = ls.Overdamped.from_sgd(given, settings)
    schedule = np.array([5, 10, 20, 40, 80, 150])

    def pulls(one):
        run = ls.sde.simulate(
            one, EULER, replicas=replicas, steps=steps, substeps=1, seed=seed,
            record=ls.record.states(),
            schedule=schedule,
        )  # fmt: skip
        sde, sampled = parts(run["position"].values), real[:, schedule - 1]
        error = np.sqrt((sde.var(axis=-1) + sampled.var(axis=-1)) / replicas)
        spread = np.log(sde.std(axis=-1) / sampled.std(axis=-1)) * np.sqrt(replicas)
        return np.abs((sde - sampled).mean(axis=-1) / error).max(), np.abs(spread).max()

    mean, spread = pulls(equation)
    assert mean < 4.5
    assert spread < 4.5 * 1.2  # tails a little heavier than those of a normal law
    assert max(pulls(rival(equation, "isotropic"))) > 8
    quiet = dataclasses.replace(equation, noise_covariance=Isotropic(1e-6))
    assert pulls(quiet)[0] > 8


def test_zero_loss_is_absorbing_and_its_time_is_noted():
    given = problem(24, 4)
    equation = ls.Overdamped.from_sgd(given, ls.SGD(lr=0.5, batch_size=4))
    loss, rows = equation.potential, given.rows(0)
    record = [
        ls.record.observables(unfit_fraction=loss.unfit_fraction, energy=loss.energy),
        ls.record.states(),
    ]
    run = ls.sde.simulate(equation, EULER, replicas=8, steps=4000, substeps=2, seed=2,
        record=record,
                          schedule=ls.record.log_spaced(steps=4000, per_decade=40))  # fmt: skip
    position, unfit = run["position"].values, run["unfit_fraction"].values
    assert np.array_equal(unfit, ((position @ rows.T) < 0.3).mean(axis=-1))
    assert np.allclose(run["energy"], np.maximum(0.3 - position @ rows.T, 0).mean(axis=-1))
    found = first_at_or_below(run["step"].values, unfit)
    assert found.reached.all()
    for replica, step in enumerate(found.by):
        later = position[run["step"].values >= step, replica]
        assert np.array_equal(later, np.broadcast_to(later[0], later.shape))
        assert not loss.force(later[-1]).any()
        assert not equation.noise_covariance.covariance(later[-1]).any()


def test_a_law_needs_a_seed_and_gives_the_training_set_of_that_replica():
    law = ls.Perceptron(data=ls.data.DepletedSign(points=20, dimension=3, chi=1.0), margin=0.1)
    settings = ls.SGD(lr=0.1, batch_size=2)
    equation = ls.Overdamped.from_sgd(law, settings, seed=5, replica=3)
    assert np.array_equal(equation.potential.rows, law.rows(5, 3))
    assert equation.noise_covariance.strength == pytest.approx(0.05)
    with pytest.raises(ls.InputError, match="seed = None"):
        ls.Overdamped.from_sgd(law, settings)


def test_a_path_depends_on_nothing_else(monkeypatch):
    """Replicas beside, threads, and exact rescaling: (lr, margin) -> 4 (lr, margin) multiplies w by
    4, bit for bit.
    """

    def run(scale=1.0, **options):
        settings = ls.SGD(lr=0.5 * scale, batch_size=4)
        equation = ls.Overdamped.from_sgd(problem(24, 4, margin=0.3 * scale), settings)
        return ls.sde.simulate(equation, EULER, steps=50, substeps=1, seed=2, **options)[
            "final_position"
        ].values

    together = run(replicas=700)
    assert np.array_equal(run(replicas=5, first_replica=600), together[600:605])
    assert np.array_equal(run(scale=4.0, replicas=700), 4 * together)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    assert np.array_equal(run(replicas=700), together)


def test_checkpoints_know_the_points(tmp_path):
    equation = ls.Overdamped.from_sgd(problem(24, 4), ls.SGD(lr=0.5, batch_size=4))
    options = {
        "replicas": 2,
        "steps": 20,
        "substeps": 1,
        "seed": 2,
        "checkpoint": tmp_path / "run.nc",
    }
    first = ls.sde.simulate(equation, EULER, **options)
    again = ls.sde.simulate(equation, EULER, **options)
    assert np.array_equal(first["final_position"], again["final_position"])
    for other in (
        rival(equation, "decoupled"),
        ls.Overdamped.from_sgd(problem(24, 4, seed=1), ls.SGD(lr=0.5, batch_size=4)),
    ):
        with pytest.raises(ls.InputError, match="checkpoint"):
            ls.sde.simulate(other, EULER, **options)


def test_strength_is_a_factor_of_the_density():
    loss, w = HingeLoss(rows=problem(9, 2).rows(0), margin=0.3), np.zeros(2)
    noise = MinibatchNoise(loss=loss, strength=0.5)
    for one in (noise, noise.decoupled(), noise.isotropic()):
        assert isinstance(one, NoiseOfState)
        assert np.allclose(one.scaled(3.0).covariance(w), 3 * one.covariance(w))
    equation = ls.Overdamped.from_potential(
        loss, ls.SGD(lr=0.2, batch_size=2), gradient_noise=noise
    )
    assert equation.noise_covariance.strength == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: ls.Overdamped.from_sgd(
                problem(5, 2), ls.SGD(lr=1, batch_size=2, sampling="epochs")
            ),
            "epochs",
        ),
        (
            lambda: ls.Overdamped.from_sgd(
                problem(5, 2), ls.SGD(lr=1, batch_size=2, weight_decay=0.1)
            ),
            "weight_decay",
        ),
        (
            lambda: ls.Overdamped.from_sgd(
                problem(5, 2), ls.SGD(lr=1, batch_size=6, sampling="without_replacement")
            ),
            "batch_size = 6: must be at most the 5 points",
        ),
        (
            lambda: ls.Overdamped.from_sgd(problem(5, 2), ls.SGD(lr=1, batch_size=2), replica=-1),
            "replica = -1",
        ),
        (lambda: HingeLoss(rows=np.full((2, 2), np.nan), margin=1.0), "rows"),
        (lambda: HingeLoss(rows=np.ones(3), margin=1.0), "rows"),
        (lambda: HingeLoss(rows=np.ones((3, 1)), margin=0.0), "margin = 0.0"),
        (
            lambda: MinibatchNoise(loss=HingeLoss(rows=np.ones((3, 1)), margin=1.0), strength=-1.0),
            "strength = -1.0",
        ),
        (
            lambda: ls.sde.simulate(
                ls.Overdamped.from_sgd(problem(5, 2), ls.SGD(lr=1, batch_size=2)),
                ls.sde.Milstein(),
                steps=1,
            ),
            "EulerMaruyama",
        ),
        (
            lambda: ls.sde.simulate(
                ls.Overdamped.from_sgd(problem(5, 2), ls.SGD(lr=1, batch_size=2)),
                ls.sde.Heun(),
                steps=1,
            ),
            "this one is ito",
        ),
        (
            lambda: ls.fokker_planck.solve(
                ls.Overdamped.from_sgd(problem(5, 1), ls.SGD(lr=1, batch_size=2)),
                initial=(0.0, 1.0),
                times=[1.0],
            ),
            "must not depend on the state",
        ),
    ],
)
def test_bad_input_gets_one_line(call, message):
    with pytest.raises(ls.InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
