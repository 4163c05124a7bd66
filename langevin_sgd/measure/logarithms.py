r"""Positive measurements as points in the log-log plane, with their covariance.

Two kinds of input are read. Means (point,) with standard errors: the error of a logarithm is the
relative error, so that errors should be below about 0.3 of the mean. Or single measurements (point,
replica): they are averaged in the logarithm, and the errors, with the correlation of the errors of
x and y where both scatter, come from the replicas. Replica r of one point belongs to replica r of
another (the same seed, or unrelated ones: both are right), so that whatever they share is left out
together by the jackknife.

Fits to replicas let all points count alike: the variance of each point from a few replicas scatters
so much that fits weighted with it have errors several times larger than they say. Their variances
are those of all points together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from langevin_sgd.checks import InputError, as_array, as_window, require

FEWEST_WITH_ERRORS_OF_X = 3
"""Replicas that are needed where x scatters: without one of two there are no variances."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LogPoints:
    """Points (ln x, ln y).

    Parameters
    ----------
    x, y
        (point,), means of the logarithms.
    xx, yy, xy
        (point,), variances of `x` and `y` and their covariance; `yy` is one everywhere where no
        error is known. Fits take rows (n, point) of all five as well.
    samples
        (replica, 2, point), logarithms of the single measurements, ``None`` where means were given.
    known
        Whether errors are known.
    """

    x: np.ndarray
    y: np.ndarray
    xx: np.ndarray
    yy: np.ndarray
    xy: np.ndarray
    samples: np.ndarray | None
    known: bool

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, chosen: Any) -> LogPoints:
        parts = {name: getattr(self, name)[chosen] for name in ("x", "y", "xx", "yy", "xy")}
        return replace(
            self, **parts, samples=None if self.samples is None else self.samples[..., chosen]
        )

    def within(self, window: tuple[float, float] | None) -> LogPoints:
        """Return the points with window[0] <= x <= window[1].

        Raises
        ------
        InputError
            If the window does not begin above zero and end above its beginning.
        """
        if window is None:
            return self
        low, high = as_window("window", window)
        require(low > 0, "window", window, "must satisfy 0 < first x < last x")
        slack = 1e-12 * max(abs(np.log(low)), abs(np.log(high)), 1.0)
        # A point that is not finite stays, so that it is seen and refused.
        outside = (self.x < np.log(low) - slack) | (self.x > np.log(high) + slack)
        return self[~outside]

    @property
    def window(self) -> tuple[float, float] | None:
        """Smallest and largest x that is finite, ``None`` where there is none."""
        known = self.x[np.isfinite(self.x)]
        return (float(np.exp(known.min())), float(np.exp(known.max()))) if len(known) else None

    def alike(self) -> LogPoints:
        """Return the points, all with the mean variances, where they come from replicas."""
        if self.samples is None:
            return self
        xx, yy, xy = (np.full_like(part, part.mean()) for part in (self.xx, self.yy, self.xy))
        return replace(self, xx=xx, yy=yy, xy=xy)

    def moments(self) -> np.ndarray:
        """Return (replica, 5, point) numbers whose means over replicas are all a fit needs.

        Its weights are included.
        """
        assert self.samples is not None
        x, y = np.moveaxis(self.samples - np.stack([self.x, self.y]), 1, 0)
        return np.stack([x, y, x * x, y * y, x * y], axis=1)

    def of_moments(self, means: np.ndarray) -> LogPoints:
        """Return rows of points from averaged `moments` (n, 5, point), with equal variances."""
        assert self.samples is not None
        x, y, xx, yy, xy = np.moveaxis(means, 1, 0)
        names = {}
        for name, part, moved in (("xx", xx, x * x), ("yy", yy, y * y), ("xy", xy, x * y)):
            variance = (part - moved).mean(axis=1, keepdims=True) / (len(self.samples) - 1)
            names[name] = np.repeat(variance, part.shape[1], axis=1)
        if (
            not self.xx.any()
        ):  # where x is exact the size of the errors of y does not matter, and may be zero
            names["yy"] = np.ones_like(yy)
        return LogPoints(x=self.x + x, y=self.y + y, samples=None, known=True, **names)

    @property
    def replicas(self) -> int | None:
        """Number of replicas, ``None`` where means were given."""
        return None if self.samples is None else len(self.samples)

    def doubt(self, needed: int) -> str:
        """Why the points cannot be fitted, or an empty string."""
        if self.samples is not None:
            bad = int(np.count_nonzero(~np.isfinite(self.samples).all(axis=(1, 2))))
            if bad:
                return f"{bad} of {len(self.samples)} replicas are not finite"
            least = FEWEST_WITH_ERRORS_OF_X if np.ptp(self.samples[:, 0], axis=0).any() else 2
            if len(self.samples) < least:
                return f"{len(self.samples)} replicas, at least {least} needed"
        bad = int(np.count_nonzero(~np.isfinite(self.x + self.y + self.xx + self.yy)))
        if bad:
            return f"{bad} of {len(self)} points are not finite"
        if len(self) < needed:
            return f"{len(self)} points in the window, at least {needed} needed"
        still = (
            self.xx + self.yy <= 0
            if self.samples is None
            else ~np.ptp(self.samples, axis=0).any(axis=0)
        )
        if self.known and np.any(still):
            return "replicas do not scatter at some point"
        return "" if np.ptp(self.x) > 0 else "all points have the same x"


