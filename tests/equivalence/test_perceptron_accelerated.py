"""The accelerated perceptron against plain steps, in law: stopping times and norms by Kolmogorov
and Smirnov.

Each p-value is uniform, so below 1e-5 with that probability; there are 60 of them. Both methods
have the same training sets and different batches.
"""

from dataclasses import replace

import numpy as np
import pytest
from in_one_call import train_perceptrons_of
from scipy import stats

import langevin_sgd as ls
from langevin_sgd.training.perceptron import train

P_VALUE = 1e-5
REPLICAS = 300
CASES = [  # chi, points, dimension, temperature, margin, batch size
    (0, 300, 16, 1.0, 1e-3, 1),
    (0, 200, 16, 0.5, 0.2, 1),
    (1, 1000, 32, 1.0, 1e-3, 1),
    (3, 2000, 16, 1.0, 0.01, 1),
    (-0.4, 40, 6, 1.0, 0.1, 2),
    (0, 200, 8, 1.0, 0.1, 8),
    (1, 500, 16, 1.0, 0.1, 64),
    (0, 200, 8, 1.0, 0.1, 100),
    (0, 200, 8, 1.0, 0.1, 199),
]


def train_case(case, sampling, **options):
    chi, points, dimension, temperature, margin, batch_size = case
    problem = ls.Perceptron(
        data=ls.data.DepletedSign(points=points, dimension=dimension, chi=chi), margin=margin
    )
    settings = ls.SGD(lr=temperature * batch_size, batch_size=batch_size, sampling=sampling)
    return train_perceptrons_of(problem, settings, **{"replicas": REPLICAS, "seed": 1, **options})


def p_values(one, other):
    names = ("t_star", "norm", "updates")
    return [stats.ks_2samp(one[name], other[name]).pvalue for name in names]


@pytest.mark.parametrize("sampling", ["with_replacement", "without_replacement"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_same_law_as_plain_steps(case, sampling, seed):
    plain = train_case(case, sampling, method="plain")
    for method in ("accelerated", "auto"):
        other = train_case(case, sampling, method=method, batch_seed=seed)
        assert (other["unfit"] == 0).all()
        assert (other["status"] == 0).all()
        assert min(p_values(plain, other)) > P_VALUE


def test_control_lists_that_are_too_short_are_found_out(monkeypatch, seed):
    """Rows taken to be shorter than they are make certificates that do not hold."""
    made = train.make_points

    def shortened(*arguments):
        points = made(*arguments)
        return points._replace(lengths=0.3 * points.lengths)

    plain = train_case(CASES[0], "with_replacement", method="plain")
    monkeypatch.setattr(train, "make_points", shortened)
    wrong = train_case(CASES[0], "with_replacement", method="accelerated", batch_seed=seed)
    assert min(p_values(plain, wrong)) < P_VALUE


def test_control_another_law_of_batches_is_found_out(seed):
    """Batches of 199 of 200 points: with replacement they miss a third of them."""
    plain = train_case(CASES[-1], "without_replacement", method="plain")
    wrong = train_case(CASES[-1], "with_replacement", method="accelerated", batch_seed=seed)
    assert min(p_values(plain, wrong)) < P_VALUE


def test_gradient_descent_is_the_same_by_either_method(seed):
    """Batches of all points are deterministic, so that even the paths are equal, to rounding."""
    case = (0, 200, 8, 1.0, 0.1, 200)
    plain = train_case(case, "without_replacement", method="plain", replicas=20)
    for method in ("accelerated", "auto"):
        other = train_case(case, "without_replacement", method=method, replicas=20, batch_seed=seed)
        assert np.array_equal(plain["t_star"], other["t_star"])
        assert np.array_equal(plain["visits"], other["visits"])
        assert np.allclose(plain["final_weights"], other["final_weights"], rtol=1e-11)


def test_recording_does_not_change_a_run_and_agrees_with_its_end(seed):
    case = (0, 400, 16, 1.0, 1e-3, 1)
    schedule = np.unique(np.geomspace(1, 10**7, 40).astype(int))
    for method in ("plain", "accelerated", "auto"):
        without = train_case(case, "with_replacement", method=method, seed=seed, replicas=4)
        recorded = train_case(
            case, "with_replacement", method=method, seed=seed, replicas=4, schedule=schedule
        )
        assert without.identical(recorded[list(without)].assign_attrs(without.attrs))
        ended = recorded["step"] >= recorded["last_update_step"]
        unfit = recorded["recorded_unfit_fraction"]
        assert (unfit.where(ended, 0.0) == 0).all()
        assert (unfit.where(~ended, 1.0) > 0).all()
        # The signal never falls: every update adds |x_1| > 0.
        assert (recorded["recorded_signal"].diff("step") >= 0).all()


def test_weights_are_whole_numbers_of_rows(seed):
    """Fewer points than dimensions: the rows are independent, and the numbers of visits can be read
    off.
    """
    problem = ls.Perceptron(data=ls.data.DepletedSign(points=12, dimension=40), margin=2.0)
    for sampling, batch_size in (
        ("with_replacement", 1),
        ("without_replacement", 5),
        ("with_replacement", 20),
    ):
        settings = ls.SGD(lr=0.7, batch_size=batch_size, sampling=sampling)
        for method in ("plain", "accelerated"):
            run = train_perceptrons_of(problem, settings, replicas=3, seed=seed, method=method)
            for r in range(3):
                counts = (
                    np.linalg.lstsq(problem.rows(seed, r).T, run["final_weights"][r], rcond=None)[0]
                    * batch_size
                    / 0.7
                )
                assert np.abs(counts - np.rint(counts)).max() < 1e-9
                assert counts.min() > -0.5
                assert np.rint(counts).sum() == run["visits"][r]


def test_a_larger_set_with_lists_in_earnest(seed):
    """Five thousand points, auto: the stop is a stop, and most steps were skipped."""
    problem = ls.Perceptron(data=ls.data.DepletedSign(points=5000, dimension=16), margin=1e-3)
    settings = ls.SGD(lr=1.0, batch_size=1, sampling="without_replacement")
    run = train_perceptrons_of(problem, settings, replicas=2, seed=seed)
    other = train_perceptrons_of(replace(problem), settings, replicas=1, first_replica=1, seed=seed)
    for r in range(2):
        assert (problem.rows(seed, r) @ run["final_weights"][r].values).min() >= 1e-3
    assert np.array_equal(run["final_weights"][1], other["final_weights"][0])
