r"""Exponents of networks in the lazy regime, fitted on a grid of temperatures and training-set
sizes.

    |w - w0| / |w0| ~ T^delta P^gamma,      t* ~ T P^b,      T_c ~ P^-a

(Sclocchi, Geiger and Wyart, arXiv 2301.13703). gamma and b are those with which the curves of
different P fall on one, weight change P^-gamma and t*/(T P^b) against T
(`langevin_sgd.measure.collapse`); delta is the common slope in T of all curves, T_c where the
tangent kernel has changed by a threshold (`langevin_sgd.experiments.crossing`). The paper has delta
= 1, a = gamma/delta, and b = 1 + 2 gamma whatever the data; `LazyExponents.predicted` evaluates
them with what was measured. b - 2 gamma is the exponent nu with which the fraction of points drawn
that are unfit falls, ~ P^-nu on the average over a training (derived: each visit to an unfit point
adds to |w|^2): one only where that is so. On images it is below one, about 0.5 on digits and MNIST.

Range: alpha so large that the kernel changes little; T above 1/alpha, where noise and not the
margin sets the weights; batches below the critical size, or the first step decides. A point with a
replica that is not fitted takes no part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd.checks import as_positive, as_window
from langevin_sgd.estimate import Estimate
from langevin_sgd.experiments.network_boundaries import KERNEL_CHANGE, boundary_exponent, crossing
from langevin_sgd.experiments.network_exponents import quantity_exponent
from langevin_sgd.experiments.network_lines import GridLine, families, lines_along
from langevin_sgd.measure import Collapse, collapse

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, kw_only=True, eq=False)
class LazyExponents:
    """Exponents of one family of lines that differ in P.

    Parameters
    ----------
    held
        What the lines share.
    lines
        Along the temperature, P increasing; points with an unfitted replica are left out.
    gamma, b
        Collapse of the weight change, and of t*/T.
    delta
        Of the weight change with T at fixed P.
    a
        Of T_c with 1/P; ``None`` where the kernel change was not measured.
    crossings
        T_c at each P; none where the kernel change was not measured.
    threshold
        Of T_c.
    left_out
        Points left out.
    """

    held: dict[str, Any]
    lines: tuple[GridLine, ...]
    gamma: Collapse
    b: Collapse
    delta: Estimate
    a: Estimate | None
    crossings: tuple[Estimate, ...]
    threshold: float
    left_out: int

    @property
    def predicted(self) -> dict[str, Estimate]:
        """What the paper has for b, delta and a, from the gamma and delta that were measured, by
        name.
        """
        gamma, delta = self.gamma.y_exponent, self.delta
        method = "1 + 2 gamma, with the gamma measured"
        refused = Estimate.refused(f"gamma is not known: {gamma.note}", method=method)
        twice = replace(gamma.scaled(2.0), method=method, note="")
        b = (
            replace(twice, value=1.0 + twice.value)
            if gamma.valid and twice.value is not None
            else refused
        )
        return {"b": b, "delta": Estimate(value=1.0, method="exact"), "a": _ratio(gamma, delta)}

    def to_dict(self) -> dict[str, Any]:
        """Return strict JSON types."""
        return {
            "held": self.held,
            "gamma": self.gamma.y_exponent.to_dict(),
            "b": self.b.y_exponent.to_dict(),
            "delta": self.delta.to_dict(),
            "a": None if self.a is None else self.a.to_dict(),
            "predicted": {name: one.to_dict() for name, one in self.predicted.items()},
            "threshold": self.threshold,
            "left_out": self.left_out,
        }


def _ratio(gamma: Estimate, delta: Estimate) -> Estimate:
    """gamma/delta, whose errors are correlated in a way that is not known: without error."""
    method = "gamma / delta, as measured"
    if not (gamma.valid and delta.valid) or gamma.value is None or not delta.value:
        return Estimate.refused("gamma or delta is not known", method=method)
    return Estimate(value=gamma.value / delta.value, method=method)


def fit_lazy_exponents(
    result: xr.Dataset,
    *,
    threshold: float = KERNEL_CHANGE,
    window: tuple[float, float] | None = None,
) -> list[LazyExponents]:
    """Fit gamma, b, delta and a on every family of lines that differ in P.

    Parameters
    ----------
    result
        Of `langevin_sgd.experiments.Grid.collect`.
    threshold
        Relative kernel change at T_c.
    window
        Lowest and highest temperature of the fits, both included; all by default.

    Returns
    -------
    list of LazyExponents
        In the order of the grid; none where P has one value.

    Raises
    ------
    InputError
        If it is no such result, or threshold or window are out of range.
    """
    threshold = as_positive("threshold", threshold)
    low, high = (0.0, np.inf) if window is None else as_window("window", window)
    found = families(lines_along(result, "temperature_per_width"), "points")
    return [_fitted(family, threshold, low, high) for family in found if len(family) > 1]


def _fitted(family: list[GridLine], threshold: float, low: float, high: float) -> LazyExponents:
    inside = [line.where(np.logical_and(line.x >= low, line.x <= high)) for line in family]
    whole = [line.where(np.all(line.fitted, axis=1)) for line in inside]
    measured = "kernel_change" in family[0].measured
    decrease = boundary_exponent("T_c", whole, "points", threshold=threshold) if measured else None
    return LazyExponents(
        held={name: value for name, value in family[0].held.items() if name != "points"},
        lines=tuple(whole),
        gamma=_collapse(
            whole, {line.held["points"]: line.measured["weight_change"] for line in whole}
        ),
        b=_collapse(
            whole,
            {line.held["points"]: line.measured["t_star"] / line.x[:, None] for line in whole},
        ),
        delta=quantity_exponent(whole, "weight_change"),
        a=None if decrease is None else decrease.scaled(-1.0),
        crossings=tuple(crossing(line, threshold) for line in whole) if measured else (),
        threshold=threshold,
        left_out=sum(len(line.x) for line in inside) - sum(len(line.x) for line in whole),
    )


def _collapse(lines: list[GridLine], values: dict[int, np.ndarray]) -> Collapse:
    """Exponent of P alone, temperatures stay where they are; curves too short for a collapse do not
    spoil it.
    """
    curves = [(points, line.x, y) for line, (points, y) in zip(lines, values.items(), strict=True)]
    long = [curve for curve in curves if len(curve[1]) > 2]
    return collapse(long if len(long) > 1 else curves, x_exponent=0.0)
