"""A measured curve: estimates along an axis.

They come from the same replicas, and are therefore correlated with one another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from langevin_sgd.checks import InputError, as_array, as_count, as_real, as_text, require
from langevin_sgd.estimate import Estimate


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """Values with standard errors along an axis.

    Parameters
    ----------
    x
        (point,), steps or lags.
    value, standard_error
        (point,); NaN where nothing could be measured.
    n_independent
        Number of replicas behind each point, ``None`` if not counted.
    method
        How it was measured, in words.

    Raises
    ------
    InputError
        If a field is of another kind, or shapes differ.
    """

    x: np.ndarray
    value: np.ndarray
    standard_error: np.ndarray
    n_independent: int | None
    method: str = ""

    def __post_init__(self) -> None:
        x = as_array("x", self.x, ndim=1, finite=False)
        arrays = {
            name: as_array(name, getattr(self, name), shape=x.shape, finite=False)
            for name in ("value", "standard_error")
        }
        errors = arrays["standard_error"]
        require(not (errors < 0).any(), "standard_error", errors, "must be zero or above")
        count = (
            None if self.n_independent is None else as_count("n_independent", self.n_independent, 0)
        )
        others = {"x": x, "n_independent": count, "method": as_text("method", self.method)}
        for name, converted in (arrays | others).items():
            object.__setattr__(self, name, converted)

    def at(self, x: float) -> Estimate:
        """Return the estimate at a point of the axis.

        Raises
        ------
        InputError
            If the curve has no such point.
        """
        x = as_real("x", x)
        places = np.flatnonzero(self.x == x)
        if not places.size:
            raise InputError(
                f"x = {x!r}: the curve has no such point, the nearest is {self._nearest(x)!r}"
            )
        i = int(places[0])
        value, error = float(self.value[i]), float(self.standard_error[i])
        if not (np.isfinite(value) and np.isfinite(error)):
            return Estimate.refused(
                "a replica is not finite at this point, or there are too few", method=self.method
            )
        return Estimate(
            value=value, standard_error=error, n_independent=self.n_independent, method=self.method
        )

    def _nearest(self, x: float) -> float:
        return float(self.x[np.argmin(np.abs(self.x - x))])