def log_points(x: Any, y: Any, x_error: Any = None, y_error: Any = None) -> LogPoints:
    """Read measurements as points in the log-log plane.

    Parameters
    ----------
    x, y
        (point,) or (point, replica), positive; x may be (point,) where y has replicas.
    x_error, y_error
        (point,), standard errors of means, zero or above; only without replicas.

    Raises
    ------
    InputError
        If shapes do not fit, a value is not positive, or errors are given beside replicas.
    """
    horizontal, vertical = _positive("x", x), _positive("y", y)
    require(
        len(horizontal) == len(vertical),
        "y",
        vertical.shape,
        f"must have as many points as x, {len(horizontal)}",
    )
    if vertical.ndim == 1:
        require(horizontal.ndim == 1, "x", horizontal.shape, "has replicas where y has none")
        return _of_means(horizontal, vertical, x_error, y_error)
    if x_error is not None or y_error is not None:
        raise InputError(
            "x_error, y_error: errors come from the replicas "
            "where replicas are given, leave them out"
        )
    wide = (
        np.repeat(horizontal[:, None], vertical.shape[1], axis=1)
        if horizontal.ndim == 1
        else horizontal
    )
    require(
        wide.shape == vertical.shape, "x", wide.shape, f"must have the shape of y, {vertical.shape}"
    )
    return _of_samples(np.log(np.stack([wide.T, vertical.T], axis=1)))


def _of_means(x: np.ndarray, y: np.ndarray, x_error: Any, y_error: Any) -> LogPoints:
    known = x_error is not None or y_error is not None
    xx = _relative_variance("x_error", x_error, x)
    yy = _relative_variance("y_error", y_error, y) if known else np.ones_like(y)
    if (xx + yy <= 0).any():
        raise InputError("y_error: must be positive at every point, or x_error be")
    return LogPoints(
        x=np.log(x), y=np.log(y), xx=xx, yy=yy, xy=np.zeros_like(x), samples=None, known=known
    )


def _of_samples(samples: np.ndarray) -> LogPoints:
    """Points from logarithms (replica, 2, point)."""
    (x, y), zero = samples.mean(axis=0), np.zeros(samples.shape[2])
    # The mean of equal numbers equals them only up to rounding, and the variance of an exact x has
    # to be zero.
    x = np.where(np.ptp(samples[:, 0], axis=0) == 0, samples[0, 0], x)
    first = LogPoints(x=x, y=y, xx=zero, yy=zero, xy=zero, samples=samples, known=True)
    if len(samples) < 2:
        return first
    x, y = np.moveaxis(samples - np.stack([first.x, first.y]), 1, 0)
    number = len(samples) * (len(samples) - 1)
    return replace(
        first,
        xx=(x**2).sum(axis=0) / number,
        yy=(y**2).sum(axis=0) / number,
        xy=(x * y).sum(0) / number,
    )


def _positive(name: str, values: Any) -> np.ndarray:
    allowed = "must have shape (point,) or (point, replica)"
    array = as_array(name, values, ndim=(1, 2), finite=False, allowed=allowed)
    if (array <= 0).any():
        raise InputError(
            f"{name} = a smallest value of {float(np.nanmin(array))!r}: must all be positive"
        )
    return array


def _relative_variance(name: str, error: Any, like: np.ndarray) -> np.ndarray:
    """Squares of errors relative to the values."""
    if error is None:
        return np.zeros_like(like)
    array = as_array(name, error, finite=False)
    if array.ndim == 0:
        array = np.full(like.shape, float(array))
    require(array.shape == like.shape, name, error, f"must be a number or have shape {like.shape}")
    require(not (array < 0).any(), name, error, "must be zero or above")
    with np.errstate(over="ignore"):
        variance: np.ndarray = (array / like) ** 2
    lost = np.isinf(variance) & np.isfinite(array) & np.isfinite(like)
    require(not lost.any(), name, error, "must be below 1e154 times the values")
    return variance
