r"""Data collapse: exponents with which curves of different sizes fall on one.

Curves y(x; P) obey scaling if, with two exponents, y P^-u is one function of x P^v. In logarithms
the curve of P is moved by -u ln P upwards and by v ln P to the right. Each moved point is compared
with the master curve that the other curves draw at its place: each of them is interpolated there by
a straight line between its two neighbouring points, and they are averaged with their errors. The
quality is the mean square of what remains in its errors,

    S(u, v) = sum_i t_i (Y_i - M_i)^2 / (var Y_i + var M_i) / sum_i t_i,

about 1 where curves fall on one another, larger where they do not (Houdayer and Hartmann, Physical
Review B 70 (2004) 014418, appendix; Bhattacharjee and Seno, Journal of Physics A 34 (2001) 6375).
Their t_i is one where another curve reaches and else zero; here it rises from zero to one over the
outermost interval of the other curve, because jumps of S wherever a point comes into sight or
leaves it would spoil the errors. Less than half of the points compared counts as no collapse.

The exponents minimise S; that of y follows from a linear equation at every v, that of x from a
search over all v that let the curves overlap. Errors are not read off S + 1: a point enters many
residuals, and that interval has no fixed coverage. The residuals are linear in the data, r = R(v)
(ln y - u ln P), so that to first order the exponents scatter with the covariance G R var(ln y) R^T
G^T, G = (J^T J)^-1 J^T and J the derivative of r. Replicas, (point, replica) in every curve, give
errors by the jackknife over all curves together instead; all points then count alike, with the mean
of their variances (`langevin_sgd.measure.power_law` says why).

Range: curves that overlap and bend: of straight lines only one combination of u and v is
determined. Whether the data tell the two apart is seen from J: of its column of v, which holds the
slopes of the curves, the part across the column of u must be larger than what the errors of the
points put there. Points so dense that a curve bends little between neighbours, compared with its
errors.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import optimize, stats

from langevin_sgd.checks import InputError, as_array, as_positive, as_real, as_tuple, require
from langevin_sgd.estimate import Estimate
from langevin_sgd.measure.jackknife import jackknife
from langevin_sgd.measure.logarithms import LogPoints, log_points

LARGEST_QUALITY = 3.0
"""Above this quality the estimates say that the curves do not fall on one another."""
STRAIGHT = 1e-2
"""Curves that one power law fits with a p-value above this do not determine two exponents."""
INFORMATION = 10.0
"""Least square of the part of J that tells the two exponents apart, over what errors put there."""
_GRID = 41
_STEP = 1e-4
_REACH = 10.0
_BEYOND = 1e30

OPEN = (
    "one power law of x and the parameter describes all points and leaves an exponent open; fix one"
)
"""What is said of curves that do not determine two exponents."""

Curves = Sequence[tuple[Any, ...]]
"""Curves (parameter, x, y, y_error), or (parameter, x, y) with y by replica."""


@dataclass(frozen=True, kw_only=True)
class Collapse:
    """y P^-y_exponent against x P^x_exponent.

    Parameters
    ----------
    x_exponent, y_exponent
        Estimates; without error where they were given.
    quality
        S at these exponents, about 1 for a collapse; ``None`` where the fit was refused.
    compared, points
        Points compared with other curves, and all points.
    """

    x_exponent: Estimate
    y_exponent: Estimate
    quality: float | None
    compared: int
    points: int

    def scaled(self, parameter: float, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the coordinates (x P^v, y P^-u) of a curve, for a figure.

        Raises
        ------
        InputError
            If the fit was refused, or the curve is none of finite numbers, (point,) or (point,
            replica).
        """
        v, u = self.x_exponent.value, self.y_exponent.value
        if v is None or u is None:
            raise InputError(f"collapse: has no exponents ({self.x_exponent.note})")
        parameter = as_positive("parameter", parameter)
        x, y = (as_array(name, values, ndim=(1, 2)) for name, values in (("x", x), ("y", y)))
        with np.errstate(over="ignore", under="ignore"):
            x, y = x * np.float64(parameter) ** v, y * np.float64(parameter) ** -u
        within = bool(np.isfinite(x).all() and np.isfinite(y).all())
        require(within, "parameter", parameter, "takes the curve out of the range of doubles")
        return x, y


