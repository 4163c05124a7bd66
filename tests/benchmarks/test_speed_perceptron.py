"""SGD on a perceptron, one thread: time per step; ratios within each group, to its first row.

Groups: plain steps at P = 1e4, d = 100, against the floor (a random row and its product with the
weights, indices known beforehand) and NumPy; accelerated against plain steps from one stored late
state and on whole runs; the one-pass chain.
"""

import time

import numpy as np
import pytest
from numba import njit

import langevin_sgd as ls
from langevin_sgd.kernels.layout import padded
from langevin_sgd.randomness import key_from_seed
from langevin_sgd.training import PerceptronEngine, run
from langevin_sgd.training.perceptron.replica import Replica, Snapshots, make_points, make_rule
from langevin_sgd.training.perceptron.state import ACCELERATED, PLAIN, STEP, new_states, of_replica

LATE_NOISE = {0: 0.398942, 1: 0.313329}
"""Quasi-stationary noise in units of the temperature, at a margin far below it."""
UNFIT = {0: (0.797885, 0.398942), 1: (1.0, 0.25)}
"""C and J(0): the unfit fraction is C r^(1 + chi) J(0) at a small ratio r of noise and signal."""


class Ratios:
    """Groups of times, best of some rounds taken in turns, so that a busy machine meets all
    alike.
    """

    def __init__(self):
        self.lines = [__doc__]

    def compare(self, title, functions, *, per, rounds=5):
        best = dict.fromkeys(functions, np.inf)
        for _ in range(rounds + 1):
            for name, function in functions.items():
                begun = time.perf_counter()
                steps = function() or 1
                best[name] = min(best[name], (time.perf_counter() - begun) / (steps * per))
        first = next(iter(best.values()))
        rows = (
            f"  {name:<44} {1e9 * value:12.3f} ns {first / value:9.3g} x"
            for name, value in best.items()
        )
        self.lines += [title, *rows]


@pytest.fixture(scope="module")
def ratios():
    made = Ratios()
    yield made
    print("\n".join(made.lines))


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")


@njit(error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def gather_and_dot(rows, w, samples):
    smallest = 1e300
    for i in samples:
        total = 0.0
        for p in range(len(w)):
            total += rows[i, p] * w[p]
        smallest = min(smallest, total)
    return smallest


def problem_of(points, dimension, chi=0, margin=1e-3):
    return ls.Perceptron(
        data=ls.data.DepletedSign(points=points, dimension=dimension, chi=chi), margin=margin
    )


def late_state(chi, points, dimension, unfit):
    """Weights at which about `unfit` points are unfit and the noise is quasi-stationary, in a
    random direction.
    """
    constant, integral = UNFIT[chi]
    ratio = (unfit / points / (constant * integral)) ** (1 / (1 + chi))
    w = np.random.default_rng(0).normal(size=dimension)
    w[0] = 0.0
    w *= LATE_NOISE[chi] * np.sqrt(dimension) / np.linalg.norm(w)
    w[0] = LATE_NOISE[chi] / ratio * np.sqrt(dimension)
    return w


def on_from(problem, points, start, steps, method):
    """Go on from weights for some steps, with a training set that is there already."""
    settings = ls.SGD(lr=1.0, batch_size=1, sampling="without_replacement")
    rule = make_rule(problem, settings, unfit=0.0, automatic=False)
    state = of_replica(new_states(start[None], method), 0)
    replica = Replica(points, rule, settings, state, key_from_seed(1), 0, steps)
    replica.advance(Snapshots.empty(np.empty(0, np.int64), 1), 0, np.inf)
    return state.counters[STEP]


def trained(problem, steps, method, **options):
    settings = ls.SGD(lr=1.0, batch_size=1, sampling="without_replacement")
    stop, engine = ls.Stop(max_steps=steps), PerceptronEngine(method=method)
    made = run(problem, settings, seed=1, stop=stop, engine=engine, **options)
    return int(made["steps"].sum())


def test_plain_steps_against_floor_and_numpy(benchmark, ratios):
    points, dimension, steps = 10_000, 100, 4_000_000
    problem, start = problem_of(points, dimension), late_state(0, points, dimension, 60)
    sets = {
        precision: make_points(problem, 0, 0, precision) for precision in ("float64", "float32")
    }
    rows, w = sets["float64"].rows, padded(start)
    samples = np.random.default_rng(0).integers(0, points, steps).astype(np.int32)

    def floor():
        gather_and_dot(rows, w, samples)
        return steps

    def numpy_loop():
        generator, weights, unpadded = np.random.default_rng(0), start.copy(), problem.rows(0)
        for _ in range(20_000):
            batch = unpadded[generator.integers(0, points, 1)]
            unfit = batch @ weights < problem.margin
            if unfit.any():
                weights += batch[unfit].sum(axis=0)
        return 20_000

    functions = {
        "floor": floor,
        "plain": lambda: on_from(problem, sets["float64"], start, steps, PLAIN),
        "plain, rows in float32": lambda: on_from(problem, sets["float32"], start, steps, PLAIN),
        "NumPy": numpy_loop,
    }
    ratios.compare("Plain steps, P = 1e4, d = 100", functions, per=1)
    benchmark(lambda: None)


@pytest.mark.parametrize(
    ("chi", "points", "dimension", "unfit"),
    [(0, 10**5, 32, 22), (0, 10**5, 32, 64), (1, 10**5, 32, 11)],
)
def test_late_stage(benchmark, ratios, chi, points, dimension, unfit):
    problem, start = problem_of(points, dimension, chi), late_state(chi, points, dimension, unfit)
    rows = make_points(problem, 0, 0, "float64")
    functions = {
        "plain": lambda: on_from(problem, rows, start, 4_000_000, PLAIN),
        "accelerated": lambda: on_from(problem, rows, start, 4 * 10**8, ACCELERATED),
    }
    ratios.compare(
        f"Late, chi = {chi}, P = {points}, d = {dimension}, {unfit} unfit",
        functions,
        per=1,
        rounds=3,
    )
    benchmark(lambda: None)


@pytest.mark.parametrize(
    ("chi", "points", "dimension"),
    [(0, 1000, 16), (0, 1000, 64), (1, 1000, 32), (0, 10_000, 128), (1, 10_000, 32)],
)
def test_whole_runs(benchmark, ratios, chi, points, dimension):
    problem = problem_of(points, dimension, chi)
    functions = {
        method: lambda method=method: trained(
            problem, None, method, replicas=16 if points < 5000 else 4
        )
        for method in ("plain", "auto", "accelerated")
    }
    ratios.compare(
        f"Whole runs, chi = {chi}, P = {points}, d = {dimension}", functions, per=1, rounds=4
    )
    benchmark(lambda: None)


def test_one_pass_chain(benchmark, ratios):
    def chain(dimension):
        run(
            ls.models.OnePassPerceptron(dimension=dimension, chi=0.0, margin=0.1),
            ls.SGD(lr=1.0, batch_size=1),
            replicas=4,
            steps=50_000,
            schedule=[1],
            seed=1,
        )
        return 200_000

    functions = {f"d = {d}": lambda d=d: chain(d) for d in (8, 128, 10**6)}
    ratios.compare("One-pass chain, chi = 0, B = 1", functions, per=1)
    benchmark(lambda: None)
