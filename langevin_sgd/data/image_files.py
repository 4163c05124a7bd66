"""MNIST and CIFAR-10 as their files hold them: found in a data folder, or downloaded into it once.

The data folder is the environment variable LANGEVIN_SGD_DATA, else the user's cache folder. In it,
as after any usual download:

- ``MNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte``, with or without ``.gz``, with ``.idx``
  for ``-idx`` as some archives have it, also in ``MNIST``, ``mnist/raw`` or ``mnist``; LeCun,
  Cortes and Burges, *The MNIST database of handwritten digits*;
- ``cifar-10-batches-py/{data_batch_1 ... data_batch_5,test_batch}``; Krizhevsky, *Learning multiple
  layers of features from tiny images* (2009); as they come, or saved again by Python 3.

What is not there is downloaded, if pooch is installed and the network allows it, and compared with
its SHA-256; files that are there are taken as they are, if images and classes are what they should
be. CIFAR-10 comes as Python pickles, which could call any function when read: the reader here knows
arrays, lists and text, and refuses all else.
"""

from __future__ import annotations

import codecs
import contextlib
import gzip
import logging
import os
import pickle
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from langevin_sgd.checks import InputError, as_choice, shown

FOLDER_VARIABLE = "LANGEVIN_SGD_DATA"

_MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_MNIST_SHA256 = {
    "train-images-idx3-ubyte": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
"""Checksums of the compressed files."""
_CIFAR_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
_CIFAR_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
"""Checksum of the archive."""
_CIFAR_BATCHES = (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch")

_PLACES = {
    "mnist": ("MNIST/raw", "MNIST", "mnist/raw", "mnist"),
    "cifar10": ("cifar-10-batches-py",),
}
"""Folders in which files are looked for; a download goes to the first."""
_FILES = {"mnist": tuple(_MNIST_SHA256), "cifar10": _CIFAR_BATCHES}
_SIZES = {"mnist": ((28, 28), (784,)), "cifar10": ((3072,), (3, 32, 32))}
"""Shapes in which the pixels of an image may come."""
_SECONDS = 20.0
"""Patience with a server that does not answer."""


def has_images(name: str) -> bool:
    """Whether the files of a data set are there, so that nothing would be downloaded.

    Parameters
    ----------
    name
        ``digits`` (always there), ``mnist`` or ``cifar10``.

    Examples
    --------
    >>> has_images("digits")
    True
    """
    name = as_choice("name", name, ("digits", *_FILES))
    return name == "digits" or not _missing(name, _data_folder())


def read_images(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Read pixels and classes: the official training part, then the official test part.

    Parameters
    ----------
    name
        ``mnist`` or ``cifar10``.

    Returns
    -------
    pixels
        (image, pixel) uint8; colours of CIFAR-10 one after the other, each row by row. Kept for the
        next call, so not to be written to.
    classes
        (image,) int64 from 0 to 9.

    Raises
    ------
    InputError
        If files are missing and cannot be downloaded, one is damaged, images have another size, or
        classes are not from 0 to 9.
    """
    return _read_from(as_choice("name", name, _FILES), _data_folder())


@lru_cache(maxsize=2)
def _read_from(name: str, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    if _missing(name, folder):
        _download(name, folder)
    parts = _read_mnist(folder) if name == "mnist" else _read_cifar(folder)
    pixels, classes = (np.concatenate(column) for column in zip(*parts, strict=True))
    for array in (pixels, classes):
        array.flags.writeable = False
    return pixels, classes


def _data_folder() -> Path:
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else _cache_folder() / "langevin_sgd"


def _cache_folder() -> Path:
    """The user's cache folder; in a container without a home, that for temporary files."""
    home = os.path.expanduser("~")
    usual = tempfile.gettempdir() if home.startswith("~") else f"{home}/.cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or usual)


def _find(name: str, file: str, folder: Path) -> Path | None:
    """Path of a file, compressed or not."""
    spellings = [
        f"{stem}{ending}" for stem in (file, file.replace("-idx", ".idx")) for ending in ("", ".gz")
    ]
    paths = (folder / place / spelling for place in _PLACES[name] for spelling in spellings)
    return next((path for path in paths if os.path.isfile(path)), None)


def _missing(name: str, folder: Path) -> list[str]:
    return [file for file in _FILES[name] if _find(name, file, folder) is None]


# --- reading --------------------------------------------------------------------------------------


def _read_mnist(folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    parts = []
    for part in ("train", "t10k"):
        images = _find("mnist", f"{part}-images-idx3-ubyte", folder) or folder
        labels = _find("mnist", f"{part}-labels-idx1-ubyte", folder) or folder
        parts.append(_checked("mnist", images, _read_idx(images), _read_idx(labels)))
    return parts


def _read_idx(path: Path) -> np.ndarray:
    """Read one IDX file."""
    try:
        return _parse_idx(
            gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        )
    except (OSError, EOFError, zlib.error, ValueError, IndexError, MemoryError) as error:
        raise InputError(f"data = '{path}': is damaged ({error})") from error


def _parse_idx(content: bytes) -> np.ndarray:
    """Two zero bytes, 8 for bytes, the number of dimensions, their sizes (big-endian), the data."""
    if content[:3] != b"\0\0\x08":
        raise ValueError("it does not begin as an IDX file of bytes")
    start = 4 + 4 * content[3]
    return np.frombuffer(content, np.uint8, offset=start).reshape(
        np.frombuffer(content[4:start], ">u4")
    )


def _from_buffer(buffer: bytes, dtype: np.dtype, shape: tuple[int, ...], order: str) -> np.ndarray:
    """Array of an in-band buffer, as NumPy pickles it by protocol 5."""
    return np.frombuffer(buffer, np.dtype(dtype)).reshape(shape, order="F" if order == "F" else "C")


class _ArrayUnpickler(pickle.Unpickler):
    """Reads arrays, lists and text.

    A pickle that names anything else is refused before that is called.
    """

    _KNOWN: ClassVar[dict[tuple[str, str], Any]] = {
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy.core.multiarray", "scalar"): np.int64(0).__reduce__()[0],
        ("numpy.core.numeric", "_frombuffer"): _from_buffer,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): codecs.encode,
    }

    def find_class(self, module: str, name: str) -> Any:
        """Return what a pickle may call."""
        known = self._KNOWN.get((module.replace("numpy._core", "numpy.core"), name))
        if known is None:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return known


def _read_cifar(folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    return [_read_batch(_find("cifar10", name, folder) or folder) for name in _CIFAR_BATCHES]


def _read_batch(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            batch = _ArrayUnpickler(file, encoding="bytes").load()
        # Python 2 wrote the keys as bytes, Python 3 writes them as text.
        batch = {
            key.decode() if isinstance(key, bytes) else key: item for key, item in batch.items()
        }
        pixels, classes = np.asarray(batch.get("data")), np.asarray(batch.get("labels"))
    # A damaged pickle can raise nearly anything.
    except Exception as error:
        raise InputError(f"data = '{path}': is damaged ({error})") from error
    if "labels" not in batch or "data" not in batch:
        of_100 = " (CIFAR-100, which has 100 classes)" if "fine_labels" in batch else ""
        raise InputError(
            f"data = '{path}': holds {shown(list(batch))}, must hold data and labels{of_100}"
        )
    return _checked("cifar10", path, pixels, classes)


def _checked(
    name: str, path: Path, pixels: np.ndarray, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Images (image, pixel) and classes, if they are what those of the data set must be."""
    if pixels.ndim < 2 or pixels.dtype != np.uint8 or classes.shape != pixels.shape[:1]:
        shapes = f"images {pixels.shape} {pixels.dtype} do not go with labels {classes.shape}"
        raise InputError(f"data in '{path}': {shapes}")
    if pixels.shape[1:] not in _SIZES[name]:
        raise InputError(
            f"data = '{path}': images have shape {pixels.shape[1:]}, must have {_SIZES[name][0]}"
        )
    if classes.dtype.kind not in "iu" or not np.isin(classes, range(10)).all():
        raise InputError(
            f"data = '{path}': labels {shown(np.unique(classes).tolist())}, "
            "must be classes from 0 to 9"
        )
    return pixels.reshape(len(pixels), -1), classes.astype(np.int64)


# --- downloading ----------------------------------------------------------------------------------


def _download(name: str, folder: Path) -> None:
    """Download what is missing.

    Raises
    ------
    InputError
        If it cannot be had.
    """
    place = folder / _PLACES[name][0]
    wanted = (
        f"set {FOLDER_VARIABLE} to a folder with {_PLACES[name][0]}/{_FILES[name][0]} and so on"
    )
    try:
        import pooch  # noqa: F401
    except ImportError:
        message = (
            f"'{place}' lacks {', '.join(_missing(name, folder))}; "
            f"{wanted}, or install langevin-sgd[data] to"
        )
        raise InputError(f"{name}: {message} have them downloaded") from None
    try:
        with _no_empty_folders(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            {"mnist": _download_mnist, "cifar10": _download_cifar}[name](folder)
    except (OSError, ValueError, tarfile.TarError) as error:
        # The text of a failed connection runs over several hundred characters.
        reason = (
            str(error).splitlines()[0] if isinstance(error, ValueError) else type(error).__name__
        )
        raise InputError(
            f"{name}: is not in '{place}' and cannot be downloaded ({reason}); {wanted}"
        ) from error


@contextlib.contextmanager
def _no_empty_folders(place: Path) -> Iterator[None]:
    """Remove the folders of `place` that were not there before and are empty after."""
    new = [folder for folder in (place, *place.parents) if not folder.exists()]
    try:
        yield
    finally:
        for folder in new:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _download_mnist(folder: Path) -> None:
    for name in _missing("mnist", folder):
        _retrieve(
            f"{_MNIST_URL}{name}.gz",
            _MNIST_SHA256[name],
            folder / _PLACES["mnist"][0] / f"{name}.gz",
        )


def _download_cifar(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder, prefix=".cifar10-") as scratch:
        archive = Path(scratch) / "archive.tar.gz"
        _retrieve(_CIFAR_URL, _CIFAR_SHA256, archive)
        with tarfile.open(archive) as packed:
            packed.extractall(scratch, filter="data")
        place = folder / _PLACES["cifar10"][0]
        place.mkdir(exist_ok=True)
        for name in _CIFAR_BATCHES:
            (Path(scratch) / place.name / name).replace(place / name)


def _retrieve(url: str, sha256: str, path: Path) -> None:
    import pooch

    downloader = pooch.HTTPDownloader(timeout=_SECONDS)
    logger = pooch.get_logger()
    level = logger.level
    # What goes wrong is said in one line here, not in two more there.
    logger.setLevel(logging.WARNING)
    try:
        pooch.retrieve(
            url, f"sha256:{sha256}", fname=path.name, path=path.parent, downloader=downloader
        )
    finally:
        logger.setLevel(level)
