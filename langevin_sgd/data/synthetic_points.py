"""Training and test sets for networks: points of a synthetic law."""

from __future__ import annotations

from dataclasses import dataclass, replace

from langevin_sgd.checks import as_count, as_instance, convert_fields
from langevin_sgd.data.binary_images import TrainAndTest
from langevin_sgd.data.depleted_sign import DepletedSign


@dataclass(frozen=True, kw_only=True)
class SyntheticPoints:
    """Points of a synthetic law with a test set of the same law, in the form that networks take.

    Parameters
    ----------
    law
        The law of the training set, and its size.
    test_points
        Test points, >= 1; default 512.

    Raises
    ------
    InputError
        If there are no test points, or `law` is another law.

    Examples
    --------
    >>> data = SyntheticPoints(law=DepletedSign(points=20, dimension=3))
    >>> [part.shape for part in data.sample(seed=0)]
    [(20, 3), (20,), (512, 3), (512,)]
    """

    law: DepletedSign
    test_points: int = 512

    def __post_init__(self) -> None:
        as_instance("law", self.law, DepletedSign)
        convert_fields(self, {"test_points": as_count})

    @property
    def points(self) -> int:
        """Training points P."""
        return self.law.points

    @property
    def dimension(self) -> int:
        """Dimension d."""
        return self.law.dimension

    def sample(self, seed: int, replica: int = 0) -> TrainAndTest:
        """Draw a training and a test set, a function of seed and replica alone.

        Parameters
        ----------
        seed, replica
            As in `DepletedSign.sample`.

        Returns
        -------
        X, y, X_test, y_test
            As in `BinaryImages.sample`, in float64.
        """
        X, y = replace(self.law, points=self.points + self.test_points).sample(seed, replica)
        test = self.test_points
        return X[test:], y[test:], X[:test], y[:test]
