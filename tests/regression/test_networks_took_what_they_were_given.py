"""What training of networks took as it came: NumPy scalars, reversed arrays, masks, seeds of any
kind, impossible sizes.
"""

import json
import subprocess
import sys

import numpy as np
import pytest
from in_one_call import train_networks_of

import langevin_sgd as ls
from langevin_sgd.models.networks import FullyConnected, MobileCNN, OwnNetwork, SimpleCNN
from langevin_sgd.models.networks.families import leaves_depth, of_family
from langevin_sgd.training.networks.train import require_device
from langevin_sgd.training.observables import KernelChange

pytestmark = pytest.mark.usefixtures("one_torch_thread")

NETWORK = FullyConnected(dimension=4, width=6, depth=1)
OPTIONS = {"lr": 0.5, "batch_size": 4, "max_steps": 20, "seed": 3}


def points(count=20):
    X = np.random.default_rng(0).normal(size=(count, 4))
    return X, np.where(X[:, 0] > 0, 1.0, -1.0)


def train(data=None, network=NETWORK, **options):
    return train_networks_of(network, points() if data is None else data, **{**OPTIONS, **options})


def refused(message, *args, **options):
    with pytest.raises(ls.InputError, match=message) as caught:
        train(*args, **options)
    assert "\n" not in str(caught.value)


def test_numpy_scalars_are_numbers_everywhere():
    """They failed when the result was written, after the whole run."""
    plain = train(
        network=FullyConnected(dimension=4, width=6, depth=1), max_steps=20, points=16, replicas=2,
        momentum=0.5,
        unfit=0.25, record=[KernelChange(points=2)], schedule=[0, 10],
    )  # fmt: skip
    typed = train(
        network=FullyConnected(dimension=np.int64(4), width=np.array(6), depth=np.uint8(1),
            frozen=np.int32(0)),
        max_steps=np.int64(20), points=np.int32(16), replicas=np.uint16(2),
        momentum=np.float32(0.5),
        lr=np.array(0.5), unfit=np.float16(0.25), record=[KernelChange(points=np.int64(2))],
        batch_size=np.int16(4), seed=np.uint64(3), schedule=np.array([0, 10], np.int32),
        alpha=np.float32(1.0),
        keep_weights=np.False_,
    )  # fmt: skip
    assert typed.identical(plain)
    image = np.array([1, 8, 8])
    assert json.dumps(SimpleCNN(image=image, width=np.int64(2)).describe()) == json.dumps(
        SimpleCNN(image=(1, 8, 8), width=2).describe()
    )
    assert of_family(
        "fully_connected", image=image, width=np.int64(3), depth=np.int64(2)
    ) == FullyConnected(dimension=64, width=3, depth=2)


def test_one_number_for_each_variant_in_any_sequence():
    plain = train(alpha=[1.0, 2.0], batch_size=[2, 4], points=[20, 10])
    for kind in (tuple, np.array):
        typed = train(
            alpha=kind([1.0, 2.0]),
            batch_size=kind([2, 4]),
            points=kind([20, 10]),
        )
        assert typed.identical(plain)
    assert train(replicas=range(2)).identical(train(replicas=2))
    refused("points", points=[None, 21])
    assert train(points=[None, 10])["points"].values.tolist() == [20, 10]


