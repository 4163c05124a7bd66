"""Training and test sets for networks: images in two groups.

A replica has a shuffle of its own of all images (a pure function of seed and replica): the first
`test_points` are its test set, the next `points` its training set. The two never meet, the test set
does not depend on the number of training points, and a smaller training set is the beginning of a
larger one, so that runs at several sizes are paired. Sclocchi, Geiger and Wyart (arXiv 2301.13703)
do the same, with one test set of 32768 images for all replicas.

A data set has two parts that share no image, so that what is chosen on one can be tested on the
other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import (
    InputError,
    as_choice,
    as_count,
    as_tuple,
    convert_fields,
    require,
    shown,
)
from langevin_sgd.data.images import SHAPES, animals, grouping, parity, pixels_and_classes, scaled

TrainAndTest = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""X (points, d), y (points,), X_test (test_points, d), y_test (test_points,)."""

_GROUPINGS = {"parity": parity, "animals": animals}
_USUAL = {"digits": "parity", "mnist": "parity", "cifar10": "animals"}
_PARTS = {"all": slice(None), "even": slice(0, None, 2), "odd": slice(1, None, 2)}
"""Images of each part by their place in the data set."""


@dataclass(frozen=True, kw_only=True)
class BinaryImages:
    """Images of one data set in two groups.

    Parameters
    ----------
    points
        Training points P, >= 1.
    test_points
        Test points, >= 1; default 512.
    name
        ``digits`` (embedded, 1797 images; default), ``mnist`` (70000) or ``cifar10`` (60000).
    labels
        ``parity`` (digits; the default there), ``animals`` (the default of cifar10), or the classes
        that become +1.
    part
        ``all`` images (default), or those at ``even`` or at ``odd`` places of the data set.

    Raises
    ------
    InputError
        If a field lies outside its range.

    Examples
    --------
    >>> X, y, X_test, y_test = BinaryImages(points=256).sample(seed=0)
    >>> X.shape, X_test.shape, sorted(set(y.tolist()))
    ((256, 64), (512, 64), [-1.0, 1.0])
    """

    points: int
    test_points: int = 512
    name: str = "digits"
    labels: str | tuple[int, ...] | None = None
    part: str = "all"

    def __post_init__(self) -> None:
        convert_fields(self, {"points": as_count, "test_points": as_count, "name": _as_name})
        convert_fields(self, {"labels": self._as_labels, "part": _as_part})

    def _as_labels(self, name: str, labels: object) -> str | tuple[int, ...]:
        usual = _USUAL[self.name]
        if labels is None or isinstance(labels, str):
            require(
                labels in (None, usual),
                name,
                labels,
                f"must be {usual!r} or some classes for {self.name}",
            )
            return usual
        allowed = "must name one to nine of the classes from 0 to 9"
        try:
            classes = as_tuple(name, labels, lambda place, label: as_count(place, label, 0, 9))
        except InputError:
            raise InputError(f"{name} = {shown(labels)}: {allowed}") from None
        require(len(set(classes)) < 10, name, labels, allowed)
        return classes

    @property
    def image(self) -> tuple[int, int, int]:
        """Colours, height and width of an image."""
        return SHAPES[self.name]

    @property
    def dimension(self) -> int:
        """Dimension d."""
        return math.prod(self.image)

    def sample(self, seed: int, replica: int = 0) -> TrainAndTest:
        """Draw a training and a test set, a function of seed and replica alone.

        Parameters
        ----------
        seed
            0 ... 2**128 - 1.
        replica
            Number of the sets, >= 0.

        Returns
        -------
        X, y, X_test, y_test
            Images (points, dimension) and (test_points, dimension), their labels of +-1; all
            float32.

        Raises
        ------
        InputError
            If the data set is not there, or too small.
        """
        replica = as_count("replica", replica, minimum=0)
        pixels, classes = pixels_and_classes(self.name)
        places = np.arange(len(pixels))[_PARTS[self.part]]
        if self.points + self.test_points > len(places):
            sizes = f"points + test_points = {self.points} + {self.test_points}"
            whose = self.name if self.part == "all" else f"the {self.part} part of {self.name}"
            raise InputError(f"{sizes}: must be at most {len(places)}, the images of {whose}")
        from langevin_sgd.randomness import DATA, normals  # brings Numba along

        # Sorting independent numbers shuffles; two of 70000 are equal once in a million times.
        numbers = normals((len(places),), seed, step=replica, substream=DATA)
        order = places[np.argsort(numbers, kind="stable")]
        test, train = order[: self.test_points], order[self.test_points :][: self.points]
        y = self._label(classes)
        return scaled(self.name, pixels[train]), y[train], scaled(self.name, pixels[test]), y[test]

    def _label(self, classes: np.ndarray) -> np.ndarray:
        if isinstance(self.labels, str):
            return _GROUPINGS[self.labels](classes)
        return grouping(classes, positive=self.labels or ())


def _as_name(name: str, value: str) -> str:
    return as_choice(name, value, SHAPES)


def _as_part(name: str, value: str) -> str:
    return as_choice(name, value, _PARTS)
