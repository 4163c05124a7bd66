r"""Trainings to zero loss at many P and d, their slopes, and what theory says of finite size.

Two kinds of series. A *line* is one dimension with P over a decade: slopes in P, of replicas whose
training sets are nested. A *row* is one P/d with d from 32 to 256: how something depends on d.

Theory at the end of training: the flow of signal and noise up to P n = c d
(`langevin_sgd.theory.perceptron.stopping`), and dips. At finite d the noise fluctuates by a
fraction 1/sqrt(2 d), relaxing once in d updates, and training ends in the deepest of N dips: the
weights are smaller by a factor 1 - sqrt(ln(N)/d), N = (J_chi/J_{chi+1}) a^2/(2 s T) (derived:
least of N normal numbers; dN/da = n/(T g1) of the late stage), and t* ~ a^(chi+3) over a noise of
its typical size by that factor to the power chi+3. As N grows with P, every local slope at fixed d
lies below its asymptote, and comes back to it no faster than 1/sqrt(d ln N). Slopes are compared
with this *at each d*; nothing is extrapolated in d, for the form in d is worth .15 of b at any size
that takes minutes.

The dips are a leading order. The tail of the noise beyond Gaussian is known for fresh samples only
(large deviations of the chain of visits, which make the correction to the slopes a tenth to a
quarter smaller; a test), and points used again widen the noise, by up to two fifths of its
quasi-stationary size at the stop. So the correction is trusted to half of itself, and that is the
margin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from langevin_sgd.validation.sgd_regimes._runs import (
    SINGLE,
    censored,
    joined,
    parts,
    perceptron_ensemble,
)

import langevin_sgd as ls

TEMPERATURE = 1.0
MARGIN = 1e-3
CONSTANT = {-0.5: 0.9, 0.0: 0.5, 1.0: 0.25, 3.0: 0.08}
"""c of the stop, for the curves of the flow; exponents hardly depend on it."""
TRUSTED = 0.5
"""Part of the correction by dips that is left open."""
MARGIN_REASON = "half of what dips of the noise take off the slope, which are a leading order"


def label(chi: float, dimension: int, ratio: int) -> str:
    """Name of a point of the grid."""
    return f"chi {chi:g}, d {dimension}, P/d {ratio}"


@dataclass(frozen=True)
class Line:
    """One dimension; P/d from the first to the last, those between are shown."""

    chi: float
    dimension: int
    ratios: tuple[int, ...]
    replicas: int

    @property
    def ends(self) -> np.ndarray:
        """First and last P/d."""
        return np.array([self.ratios[0], self.ratios[-1]], dtype=float)

    @property
    def width(self) -> float:
        """ln of their ratio."""
        return float(np.log(self.ends[1] / self.ends[0]))

    @property
    def title(self) -> str:
        """In the words of comparisons."""
        return f"chi {self.chi:g}, d = {self.dimension}, P/d {self.ratios[0]} to {self.ratios[-1]}"


@dataclass(frozen=True)
class Row:
    """One P/d, and the dimensions with their numbers of replicas."""

    chi: float
    ratio: int
    replicas: tuple[tuple[int, int], ...]

    @property
    def dimensions(self) -> np.ndarray:
        """d."""
        return np.array([d for d, _ in self.replicas])


LINES = {
    "quick": (
        Line(0.0, 32, (16, 50, 160), 192),
        Line(0.0, 64, (10, 32, 100), 128),
        Line(1.0, 32, (48, 150, 480), 256),
        Line(1.0, 64, (48, 150, 480), 192),
        Line(-0.5, 32, (4, 8, 16), 256),
    ),
    "full": (
        Line(0.0, 64, (16, 80, 400), 256),
        Line(0.0, 128, (16, 50, 160), 128),
        Line(1.0, 64, (48, 480, 2400), 512),
        Line(1.0, 128, (48, 150, 480), 256),
        Line(-0.5, 32, (4, 12, 32), 512),
        Line(-0.5, 64, (4, 8, 16), 256),
        Line(3.0, 32, (1024, 4096, 16384), 1024),
    ),
}
ROWS = {
    "quick": (
        Row(0.0, 16, ((32, 192), (64, 128), (128, 64), (256, 48))),
        Row(1.0, 48, ((32, 256), (64, 192), (128, 96), (256, 48))),
    ),
    "full": (
        Row(0.0, 32, ((32, 512), (64, 512), (128, 256), (256, 128), (512, 64))),
        Row(1.0, 144, ((32, 512), (64, 512), (128, 256), (256, 128))),
    ),
}
CACHED = 2**23
"""Numbers in a training set beyond which lists of certificates, which read all of it at times, do
not pay.
"""
PLAIN = replace(SINGLE, method="plain")
"""Engine without these lists."""
_PART = 64
"""Replicas of a task at most."""


def points(tier: str) -> dict[tuple[float, int, int], int]:
    """Replicas by chi, d and P/d: the most that a line or a row asks for."""
    wanted = [
        ((line.chi, line.dimension, ratio), line.replicas)
        for line in LINES[tier]
        for ratio in line.ratios
    ]
    wanted += [((row.chi, d, row.ratio), count) for row in ROWS[tier] for d, count in row.replicas]
    found: dict[tuple[float, int, int], int] = {}
    for place, count in wanted:
        found[place] = max(count, found.get(place, 0))
    return found


def tasks(tier: str, seed: int) -> dict[str, ls.sweep.Task]:
    """All trainings of a tier, the largest training sets first; at the smaller P a replica has the
    first points of the larger.
    """
    found: dict[str, ls.sweep.Task] = {}
    for (chi, dimension, ratio), replicas in _largest_first(points(tier)):
        run = perceptron_ensemble(
            points=ratio * dimension,
            dimension=dimension,
            chi=chi,
            temperature=TEMPERATURE,
            margin=MARGIN,
            replicas=replicas,
            engine=PLAIN if dimension >= 256 and ratio * dimension**2 > CACHED else SINGLE,
            seed=ls.derive_seed(seed, "ends", chi, dimension),
        )
        count = next(k for k in range(-(-replicas // _PART), replicas + 1) if replicas % k == 0)
        found |= dict(parts(label(chi, dimension, ratio), run, count))
    return found


def _largest_first(
    replicas: dict[tuple[float, int, int], int],
) -> Iterator[tuple[tuple[float, int, int], int]]:
    return iter(sorted(replicas.items(), key=lambda one: -one[0][1] * one[0][2]))


# --- theory ---------------------------------------------------------------------------------------


def flow_slope(line: Line, quantity: str) -> float:
    """Slope in P/d of ln(time) or ln(norm) of the flow to the stop."""
    tau, a, s = ls.theory.perceptron.flow_until(
        CONSTANT[line.chi] / line.ends, chi=line.chi, margin=MARGIN, temperature=TEMPERATURE
    )
    values = {"time": tau, "norm": np.hypot(a, s)}[quantity]
    return float(np.diff(np.log(values))[0]) / line.width


def dip(chi: float, ratio: np.ndarray | float, dimension: np.ndarray | float) -> np.ndarray:
    """ln(1 - sqrt(ln(N)/d)): by how much ln a falls short of the flow because the noise
    fluctuates.
    """
    theory = ls.theory.perceptron
    _, a, s = theory.flow_until(
        CONSTANT[chi] / np.asarray(ratio), chi=chi, margin=MARGIN, temperature=TEMPERATURE
    )
    relaxations = (
        theory.late_integral(chi, 0.0)
        / theory.late_integral(chi + 1, 0.0)
        * a**2
        / (2 * s * TEMPERATURE)
    )
    return np.log1p(-np.sqrt(np.log(relaxations) / np.asarray(dimension)))


def dip_slope(line: Line, quantity: str) -> float:
    """What dips add to the slope of ln(time) or ln(norm) in ln P; negative."""
    power = {"time": line.chi + 3, "norm": 1.0}[quantity]
    return power * float(np.diff(dip(line.chi, line.ends, line.dimension))[0]) / line.width


def slope(line: Line, quantity: str) -> float:
    """Slope of ln(time) or ln(norm) in ln P at this dimension: the flow to the stop, and dips."""
    return flow_slope(line, quantity) + dip_slope(line, quantity)


def margin(line: Line, quantity: str) -> float:
    """What is left open of a slope."""
    return TRUSTED * abs(dip_slope(line, quantity))


# --- measurement ----------------------------------------------------------------------------------


def at(data: ls.claims.Data, line: Line, ratio: int, name: str) -> np.ndarray:
    """One number of the replicas of a point of a line, (replica,)."""
    return joined(data, label(line.chi, line.dimension, ratio), name)[: line.replicas]


def replica_slopes(data: ls.claims.Data, line: Line, name: str) -> np.ndarray:
    """Slopes of ln(`name`) in ln P between the ends, (replica,), of replicas with nested data."""
    low, high = (np.log(at(data, line, line.ratios[k], name)) for k in (0, -1))
    return np.asarray((high - low) / line.width)


def measured_slope(data: ls.claims.Data, line: Line, name: str) -> ls.Estimate:
    """Mean of the slopes over replicas."""
    return ls.Estimate.from_samples(
        replica_slopes(data, line, name), method="mean slope of replicas with nested points"
    )


def means(data: ls.claims.Data, row: Row, name: str) -> list[ls.Estimate]:
    """Mean of ln(`name`) at each dimension of a row."""
    return [
        ls.Estimate.from_samples(np.log(joined(data, label(row.chi, d, row.ratio), name)))
        for d in row.dimensions.tolist()
    ]


def power_of_dimension(
    data: ls.claims.Data, row: Row, name: str, dimensions: tuple[int, ...] = ()
) -> ls.Estimate:
    """Slope of the mean of ln(`name`) in ln d, by least squares with equal weights; dimensions do
    not share replicas.
    """
    found = {d: one for d, one in zip(row.dimensions.tolist(), means(data, row, name), strict=True)}
    chosen = dimensions or tuple(found)
    along = np.log(chosen) - np.log(chosen).mean()
    weights = along / (along**2).sum()
    value, error = (
        np.array([getattr(found[d], part) for d in chosen], dtype=float)
        for part in ("value", "standard_error")
    )
    return ls.Estimate(
        value=float(weights @ value),
        standard_error=float(np.sqrt(weights**2 @ error**2)),
        n_independent=min(found[d].n_independent or 0 for d in chosen),
        method="least squares over dimensions, each counting alike",
    )


def shifted(found: ls.Estimate, by: float) -> ls.Estimate:
    """The estimate of a quantity plus a known number: of a slope, once a known power is put in."""
    return found if found.value is None else replace(found, value=found.value + by)


def unfinished(data: ls.claims.Data) -> str | None:
    """Why trainings cannot be judged by their ends, if some have none."""
    count = censored(data)
    return f"{count} replicas did not reach zero loss" if count else None


# --- figures --------------------------------------------------------------------------------------


def slope_panel(
    data: ls.claims.Data, tier: str, *, quantity: str, name: str, asymptote: str, symbol: str
) -> ls.plotting.Panel:
    """Measured slopes against those of the flow with dips, line by line, over their asymptotes."""
    series, places = [], []
    for line in LINES[tier]:
        limit = _asymptote(line, asymptote)
        places.append(slope(line, quantity) / limit)
        found = measured_slope(data, line, name).scaled(1 / limit)
        series.append(ls.plotting.Series.measured(line.title, places[-1:], [found]))
    ends = np.array([min(places) - 0.02, 1.0])
    return ls.plotting.Panel(
        title="Slopes in P at fixed d, over their asymptotes",
        x_label=f"flow to the stop with dips of the noise, over {symbol}",
        y_label=f"SGD, over {symbol}",
        series=(
            *series,
            ls.plotting.Series.theory("equal", ends, ends),
            ls.plotting.Series.guide("asymptote", ends, np.ones(2)),
        ),
    )


def _asymptote(line: Line, name: str) -> float:
    return float(getattr(ls.theory.perceptron.exponents(line.chi), name))


def course_panel(
    data: ls.claims.Data, tier: str, chi: float, *, name: str, quantity: str, per: float
) -> ls.plotting.Panel:
    """Time/(T d) or norm/(T sqrt(d)) against P/d on all lines and rows of one chi, with the
    flow.
    """
    shown: dict[int, list[int]] = {}
    for at_chi, dimension, ratio in sorted(points(tier)):
        if at_chi == chi:
            shown.setdefault(dimension, []).append(ratio)
    series = []
    for dimension, ratios in shown.items():
        samples = [joined(data, label(chi, dimension, ratio), name) for ratio in ratios]
        found = [ls.measure.geometric_mean(one).scaled(dimension**-per) for one in samples]
        series.append(ls.plotting.Series.measured(f"d = {dimension}", ratios, found))
    every = [ratio for ratios in shown.values() for ratio in ratios]
    fine = np.geomspace(min(every) / 1.2, max(every) * 1.2, 20)
    tau, a, s = ls.theory.perceptron.flow_until(
        CONSTANT[chi] / fine, chi=chi, margin=MARGIN, temperature=TEMPERATURE
    )
    law = {"time": tau, "norm": np.hypot(a, s)}[quantity]
    symbol = {"time": r"$t^*/(T d)$", "norm": r"$\|w^*\|/(T\sqrt{d})$"}[quantity]
    words = {"time": "Time to zero loss", "norm": "Weights at zero loss"}[quantity]
    flow = ls.plotting.Series.theory("flow to P n = c d", fine, law)
    return ls.plotting.log_log(rf"{words}, $\chi$ = {chi:g}", "P/d", symbol, (*series, flow))


def chis(tier: str) -> tuple[float, ...]:
    """The data laws of the lines, in order."""
    return tuple(sorted({line.chi for line in LINES[tier]}))


def power_panel(
    data: ls.claims.Data, tier: str, *, name: str, y_label: str, title: str, per: float
) -> ls.plotting.Panel:
    """A quantity over a power of d at fixed P/d, row by row, as measured."""
    series, notes = [], []
    for row in ROWS[tier]:
        d = row.dimensions
        samples = [joined(data, label(row.chi, one, row.ratio), name) for one in d.tolist()]
        found = [
            ls.measure.geometric_mean(one).scaled(float(k) ** -per)
            for one, k in zip(samples, d, strict=True)
        ]
        words = rf"$\chi$ = {row.chi:g}, P/d = {row.ratio}"
        series.append(ls.plotting.Series.measured(words, d, found))
        powers = [
            power_of_dimension(data, row, name, pair).value or np.nan
            for pair in zip(d[:-1].tolist(), d[1:].tolist(), strict=True)
        ]
        notes.append(", ".join(f"{power - per:.2f}" for power in powers))
    return ls.plotting.log_log(
        title, "d", y_label, series, note="local powers of d: " + "; ".join(notes)
    )
