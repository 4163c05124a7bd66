"""Images of ten classes on one common scale, and their classes put into two groups.

    x = (pixel - mean) / spread     with one mean and one spread for all pixels of all images,

so that the mean of ||x||^2 is the dimension d. Source: Sclocchi, Geiger and Wyart, arXiv
2301.13703, and the code published with it: the official training and test parts are put together,
MNIST has mean 33.31002426 and spread 78.56748962, CIFAR-10 has 120.93118286 and 64.14186096; even
digits and animals are the class +1. The embedded digits are scaled by their own mean and spread.
Range of validity: the published numbers are those of a part of each data set; over all of MNIST
(33.38596, 78.65437) the mean of ||x||^2 is 1.0022 d.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from langevin_sgd.checks import as_choice, as_integers, require
from langevin_sgd.data.image_files import read_images

SHAPES = {"digits": (1, 8, 8), "mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
"""Colours, height and width of an image, whose numbers lie in this order."""

_SCALES = {"mnist": (33.31002426, 78.56748962), "cifar10": (120.93118286, 64.14186096)}
_ANIMALS = (2, 3, 4, 5, 6, 7)
"""Bird, cat, deer, dog, frog, horse; the others are aeroplane, automobile, ship, truck."""


def digit_images() -> tuple[np.ndarray, np.ndarray]:
    """Load the embedded handwritten digits.

    Returns
    -------
    X
        (1797, 64) float32, mean 0 and mean square 1 over all pixels.
    y
        (1797,) digits from 0 to 9.

    References
    ----------
    Alpaydin and Kaynak, *Optical recognition of handwritten digits*, UCI Machine Learning
    Repository (1998).

    Examples
    --------
    >>> X, y = digit_images()
    >>> X.shape, round(float(np.mean(X**2)), 6)
    ((1797, 64), 1.0)
    """
    return _load("digits")


def mnist() -> tuple[np.ndarray, np.ndarray]:
    """Load MNIST, from the data folder or the network (`image_files`).

    Returns
    -------
    X
        (70000, 784) float32, (pixel - 33.31002426) / 78.56748962; the 60000 official training
        images come first.
    y
        (70000,) digits from 0 to 9.

    Raises
    ------
    InputError
        If files are missing and cannot be downloaded, or one is damaged; the line says what to do.
    """
    return _load("mnist")


def cifar10() -> tuple[np.ndarray, np.ndarray]:
    """Load CIFAR-10, from the data folder or the network (`image_files`).

    Returns
    -------
    X
        (60000, 3072) float32, (pixel - 120.93118286) / 64.14186096, 737 MB; the 50000 official
        training images come first; red, green and blue one after the other, each 32 rows of 32
        pixels.
    y
        (60000,) classes from 0 to 9: aeroplane, automobile, bird, cat, deer, dog, frog, horse,
        ship, truck.

    Raises
    ------
    InputError
        If files are missing and cannot be downloaded, or one is damaged; the line says what to do.
    """
    return _load("cifar10")


def _load(name: str) -> tuple[np.ndarray, np.ndarray]:
    pixels, classes = pixels_and_classes(name)
    return scaled(name, pixels), classes.copy()


def pixels_and_classes(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (image, pixel) uint8 and classes (image,) of a data set by name; read only."""
    name = as_choice("name", name, SHAPES)
    return _read_digits() if name == "digits" else read_images(name)


@lru_cache(maxsize=1)
def _read_digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    return pixels.astype(np.uint8), classes.astype(np.int64)


def scaled(name: str, pixels: np.ndarray) -> np.ndarray:
    """Put pixels (image, pixel) of a data set on its common scale, in float32."""
    mean, spread = _SCALES.get(name) or _scale_of_digits()
    X = pixels.astype(np.float32)
    X -= np.float32(mean)
    X /= np.float32(spread)
    return X


@lru_cache(maxsize=1)
def _scale_of_digits() -> tuple[float, float]:
    pixels, _ = _read_digits()
    return float(pixels.mean()), float(pixels.std())


# --- two groups of classes ------------------------------------------------------------------------


def grouping(y: np.ndarray, *, positive: Sequence[int] | np.ndarray) -> np.ndarray:
    """Put classes into two groups.

    Parameters
    ----------
    y
        (image,) classes, whole numbers.
    positive
        Those that become +1; at least one, and not all.

    Returns
    -------
    (image,) float32 of +-1

    Raises
    ------
    InputError
        If a class is no whole number, or either group would be empty.

    Examples
    --------
    >>> grouping(np.array([0, 3, 1, 3]), positive=(3,)).tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    chosen, classes = as_integers("positive", positive, ndim=1), as_integers("y", y, ndim=1)
    member = np.isin(classes, chosen)
    require(
        bool(member.any()) and not member.all(),
        "positive",
        chosen,
        "must name some of the classes and not all",
    )
    return _signs(member)


def _signs(member: np.ndarray) -> np.ndarray:
    return np.where(member, np.float32(1), np.float32(-1))


def parity(y: np.ndarray) -> np.ndarray:
    """Label digits by parity: +1 if even, -1 if odd.

    Parameters
    ----------
    y
        (image,) digits from 0 to 9.

    Returns
    -------
    (image,) float32 of +-1

    Raises
    ------
    InputError
        If a label is no digit, as the letters of EMNIST, or all digits are of one parity.
    """
    return _two_groups(y, tuple(range(0, 10, 2)), "must hold even and odd digits")


def animals(y: np.ndarray) -> np.ndarray:
    """Label classes of CIFAR-10: +1 for the six animals, -1 for the four vehicles.

    Parameters
    ----------
    y
        (image,) classes from 0 to 9.

    Returns
    -------
    (image,) float32 of +-1

    Raises
    ------
    InputError
        If a label is no class of CIFAR-10, or all are of one group.
    """
    return _two_groups(y, _ANIMALS, "must hold animals and vehicles")


def _two_groups(y: np.ndarray, positive: tuple[int, ...], both: str) -> np.ndarray:
    classes = as_integers("y", y, ndim=1)
    inside = (classes >= 0) & (classes <= 9)
    strange = np.unique(classes[~inside])[:5].tolist()
    require(bool(inside.all()), "y", strange, "every label must be a class from 0 to 9")
    member = np.isin(classes, positive)
    require(bool(member.any()) and not member.all(), "y", classes, both)
    return _signs(member)
