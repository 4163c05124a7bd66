r"""Trainings to zero loss on a grid of P/d and d, their local exponents, and what theory says of
finite size.

Theory at the end of training: the flow of signal and noise up to P n = c d
(`langevin_sgd.theory.perceptron.stopping`). Three corrections are known beforehand and set grid,
form of extrapolation and margins of the claims on this grid.

- At finite P/d the flow itself has not reached the late stage. It describes SGD while P n >= 5 d,
  and what points used again do from there to the stop at c d is not vouched for. Margins are the
  distance from the asymptote of the slope of the flow halted between the two, at P n = 2 d, over
  the same window of P/d.
- At finite d the noise fluctuates by a fraction 1/sqrt(2 d), relaxing once in d updates, and
  training ends in the deepest of N dips: the weights are smaller by a factor 1 - sqrt(ln(N)/d), N =
  (J_chi/J_{chi+1}) a^2/(2 s T) (derived:
  least of N normal numbers; dN/da = n/(T g1) of the late stage). As t* ~ a^(chi+3) over a noise of
  its typical size, the leading correction to every local slope is of order d^(-1/2), the form in
  which slopes are extrapolated; what that form leaves of the dips is the margin where it is the
  larger of the two.
- The margin kappa = T/1000 does not count.
"""

from __future__ import annotations

from collections.abc import Mapping
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

DIMENSIONS = (32, 64, 128, 256)
TEMPERATURE = 1.0
MARGIN = 1e-3
CONSTANT = {0.0: 0.5, 1.0: 0.25, 3.0: 0.08}
"""c of the stop, for the curves of the flow; exponents hardly depend on it."""
HALFWAY = 2.0
"""P n/d at which the flow is halted for the margin: between 5, where it ceases to hold, and c."""
MARGIN_REASON = (
    "finite P/d (slope of the flow halted at P n = 2 d), and what the extrapolation "
    "leaves of finite d"
)


@dataclass(frozen=True)
class Window:
    """Two values of P/d, and replicas per point for each of `DIMENSIONS`."""

    chi: float
    ratios: tuple[int, int]
    replicas: tuple[int, ...]

    @property
    def width(self) -> float:
        """ln of the ratio of the ends."""
        return float(np.log(self.ratios[1] / self.ratios[0]))

    def label(self, dimension: int, ratio: int) -> str:
        """Name of a point."""
        return f"chi {self.chi:g}, d {dimension}, P/d {ratio}"


WINDOWS = {
    "quick": (
        Window(0.0, (16, 32), (256, 128, 64, 64)),
        Window(1.0, (48, 144), (2048, 512, 192, 64)),
    ),
    "full": (
        Window(0.0, (32, 64), (1024, 512, 256, 128)),
        Window(1.0, (64, 256), (1024, 512, 256, 128)),
        Window(3.0, (512, 2048), (1024, 512, 256, 128)),
    ),
}
"""At the first P/d the flow is within 1 % of its asymptotic slopes when it comes to the stop."""
CACHED = 2**23
"""Numbers in a training set beyond which lists of certificates, which read all of it at times, do
not pay.
"""
PLAIN = replace(SINGLE, method="plain")
"""Engine without these lists."""
_PARTS = {32: 2, 64: 4, 128: 8, 256: 8}


def tasks(tier: str, seed: int) -> dict[str, ls.sweep.Task]:
    """All trainings of a tier, the longest first; at the smaller P a replica has the first points
    of the larger.
    """
    found = {}
    for place in reversed(range(len(DIMENSIONS))):
        dimension = DIMENSIONS[place]
        for window in WINDOWS[tier]:
            for ratio in reversed(window.ratios):
                run = perceptron_ensemble(
                    points=ratio * dimension,
                    dimension=dimension,
                    chi=window.chi,
                    temperature=TEMPERATURE,
                    margin=MARGIN,
                    replicas=window.replicas[place],
                    engine=PLAIN if ratio * dimension**2 > CACHED else SINGLE,
                    seed=ls.derive_seed(seed, "ends", window.chi, dimension),
                )
                found |= dict(parts(window.label(dimension, ratio), run, _PARTS[dimension]))
    return found


# --- theory ---------------------------------------------------------------------------------------


def flow_slope(window: Window, quantity: str, constant: float) -> float:
    """Slope in P/d of ln(time) or ln(norm) of the flow halted at P n = `constant` d."""
    ratios = np.array(window.ratios)
    tau, a, s = ls.theory.perceptron.flow_until(
        constant / ratios, chi=window.chi, margin=MARGIN, temperature=TEMPERATURE
    )
    values = {"time": tau, "norm": np.hypot(a, s)}[quantity]
    return float(np.diff(np.log(values))[0]) / window.width


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


