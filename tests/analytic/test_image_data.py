"""Images: files in their usual layout, scales, groupings, disjoint sets; no test needs the
network.
"""

import gzip
import os
import pickle
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.data import image_files
from langevin_sgd.data.images import animals, digit_images, grouping, parity

NO_FILES = "needs the files, in the folder LANGEVIN_SGD_DATA"
FOLDER = os.environ.get(image_files.FOLDER_VARIABLE)


def idx(array):
    """An array of bytes as an IDX file."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def pictures(count, shape, seed):
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (count, *shape), dtype=np.uint8), np.arange(
        count, dtype=np.uint8
    ) % 10


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LANGEVIN_SGD_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def small_mnist(folder):
    """30 training and 20 test images; the training part compressed, the test part not."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    parts = {"train": pictures(30, (28, 28), 0), "t10k": pictures(20, (28, 28), 1)}
    for part, (images, labels) in parts.items():
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            if part == "train":
                (raw / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(idx(array)))
            else:
                (raw / f"{part}-{kind}-ubyte").write_bytes(idx(array))
    return parts


@pytest.fixture
def small_cifar(folder):
    """Six batches of 10 images, pickled as Python 3 writes them."""
    place = folder / "cifar-10-batches-py"
    place.mkdir()
    batches = [pictures(10, (3072,), seed) for seed in range(6)]
    names = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]
    for name, (images, labels) in zip(names, batches, strict=True):
        batch = {
            b"data": images,
            b"labels": labels.tolist(),
            b"filenames": [b"x.png"] * 10,
            b"batch_label": b"one",
        }
        (place / name).write_bytes(pickle.dumps(batch, protocol=2))
    return batches


def test_mnist_is_read_and_scaled(small_mnist):
    X, y = ls.data.mnist()
    pixels = np.concatenate([images.reshape(-1, 784) for images, _ in small_mnist.values()])
    assert np.array_equal(y, np.concatenate([labels for _, labels in small_mnist.values()]))
    np.testing.assert_allclose(
        X, (pixels.astype(float) - 33.31002426) / 78.56748962, rtol=2e-6, atol=1e-6
    )
    assert X.dtype == np.float32
    assert ls.data.has_images("mnist")
    assert not ls.data.has_images("cifar10")


def test_cifar_is_read_and_scaled(small_cifar):
    X, y = ls.data.cifar10()
    pixels = np.concatenate([images for images, _ in small_cifar])
    np.testing.assert_allclose(
        X, (pixels.astype(float) - 120.93118286) / 64.14186096, rtol=2e-6, atol=1e-6
    )
    assert y.tolist() == list(range(10)) * 6


def python_2_pickle(images, labels):
    """A batch as the original archive has it: written by Python 2, whose text is bytes and whose
    NumPy was older.
    """
    rows, columns = images.shape
    text = [
        b"\x80\x02}q\x00(U\x04dataq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85",
        b"U\x01b\x87Rq\x04(K\x01J"
        + rows.to_bytes(4, "little")
        + b"J"
        + columns.to_bytes(4, "little")
        + b"\x86",
        b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T",
        images.size.to_bytes(4, "little") + images.tobytes() + b"tb",
        b"U\x06labels](" + b"".join(b"K" + bytes([label]) for label in labels) + b"eu.",
    ]
    return b"".join(text)


def test_batches_written_by_python_2_are_read(small_cifar, folder):
    images, labels = small_cifar[0]
    path = folder / "cifar-10-batches-py" / "data_batch_1"
    path.write_bytes(python_2_pickle(images, labels))
    pixels, classes = image_files.read_images("cifar10")
    assert np.array_equal(pixels[:10], images)
    assert np.array_equal(classes[:10], labels)


class Trap:
    """Unpickles into a call."""

    def __reduce__(self):
        return os.mkdir, (os.environ["LANGEVIN_SGD_DATA"] + "/sprung",)


