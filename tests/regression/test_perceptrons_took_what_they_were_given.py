"""What trainers of perceptrons took as it came: seeds of any kind, NumPy scalars, sizes and numbers
beyond reason.
"""

import math

import numpy as np
import pytest
from in_one_call import train_perceptrons_of

import langevin_sgd as ls
from langevin_sgd.training import observables

SETTINGS = ls.SGD(lr=1.0, batch_size=2)
LAW = ls.data.DepletedSign(points=30, dimension=4)
PROBLEM = ls.Perceptron(data=LAW, margin=0.1)
SEEDS = ["1", 1.0, 1.7, True, np.True_, -1, 2**128, np.random.default_rng(0), [1]]


def train(problem=PROBLEM, settings=SETTINGS, **options):
    return train_perceptrons_of(problem, settings, **{"seed": 1, "max_steps": 1000, **options})


def one_pass(**options):
    law = {"chi": 0.0, "margin": 0.1, "dimension": 5}
    law |= {name: options.pop(name) for name in law if name in options}
    given = {"settings": SETTINGS, "steps": 3, "seed": 1} | options
    return ls.training.run(ls.models.OnePassPerceptron(**law), **given)


@pytest.mark.parametrize("name", ["seed", "batch_seed"])
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: type(seed).__name__)
def test_a_seed_is_a_whole_number_or_nothing(name, seed):
    with pytest.raises(ls.InputError, match=f"^{name} = .*must be an integer from 0 to"):
        train(**{name: seed})


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: type(seed).__name__)
def test_a_seed_of_fresh_samples_too(seed):
    with pytest.raises(ls.InputError, match=r"^seed = .*must be an integer from 0 to"):
        one_pass(seed=seed)


