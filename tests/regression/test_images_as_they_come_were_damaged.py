"""MNIST and CIFAR-10 as other programs write them: read, or said what is wrong; data sets are no
one else's arrays.
"""

import gzip
import io
import os
import pickle

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.data import image_files
from langevin_sgd.data.embedded import digit_pair, standardise
from langevin_sgd.data.given_points import GivenPoints
from langevin_sgd.data.images import animals, grouping, parity

CIFAR_NAMES = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LANGEVIN_SGD_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def pictures(count, shape, seed, labels=None):
    images = np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)
    return images, np.arange(count, dtype=np.uint8) % 10 if labels is None else labels


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def write_mnist(place, *, dash="-", shapes=((28, 28), (28, 28)), labels=None, ending=""):
    place.mkdir(parents=True)
    for part, shape in zip(("train", "t10k"), shapes, strict=True):
        images, classes = pictures(12, shape, 0, labels)
        for kind, array in (("images", images), ("labels", classes)):
            content = idx(array)
            name = f"{part}-{kind}{dash}idx{array.ndim}-ubyte{ending}"
            (place / name).write_bytes(gzip.compress(content) if ending else content)


@pytest.mark.parametrize("place", ["MNIST/raw", "MNIST", "mnist/raw", "mnist"])
@pytest.mark.parametrize(("dash", "ending"), [("-", ""), (".", ""), ("-", ".gz"), (".", ".gz")])
def test_names_and_folders_of_mnist(folder, place, dash, ending):
    write_mnist(folder / place, dash=dash, ending=ending)
    assert ls.data.has_images("mnist")
    assert ls.data.mnist()[0].shape == (24, 784)


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("key", [str, str.encode])
@pytest.mark.parametrize(
    "kind", [list, np.array, lambda known: list(known.astype(int)), lambda known: known.tolist()]
)
def test_batches_of_cifar_that_python_3_saved_again(folder, protocol, key, kind):
    place = folder / "cifar-10-batches-py"
    place.mkdir()
    for seed, name in enumerate(CIFAR_NAMES):
        images, known = pictures(10, (3072,), seed)
        images = np.asfortranarray(images) if seed == 1 else images
        batch = {key("data"): images, key("labels"): kind(known), key("filenames"): ["a"] * 10}
        (place / name).write_bytes(pickle.dumps(batch, protocol=protocol))
    pixels, classes = image_files.read_images("cifar10")
    assert np.array_equal(pixels[10:20], pictures(10, (3072,), 1)[0])
    assert classes.tolist() == list(range(10)) * 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"shapes": ((28, 28), (20, 20))},
            r"t10k-images-idx3-ubyte': images have shape \(20, 20\), must have \(28, 28\)",
        ),
        ({"shapes": ((14, 14), (14, 14))}, r"images have shape \(14, 14\), must have \(28, 28\)"),
        (
            {"labels": np.arange(17, 29, dtype=np.uint8)},
            r"labels \[17, 18, .*\], must be classes from 0 to 9",
        ),
    ],
)
def test_images_that_are_not_those_of_mnist(folder, options, message):
    write_mnist(folder / "MNIST" / "raw", **options)
    with pytest.raises(ls.InputError, match=message) as caught:
        ls.data.mnist()
    assert "\n" not in str(caught.value)


BATCHES = {
    "of CIFAR-100": (
        {b"data": 0, b"fine_labels": [1], b"coarse_labels": [1]},
        "must hold data and labels .CIFAR-100",
    ),
    "without images": ({b"labels": [1]}, r"holds \['labels'\], must hold data and labels"),
    "of no dictionary": ([1, 2], "is damaged"),
    "of small images": (
        {b"data": np.zeros((2, 12), np.uint8), b"labels": [1, 2]},
        r"images have shape \(12,\)",
    ),
    "of numbers": (
        {b"data": np.zeros((2, 3072)), b"labels": [1, 2]},
        "float64 do not go with labels",
    ),
    "of other labels": (
        {b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 17]},
        r"labels \[1, 17\], must be classes",
    ),
    "of words": (
        {b"data": np.zeros((1, 3072), np.uint8), b"labels": ["a"]},
        r"labels \['a'\], must be classes",
    ),
}