def test_a_pickle_that_calls_anything_is_refused(small_cifar, folder):
    path = folder / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(pickle.dumps({b"data": Trap(), b"labels": []}, protocol=2))
    with pytest.raises(
        ls.InputError, match=r"data_batch_3': is damaged \(it asks for posix.mkdir\)"
    ):
        ls.data.cifar10()
    assert not (folder / "sprung").exists()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda content: content[:-400],
            r"train-images-idx3-ubyte.gz': is damaged \(cannot reshape",
        ),
        (
            lambda content: b"<html>",
            r"train-images-idx3-ubyte.gz': is damaged \(it does not begin as an IDX file",
        ),
        (lambda content: content[:2], r"is damaged"),
        (
            lambda content: idx(np.zeros((29, 28, 28), np.uint8)),
            r"images \(29, 28, 28\) uint8 do not go with labels",
        ),
    ],
)
def test_damaged_files_are_refused_in_one_line(small_mnist, folder, damage, message):
    path = folder / "MNIST" / "raw" / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(damage(gzip.decompress(path.read_bytes()))))
    with pytest.raises(ls.InputError, match=message) as caught:
        ls.data.mnist()
    assert "\n" not in str(caught.value)


def test_a_file_cut_short_is_refused(small_mnist, folder):
    path = folder / "MNIST" / "raw" / "train-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ls.InputError, match=r"train-labels-idx1-ubyte.gz': is damaged"):
        ls.data.mnist()


# --- missing files --------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "load"), [("mnist", ls.data.mnist), ("cifar10", ls.data.cifar10)])
def test_missing_files_without_network_are_one_line(folder, monkeypatch, name, load):
    def unplugged(*arguments, **options):
        raise ConnectionError("no\nroute")

    monkeypatch.setattr("pooch.retrieve", unplugged)
    with pytest.raises(
        ls.InputError, match=f"{name}: is not in .* set LANGEVIN_SGD_DATA to a folder with "
    ) as caught:
        load()
    assert "\n" not in str(caught.value)
    with pytest.raises(ls.InputError, match="cannot be downloaded"):
        ls.data.BinaryImages(points=4, name=name).sample(0)


def test_missing_files_without_pooch_are_one_line(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(
        ls.InputError, match=r"lacks train-images-idx3-ubyte, .* install langevin-sgd\[data\]"
    ):
        ls.data.mnist()


def test_downloads_are_checked_and_only_what_lacks_is_downloaded(small_mnist, folder, monkeypatch):
    asked = []

    def retrieve(url, known_hash, fname, path, downloader):
        asked.append((url, known_hash))
        images = small_mnist["train"][0]
        (path / fname).write_bytes(gzip.compress(idx(images)))

    monkeypatch.setattr("pooch.retrieve", retrieve)
    (folder / "MNIST" / "raw" / "train-images-idx3-ubyte.gz").unlink()
    assert ls.data.mnist()[0].shape == (50, 784)
    [(url, known_hash)] = asked
    assert url.endswith("/train-images-idx3-ubyte.gz")
    assert known_hash == "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"


def test_a_download_with_a_wrong_checksum_is_refused(folder, monkeypatch, caplog):
    def downloader(timeout):
        return lambda url, output, pooch: Path(output).write_bytes(b"something else")

    monkeypatch.setattr("pooch.HTTPDownloader", downloader)
    with pytest.raises(ls.InputError, match=r"cannot be downloaded \(SHA256 hash"):
        ls.data.mnist()
    assert caplog.text == ""  # pooch has nothing to say beside that line
    assert not list(folder.rglob("*ubyte*"))


def test_the_archive_of_cifar_is_unpacked(small_cifar, folder, tmp_path_factory, monkeypatch):
    packed = tmp_path_factory.mktemp("packed") / "archive.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(folder / "cifar-10-batches-py", "cifar-10-batches-py")
    for file in (folder / "cifar-10-batches-py").iterdir():
        file.unlink()

    def retrieve(url, known_hash, fname, path, downloader):
        (path / fname).write_bytes(packed.read_bytes())

    monkeypatch.setattr("pooch.retrieve", retrieve)
    assert ls.data.cifar10()[1].shape == (60,)
    assert sorted(path.name for path in folder.iterdir()) == ["cifar-10-batches-py"]


# --- groupings ------------------------------------------------------------------------------------


def test_groupings():
    y = np.arange(10)
    assert parity(y).tolist() == [1, -1] * 5
    # Aeroplane, automobile, ship and truck are -1.
    assert animals(y).tolist() == [-1, -1, 1, 1, 1, 1, 1, 1, -1, -1]
    assert grouping(y, positive=[9, 0]).tolist() == [1] + [-1] * 8 + [1]
    for positive in ([], [12], range(10)):
        with pytest.raises(ls.InputError, match="must name some of the classes"):
            grouping(y, positive=positive)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"points": 0}, "points = 0"),
        ({"points": 8, "test_points": 0}, "test_points = 0"),
        ({"points": 8, "name": "mnst"}, "did you mean 'mnist'"),
        ({"points": 8, "labels": "animals"}, "must be 'parity' or some classes for digits"),
        (
            {"points": 8, "name": "cifar10", "labels": "parity"},
            "must be 'animals' or some classes for cifar10",
        ),
        ({"points": 8, "labels": ()}, "must name one to nine"),
        ({"points": 8, "labels": (3, 10)}, "must name one to nine"),
        ({"points": 8, "labels": tuple(range(10))}, "must name one to nine"),
    ],
)
def test_fields_out_of_range(options, message):
    with pytest.raises(ls.InputError, match=message):
        ls.data.BinaryImages(**options)