def test_numpy_scalars_are_numbers_everywhere():
    """They failed when the result was written, after the whole run."""
    plain = train(
        replicas=2,
        first_replica=3,
        record=observables.TestError(points=7),
        unfit=0.25,
        schedule=[0, 5],
    )
    typed = train(
        ls.Perceptron(data=LAW, margin=0.1),
        ls.SGD(lr=np.float32(1.0), batch_size=np.int64(2)),
        replicas=np.int64(2),
        first_replica=np.array(3),
        record=observables.TestError(points=np.uint8(7)),
        unfit=np.float32(0.25),
        seed=np.uint64(1),
        batch_seed=np.int8(1),
        max_steps=np.int32(1000),
        schedule=np.array([0, 5], np.uint16),
        progress=np.False_,
    )
    assert typed.identical(plain)
    fresh = one_pass(
        chi=np.float32(0.0),
        margin=np.float64(0.1),
        dimension=np.int64(5),
        steps=np.int8(3),
        replicas=np.uint8(1),
        start=np.zeros(2, np.float16),
        seed=np.int64(1),
        first_replica=np.int64(0),
    )
    assert fresh.identical(one_pass())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"problem": None}, "^problem = None: must be of type LinearRegression, Perceptron"),
        ({"problem": LAW}, "^problem = DepletedSign.*must be of type .*Perceptron"),
        ({"settings": None}, "^settings = None: must be of type SGD"),
        ({"settings": {"lr": 1.0}}, "^settings = .*must be of type SGD"),
        ({"replicas": [8]}, r"^replicas = \[8\]: must be an integer"),
        ({"replicas": 10**12}, "^replicas = 1000000000000: needs at least .* GiB"),
        ({"replicas": 10**30}, "^replicas = .*must be an integer"),
        ({"first_replica": 2**63}, "^first_replica = .*must be an integer"),
        ({"first_replica": 2**63 - 1}, "^first_replica = .*at most"),
        (
            {"record": observables.TestError(points=10**13)},
            "^record: TestError.points = .*: needs at least .* GiB",
        ),
        ({"record": "test"}, "^record = 'test': must be one of test_error"),
        ({"max_steps": 10**30}, "^max_steps = .*must be an integer"),
        ({"max_steps": 2**63 - 1}, "^stop.max_steps = .*at most"),
        ({"max_steps": 0.5}, "^max_steps = 0.5: must be an integer"),
        ({"unfit": math.nan}, "^unfit = nan"),
        ({"unfit": "0.5"}, "^unfit = '0.5'"),
        ({"method": None}, "^method = None"),
        ({"precision": 64}, "^precision = 64"),
        ({"checkpoint": 3}, "^checkpoint = 3"),
        ({"progress": 1}, "^progress = 1: must be True or False"),
        (
            {"settings": ls.SGD(lr=1.0, batch_size=10**13)},
            "^batch_size = .*: needs at least .* GiB",
        ),
        (
            {
                "problem": ls.Perceptron(
                    data=ls.data.DepletedSign(points=10**12, dimension=4), margin=0.1
                )
            },
            "^points = .*: needs at least .* GiB",
        ),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_options_out_of_range_are_one_line(options, message):
    with pytest.raises(ls.InputError, match=message) as caught:
        train(**options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": (math.nan, 0.0)}, "^start = .nan, 0.0.: must be finite numbers"),
        ({"start": ("0", 0.0)}, "^start = .*must be numbers|an array of numbers"),
        ({"start": (0.0, math.inf)}, "^start = .0.0, inf."),
        ({"start": (0.0, -1.0)}, "^start = .*noise >= 0"),
        ({"margin": math.nan}, "^margin = nan"),
        ({"chi": math.nan}, "^chi = nan"),
        ({"settings": None}, "^settings = None: must be of type SGD"),
        (
            {"settings": ls.SGD(lr=1.0, batch_size=10**13)},
            "^batch_size = .*: needs at least .* GiB",
        ),
        ({"dimension": [5]}, r"^dimension = \[5\]: must be an integer"),
        ({"steps": 10**30}, "^steps = .*must be an integer"),
        ({"replicas": 10**12}, "^replicas = .*: needs at least .* GiB"),
        ({"first_replica": 2**63 - 1}, "^first_replica = .*at most"),
        ({"progress": 1}, "^progress = 1: must be True or False"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_options_of_fresh_samples_out_of_range_are_one_line(options, message):
    with pytest.raises(ls.InputError, match=message) as caught:
        one_pass(**options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"lr": 1e308},
        {"lr": 1e308, "unfit": 0.5},
        {"lr": 1e200, "max_steps": 1, "schedule": [0, 1]},
        {"start": [1e200] * 4, "method": "accelerated"},
        {"start": [-1e200] * 4, "unfit": 0.3},
    ],
    ids=lambda changes: ",".join(changes),
)
def test_weights_beyond_the_limit_are_a_status_and_never_a_number(changes):
    """They were infinite norms of replicas that had fitted, or reached their last step."""
    given = dict(changes)
    with np.errstate(all="raise"):
        runs = train(settings=ls.SGD(lr=given.pop("lr", 1.0), batch_size=2), **given)
    assert runs["status"].values.tolist() == [ls.Status.DIVERGED]
    assert np.isnan(runs["norm"].values).all()
    for name in runs.data_vars:
        assert not np.isinf(runs[name].values).any(), name


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("size", [1e300, 1e-300, 1e160, 1e-160])
def test_points_whose_squares_are_no_numbers_are_one_line(size, precision):
    """They ended in an error of the linear programme, in NaN, or never."""
    X, y = LAW.sample(0)
    with pytest.raises(
        ls.InputError, match=r"^X = .* or between 1e-100 and 1e\+100 in size: rescale"
    ) as caught:
        train(ls.Perceptron.from_data(size * X, y, margin=0.1), precision=precision)
    assert "\n" not in str(caught.value)


def test_points_beyond_float32_are_one_line():
    X, y = LAW.sample(0)
    for size in (1e60, 1e-60):
        problem = ls.Perceptron.from_data(size * X, y, margin=0.1 * size)
        settings = ls.SGD(lr=1 / size, batch_size=2)
        with pytest.raises(ls.InputError, match=r"^data = .*float32"):
            train(problem, settings, precision="float32")
        runs = train(problem, settings)
        whole = train(ls.Perceptron.from_data(X, y, margin=0.1))
        assert runs["last_update_step"].values == whole["last_update_step"].values
        np.testing.assert_allclose(runs["final_weights"], whole["final_weights"], rtol=1e-9)
