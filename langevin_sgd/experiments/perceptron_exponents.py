r"""Scaling exponents of perceptrons trained over a grid, beside their predictions.

    t* ~ T P^b at fixed d,   ||w|| ~ T^delta sqrt(d) (P/d)^gamma,
    b = (3+chi)/(1+chi),  gamma = 1/(1+chi),  delta = 1

(Sclocchi, Geiger and Wyart, arXiv 2301.13703; the power of d in the norm follows from the stop at P
n = c d, see `langevin_sgd.theory.perceptron`). How t* depends on d at fixed P/d is not predicted:
measured at P/d = 32, t*/(T d) grows with local powers of d that fall from 0.9 to 0.5 between d = 32
and 256, since the last visits wait for training points that are still unfit long after fresh ones
are down to c d/P. Proportionality to T, delta = 1, is exact for T far above the margin: rescaling
lr and margin rescales the weights. Times and norms are averaged in the logarithm, and errors come
from the jackknife over replicas. The laws hold for T far above the margin (by a factor ten), small
batches, and P/d (above eight) and d large. Effective exponents approach them slowly, from below; so
every fit comes with its local slopes and with narrower windows, and `extrapolate_exponents` takes
local slopes between equal ratios P/d to infinite d. That limit rests on the form in d: at sizes
that take minutes, another one moves b by 0.15.

Replicas that were not fitted within the step limit are censored: a point with one of them takes no
part in a fit, and the fit says how many such points it leaves out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd.checks import as_array, as_counts, as_tuple, require
from langevin_sgd.estimate import Estimate
from langevin_sgd.experiments.axes import as_result
from langevin_sgd.measure import fit_power_law
from langevin_sgd.measure.power_law import LocalSlopes, PowerLaw, local_slopes, varied_windows
from langevin_sgd.measure.scaling_corrections import Extrapolation, extrapolate
from langevin_sgd.theory.perceptron import exponents

if TYPE_CHECKING:
    import xarray as xr

_NEEDED = (
    "t_star",
    "norm",
    "status",
    "points",
    "dimension",
    "chi",
    "temperature",
    "batch_size",
    "margin",
)
ANALYTIC = 1.0
"""Power of 1/d in the leading correction, unless another is known."""
_SETTINGS = ("chi", "temperature", "batch_size", "margin")
_RATIO = "points_per_dimension"


@dataclass(frozen=True)
class _Law:
    """One exponent: of which quantity, against what, at what held fixed, and its prediction as a
    function of chi.
    """

    quantity: str
    against: str
    held: tuple[str, ...]
    predicted: Callable[[float], float | None]


_AT_FIXED_DIMENSION = ("dimension", *_SETTINGS)
_AT_FIXED_RATIO = (_RATIO, *_SETTINGS)
_AT_FIXED_SIZE = ("points", "dimension", "chi", "batch_size", "margin")
LAWS = {
    "b": _Law("t_star", "points", _AT_FIXED_DIMENSION, lambda chi: exponents(chi).b),
    "gamma": _Law("norm", "points", _AT_FIXED_DIMENSION, lambda chi: exponents(chi).gamma),
    "delta": _Law("norm", "temperature", _AT_FIXED_SIZE, lambda chi: 1.0),
    "t_star_with_temperature": _Law("t_star", "temperature", _AT_FIXED_SIZE, lambda chi: 1.0),
    "t_star_with_dimension": _Law("t_star", "dimension", _AT_FIXED_RATIO, lambda chi: None),
    "norm_with_dimension": _Law("norm", "dimension", _AT_FIXED_RATIO, lambda chi: 0.5),
}
"""Exponents by name; the last two are at a fixed ratio P/d. That of t* in d is measured and not
predicted.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class ExponentFit:
    """One exponent along one line of the grid.

    Parameters
    ----------
    name
        A key of `LAWS`.
    quantity, against
        What was fitted as a power of what: names of the dataset.
    held
        What was fixed along the line.
    x, y
        (point,) and (point, replica) values fitted.
    exponent
        Of a power law through all points, of the slope if there are only two.
    predicted
        The asymptotic exponent; ``None`` where there is no prediction.
    fit
        The power law; ``None`` for two points.
    windows
        Fits over the largest x only, from all points down to three; none for two points.
    slopes
        Local slopes between neighbouring points; those of neighbours share a point and are
        correlated.
    left_out
        Points left out because a replica is censored.
    """

    name: str
    quantity: str
    against: str
    held: dict[str, float]
    x: np.ndarray
    y: np.ndarray
    exponent: Estimate
    predicted: float | None
    fit: PowerLaw | None
    windows: tuple[PowerLaw, ...]
    slopes: LocalSlopes
    left_out: int

    def to_dict(self) -> dict[str, Any]:
        """Return strict JSON types."""
        return {
            "quantity": self.quantity,
            "against": self.against,
            "held": self.held,
            "exponent": self.exponent.to_dict(),
            "predicted": self.predicted,
            "chi_squared": None if self.fit is None else self.fit.chi_squared,
            "degrees_of_freedom": None if self.fit is None else self.fit.degrees_of_freedom,
            "window": [float(self.x[0]), float(self.x[-1])],
            "windows": [_described(law) for law in self.windows],
            "local_slopes": [
                {"at": float(x), **self.slopes.at(x).to_dict()} for x in self.slopes.x
            ],
            "left_out": self.left_out,
        }


