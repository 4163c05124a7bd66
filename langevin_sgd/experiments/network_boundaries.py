r"""Boundaries in the phase diagram of networks: T_max, T_opt, T_c, and the powers of alpha or P
with which they move.

- T_max, beyond which training fails: by the number of temperatures at which each replica fits its
  points (Spearman and Karber's estimate of a threshold), averaged in the logarithm.
- T_opt, of least test error: the vertex of a parabola in ln T through the mean errors around the
  least, if it is there at all: both ends of the parabola are far above it.
- T_c, or alpha_c: where the geometric mean of a quantity, the relative change of the tangent kernel
  unless said, crosses a threshold; by straight lines between neighbouring points in the log-log
  plane.

`langevin_sgd.experiments.boundary_estimators` has the formulas. The claims of the package on these
boundaries are measured by the functions here, so that what a claim vouches for is what is measured.

In the feature regime, alpha << 1, a network homogeneous of degree L in its weights has T_max and
T_opt ~ alpha^k with k = (L - 2)/L: f = 1/alpha needs weights of order alpha^(-1/L), where f has a
curvature of order alpha^(-(L-2)/L), and learning rate times curvature decides on stability and
noise (Sclocchi, Geiger and Wyart, arXiv 2301.13703, with L = D + 1). In the lazy regime, alpha >>
1, T_c ~ P^-a.

All are functions of averages over replicas, and errors come from the jackknife, that of an exponent
from leaving a replica out on all lines together: replicas are paired over the grid. Runs that do
not fit their points count in T_opt with the worst error of their line, and not at all in T_c. A
boundary that the grid does not enclose is refused, and so is a T_opt of errors that do not depend
on T. To compare T_opt of several alphas or P, use one grid of temperatures for all: a grid that
moves with one of them moves what is found on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from langevin_sgd.checks import (
    as_choice,
    as_count,
    as_instance,
    as_positive,
    as_text,
    is_real,
    require,
)
from langevin_sgd.estimate import Estimate
from langevin_sgd.experiments.boundary_estimators import (
    Located,
    best,
    crossed,
    estimated,
    largest,
    slope_of,
)
from langevin_sgd.experiments.network_lines import GridLine, as_lines

KERNEL_CHANGE = 0.3
"""Default threshold of |K - K0| / |K0|. Measured on digits with two hidden layers and alpha >> 1,
the change grows in proportion to T up to about here and saturates at 0.7 to 0.8, so that raising T
never reaches one."""
BOUNDARIES = ("T_max", "T_opt", "T_c")


def largest_temperature(line: GridLine) -> Estimate:
    """Measure T_max, above which training fails.

    Parameters
    ----------
    line
        Along the temperature, from `lines_along`.

    Returns
    -------
    Estimate
        Where replicas scatter by less than half an interval of the grid its error holds that of
        the grid, the width of an interval over sqrt(12) in the logarithm. Not valid if more than a
        tenth of the replicas are fitted at the highest temperature, or not at the lowest.
    """
    return estimated(largest(_as_line("line", line)))


def best_temperature(line: GridLine) -> Estimate:
    """Measure T_opt, at which the test error is least.

    Parameters
    ----------
    line
        Along the temperature, from `lines_along`.

    Returns
    -------
    Estimate
        Not valid where the errors do not rise on both sides of the least, by five standard errors
        within a factor of four in T or to the end of the grid.

    Notes
    -----
    A run that is not fitted counts with the worst error of the line. Where most of the error's
    dependence on T is that of failing, T_opt is a place below T_max and says little else.
    """
    return estimated(best(_as_line("line", line)))


def crossing(
    line: GridLine, threshold: float = KERNEL_CHANGE, *, quantity: str = "kernel_change"
) -> Estimate:
    """Measure where a quantity crosses a threshold: T_c along the temperature, alpha_c along alpha.

    Parameters
    ----------
    line
        Along any axis, from `lines_along`.
    threshold
        Positive; `KERNEL_CHANGE` by default.
    quantity
        ``kernel_change`` (default), ``weight_change``, ``t_star`` or ``test_error``.

    Returns
    -------
    Estimate
        Not valid if it is crossed nowhere on the line, or more than once.

    Raises
    ------
    InputError
        If the grid was computed without the quantity.
    """
    threshold, quantity = as_positive("threshold", threshold), as_text("quantity", quantity)
    return estimated(crossed(_as_line("line", line), threshold, quantity))


def boundary_exponent(
    boundary: Literal["T_max", "T_opt", "T_c"],
    lines: Sequence[GridLine],
    against: str,
    *,
    threshold: float = KERNEL_CHANGE,
    quantity: str = "kernel_change",
) -> Estimate:
    """Fit the power of alpha, or of another axis, with which a boundary moves.

    Parameters
    ----------
    boundary
        ``T_max``, ``T_opt`` or ``T_c``.
    lines
        Along the temperature; they differ in one axis.
    against
        That axis.
    threshold, quantity
        Of T_c, see `crossing`.

    Returns
    -------
    Estimate
        Slope of the least-squares line in the log-log plane, all lines alike, with a jackknife over
        the replicas of all lines together. Lines where the boundary is refused are left out, and
        their number is in the note; not valid for fewer than two others.

    Raises
    ------
    InputError
        If lines have different replicas, or no such axis.
    """
    boundary, lines = as_choice("boundary", boundary, BOUNDARIES), as_lines("lines", lines)
    threshold, quantity = as_positive("threshold", threshold), as_text("quantity", quantity)
    for line in lines:
        _as_line("lines", line)
        place = line.held[as_choice("against", against, line.held)]
        require(
            is_real(place) and place > 0,
            "against",
            against,
            "must be an axis of numbers above zero",
        )
    require(
        len({line.fitted.shape[1] for line in lines}) < 2,
        "lines",
        lines,
        "must have the same replicas",
    )
    find = {
        "T_max": largest,
        "T_opt": best,
        "T_c": lambda line: crossed(line, threshold, quantity),
    }[boundary]
    found = [(line.held[against], find(line)) for line in lines]
    kept = [
        (place, one) for place, one in found if isinstance(one, Located) and estimated(one).valid
    ]
    if len({place for place, _ in kept}) < 2:
        return Estimate.refused(
            f"{boundary} is known on {len(kept)} of {len(lines)} lines, at least 2 needed"
        )
    left_out = len(lines) - len(kept)
    places = np.log([place for place, _ in kept])
    return slope_of([one for _, one in kept], places, left_out)


def feature_exponent(degree: int) -> float:
    """k = (L - 2)/L of T_max and T_opt ~ alpha^k for a network homogeneous of degree L in its
    weights.

    Parameters
    ----------
    degree
        L >= 2; D + 1 for D hidden layers without biases.

    Examples
    --------
    >>> [feature_exponent(depth + 1) for depth in (1, 3)]
    [0.0, 0.5]
    """
    degree = as_count("degree", degree, minimum=2)
    return (degree - 2) / degree


def _as_line(name: str, line: Any) -> GridLine:
    """Return a line along which there is a logarithm."""
    found = as_instance(name, line, GridLine)
    require(
        bool((found.x > 0).all()), name, found.x, f"must be along values above zero of {found.axis}"
    )
    return found
