"""Exact statements on the perceptron: data law, overlap laws, certificates, bounds, special cases
and bad input.
"""

import math

import numpy as np
import pytest
from in_one_call import train_perceptrons_of
from scipy import stats

import langevin_sgd as ls
from langevin_sgd.data.embedded import digit_pair
from langevin_sgd.kernels.compiled import uncached_kernel
from langevin_sgd.randomness import FRESH, gamma_64, key_from_seed
from langevin_sgd.training.perceptron import certificates, overlap

ALARM = 1e-5


def law(points=200, dimension=8, chi=0.0):
    return ls.data.DepletedSign(points=points, dimension=dimension, chi=chi)


def train(problem, lr=1.0, batch_size=1, sampling="without_replacement", **options):
    return train_perceptrons_of(
        problem, ls.SGD(lr=lr, batch_size=batch_size, sampling=sampling), **options
    )


# --- data -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("chi", [-0.9, -0.5, 0.0, 1.0, 3.0, 10.5])
def test_law_of_the_points(chi, seed):
    X, y = law(points=20_000, dimension=3, chi=chi).sample(seed)
    assert np.array_equal(np.sign(X[:, 0]), y)
    assert stats.kstest(np.abs(X[:, 0]), stats.chi(chi + 1).cdf).pvalue > ALARM
    assert stats.kstest(X[:, 1:].ravel(), "norm").pvalue > ALARM
    assert stats.binomtest(int((y > 0).sum()), len(y)).pvalue > ALARM
    assert abs(np.corrcoef(np.abs(X[:, 0]), X[:, 1])[0, 1]) < 4.5 / math.sqrt(20_000)
    assert stats.kstest(np.abs(X[:, 0]), stats.chi(1.2 * (chi + 1)).cdf).pvalue < ALARM


def test_points_are_nested_and_replicas_differ(seed):
    large, small = law(points=900).sample(seed, 3), law(points=100).sample(seed, 3)
    assert np.array_equal(large[0][:100], small[0])
    assert np.array_equal(large[1][:100], small[1])
    assert not np.isin(small[0], law(points=100).sample(seed, 4)[0]).any()


def test_pair_of_digits_has_unit_mean_square():
    X, y = digit_pair(3, 8)
    assert math.isclose((X**2).sum(axis=1).mean(), X.shape[1])
    assert sorted(set(y.tolist())) == [-1.0, 1.0]
    assert ls.Perceptron.from_data(X, y, margin=0.1).separable()


@pytest.mark.parametrize("shape", [0.05, 0.5, 1.0, 7.3, 5000.0])
def test_gamma_variables(shape, seed):
    @uncached_kernel
    def draw(out, shape, key):
        for i in range(len(out)):
            out[i] = gamma_64(shape, key, 0, i, 0, FRESH)

    values = np.empty(20_000)
    draw(values, shape, key_from_seed(seed))
    assert stats.kstest(values, stats.gamma(shape).cdf).pvalue > ALARM


# --- overlap of batches and lists -----------------------------------------------------------------

OVERLAPS = [
    (200, 30, 8, False),
    (200, 30, 100, False),
    (50, 45, 30, False),
    (50, 1, 50, False),
    (40, 40, 7, False),
]
OVERLAPS += [
    (200, 30, 8, True),
    (50, 45, 30, True),
    (40, 40, 7, True),
    (1000, 600, 400, False),
    (10**6, 3, 5, False),
]


@pytest.mark.parametrize(("points", "listed", "batch_size", "replaced"), OVERLAPS)
def test_overlap_law(points, listed, batch_size, replaced):
    """Probabilities, recovered from the intervals of u that give each overlap, against SciPy's."""

    @uncached_kernel
    def overlaps(u, points, listed, batch_size, replaced):
        law = overlap.overlap_law(points, listed, batch_size, replaced)
        found = np.empty(len(u), np.int64)
        for i in range(len(u)):
            found[i] = overlap.draw_overlap(law, u[i], points, listed, batch_size, replaced)
        return law.log_miss, found

    u = (np.arange(40_000) + 0.5) / 40_000
    log_miss, found = overlaps(u, points, listed, batch_size, replaced)
    exact = (
        stats.binom(batch_size, listed / points)
        if replaced
        else stats.hypergeom(points, listed, batch_size)
    )
    assert math.isclose(math.exp(log_miss), exact.pmf(0), rel_tol=1e-9, abs_tol=1e-300)
    met = -math.expm1(log_miss)
    counts = np.bincount(found, minlength=batch_size + 1)[1:]
    expected = exact.pmf(np.arange(1, batch_size + 1)) / met
    # Each value has one interval of u, so that a count is off by at most one.
    assert np.abs(counts - expected * len(u)).max() <= 1.0 + 1e-6


