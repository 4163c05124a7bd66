"""The chain of signal and noise against one-pass SGD with all its weights; means within 4.5
standard errors.
"""

import numpy as np
import pytest
from scipy import stats

import langevin_sgd as ls

SIGMAS = 4.5


def one_pass(chi, margin, settings, dimension, **options):
    problem = ls.models.OnePassPerceptron(dimension=dimension, chi=chi, margin=margin)
    return ls.training.run(problem, settings, **options)


def all_weights(chi, margin, settings, dimension, *, replicas, steps, seed):
    generator = np.random.default_rng(seed)
    w = np.zeros((replicas, dimension))
    for _ in range(steps):
        x = generator.normal(size=(replicas, settings.batch_size, dimension))
        x[..., 0] = stats.chi(chi + 1).rvs(x.shape[:2], random_state=generator)
        unfit = np.einsum("rbp,rp->rb", x, w) / np.sqrt(dimension) < margin
        w += (
            settings.lr
            / settings.batch_size
            / np.sqrt(dimension)
            * np.einsum("rb,rbp->rp", unfit, x)
        )
    return w[:, 0] / np.sqrt(dimension), np.linalg.norm(w[:, 1:], axis=1) / np.sqrt(dimension)


@pytest.mark.parametrize(
    ("chi", "margin", "temperature", "batch_size", "dimension"),
    [
        (0.0, 0.1, 1.0, 1, 12),
        (1.0, 0.2, 0.5, 4, 7),
        (-0.6, 0.3, 1.0, 2, 2),
        (2.0, 0.5, 0.5, 3, 3),
        (0.5, 0.2, 1.0, 2, 1),
    ],
)
def test_same_law_as_all_weights(chi, margin, temperature, batch_size, dimension, seed):
    settings, replicas, steps = ls.SGD(lr=temperature * batch_size, batch_size=batch_size), 2000, 60
    full = all_weights(chi, margin, settings, dimension, replicas=replicas, steps=steps, seed=seed)
    run = one_pass(
        chi,
        margin,
        settings,
        dimension,
        replicas=replicas,
        steps=steps,
        schedule=[steps],
        seed=seed,
    )
    for theirs, name in zip(full, ("signal", "noise"), strict=True):
        mine = run[name][0].values
        assert dimension > 1 or name == "signal" or not mine.any()
        if mine.any():
            assert stats.ks_2samp(theirs, mine).pvalue > 1e-5


def test_control_another_dimension_is_found_out(seed):
    settings = ls.SGD(lr=1.0, batch_size=1)
    noise = all_weights(0.0, 0.1, settings, 12, replicas=2000, steps=60, seed=seed)[1]
    run = one_pass(0.0, 0.1, settings, 16, replicas=2000, steps=60, schedule=[60], seed=seed)
    assert stats.ks_2samp(noise, run["noise"][0]).pvalue < 1e-5


def test_worked_values(seed):
    """Means of 200 runs with all d = 64 weights, at margin 0: 0.1321(8), 0.3224(7) at tau = 0.44;
    2.6389(30) at 200.
    """
    run = one_pass(
        0.0,
        0.0,
        ls.SGD(lr=1.0, batch_size=1),
        64,
        replicas=200,
        steps=12800,
        schedule=[28, 12800],
        start=(0.0, 1e-3),
        seed=seed,
    )
    for row, name, value, error in (
        (0, "signal", 0.1321, 8e-4),
        (0, "noise", 0.3224, 7e-4),
        (1, "signal", 2.6389, 3e-3),
    ):
        found = run[name][row].values
        assert abs(found.mean() - value) < SIGMAS * np.hypot(error, found.std() / np.sqrt(200))


def test_first_step_and_independence_of_company(seed):
    settings = ls.SGD(lr=2.0, batch_size=1)
    run = one_pass(0.0, 0.1, settings, 10**6, replicas=3, steps=50, schedule=[0, 1, 50], seed=seed)
    assert not run["signal"][0].values.any()
    # One sample of length sqrt(d): the noise is lr / sqrt(d), up to 1/sqrt(2d) relative.
    assert np.allclose(run["noise"][1], 2e-3, rtol=SIGMAS / np.sqrt(2e6))
    alone = one_pass(
        0.0, 0.1, settings, 10**6, first_replica=2, steps=50, schedule=[0, 1, 50], seed=seed
    )
    assert np.array_equal(alone["signal"][:, 0], run["signal"][:, 2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"chi": -1.0}, "chi = -1.0"),
        ({"margin": -0.1}, "margin = -0.1"),
        ({"dimension": 0}, "dimension = 0"),
        ({"dimension": 1, "start": (0.0, 0.1)}, "start = .0.0, 0.1."),
        ({"settings": ls.SGD(lr=1.0, batch_size=1, momentum=0.5)}, "momentum = 0.5"),
        ({"steps": 0}, "steps = 0"),
    ],
)
def test_bad_input(changes, message):
    given = {
        "chi": 0.0,
        "margin": 0.1,
        "settings": ls.SGD(lr=1.0, batch_size=1),
        "dimension": 5,
        "steps": 3,
        **changes,
    }
    with pytest.raises(ls.InputError, match=message) as caught:
        one_pass(**given)
    assert "\n" not in str(caught.value)


def test_a_run_in_two_calls_is_the_run(seed):
    given = (0.5, 0.2, ls.SGD(lr=1.0, batch_size=2), 20)
    whole = one_pass(*given, replicas=3, steps=50, schedule=[50], seed=seed)
    first = one_pass(*given, replicas=3, steps=20, seed=seed)
    second = one_pass(*given, replicas=3, steps=30, start=first)
    assert whole["final_position"].drop_attrs().identical(second["final_position"].drop_attrs())
    other = one_pass(*given, replicas=3, steps=30, start=first, seed=seed + 1)
    assert not np.array_equal(other["final_position"], second["final_position"])
    with pytest.raises(ls.InputError, match="random numbers"):
        one_pass(*given, replicas=3, steps=30, start=first["final_position"], seed=seed)