def collapse(
    curves: Curves, *, x_exponent: float | None = None, y_exponent: float | None = None
) -> Collapse:
    """Find the exponents of a data collapse.

    Parameters
    ----------
    curves
        One (parameter, x, y, y_error) for each value P of the parameter: x, y, y_error (point,),
        positive; or (parameter, x, y) with y (point, replica), as many replicas in every curve.
    x_exponent, y_exponent
        Exponents v and u, where known beforehand; both are fitted by default.

    Returns
    -------
    Collapse
        With estimates that are not valid for fewer than two curves or three points each, values
        that are not finite, curves that do not overlap, or straight ones where both exponents are
        free.

    Raises
    ------
    InputError
        If shapes do not fit, a value is not positive, parameters are equal, or there are neither
        errors nor replicas.

    Examples
    --------
    >>> x = np.geomspace(0.1, 10, 9)
    >>> curves = [(P, x, P**0.5 * (1 + x / P), 0.01 * x**0) for P in (1.0, 2.0)]
    >>> round(collapse(curves, x_exponent=-1.0).y_exponent.value, 2)
    0.5
    """
    x_exponent = (
        None if x_exponent is None else as_real("x_exponent", x_exponent, "must be a number")
    )
    y_exponent = (
        None if y_exponent is None else as_real("y_exponent", y_exponent, "must be a number")
    )
    fixed = x_exponent, y_exponent
    require(None in fixed, "x_exponent, y_exponent", fixed, "one of them must be free")
    data = _read(curves)
    method = "collapse, " + (
        "errors of the points" if data.samples is None else "jackknife over replicas"
    )
    if reason := _doubt(data) or (_straight(data) if fixed == (None, None) else ""):
        return _refused(reason, fixed, method, data)
    v = _best_shift(data, y_exponent) if x_exponent is None else x_exponent
    quality = _quality(data, v, y_exponent)
    if not np.isfinite(quality):
        return _refused(
            "fewer than half of the points can be compared with other curves", fixed, method, data
        )
    if (
        fixed == (None, None)
        and _information(data, v, _lift(data, _rows(data, v)[0], None)) < INFORMATION
    ):
        return _refused(OPEN, fixed, method, data)
    note = (
        f"the curves do not fall on one another: quality {quality:.3g}"
        if quality > LARGEST_QUALITY
        else ""
    )
    x_found, y_found = _estimates(data, v, fixed, method, note)
    compared = int(np.count_nonzero(_rows(data, v)[1]))
    return Collapse(
        x_exponent=x_found,
        y_exponent=y_found,
        quality=quality,
        compared=compared,
        points=len(data.y),
    )


def collapse_quality(curves: Curves, *, x_exponent: float, y_exponent: float) -> float:
    """Quality S of given exponents.

    It is infinite where fewer than half of the points can be compared, or beyond doubles.

    Raises
    ------
    InputError
        For curves that `collapse` does not accept.
    """
    x_exponent, y_exponent = as_real("x_exponent", x_exponent), as_real("y_exponent", y_exponent)
    data = _read(curves)
    if reason := _doubt(data):
        raise InputError(f"curves: {reason}")
    return _quality(data, x_exponent, y_exponent)


# --- data -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Data:
    """All points of all curves in logarithms, those of a curve in the order of x."""

    members: list[np.ndarray]
    """Numbers of the points of each curve."""
    size: np.ndarray
    """(point,), ln P, from its mean over curves: nothing depends on the unit of P."""
    x: np.ndarray
    y: np.ndarray
    variance: np.ndarray
    samples: np.ndarray | None
    """(replica, point), ln y."""

    def moments(self) -> np.ndarray:
        """Means of these over replicas are all that a fit needs: (replica, point)."""
        assert self.samples is not None
        off: np.ndarray = self.samples - self.y
        return off

    def of_moments(self, means: np.ndarray) -> _Data:
        """Return the same points with values from averaged `moments` (point,)."""
        return replace(self, y=self.y + means)


def _read(curves: Curves) -> _Data:
    given = as_tuple("curves", curves, _curve, empty=True)
    require(len(given) > 0, "curves", curves, "must hold at least one curve")
    parts = [part for _, part in given]
    require(all(part.known for part in parts), "curves", "no y_error", "it is needed, or replicas")
    require(
        not any(part.xx.any() for part in parts),
        "curves",
        "x that scatters",
        "must be exact, (point,)",
    )
    counts = {part.replicas for part in parts}
    require(
        len(counts) == 1, "curves", counts, "must all have errors, or the same number of replicas"
    )
    sizes = np.log([size for size, _ in given])
    require(
        len(set(sizes)) == len(sizes),
        "curves: parameter",
        np.exp(sizes).tolist(),
        "must differ between curves",
    )
    lengths = np.array([len(part) for part in parts])
    ends = np.cumsum(lengths)
    samples = [part.samples[:, 1] for part in parts if part.samples is not None]
    variance = np.concatenate([part.yy for part in parts])
    return _Data(
        members=[np.arange(end - length, end) for end, length in zip(ends, lengths, strict=True)],
        size=np.repeat(sizes - sizes.mean(), lengths),
        x=np.concatenate([part.x for part in parts]),
        y=np.concatenate([part.y for part in parts]),
        variance=np.full_like(variance, variance.sum() / max(len(variance), 1))
        if samples
        else variance,
        samples=np.concatenate(samples, axis=1) if samples else None,
    )