@pytest.mark.parametrize(
    "layout", ["reversed", "read-only", "column by column", "every second", "lists", "float32"]
)
def test_the_layout_of_arrays_does_not_matter(layout):
    X, y = points()
    whole = train((X, y))
    if layout == "reversed":
        given = np.ascontiguousarray(X[::-1])[::-1], np.ascontiguousarray(y[::-1])[::-1]
    elif layout == "read-only":
        given = X.copy(), y.copy()
        for array in given:
            array.setflags(write=False)
    elif layout == "column by column":
        given = np.asfortranarray(X), y
    elif layout == "every second":
        given = np.repeat(X, 2, axis=0)[::2], np.repeat(y, 2)[::2]
    elif layout == "lists":
        given = X.tolist(), [int(label) for label in y]
    else:
        given = X.astype(np.float32), y.astype(np.int8)
    assert train(given).identical(whole)
    assert train([given, given], replicas=2)["loss"][0] == whole["loss"][0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((np.ma.masked_greater(points()[0], 1.0), points()[1]), "data: X = .*masked"),
        ((points()[0], np.ma.masked_less(points()[1], 0)), "data: y = .*masked"),
        ((points()[0] + 1j, points()[1]), "data: X = .*complex"),
        ((points()[0].astype(str), points()[1]), "data: X = .*numbers"),
        ((np.full((2, 4), "2020-01-01", "datetime64[D]"), [1, -1]), "data: X = .*numbers"),
        (([[1.0, 2.0], [3.0]], [1, -1]), "data: X = .*numbers"),
        ((np.full((2, 4), np.nan), [1, -1]), "data: X = .*finite"),
        (
            (points()[0] * 1e300, points()[1]),
            r"data: X = .*e\+300 are beyond torch.float32: scale them, or use float64",
        ),
        ((points()[0] * 1e-300, points()[1]), "data: X = .*e-300 are beyond torch.float32"),
        ((points()[0],), "data = 1 arrays: must be"),
        (None, "data = None"),
        (3, "data = 3: must be"),
        ("digits", "data = 'digits': must be"),
        ([points(), points()], "data = 2: must have one set for each of 1 replicas"),
        ([points()[0], points()[1]], "data = an array of shape .*: must be"),
        ([points()[0]], "data = an array of shape .*: must be"),
        (points()[0], "data = an array of shape .*: must be"),
        ([lambda: points()], "data = .*: must be"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_data_that_are_no_points_are_one_line(data, message):
    with pytest.raises(ls.InputError, match=message) as caught:
        train_networks_of(NETWORK, data, **OPTIONS)
    assert "\n" not in str(caught.value)


def test_a_law_that_returns_no_points_is_one_line():
    class Law:
        def sample(self, seed, replica=0):
            return np.zeros((3, 4))

    refused("data = ndarray: must be", Law())


@pytest.mark.parametrize(
    "seed",
    [
        "1",
        1.0,
        1.7,
        True,
        np.True_,
        -1,
        2**128,
        np.random.default_rng(0),
        [1.0],
        ["1"],
        [True],
        [-1],
    ],
    ids=lambda seed: type(seed).__name__,
)
def test_a_seed_is_a_whole_number_or_nothing(seed):
    refused("^seed.* = .*must be an integer from 0 to", seed=seed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_steps": 10**30}, r"^max_steps = 1000.*: must be an integer"),
        ({"max_steps": [20]}, r"^max_steps = \[20\]: must be an integer"),
        ({"replicas": 10**12}, "^replicas = 1000000000000: needs at least .* GiB"),
        ({"replicas": 10**30}, "^replicas = .*must be an integer"),
        ({"replicas": [0.5]}, r"^replicas\[0\] = 0.5: must be an integer"),
        ({"replicas": [-1]}, r"^replicas\[0\] = -1: must be an integer"),
        ({"replicas": {0}}, "^replicas = .*must be|a sequence"),
        (
            {"batch_size": 10**12, "sampling": "with_replacement"},
            "^batch_size = .*: needs at least .* GiB",
        ),
        ({"batch_size": True}, "^batch_size = True: must be an integer"),
        ({"alpha": None}, "^alpha = None: must be a positive number"),
        ({"alpha": {"a": 1.0}}, "^alpha = .*must be"),
        ({"alpha": [[1.0]]}, "^alpha.* = .*must be"),
        (
            {"alpha": np.ones((2, 2))},
            "^vary: alpha = .*must be a sequence with one value for each variant",
        ),
        ({"alpha": np.ma.masked_greater([1.0, 2.0], 1.5)}, "^alpha"),
        ({"alpha": []}, "^vary = lengths {'alpha': 0}: must be equal, and at least 1"),
        (
            {"temperature_per_width": [1e308]},
            "^temperature_per_width = 1e.308: must be finite",
        ),
        ({"lr": 1e-320}, "^lr = 1e-320: over the batch size must lie between 1.18e-38 and 3.4e.38"),
        ({"lr": 1e-38, "batch_size": 5}, "^lr = 1e-38: over the batch size must lie between"),
        (
            {"lr": [0.1, 1e308]},
            r"^lr = 1e\+308: must lie between 1.18e-38 and 3.4e\+38, the numbers of torch.float32",
        ),
        ({"alpha": 1e-320}, "^alpha = 1e-320: must lie between"),
        ({"alpha": 1e308}, r"^alpha = 1e\+308: must lie between"),
        ({"alpha": 1e-320, "precision": "float64"}, "^alpha = 1e-320: must lie between"),
        ({"points": 10**30}, "^points = .*must be an integer"),
        ({"momentum": "0.5"}, "^momentum = '0.5'"),
        ({"record": 3}, "^record = 3: must be"),
        ({"record": [3]}, "^record = 3: must be one of"),
        ({"keep_weights": 1}, "^keep_weights = 1: must be True or False"),
        ({"progress": "yes"}, "^progress = 'yes': must be True or False"),
        ({"checkpoint": 3}, "^checkpoint = 3: must be"),
        ({"start": {}}, "^start = .*must be a result of training.run"),
        ({"start": 3}, "^start = 3: must be a result of training.run"),
        ({"schedule": [0.5]}, "^schedule"),
        ({"seconds": "1"}, "^seconds = '1'"),
        ({"loss": None}, "^loss = None"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_options_out_of_range_are_one_line(options, message):
    refused(message, **options)


def test_a_learning_rate_lost_in_float32_was_taken_for_a_fit():
    """All gradients times 1e-320 were zero, and so no point counted as unfit: status fitted, loss
    0.
    """
    runs = train(lr=1e-30, precision="float64")
    assert runs["status"] == ls.Status.STUCK  # stuck: no weight can change
    assert runs["unfit_fraction"] == 1.0
    assert float(runs["loss"][0]) == pytest.approx(1.0)


def test_a_start_that_lacks_something_is_one_line():
    first = train(keep_weights=True)
    assert train(start=first)["steps"] == 40
    for name in ("time", "steps", "final_weights"):
        refused(f"start = a result without {name}", start=first.drop_vars(name))
    refused("start: time = .*shape", start=first.drop_vars("time").assign(time=0.0))
    refused("start: steps = .*whole numbers", start=first.assign(steps=first["steps"] + 0.5))


def test_what_is_no_network_is_one_line():
    import torch

    for wrong in (torch.nn.Linear(4, 1), None, FullyConnected, "relu", OwnNetwork):
        refused(r"^network = .*OwnNetwork\(build=", network=wrong)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FullyConnected(dimension=3, depth=10**30), "^depth = .*at most 10000"),
        (lambda: FullyConnected(dimension=3, depth=10**6), "^depth = 1000000: .*at most 10000"),
        (
            lambda: FullyConnected(dimension=3, width=10**8).initial_weights(0),
            "^network = .*GiB of memory",
        ),
        (lambda: FullyConnected(dimension=3, width=10**8).module(), "^network = .*GiB of memory"),
        (
            lambda: SimpleCNN(image=(1, 8, 8), width=10**7).initial_weights(0),
            "^network = .*GiB of memory",
        ),
        (lambda: MobileCNN(image=(1, 8, 10**30)), "^image width = .*must be an integer"),
        (
            lambda: of_family("fully_connected", image=None, width=3),
            "^image = None: must be .channels",
        ),
        (
            lambda: of_family("simple_cnn", image=(1, 8, 8), width=2, depth=True),
            "^depth = True: must be an integer",
        ),
        (lambda: leaves_depth("resnet50"), "^name = 'resnet50': must be one of"),
        (lambda: NETWORK.initial_weights(0, replica=0.5), "^replica = 0.5: must be an integer"),
        (lambda: NETWORK.initial_weights(0, replica=-1), "^replica = -1: must be an integer"),
        (lambda: NETWORK.initial_weights("0"), "^seed = '0': must be an integer"),
        (lambda: NETWORK.module(0, precision="float16"), "^precision = 'float16'"),
        (lambda: SimpleCNN(image=(1, 8, 8), width=2).module(0, precision=64), "^precision = 64"),
        (
            lambda: SimpleCNN(image=(1, 8, 8), width=2).initial_weights(True),
            "^seed = True: must be an integer",
        ),
        (lambda: require_device("cpu:1"), "^device = 'cpu:1': must be cpu or cuda"),
        (lambda: require_device("cudagpu"), "^device = 'cudagpu': must be cpu or cuda"),
        (lambda: require_device(None), "^device = None: must be cpu or cuda"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_networks_that_cannot_be_are_one_line(make, message):
    with pytest.raises(ls.InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_without_torch_there_is_one_line():
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "import langevin_sgd as ls\n"
        "network = ls.models.networks.FullyConnected(dimension=3, width=4, depth=1)\n"
        "problem = ls.NetworkProblem(network, ([[1, 2, 3]], [1]))\n"
        "settings, stop = ls.SGD(lr=0.1, batch_size=1), ls.Stop(max_steps=1)\n"
        "train = lambda: ls.training.run(problem, settings, stop=stop)\n"
        "for call in (train, lambda: network.module(0)):\n"
        "    try:\n"
        "        call()\n"
        "    except ls.InputError as error:\n"
        "        print(error)\n"
        "print(len(network.initial_weights(0)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    one, other, rest = done.stdout.splitlines()
    assert one == other
    assert one.startswith("torch: is not installed (")
    assert "networks need it: pip install torch" in one
    assert rest == "2"