def test_members_are_uniform_subsets(seed):
    @uncached_kernel
    def pick(out, bits, listed, replaced, taken):
        for i in range(len(out)):
            overlap.draw_members(out[i], out.shape[1], listed, replaced, bits[i], taken)

    generator = np.random.default_rng(seed)
    bits = generator.integers(0, 2**64, (30_000, 4, 1), dtype=np.uint64)
    for replaced in (False, True):
        out = np.empty((30_000, 3), np.int32)
        pick(out, bits, 5, replaced, np.zeros(9, bool))
        codes = np.unique(np.sort(out, axis=1) @ [25, 5, 1], return_counts=True)
        assert len(codes[0]) == (35 if replaced else 10)
        if not replaced:
            assert stats.chisquare(codes[1]).pvalue > ALARM


# --- certificates ---------------------------------------------------------------------------------


def test_departure_bounds_every_margin(seed):
    """Points certified at a reference are fitted at random weights, and the bound is met by the
    worst point.
    """

    @uncached_kernel
    def departures(weights, references):
        out = np.empty(len(weights))
        for i in range(len(weights)):
            out[i] = certificates.departure(weights[i], references, 0)
        return out

    generator = np.random.default_rng(seed)
    reference, used, broken = generator.normal(size=8), 0, 0
    weights = (
        reference * generator.uniform(0.2, 3, (500, 1)) + generator.normal(size=(500, 8)) * 0.5
    )
    found = departures(weights, reference[None])
    for w, radius in zip(weights, found, strict=True):
        stretch = max(1.0, w @ w / (w @ reference)) if w @ reference > 0 else 1.0
        assert math.isclose(radius, np.linalg.norm(w / stretch - reference), rel_tol=1e-9)
        # Unit rows with R_i just above the departure, about the worst direction and in random ones.
        worst = -(w / stretch - reference) / radius
        rows = np.vstack(
            [worst, worst + 0.3 * generator.normal(size=(20, 8)), generator.normal(size=(50, 8))]
        )
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        scale = rows @ reference - radius * (1 + 1e-9)
        usable = scale > 0
        assert (rows[usable] @ w >= scale[usable] * (1 - 1e-9)).all()
        used += usable.sum()
        half = rows @ reference - radius / 2
        broken += (rows[half > 0] @ w < half[half > 0]).sum()
    assert used > 1000
    assert broken > 100  # control: half of the departure bounds nothing


# --- bounds and special cases ---------------------------------------------------------------------


@pytest.mark.parametrize("method", ["plain", "accelerated", "auto"])
def test_bounds_on_updates_and_weights(method, seed):
    """Novikoff: updates <= (R^2 + 2 margin/lr) / mu^2 with mu the margin of any unit vector, here
    the teacher.
    """
    for lr, margin in ((1.0, 1e-3), (0.1, 0.5), (3.0, 0.1)):
        problem = ls.Perceptron(data=law(points=100, chi=1.0), margin=margin)
        run = train(problem, lr=lr, replicas=5, seed=seed, method=method)
        for r in range(5):
            rows, w = problem.rows(seed, r), run["final_weights"][r].values
            mu, largest = rows[:, 0].min(), np.linalg.norm(rows, axis=1).max()
            assert run["updates"][r] <= (largest**2 + 2 * margin / lr) / mu**2
            assert (rows @ w).min() >= margin
            assert np.isclose(run["norm"][r], np.linalg.norm(w))
            # mu of the best vector is at least that of w itself, and at most R.
            assert run["norm"][r] >= margin / largest


def test_one_dimension_by_hand():
    """Gradient descent on two points: x = 1 and 2 with labels +, margin 1: w = 3 k lr/2 until 1 >=
    1 is reached.
    """
    problem = ls.Perceptron.from_data(np.array([[1.0], [2.0]]), np.ones(2), margin=1.0)
    run = train(problem, lr=0.25, batch_size=2)
    # Both unfit until w >= 1/2 (2 steps: 0.375, 0.75), then only the first: + 0.125 a step.
    assert run["final_weights"].values.tolist() == [[1.0]]
    assert run["last_update_step"].item() == 4
    assert run["t_star"].item() == 1.0


def test_sample_test_error_follows_the_angle(seed):
    problem = ls.Perceptron(data=law(points=300, dimension=16), margin=0.1)
    run = train(
        problem, replicas=4, seed=seed, record=ls.training.observables.TestError(points=20_000)
    )
    exact = np.arctan(run["noise"] / run["signal"]) / np.pi
    assert (np.abs(run["sample_test_error"] - exact) < 4.5 * np.sqrt(exact / 20_000)).all()