@pytest.mark.parametrize(("batch", "message"), BATCHES.values(), ids=BATCHES)
def test_batches_that_are_not_those_of_cifar(folder, batch, message):
    place = folder / "cifar-10-batches-py"
    place.mkdir()
    for name in CIFAR_NAMES:
        (place / name).write_bytes(pickle.dumps(batch))
    with pytest.raises(ls.InputError, match=rf"data_batch_1': .*{message}") as caught:
        ls.data.cifar10()
    assert "\n" not in str(caught.value)


class Trap:
    """Unpickles into a call."""

    def __reduce__(self):
        return os.mkdir, ("sprung",)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_no_protocol_calls_anything(folder, monkeypatch, protocol):
    monkeypatch.chdir(folder)
    file = io.BytesIO(pickle.dumps({b"data": Trap()}, protocol=protocol))
    with pytest.raises(pickle.UnpicklingError, match=r"it asks for posix.mkdir"):
        image_files._ArrayUnpickler(file, encoding="bytes").load()
    assert not (folder / "sprung").exists()


@pytest.mark.parametrize("label", [parity, animals])
@pytest.mark.parametrize(
    "y",
    [np.arange(17, 47), [-1, 0], [0, 10], [0.5, 1.0], ["0", "1"], np.ma.masked_equal([0, 1], 1)],
)
def test_labels_that_are_no_digits_have_no_parity(label, y):
    with pytest.raises(ls.InputError, match=r"^y = "):
        label(y)


def test_a_failed_download_leaves_no_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("LANGEVIN_SGD_DATA", str(tmp_path / "a" / "data"))

    def unplugged(url, known_hash, fname, path, downloader):
        path.mkdir(parents=True, exist_ok=True)
        raise ConnectionError("no route")

    monkeypatch.setattr("pooch.retrieve", unplugged)
    for load in (ls.data.mnist, ls.data.cifar10):
        with pytest.raises(ls.InputError, match="cannot be downloaded"):
            load()
        assert list(tmp_path.iterdir()) == []
    (tmp_path / "a" / "data" / "MNIST" / "raw").mkdir(parents=True)
    (tmp_path / "a" / "data" / "MNIST" / "raw" / "notes").touch()
    with pytest.raises(ls.InputError, match="cannot be downloaded"):
        ls.data.mnist()
    assert (tmp_path / "a" / "data" / "MNIST" / "raw" / "notes").exists()


def test_without_a_home_there_is_still_an_answer(monkeypatch):
    def unknown(user):
        raise KeyError(user)

    monkeypatch.setattr("pwd.getpwuid", unknown)
    for name in ("HOME", "XDG_CACHE_HOME", "LANGEVIN_SGD_DATA"):
        monkeypatch.delenv(name, raising=False)
    assert ls.data.has_images("digits")
    assert isinstance(ls.data.has_images("mnist"), bool)


def test_a_name_too_long_is_not_there(monkeypatch):
    monkeypatch.setenv("LANGEVIN_SGD_DATA", "a" * 300)
    assert not ls.data.has_images("mnist")


# --- laws and given points ------------------------------------------------------------------------


