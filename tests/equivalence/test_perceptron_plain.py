"""Plain steps of the perceptron against a reference in NumPy that makes one step after the
other.
"""

import numpy as np
import pytest
from in_one_call import train_perceptrons_of

import langevin_sgd as ls
from langevin_sgd.data.embedded import digit_pair
from langevin_sgd.training.batches import batch_indices


def train_plainly(problem, settings, **options):
    return train_perceptrons_of(problem, settings, method="plain", **options)


SAMPLINGS = ("with_replacement", "without_replacement", "epochs")


def reference(rows, settings, margin, *, seed, replica, steps, start, fraction=0.0):
    """Weights, last update, updates, visits, after the step that first leaves few enough points
    unfit.
    """
    w, last, updates, visits = start.copy(), 0, 0, np.zeros(len(rows), int)
    batches = batch_indices(settings, len(rows), seed=seed, replica=replica, steps=steps)
    for step, padded_batch in enumerate(batches, 1):
        if np.mean(rows @ w < margin) <= fraction:
            return w, last, updates, visits
        batch = padded_batch[padded_batch >= 0]
        unfit = batch[rows[batch] @ w < margin]
        if len(unfit):
            w = w + settings.lr / len(batch) * rows[unfit].sum(axis=0)
            last, updates = step, updates + 1
            np.add.at(visits, unfit, 1)
    raise AssertionError("the reference has not ended")


def problem_of(dimension=6, points=40, chi=0.0, margin=0.3):
    return ls.Perceptron(
        data=ls.data.DepletedSign(points=points, dimension=dimension, chi=chi), margin=margin
    )


def require_equal(run, problem, settings, *, seed, steps, fraction=0.0, start=None, rows=None):
    start = np.zeros(problem.dimension) if start is None else start
    for r in range(run.sizes["replica"]):
        own = problem.rows(seed, r) if rows is None else rows
        w, last, updates, visits = reference(
            own,
            settings,
            problem.margin,
            seed=seed,
            replica=r,
            steps=steps,
            start=start,
            fraction=fraction,
        )
        mine = run.isel(replica=r)
        assert mine["last_update_step"] == mine["steps"] == last
        assert mine["t_star"] == settings.lr * last
        assert mine["updates"] == updates
        assert mine["visits"] == visits.sum()
        assert mine["status"] == (ls.Status.REACHED if fraction else ls.Status.FINISHED)
        assert np.allclose(mine["final_weights"], w, rtol=1e-12, atol=1e-12)
        # The weights are a whole number of rows, and their visits say which.
        if settings.sampling != "epochs":
            dual = start + settings.lr / settings.batch_size * visits @ own
            assert np.allclose(mine["final_weights"], dual, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("batch_size", [1, 7, 40])
def test_steps_are_those_of_the_reference(batch_size, sampling, seed):
    problem = problem_of()
    settings = ls.SGD(lr=0.5 * batch_size, batch_size=batch_size, sampling=sampling)
    run = train_plainly(problem, settings, replicas=4, seed=seed)
    # Gradient descent draws nothing; its reference may use any order of the points.
    require_equal(run, problem, settings, seed=seed, steps=200_000 // batch_size)


def test_one_dimension_one_point_and_a_start(seed):
    settings = ls.SGD(lr=0.2, batch_size=1)
    line = problem_of(dimension=1, chi=3.0)
    require_equal(
        train_plainly(line, settings, replicas=3, seed=seed),
        line,
        settings,
        seed=seed,
        steps=50_000,
    )
    point = problem_of(points=1)
    run = train_plainly(point, settings, seed=seed)
    require_equal(run, point, settings, seed=seed, steps=1000)
    problem, start = problem_of(), np.linspace(-1, 1, 6)
    run = train_plainly(problem, settings, replicas=2, seed=seed, start=start)
    require_equal(run, problem, settings, seed=seed, steps=200_000, start=start)
    again = train_plainly(
        problem, settings, replicas=2, seed=seed, start=run["final_weights"].values
    )
    assert again["t_star"].values.tolist() == again["steps"].values.tolist() == [0, 0]


@pytest.mark.parametrize("fraction", [0.5, 0.2, 0.03])
def test_stops_in_the_step_that_leaves_few_enough_points_unfit(fraction, seed):
    problem = problem_of(points=100)
    settings = ls.SGD(lr=2.0, batch_size=2, sampling="without_replacement")
    run = train_plainly(problem, settings, replicas=5, seed=seed, unfit=fraction)
    assert (run["unfit"] <= 100 * fraction).all()
    require_equal(run, problem, settings, seed=seed, steps=20_000, fraction=fraction)


def test_first_step_and_recording(seed):
    """At zero weights every point is unfit, so the first step adds the whole batch."""
    problem, settings = problem_of(), ls.SGD(lr=3.0, batch_size=5, sampling="without_replacement")
    run = train_plainly(
        problem, settings, replicas=3, seed=seed, max_steps=400, schedule=[0, 1, 399, 400]
    )
    for r in range(3):
        batch = batch_indices(settings, 40, seed=seed, replica=r, steps=1)[0]
        w = 0.6 * problem.rows(seed, r)[batch].sum(axis=0)
        signal, noise = problem.signal_and_noise(w)
        assert np.allclose(run["recorded_signal"][:2, r], [0, signal])
        assert np.allclose(run["recorded_noise"][:2, r], [0, noise])
        assert np.allclose(run["recorded_norm"][:2, r], [0, np.linalg.norm(w)])
        unfit = np.mean(problem.rows(seed, r) @ w < problem.margin)
        assert run["recorded_unfit_fraction"][:2, r].values.tolist() == [1, unfit]
        assert run["recorded_signal"][-1, r] == run["signal"][r]


def test_user_data_and_storage_in_float32(seed):
    X, y = digit_pair(3, 8)
    problem = ls.Perceptron.from_data(X, y, margin=0.1)
    settings = ls.SGD(lr=0.5, batch_size=1)
    run = train_plainly(problem, settings, replicas=2, seed=seed)
    rows = y[:, None] * X / np.sqrt(64)
    require_equal(run, problem, settings, seed=seed, steps=1_000_000, rows=rows)
    assert "signal" not in run
    single = train_plainly(problem, settings, replicas=2, seed=seed, precision="float32")
    require_equal(
        single,
        problem,
        settings,
        seed=seed,
        steps=1_000_000,
        rows=rows.astype(np.float32).astype(float),
    )


def test_recording_often_changes_nothing(seed):
    problem, settings = problem_of(), ls.SGD(lr=1.0, batch_size=1)
    alone = train_plainly(problem, settings, replicas=2, seed=seed)
    observed = train_plainly(problem, settings, replicas=2, seed=seed, schedule=range(1, 2000))
    assert np.array_equal(alone["final_weights"], observed["final_weights"])
    assert np.array_equal(alone["t_star"], observed["t_star"])
    assert np.allclose(observed["recorded_norm"].sel(step=1999), observed["norm"], rtol=1e-14)
    assert alone["steps"].max() < 1999