def test_more_points_than_images_are_refused():
    data = ls.data.BinaryImages(points=1300)
    with pytest.raises(
        ls.InputError, match=r"1300 \+ 512: must be at most 1797, the images of digits"
    ):
        data.sample(0)


# --- training and test sets -----------------------------------------------------------------------


def rows(X):
    return [row.tobytes() for row in X]


def test_digits_have_mean_zero_and_mean_square_one():
    X, y = digit_images()
    assert X.shape == (1797, 64)
    assert abs(X.mean(dtype=float)) < 1e-6
    assert abs(np.mean(np.square(X, dtype=float)) - 1) < 1e-6
    assert np.array_equal(np.unique(y), np.arange(10))


def test_training_and_test_set_are_disjoint_and_cover_all():
    everything, digit = digit_images()
    X, y, X_test, y_test = ls.data.BinaryImages(points=1285).sample(seed=3, replica=2)
    assert (X.dtype, y.dtype) == (np.float32, np.float32)
    # Each image once: as multisets, training and test set together are all the images.
    assert sorted(rows(X) + rows(X_test)) == sorted(rows(everything))
    group = dict(zip(rows(everything), 1 - 2 * (digit % 2), strict=True))
    assert [group[row] for row in rows(X) + rows(X_test)] == [*y, *y_test]


def test_smaller_sets_are_the_beginning_of_larger_ones_and_share_the_test_set():
    small, large = (
        ls.data.BinaryImages(points=points, test_points=100).sample(7) for points in (64, 256)
    )
    assert np.array_equal(small[0], large[0][:64])
    assert np.array_equal(small[1], large[1][:64])
    assert np.array_equal(small[2], large[2])


def test_sets_are_functions_of_seed_and_replica():
    data = ls.data.BinaryImages(points=128, labels=(1, 2, 3))
    first = data.sample(5, replica=1)
    assert all(np.array_equal(a, b) for a, b in zip(first, data.sample(5, replica=1), strict=True))
    for other in (data.sample(5, replica=2), data.sample(6, replica=1)):
        assert not np.array_equal(first[0], other[0])
    assert set(rows(first[0])) - set(rows(data.sample(5, replica=2)[0]))


def test_every_image_is_drawn_as_often(seed):
    """1797 images, 400 shuffles, 449 each time: counts are binomial; a shuffle that favours an end
    is seen at once.
    """
    draws = 400
    everything, _ = digit_images()
    place = {row: index for index, row in enumerate(rows(everything))}
    counts = np.zeros(len(everything))
    data = ls.data.BinaryImages(points=449, test_points=1)
    for replica in range(draws):
        for row in rows(data.sample(seed, replica)[0]):
            counts[place[row]] += 1
    share = 449 / 1797
    # Mean squared deviation over its expectation: its relative spread is sqrt(2 / 1796) = 0.033,
    # times 5.
    assert abs(np.mean((counts - draws * share) ** 2) / (draws * share * (1 - share)) - 1) < 0.17
    # The mean place is that of a uniform draw, to 5 standard errors; the first 449 images would be
    # off by 674.
    mean = np.average(np.arange(1797), weights=counts)
    assert abs(mean - 898) < 5 * 1797 / np.sqrt(12 * draws * 449)