def _described(law: PowerLaw) -> dict[str, Any]:
    """Window and exponent of a fit in strict JSON types."""
    return {
        "window": None if law.window is None else list(law.window),
        "exponent": law.exponent.to_dict(),
    }


def fit_exponents(result: xr.Dataset) -> list[ExponentFit]:
    """Fit every exponent of `LAWS` along every line of the grid with at least two points.

    Parameters
    ----------
    result
        Of `langevin_sgd.experiments.Grid.collect`.

    Returns
    -------
    list of ExponentFit
        In the order of `LAWS`; empty where no axis has two values.

    Raises
    ------
    InputError
        If it is no such result.
    """
    result = as_result("result", result, _NEEDED)
    return [
        _fitted(name, law, result, held, members)
        for name, law in LAWS.items()
        for held, members in _lines(result, law)
        if np.unique(_axis(result, law.against)[members[_uncensored(result)[members]]]).size > 1
    ]


@dataclass(frozen=True, kw_only=True, eq=False)
class ExponentLimit:
    """Local slopes between two ratios P/d, extrapolated to infinite dimension.

    Parameters
    ----------
    name
        ``b`` or ``gamma``.
    held
        What was fixed.
    ratios
        The two ratios P/d.
    dimension, slopes
        (point,) and (point, replica): the slopes at every dimension.
    limit
        Their limit, by a straight line in 1/d or in another power of it.
    predicted
        The asymptotic exponent.
    """

    name: str
    held: dict[str, float]
    ratios: tuple[float, float]
    dimension: np.ndarray
    slopes: np.ndarray
    limit: Estimate
    predicted: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return strict JSON types."""
        return {
            "held": self.held,
            "ratios": list(self.ratios),
            "dimension": self.dimension.tolist(),
            "local_slopes": [Estimate.from_samples(slopes).to_dict() for slopes in self.slopes],
            "limit": self.limit.to_dict(),
            "predicted": self.predicted,
        }


def extrapolated_slopes(
    dimension: Sequence[int], slopes: Sequence[np.ndarray], *, power: float = ANALYTIC
) -> Extrapolation:
    """Extrapolate local slopes to infinite dimension, of replicas that dimensions do not share.

    Parameters
    ----------
    dimension
        (point,)
    slopes
        For each dimension the slopes of its replicas, (replica,); their numbers may differ.
    power
        Of 1/d in the leading correction; 1 by default, an analytic one. Where the last dips of the
        noise decide when training ends it is 1/2.

    Returns
    -------
    langevin_sgd.measure.scaling_corrections.Extrapolation
        Its limit has the degrees of freedom of the dimension with the fewest replicas.

    Raises
    ------
    InputError
        If there is not one array of slopes for each dimension, or they are out of range.
    """
    dimension = as_counts("dimension", dimension)
    slopes = as_tuple("slopes", slopes, lambda place, values: as_array(place, values, ndim=1))
    alike = f"must be one array for each of the {len(dimension)} dimensions"
    require(len(slopes) == len(dimension), "slopes", len(slopes), alike)
    means = [Estimate.from_samples(values) for values in slopes]
    value, error = (
        [np.nan if number is None else number for number in column]
        for column in (
            [one.value for one in means],
            [one.standard_error for one in means],
        )
    )
    found = extrapolate(dimension, value, error=error, power=power)
    if not found.limit.valid:
        return found
    fewest = min(len(one) for one in slopes)
    return replace(found, limit=replace(found.limit, n_independent=fewest))


def extrapolate_exponents(result: xr.Dataset, *, power: float = ANALYTIC) -> list[ExponentLimit]:
    """Extrapolate the local slopes b and gamma between neighbouring ratios P/d to infinite
    dimension.

    Parameters
    ----------
    result
        Of `langevin_sgd.experiments.Grid.collect`; ratios that do not occur at every
        dimension of a line are passed over, and so are lines of fewer than three dimensions.
    power
        Of 1/d in the leading correction, see `extrapolated_slopes`.

    Returns
    -------
    list of ExponentLimit
        From the smallest ratios to the largest.

    Raises
    ------
    InputError
        If it is no such result.
    """
    result = as_result("result", result, _NEEDED)
    found: list[ExponentLimit] = []
    for name in ("b", "gamma"):
        law = replace(LAWS[name], against=_RATIO, held=_SETTINGS)
        for held, members in _lines(result, law):
            kept = members[_uncensored(result)[members]]
            found += _limits(name, law, result, held, kept, power)
    return found


def _limits(
    name: str,
    law: _Law,
    result: xr.Dataset,
    held: dict[str, float],
    members: np.ndarray,
    power: float,
) -> Iterator[ExponentLimit]:
    ratio, dimension = _axis(result, _RATIO)[members], _axis(result, "dimension")[members]
    rows = dict(zip(zip(ratio.tolist(), dimension.tolist(), strict=True), members, strict=True))
    sizes = np.unique(dimension)
    common = [r for r in np.unique(ratio).tolist() if all((r, d) in rows for d in sizes.tolist())]
    if len(sizes) < 3:
        return
    logarithm = np.log(result[law.quantity].values)
    for low, high in pairwise(common):
        rise = [logarithm[rows[high, d]] - logarithm[rows[low, d]] for d in sizes.tolist()]
        slopes = np.array(rise) / np.log(high / low)
        yield ExponentLimit(
            name=name,
            held=held,
            ratios=(low, high),
            dimension=sizes,
            slopes=slopes,
            limit=extrapolate(sizes, slopes, power=power).limit,
            predicted=law.predicted(held["chi"]),
        )


def _axis(result: xr.Dataset, name: str) -> np.ndarray:
    """(point,) values of an axis of the grid, or of the ratio P/d."""
    found = result["points"] / result["dimension"] if name == _RATIO else result[name]
    return np.asarray(found.values)


def _uncensored(result: xr.Dataset) -> np.ndarray:
    """(point,) whether every replica was fitted."""
    return np.asarray((result["status"] == 0).all("replica").values)


def _lines(result: xr.Dataset, law: _Law) -> Iterator[tuple[dict[str, float], np.ndarray]]:
    """Points that share all that is held fixed, in the order of what is varied."""
    held = np.stack([_axis(result, name) for name in law.held], axis=1)
    for values in np.unique(held, axis=0):
        members = np.flatnonzero((held == values).all(axis=1))
        order = np.argsort(_axis(result, law.against)[members], kind="stable")
        first = members[0]
        yield {name: _axis(result, name)[first].item() for name in law.held}, members[order]


def _fitted(
    name: str, law: _Law, result: xr.Dataset, held: dict[str, float], members: np.ndarray
) -> ExponentFit:
    kept = members[_uncensored(result)[members]]
    x, y = _axis(result, law.against)[kept].astype(float), result[law.quantity].values[kept]
    slopes = local_slopes(x, y)
    fit = fit_power_law(x, y) if len(x) > 2 else None
    return ExponentFit(
        name=name,
        quantity=law.quantity,
        against=law.against,
        held=held,
        x=x,
        y=y,
        exponent=slopes.at(slopes.x[0]) if fit is None else fit.exponent,
        predicted=law.predicted(held["chi"]),
        fit=fit,
        windows=() if fit is None else varied_windows(x, y),
        slopes=slopes,
        left_out=len(members) - len(kept),
    )
