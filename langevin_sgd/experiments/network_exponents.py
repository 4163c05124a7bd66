r"""Exponents of what is measured along lines of a grid of networks, replica by replica.

    ln q = power * ln x + const        on every line, with one power for all of them

The power is found by least squares for each replica alone, and averaged over replicas: replicas are
paired along a line, so that what they differ in cancels. `crossover_ratio` puts T_c and the change
of weights together: in the lazy regime |w - w0| ~ T^delta P^gamma, and if the regime ends where the
weights have moved by a fixed part, T_c ~ P^-a with a delta/gamma = 1 (Sclocchi, Geiger and Wyart,
arXiv 2301.13703).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from langevin_sgd.checks import as_choice, as_positive, as_window, require
from langevin_sgd.estimate import Estimate
from langevin_sgd.experiments.boundary_estimators import Located, crossed
from langevin_sgd.experiments.network_boundaries import KERNEL_CHANGE
from langevin_sgd.experiments.network_lines import GridLine, as_lines
from langevin_sgd.measure import jackknife


def replica_exponents(lines: Sequence[GridLine], quantity: str) -> np.ndarray:
    """Power of a quantity along lines, of each replica by itself.

    Parameters
    ----------
    lines
        From `lines_along`, of the same replicas, at least two points on one of them.
    quantity
        A name of `GridLine.measured`.

    Returns
    -------
    numpy.ndarray
        (replica,) common slope of the lines in the log-log plane, NaN for a replica that is not
        fitted at some point.

    Raises
    ------
    InputError
        If the quantity was not measured, lines have different replicas, or none has two points.
    """
    lines = as_lines("lines", lines)
    replicas = {line.fitted.shape[1] for line in lines}
    require(len(replicas) == 1, "lines", lines, "must be of the same replicas")
    long = [line for line in lines if len(line.x) > 1]
    require(bool(long), "lines", lines, "must have two points on one of them")
    rise: np.ndarray = np.zeros(replicas.pop())
    run = 0.0
    for line in long:
        values = line.measured[as_choice("quantity", quantity, line.measured)]
        x = np.log(line.x)
        x = x - x.mean()
        rise = rise + x @ np.log(values)
        run += float(x @ x)
    return np.asarray(rise / run)


def quantity_exponent(lines: Sequence[GridLine], quantity: str) -> Estimate:
    """Power of a quantity along lines, the same on all of them.

    Parameters
    ----------
    lines, quantity
        See `replica_exponents`.

    Returns
    -------
    Estimate
        Mean over the replicas that are fitted at every point; how many are not is in the note. Not
        valid where no line has two points.

    Raises
    ------
    InputError
        If the quantity was not measured, or lines have different replicas.
    """
    lines = as_lines("lines", lines)
    method = f"common log-log slope of {len(lines)} lines, mean over replicas"
    if all(len(line.x) < 2 for line in lines):
        doubt = "no line has two points at which every replica is fitted"
        return Estimate.refused(doubt, method=method)
    found = replica_exponents(lines, quantity)
    known = found[np.isfinite(found)]
    if not len(known):
        return Estimate.refused("no replica is fitted at every point", method=method)
    return Estimate.from_samples(known, method=method)


def crossover_ratio(
    lines: Sequence[GridLine],
    *,
    window: tuple[float, float],
    threshold: float = KERNEL_CHANGE,
) -> Estimate:
    r"""Measure a delta/gamma, which is 1 if T_c is where weights have moved by a fixed part.

    Parameters
    ----------
    lines
        Along the temperature, from `lines_along`; they differ in the number of points P.
    window
        Lowest and highest temperature at which gamma and delta are measured, deep in the lazy
        regime, both included.
    threshold
        Relative change of the tangent kernel at T_c; `KERNEL_CHANGE` by default.

    Returns
    -------
    Estimate
        With a jackknife over the replicas of all lines together. Not valid where T_c is refused at
        some P, or where a replica is not fitted within the window.

    Raises
    ------
    InputError
        If lines have different replicas or temperatures within the window, or no axis ``points``.
    """
    lines, threshold = as_lines("lines", lines), as_positive("threshold", threshold)
    low, high = as_window("window", window)
    for line in lines:
        as_choice("lines: an axis they differ in", "points", line.held)
    inside = [line.where(np.logical_and(line.x >= low, line.x <= high)) for line in lines]
    alike = len({(tuple(line.x), line.fitted.shape[1]) for line in inside}) == 1
    require(alike, "lines", lines, "must have the same replicas and temperatures")
    method = "crossings of mean curves over exponents of weights, jackknife over replicas"
    places = [crossed(line, threshold, "kernel_change") for line in lines]
    known = [one for one in places if isinstance(one, Located)]
    temperatures, sizes = inside[0].x, np.array([line.held["points"] for line in lines])
    if len(known) < len(lines):
        return Estimate.refused("the kernel does not cross the threshold at every P", method=method)
    if len(set(sizes.tolist())) < 2 or len(temperatures) < 2:
        return Estimate.refused("needs two temperatures in the window, and two P", method=method)
    if not all(line.fitted.all() for line in inside):
        return Estimate.refused("a replica is not fitted within the window", method=method)
    weights = np.log([line.measured["weight_change"] for line in inside])
    samples = [one.samples for one in known]
    samples.append(weights.reshape(-1, weights.shape[-1]).T)
    ends = np.cumsum([one.shape[1] for one in samples])[:-1]

    def ratio(averages: np.ndarray) -> np.ndarray:
        *curves, change = np.split(averages, ends, axis=1)
        change = change.reshape(-1, len(sizes), len(temperatures))
        gamma = change.mean(axis=2) @ _slope_weights(sizes)
        delta = change.mean(axis=1) @ _slope_weights(temperatures)
        crossings = [one.logarithm(part) for one, part in zip(known, curves, strict=True)]
        a = -(_slope_weights(sizes) @ np.stack(crossings))
        return np.asarray(a * delta / gamma)

    value, error = jackknife(ratio, np.concatenate(samples, axis=1))
    if not np.isfinite(value + error):
        return Estimate.refused("not known without some of the replicas", method=method)
    return Estimate(
        value=float(value),
        standard_error=float(error),
        n_independent=weights.shape[-1],
        method=method,
    )


def _slope_weights(x: np.ndarray) -> np.ndarray:
    """Weights with which values at x, (point,), make the least-squares slope in ln x."""
    centred = np.log(x) - np.log(x).mean()
    return np.asarray(centred / (centred @ centred))
