"""Axes of uniform cells, and the domain a problem asks for.

Unless the user gives a domain it reaches, on either side of the initial density, to where the
generalised potential has risen by `RISE` above its least value on the way: about e^-30 = 1e-13 of
the stationary probability lies beyond. A potential that does not rise so far has no such domain,
and the user is asked for one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from langevin_sgd.checks import InputError, as_choice, as_count, as_real, as_window, require, shown
from langevin_sgd.fokker_planck.equations import Function

BOUNDARIES = ("reflecting", "absorbing", "periodic")
RISE = 30.0
_SCAN, _TRIES = 801, 60

WIDEST, FINEST = 1e100, 1e-9
"""Largest width of a domain, whose square is still a number; least width relative to its ends."""

MOST_CELLS = 2**20
"""Most cells along one axis; more would take gigabytes."""


@dataclass(frozen=True, eq=False)
class Axis:
    """Uniform cells from `low` to `high`; absorbing and reflecting ends may be mixed."""

    low: float
    high: float
    cells: int
    boundary: str
    absorbs_low: bool
    absorbs_high: bool

    @property
    def width(self) -> float:
        """Width of a cell."""
        return (self.high - self.low) / self.cells

    @cached_property
    def centres(self) -> np.ndarray:
        """Centres of the cells, (cell,)."""
        return self.low + self.width * (np.arange(self.cells) + 0.5)

    @property
    def faces(self) -> np.ndarray:
        """Faces of the cells, (cell + 1,)."""
        return np.linspace(self.low, self.high, self.cells + 1)

    def with_cells(self, cells: int) -> Axis:
        """Return the same stretch in other cells."""
        return Axis(self.low, self.high, cells, self.boundary, self.absorbs_low, self.absorbs_high)


def make_axis(domain: tuple[float, float], cells: int, boundary: str | tuple[str, str]) -> Axis:
    """Build an axis; `boundary` is one word, or a pair for the low and the high end.

    Raises
    ------
    InputError
        For an empty domain, too few cells, or an unknown boundary.
    """
    low, high = check_domain(domain)
    cells = as_count("cells", cells, minimum=4, maximum=MOST_CELLS)
    ends = boundary_pair(boundary, "the low and the high end")
    for end in ends:
        as_choice("boundary", end, BOUNDARIES)
    require(
        ends[0] == ends[1] or "periodic" not in ends,
        "boundary",
        boundary,
        "both ends or none must be periodic",
    )
    name = "periodic" if "periodic" in ends else "line"
    return Axis(low, high, int(cells), name, ends[0] == "absorbing", ends[1] == "absorbing")


def boundary_pair(boundary: Any, what: str) -> tuple[Any, Any]:
    """Return a boundary, one for both or a pair, as a pair.

    Raises
    ------
    InputError
        If it is neither a word nor a pair.
    """
    pair = (boundary, boundary) if isinstance(boundary, str) else boundary
    fits = isinstance(pair, tuple | list) and len(pair) == 2
    require(fits, "boundary", boundary, f"must be one word, or a pair for {what}")
    return pair[0], pair[1]


def check_domain(domain: tuple[float, float]) -> tuple[float, float]:
    """Return the ends of a domain as floats.

    Raises
    ------
    InputError
        Unless they are two finite numbers in increasing order.
    """
    try:
        low, high = as_window("domain", domain)
    except InputError:
        raise InputError(
            f"domain = {shown(domain)}: must be two numbers (low, high) with low < high"
        ) from None
    require(high - low <= WIDEST, "domain", domain, "is too wide")
    resolved = high - low >= max(1 / WIDEST, FINEST * max(abs(low), abs(high)))
    require(resolved, "domain", domain, "is too narrow to be cut into cells")
    return low, high


def check_rectangle(domain: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the ends of a domain of two coordinates as floats.

    Raises
    ------
    InputError
        Unless it is a pair of pairs of finite numbers in increasing order.
    """
    pairs = list(domain) if hasattr(domain, "__iter__") and hasattr(domain, "__len__") else []
    require(
        len(pairs) == 2, "domain", domain, "must be a pair of (low, high), one for each coordinate"
    )
    return check_domain(pairs[0]), check_domain(pairs[1])


def find_domain(
    rise: Function, support: tuple[float, float] | None, level: float = RISE
) -> tuple[float, float]:
    """Return the stretch beyond which there is no probability, to rounding.

    Parameters
    ----------
    rise
        Nodes to differences of the generalised potential between them.
    support
        Where the initial density lies; None for the stationary state.
    level
        Rise of the generalised potential beyond which there is nothing.

    Raises
    ------
    InputError
        If the potential does not confine.
    """
    if support is None:
        nodes = np.linspace(*find_domain(rise, (0.0, 0.0), level), _SCAN)
        deepest = nodes[np.argmin(np.concatenate([[0.0], np.cumsum(rise(nodes))]))]
        support = float(deepest), float(deepest)
    low, high = support
    # The axis is turned over for the low end, so that "outwards" is to the right for both.
    span = high - low or max(1e-3 * abs(low), 1e-3)
    mirrored = _reach(lambda nodes: -rise(-nodes[::-1])[::-1], -low, span, level)
    return -mirrored, _reach(rise, high, span, level)


def complete_domain(
    rise: Function, domain: tuple[float | None, float | None] | None
) -> tuple[float, float]:
    """Return a domain, its open ends (None) as far out as there is stationary probability.

    Raises
    ------
    InputError
        If it is no pair of numbers in order, of which either may be None.
    """
    pair: Any = (None, None) if domain is None else domain
    fits = (isinstance(pair, tuple | list) or getattr(pair, "ndim", 0) == 1) and len(pair) == 2
    require(
        fits,
        "domain",
        domain,
        "must be two numbers (low, high) with low < high, of which either may be None",
    )
    low, high = (None if end is None else as_real("domain", end) for end in pair)
    if low is not None and high is not None:
        return check_domain((low, high))
    inner = low if low is not None else high
    ends = find_domain(rise, None if inner is None else (inner, inner))
    return ends[0] if low is None else low, ends[1] if high is None else high


def _reach(rise: Function, start: float, span: float, level: float) -> float:
    for _ in range(_TRIES):
        nodes = start + np.linspace(0.0, span, _SCAN)
        with np.errstate(all="ignore"):
            height = np.concatenate([[0.0], np.cumsum(rise(nodes))])
            inside = np.flatnonzero(height - np.minimum.accumulate(height) < level)
        last = int(inside[-1])
        # The stretch looked at is several times the one that is found, lest a well behind a high
        # barrier be missed.
        if last > _SCAN // 8:
            span *= 2
        elif last < _SCAN // 40:
            span /= 4
        else:
            return float(nodes[last + 1])
    raise InputError(
        "domain = None: the potential does not confine the density, so give domain=(low, high)"
    )