def test_data_that_are_not_separable():
    X, y = np.array([[1.0, 2.0], [1.0, 2.0], [0.5, -1.0]]), np.array([1.0, -1.0, 1.0])
    problem = ls.Perceptron.from_data(X, y, margin=0.1)
    assert problem.separable() is False
    with pytest.raises(
        ls.InputError, match=r"^data: not separable .* give stop=Stop.max_steps=\.\.\..$"
    ):
        train(problem)
    for method in ("plain", "accelerated", "auto"):
        run = train(problem, max_steps=50, replicas=2, method=method)
        assert run["status"].values.tolist() == [ls.Status.STEP_LIMIT] * 2
        assert ls.dataset.provenance(run)["separable"] is False
        assert run["steps"].values.tolist() == [50, 50]
        assert (run["unfit"] > 0).all()
    zero = ls.Perceptron.from_data(np.array([[0.0, 0.0], [1.0, 0.0]]), np.ones(2), margin=0.1)
    assert zero.separable() is False


@pytest.mark.parametrize("method", ["plain", "accelerated"])
def test_step_limit_and_divergence(method):
    problem = ls.Perceptron(data=law(), margin=1e-3)
    cut = train(problem, max_steps=100, replicas=3, seed=1, method=method)
    assert cut["status"].values.tolist() == [1, 1, 1]
    assert cut["steps"].values.tolist() == [100] * 3
    assert (cut["last_update_step"] <= 100).all()
    assert (cut["unfit"] > 0).all()
    lost = train(problem, lr=1e250, replicas=3, seed=1, method=method)
    assert lost["status"].values.tolist() == [ls.Status.DIVERGED] * 3
    assert np.isnan(lost["final_weights"]).all()
    assert np.isnan(lost["signal"]).all()


def test_gradient_descent_draws_nothing():
    problem = ls.Perceptron(data=law(points=50), margin=0.1)
    one, other = (
        train(problem, lr=5.0, batch_size=50, seed=3, batch_seed=b, replicas=2) for b in (1, 2)
    )
    assert one.drop_attrs().identical(other.drop_attrs())


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 201}, "batch_size = 201: must be at most 200"),
        ({"method": "fast"}, "method = 'fast'"),
        (
            {"method": "accelerated", "sampling": "epochs"},
            "method = 'accelerated': needs batches that are independent",
        ),
        ({"method": "accelerated", "unfit": 0.1}, "method = 'accelerated'"),
        ({"unfit": 1.0}, "unfit = 1.0"),
        ({"precision": "float16"}, "precision = 'float16'"),
        ({"replicas": 0}, "replicas = 0"),
        ({"max_steps": 0}, "max_steps = 0"),
        ({"record": "error"}, "record = 'error'"),
        ({"start": np.zeros(3)}, "start = "),
        ({"schedule": [3, 2]}, "schedule = "),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ls.InputError, match=message) as caught:
        train(ls.Perceptron(data=law(), margin=0.1), **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["momentum", "weight_decay"])
def test_plain_sgd_only(name):
    with pytest.raises(ls.InputError, match=f"{name} = 0.5: must be 0"):
        train_perceptrons_of(
            ls.Perceptron(data=law(), margin=0.1), ls.SGD(lr=1.0, batch_size=1, **{name: 0.5})
        )


def test_bad_problems():
    for options, message in (
        ({"chi": -1.0}, "chi = -1.0"),
        ({"points": 0}, "points = 0"),
        ({"dimension": 1.5}, "dim"),
    ):
        with pytest.raises(ls.InputError, match=message):
            law(**options)
    with pytest.raises(ls.InputError, match=r"margin = 0.0"):
        ls.Perceptron(data=law(), margin=0.0)
    X, y = np.ones((2, 2)), np.array([1.0, -1.0])
    with pytest.raises(ls.InputError, match="NaN"):
        ls.Perceptron.from_data(X * np.nan, y, margin=0.1)
    with pytest.raises(ls.InputError, match="label"):
        ls.Perceptron.from_data(X, np.array([0.0, 1.0]), margin=0.1)
    with pytest.raises(ls.InputError, match="shapes"):
        ls.Perceptron.from_data(X, np.ones(3), margin=0.1)
    given = ls.Perceptron.from_data(np.eye(2), np.ones(2), margin=0.1)
    with pytest.raises(ls.InputError, match="record = TestError"):
        train(given, record=ls.training.observables.TestError(points=5))
    with pytest.raises(ls.InputError, match="second = 3"):
        digit_pair(3, 3)