def _curve(place: str, curve: Any) -> tuple[float, LogPoints]:
    """Parameter of a curve, and its points in the order of x."""
    parts = as_tuple(place, curve, lambda _, part: part)
    require(
        len(parts) in (3, 4), place, curve, "each must be (parameter, x, y) and perhaps y_error"
    )
    try:
        size, points = (
            as_positive("parameter", parts[0]),
            log_points(parts[1], parts[2], None, *parts[3:]),
        )
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    return size, points[np.argsort(points.x)]


def _doubt(data: _Data) -> str:
    """Why there is nothing to collapse, or an empty string."""
    values = data.y if data.samples is None else data.samples
    if bad := int(np.count_nonzero(~np.isfinite(values))):
        return f"{bad} of {values.size} values are not finite"
    if len(data.members) < 2:
        return "1 curve, at least 2 needed"
    if (shortest := min(map(len, data.members))) < 3:
        return f"a curve of {shortest} points, at least 3 needed"
    if data.samples is not None and len(data.samples) < 2:
        return f"{len(data.samples)} replicas, at least 2 needed"
    still = data.variance <= 0 if data.samples is None else np.ptp(data.samples, axis=0) == 0
    return "replicas do not scatter at some point" if still.any() else ""


def _straight(data: _Data) -> str:
    """Say that one power law of x and the parameter describes everything, or nothing."""
    weight = 1 / np.sqrt(data.variance)
    design = np.stack([np.ones_like(data.x), data.x, data.size], axis=1) * weight[:, None]
    coefficients = np.linalg.lstsq(design, data.y * weight, rcond=None)[0]
    chi_squared = float(((data.y * weight - design @ coefficients) ** 2).sum())
    if stats.chi2.sf(chi_squared, len(data.y) - 3) < STRAIGHT:
        return ""
    return OPEN


def _refused(
    reason: str, fixed: tuple[float | None, float | None], method: str, data: _Data
) -> Collapse:
    x_found, y_found = (Estimate.refused(reason, value=value, method=method) for value in fixed)
    return Collapse(
        x_exponent=x_found, y_exponent=y_found, quality=None, compared=0, points=len(data.y)
    )


# --- residuals ------------------------------------------------------------------------------------


def _rows(data: _Data, v: float) -> tuple[np.ndarray, np.ndarray]:
    """Matrix (point, point) from values to residuals in their errors, and t (point,).

    The matrix is multiplied by the root of t.
    """
    moved = data.x + v * data.size
    weight, trust = np.zeros((len(moved), len(moved))), np.zeros(len(moved))
    for own, other in itertools.permutations(data.members, 2):
        _add_interpolation(weight, trust, moved, data.variance, own, other)
    total = weight.sum(axis=1)
    kept = np.flatnonzero(total > 0)
    master = weight[kept] / total[kept, None]
    rows = np.zeros_like(weight)
    rows[kept] = -master
    rows[kept, kept] += 1
    rows[kept] *= np.sqrt(trust[kept] / (data.variance[kept] + master**2 @ data.variance))[:, None]
    return rows, trust


def _add_interpolation(
    weight: np.ndarray,
    trust: np.ndarray,
    moved: np.ndarray,
    variance: np.ndarray,
    own: np.ndarray,
    other: np.ndarray,
) -> None:
    """Add what curve `other` says at the points of curve `one`.

    The weight is the inverse variance of the interpolation.
    """
    place = moved[own]
    first, last = moved[other[0]], moved[other[-1]]
    inside = (place > first) & (place < last)
    here, place = own[inside], place[inside]
    right = np.clip(np.searchsorted(moved[other], place), 1, len(other) - 1)
    low, high = other[right - 1], other[right]
    share = (place - moved[low]) / (moved[high] - moved[low])
    ramp = np.minimum(
        1.0,
        np.minimum(
            (place - first) / (moved[other[1]] - first), (last - place) / (last - moved[other[-2]])
        ),
    )
    np.maximum.at(trust, here, ramp)
    precision = ramp / ((1 - share) ** 2 * variance[low] + share**2 * variance[high])
    weight[here, low] += (1 - share) * precision
    weight[here, high] += share * precision


def _lift(data: _Data, rows: np.ndarray, u: float | None) -> float:
    """The exponent u that fits best, from its linear equation, unless one is given."""
    if u is not None:
        return u
    level, slope = rows @ data.y, rows @ data.size
    return float(level @ slope / (slope @ slope))