def test_synthetic_points_come_with_a_test_set_of_the_same_law():
    law = ls.data.DepletedSign(points=40, dimension=3, chi=1.0)
    X, y, X_test, y_test = ls.data.SyntheticPoints(law=law, test_points=25).sample(4, 2)
    assert (X.shape, X_test.shape) == ((40, 3), (25, 3))
    whole = ls.data.DepletedSign(points=65, dimension=3, chi=1.0).sample(4, 2)
    assert np.array_equal(np.vstack([X_test, X]), whole[0])
    assert np.array_equal(np.sign(X[:, 0]), y)
    assert np.array_equal(np.concatenate([y_test, y]), whole[1])


def test_small_mnist_gives_sets(small_mnist):
    X, y, X_test, _ = ls.data.BinaryImages(points=30, test_points=20, name="mnist").sample(0)
    assert sorted(rows(np.vstack([X, X_test]))) == sorted(rows(ls.data.mnist()[0]))
    assert set(y) == {-1.0, 1.0}


# --- the real files -------------------------------------------------------------------------------


@pytest.mark.skipif(not (FOLDER and ls.data.has_images("mnist")), reason=NO_FILES)
def test_real_mnist():
    pixels, digit = image_files.read_images("mnist")
    assert pixels.shape == (70000, 784)
    # Known from elsewhere: 0.1307 and 0.3081 of 255 for the training part. The scale of the papers
    # is that of a part.
    assert pixels[:60000].mean() / 255 == pytest.approx(0.1306604762738429, rel=1e-12)
    assert pixels[:60000].std() / 255 == pytest.approx(0.30810780717887876, rel=1e-7)
    assert pixels.mean() == pytest.approx(33.31002426, rel=3e-3)
    assert pixels.std() == pytest.approx(78.56748962, rel=2e-3)
    assert np.bincount(digit[:60000]).tolist() == [
        5923,
        6742,
        5958,
        6131,
        5842,
        5421,
        5918,
        6265,
        5851,
        5949,
    ]
    X, _, X_test, _ = ls.data.BinaryImages(points=8192, test_points=32768, name="mnist").sample(0)
    assert (X.shape, X_test.shape) == ((8192, 784), (32768, 784))


@pytest.mark.skipif(not (FOLDER and ls.data.has_images("cifar10")), reason=NO_FILES)
def test_real_cifar():
    pixels, classes = image_files.read_images("cifar10")
    assert pixels.shape == (60000, 3072)
    # To two digits: the images may have been compressed again.
    some = pixels[::7]
    assert some.mean() == pytest.approx(120.93118286, rel=1e-2)
    assert some.std() == pytest.approx(64.14186096, rel=1e-2)
    assert np.bincount(classes).tolist() == [6000] * 10
    X, y, _, _ = ls.data.BinaryImages(points=1024, name="cifar10").sample(0)
    assert X.shape == (1024, 3072)
    assert 0.5 < (y > 0).mean() < 0.7


# --- two parts ------------------------------------------------------------------------------------


def chosen_images(part, **sizes):
    X, _, X_test, _ = ls.data.BinaryImages(part=part, **sizes).sample(seed=3)
    return {one.tobytes() for one in np.concatenate([X, X_test])}


def test_the_parts_of_a_data_set_share_no_image():
    """All of both parts, 899 and 898 of 1797 images. Control: two draws from all of them do."""
    images = {one.tobytes() for one in digit_images()[0]}
    even = chosen_images("even", points=800, test_points=99)
    odd = chosen_images("odd", points=800, test_points=98)
    assert not even & odd
    assert even | odd == images
    whole = chosen_images("all", points=800, test_points=99)
    assert whole & even
    assert whole & odd


def test_a_part_that_is_too_small_is_refused():
    with pytest.raises(ls.InputError, match=r"at most 898, the images of the odd part of digits"):
        ls.data.BinaryImages(points=800, test_points=99, part="odd").sample(seed=0)
    with pytest.raises(ls.InputError, match="part = 'first'"):
        ls.data.BinaryImages(points=8, part="first")