def slopes_with_dips(window: Window, quantity: str, dimensions: np.ndarray) -> np.ndarray:
    """Slopes of the flow to the stop, with dips of the noise at finite dimension."""
    power = {"time": window.chi + 3, "norm": 1.0}[quantity]
    fall = [dip(window.chi, ratio, dimensions) for ratio in window.ratios]
    return (
        flow_slope(window, quantity, CONSTANT[window.chi])
        + power * (fall[1] - fall[0]) / window.width
    )


def margin(window: Window, quantity: str) -> float:
    """Accuracy of an asymptotic exponent: the larger of what finite P/d and what the extrapolation
    in d leave.

    They have opposite signs: the flow halted at P n = 2 d is below the asymptote, dips extrapolated
    in d^(-1/2) end above it.
    """
    law = ls.theory.perceptron.exponents(window.chi)
    asymptote = {"time": law.b, "norm": law.gamma}[quantity]
    sizes = np.array(DIMENSIONS, dtype=float)
    slopes = slopes_with_dips(window, quantity, sizes)
    limit = ls.measure.extrapolate(sizes, slopes, error=np.ones(len(sizes)), power=0.5).limit.value
    return max(
        abs(flow_slope(window, quantity, HALFWAY) - asymptote),
        abs(float(limit or np.nan) - asymptote),
    )


# --- measurement ----------------------------------------------------------------------------------


def replica_slopes(data: ls.claims.Data, window: Window, name: str) -> list[np.ndarray]:
    """Slopes of ln(`name`) in ln P at each dimension, (replica,), of replicas with nested data."""
    found = []
    for dimension in DIMENSIONS:
        low, high = (
            np.log(joined(data, window.label(dimension, ratio), name)) for ratio in window.ratios
        )
        found.append((high - low) / window.width)
    return found


def local_slopes(data: ls.claims.Data, window: Window, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Means of the slopes at each dimension, and their errors."""
    means = [ls.Estimate.from_samples(one) for one in replica_slopes(data, window, name)]
    slopes, errors = np.array([(one.value, one.standard_error) for one in means], dtype=float).T
    return slopes, errors


def extrapolation(data: ls.claims.Data, window: Window, name: str) -> ls.measure.Extrapolation:
    """Local slopes extrapolated to infinite dimension, linearly in d^(-1/2)."""
    slopes = replica_slopes(data, window, name)
    return ls.experiments.extrapolated_slopes(DIMENSIONS, slopes, power=0.5)


def unfinished(data: ls.claims.Data) -> str | None:
    """Why trainings cannot be judged by their ends, if some have none."""
    count = censored(data)
    return f"{count} replicas did not reach zero loss" if count else None


def slope_panel(
    data: ls.claims.Data,
    window: Window,
    *,
    quantity: str,
    name: str,
    exponent: float,
    rivals: Mapping[str, float],
    y_label: str,
) -> ls.plotting.Panel:
    """Local slopes against d^(-1/2), with the flow, its dips, rivals and the extrapolation."""
    slopes, errors = local_slopes(data, window, name)
    fit = extrapolation(data, window, name)
    fine = np.linspace(0.0, 0.19, 60)
    ends = fine[[0, -1]]
    sizes = 1 / np.maximum(fine, 1e-9) ** 2
    line = float(fit.limit.value or np.nan) + float(fit.coefficients[0].value or np.nan) * ends
    flow = flow_slope(window, quantity, CONSTANT[window.chi])
    return ls.plotting.Panel(
        title=rf"$\chi$ = {window.chi:g}, P/d from {window.ratios[0]} to {window.ratios[1]}",
        x_label=r"$d^{-1/2}$",
        y_label=y_label,
        series=(
            ls.plotting.Series("SGD", np.array(DIMENSIONS) ** -0.5, slopes, errors),
            ls.plotting.Series.theory(f"asymptote {exponent:.3g}", ends, np.full(2, exponent)),
            ls.plotting.Series.theory(
                "flow to the stop, dips of noise", fine, slopes_with_dips(window, quantity, sizes)
            ),
            ls.plotting.Series.guide("flow to the stop", ends, np.full(2, flow)),
            ls.plotting.Series.guide("", ends, line),
            *(
                ls.plotting.Series.rival(label, ends, np.full(2, value))
                for label, value in rivals.items()
            ),
        ),
        note=f"extrapolated (dotted): {fit.limit}",
    )