def _quality(data: _Data, v: float, u: float | None) -> float:
    """S at v and u, or at v and the best u."""
    rows, trust = _rows(data, v)
    if 2 * trust.sum() < len(data.y):
        return np.inf
    with np.errstate(over="ignore", invalid="ignore"):
        quality = float(
            ((rows @ (data.y - _lift(data, rows, u) * data.size)) ** 2).sum() / trust.sum()
        )
    return quality if np.isfinite(quality) else np.inf


def _best_shift(data: _Data, u: float | None) -> float:
    """The exponent v that fits best among all that let neighbouring curves overlap."""
    middle = np.array([(data.x[member[0]] + data.x[member[-1]]) / 2 for member in data.members])
    size = np.array([data.size[member[0]] for member in data.members])
    extent = max(data.x[member[-1]] - data.x[member[0]] for member in data.members)
    centre = -float(size @ middle / (size @ size))
    reach = extent * (len(size) - 1) / float(np.ptp(size))
    grid = np.linspace(centre - reach, centre + reach, _GRID)
    best = float(grid[int(np.argmin([_quality(data, v, u) for v in grid]))])
    return _search(data, u, best, grid[1] - grid[0])


def _search(data: _Data, u: float | None, near: float, reach: float) -> float:
    minimum = optimize.minimize_scalar(
        # Differences of infinities would lead the search astray.
        lambda v: min(_quality(data, v, u), _BEYOND),
        bounds=(near - reach, near + reach),
        method="bounded",
        options={"xatol": 1e-7 * reach},
    )
    return float(minimum.x)


# --- errors ---------------------------------------------------------------------------------------


def _estimates(
    data: _Data, v: float, fixed: tuple[float | None, float | None], method: str, note: str
) -> tuple[Estimate, Estimate]:
    u = _lift(data, _rows(data, v)[0], fixed[1])
    value, error, replicas = np.array([v, u]), _propagated(data, v, u, fixed), None
    if data.samples is not None:
        reach = _REACH * float(error[0])
        value, error = jackknife(
            lambda means: _again(data, means, v, reach, fixed[1]), data.moments()
        )
        replicas = len(data.samples)
    estimates = [
        Estimate(
            value=best, standard_error=spread, n_independent=replicas, method=method, note=note
        )
        if given is None
        else Estimate(value=given, method="given", note=note)
        for given, best, spread in zip(fixed, value, error, strict=True)
    ]
    return estimates[0], estimates[1]


def _again(data: _Data, means: np.ndarray, v: float, reach: float, u: float | None) -> np.ndarray:
    """Exponents (n, 2) from averaged moments (n, point), looked for near those of all replicas."""
    exponents = []
    for row in means:
        average = data.of_moments(row)
        shift = _search(average, u, v, reach) if reach else v
        exponents.append((shift, _lift(average, _rows(average, shift)[0], u)))
    return np.array(exponents)


def _by_shift(data: _Data, v: float) -> np.ndarray:
    """Matrix (point, point) from values to the derivatives of the residuals by v.

    Points are trusted as they are at v.

    The trust of a point at the end of a curve rises from zero as the root of the overlap, with an
    infinite slope: that the point comes into reach says nothing of the curves, and would drown what
    their slopes say in its error.
    """
    (ahead, more), (behind, less), (_, trust) = (
        _rows(data, place) for place in (v + _STEP, v - _STEP, v)
    )
    reached = (more > 0) & (less > 0)
    root_more, root_less = (np.sqrt(np.where(reached, part, 1.0))[:, None] for part in (more, less))
    difference: np.ndarray = (ahead / root_more - behind / root_less) / (2 * _STEP)
    return np.sqrt(np.where(reached, trust, 0.0))[:, None] * difference


def _information(data: _Data, v: float, u: float) -> float:
    """Square of the derivatives by v across those by u, over their variance.

    The variance is what the errors of the points put there.
    """
    by_lift = _rows(data, v)[0] @ data.size
    turn = _by_shift(data, v)
    across = turn - np.outer(by_lift, by_lift @ turn) / (by_lift @ by_lift)
    expected = float((across**2 @ data.variance).sum())
    return float(((across @ (data.y - u * data.size)) ** 2).sum()) / expected


def _propagated(
    data: _Data, v: float, u: float, fixed: tuple[float | None, float | None]
) -> np.ndarray:
    """Standard errors of (v, u) from those of the points, to first order.

    A fixed exponent has none: zero.
    """
    by_shift = _by_shift(data, v) @ (data.y - u * data.size)
    rows, free = _rows(data, v)[0], [value is None for value in fixed]
    gain = np.linalg.pinv(np.stack([by_shift, -rows @ data.size], axis=1)[:, free]) @ rows
    error = np.zeros(2)
    error[free] = np.sqrt((gain**2 * data.variance).sum(axis=1))
    return error