def test_given_points_keep_what_they_were_made_from():
    X, y = np.ones((2, 2)), np.array([1.0, -1.0])
    data = GivenPoints(X, y)
    X[:], y[:] = 7, 1
    for array in data.sample(0):
        array[:] = 9
    found_X, found_y = data.sample(1)
    assert found_X.tolist() == [[1, 1], [1, 1]]
    assert found_y.tolist() == [1, -1]


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.ma.masked_greater([[1.0, 999.0]], 100), [1], "X = .*masked"),
        ([[1.0, 2.0]], np.ma.masked_equal([1], 1), "y = .*masked"),
        ([[1j, 2.0]], [1], "X = .*complex"),
        ([["1", "2"]], [1], "X = .*array of numbers"),
        ([[1.0, 1e300]], [1], r"X\[0, 1\] = 1e\+300: every entry must be 0 or between"),
        ([[1e-300, 1.0]], [1], r"X\[0, 0\] = 1e-300: every entry must be 0 or between"),
        ([[np.nan, 1.0]], [1], "every entry must be a finite number"),
        ([1.0, 2.0], [1, 1], "shapes"),
        ([[1.0]], [np.nan], "every label must be -1 or"),
    ],
)
def test_given_points_of_other_kinds(X, y, message):
    with pytest.raises(ls.InputError, match=message):
        GivenPoints(X, y)


def test_settings_of_data_are_converted():
    law = ls.data.DepletedSign(points=np.int64(4), dimension=np.array(2), chi=np.float32(0.5))
    assert [type(item) for item in (law.points, law.dimension, law.chi)] == [int, int, float]
    images = ls.data.BinaryImages(points=np.int64(4), labels=np.array([1, 2]))
    assert images.labels == (1, 2)
    assert [type(item) for item in (images.points, *images.labels)] == [int, int, int]
    for labels in (3, (3.5,), ("3",), [[1]], np.ma.masked_equal([1, 2], 1)):
        with pytest.raises(ls.InputError, match=r"labels = .*must name one to nine"):
            ls.data.BinaryImages(points=4, labels=labels)
    with pytest.raises(ls.InputError, match="law = None"):
        ls.data.SyntheticPoints(law=None)
    for digits in ((1.5, 2), (10, 2), (-1, 2), ("1", 2), (True, 2)):
        with pytest.raises(ls.InputError, match="first = "):
            digit_pair(*digits)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eigenvalues": [1.0, -1.0]}, "eigenvalues = .*above 0"),
        ({"eigenvalues": []}, "eigenvalues = .*above 0"),
        ({"eigenvalues": [np.nan]}, "eigenvalues = .*above 0"),
        ({"eigenvalues": [1j]}, "eigenvalues = .*complex"),
        ({"samples": 2.5}, "samples = 2.5"),
        ({"label_noise": -1}, "label_noise = -1"),
        ({"teacher": 3}, "teacher = 3: must be a function"),
        ({"teacher": lambda X: X}, "teacher = .*must have shape"),
        ({"teacher": lambda X: X[:, 0] * np.nan}, "teacher = .*finite"),
        ({"seed": "1"}, "seed"),
    ],
)
def test_gaussian_inputs_of_other_kinds(options, message):
    with pytest.raises(ls.InputError, match=message):
        ls.data.gaussian_inputs(**{"eigenvalues": [1.0, 2.0], "samples": 9} | options)


def test_columns_that_never_change_are_left_out_although_their_spread_rounds():
    X = np.column_stack([np.full(1000, 0.1), np.arange(1000.0)])
    assert X[:, 0].std() > 0
    assert standardise(X).shape == (1000, 1)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: parity([0, 2, 4]), "y"),
        (lambda: animals([0, 1]), "y"),
        (lambda: parity([True]), "y"),
        (lambda: grouping([0, 1], positive=[None]), "positive"),
        (lambda: grouping([0, 1], positive=3), "positive"),
        (lambda: grouping([0, 1], positive="1"), "positive"),
        (lambda: grouping([0, 1], positive=np.ma.masked), "positive"),
        (lambda: grouping([0, 1], positive=[True]), "positive"),
        (lambda: GIVEN.sample("abc"), "seed"),
        (lambda: GIVEN.sample(0, replica=1.5), "replica"),
        (lambda: GIVEN.sample(0, replica=-1), "replica"),
    ],
)
def test_labels_and_numbers_of_samples_are_refused_by_name(call, name):
    with pytest.raises(ls.InputError, match=f"^{name} = "):
        call()


GIVEN = GivenPoints([[1.0, 2.0], [3.0, 4.0]], [1, -1])
