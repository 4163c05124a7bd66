"""``langevin-sgd perceptron sweep``: a grid of perceptrons, and the exponents in it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from langevin_sgd.checks import InputError, require
from langevin_sgd.cli.arguments import (
    Figure,
    Results,
    Scheduler,
    Seed,
    Workers,
    count,
    in_words_of_the_command,
    option,
)
from langevin_sgd.cli.computing import compute
from langevin_sgd.cli.perceptron.words import (
    LARGEST_REPLICAS,
    OPTIONS,
    Chis,
    Positives,
    Sizes,
    StepsIfGiven,
)
from langevin_sgd.cli.text import print_json, table
from langevin_sgd.estimate import Estimate, format_with_error

if TYPE_CHECKING:
    import xarray as xr

    from langevin_sgd.experiments import ExponentFit, ExponentLimit, PerceptronGrid

_LETTERS = OPTIONS | {"points_per_dimension": "P/d"}
_QUANTITIES = ("t_star", "norm", "signal", "noise", "test_error")


@dataclass(frozen=True)
class Sweep:
    """Train perceptrons over a grid and fit the exponents of t* and ||w||, with errors, local
    slopes and windows.

    Every option of the grid takes a list A,B,...; every combination is trained. b and gamma are
    fitted against P at fixed d, delta against T; with three or more dimensions at equal ratios P/d
    the local slopes are extrapolated in d. Results are stored, and the same command continues.
    JSON: points, fits, limits.
    """

    d: Sizes
    """Dimensions."""

    T: Positives
    """Temperatures lr/B, positive; the learning rate is T * B."""

    kappa: Positives
    """Margins, positive."""

    P: Sizes = ()
    """Numbers of points."""

    P_over_d: Positives = ()
    """Instead of P: ratios P/d, the same at every dimension."""

    chi: Chis = (0.0,)
    """Exponents of the density of points at the boundary, above -1."""

    B: Sizes = (1,)
    """Batch sizes, at most P."""

    seeds: Annotated[int, option(count(2, LARGEST_REPLICAS), "INT")] = 16
    """Replicas at every point, each with data and batches of its own; at least 2."""

    seed: Seed = 0
    """From which all random numbers derive; replica r is that of perceptron run --seed."""

    method: Literal["auto", "plain", "accelerated"] = "auto"
    """Plain steps, or only those in which something can change: the same law."""

    sampling: Literal["without_replacement", "with_replacement", "epochs"] = "without_replacement"
    """How the points of a batch are drawn."""

    max_steps: StepsIfGiven = None
    """Steps after which a replica is given up; a point with such a replica takes part in no fit."""

    results: Results = Path("results")
    """Where results are stored."""

    workers: Workers = 0
    """Worker processes; 0: as many as this process may use cores."""

    scheduler: Scheduler = None
    """A running Dask cluster (tcp://host:port) that shares the results directory."""

    retry_failed: bool = False
    """Try tasks again that failed before."""

    plot: Figure = None
    """Draw every fit into FILE (.svg, .pdf, .png)."""

    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Train, fit and print."""
        from langevin_sgd.experiments import extrapolate_exponents, fit_exponents
        from langevin_sgd.sweep import Store

        words = OPTIONS | {"replicas": "seeds"}
        with in_words_of_the_command(words):
            grid = self._grid()
        if self.plot is not None and max(map(len, map(set, (self.P or self.P_over_d, self.T)))) < 2:
            raise InputError(
                "--plot: the grid has no axis with two values of P or T; nothing to draw"
            )
        store, workers, retry = Store(self.results), self.workers or None, self.retry_failed
        with in_words_of_the_command(words):
            failed = compute(
                grid.tasks(), store, workers=workers, scheduler=self.scheduler, retry_failed=retry
            )
        if failed:
            if self.json:
                print_json({"points": [], "fits": {}, "limits": {}, "failed": failed})
            return 1
        result = grid.collect(store)
        fits, limits, points = fit_exponents(result), extrapolate_exponents(result), _points(result)
        if self.json:
            document = {"points": points, "fits": _by_name(fits), "limits": _by_name(limits)}
            print_json(document)
        else:
            print(
                "\n\n".join(
                    filter(None, [_point_table(points), _fit_table(fits), _limit_table(limits)])
                )
            )
        _report_censored(points)
        if self.plot is not None:
            _plot(fits, self.plot)
        return 0

    def _grid(self) -> PerceptronGrid:
        from langevin_sgd.experiments import PerceptronGrid

        if bool(self.P) == bool(self.P_over_d):
            raise InputError("P: give either --P A,B,... or --P-over-d A,B,...")
        for ratio, dimension in product(self.P_over_d, self.d):
            require(
                round(ratio * dimension) > 0,
                "--P-over-d",
                ratio,
                f"gives no point in {dimension} dimensions",
            )
        return PerceptronGrid(
            points=self.P,
            points_per_dimension=self.P_over_d,
            dimension=self.d,
            chi=self.chi,
            temperature=self.T,
            batch_size=self.B,
            margin=self.kappa,
            replicas=self.seeds,
            seed=self.seed,
            sampling=self.sampling,
            method=self.method,
            max_steps=self.max_steps,
        )


def _points(result: xr.Dataset) -> list[dict[str, Any]]:
    """One entry per point of the grid: the letters of the command, geometric means with errors,
    censored replicas.
    """
    found = []
    for _, point in result.groupby("point"):
        one = point.squeeze("point")
        entry: dict[str, Any] = {OPTIONS.get(name, name): one[name].item() for name in _AXES}
        entry |= {"replicas": one.sizes["replica"], "censored": int((one["status"] != 0).sum())}
        entry |= {name: _average(one[name].values).to_dict() for name in _QUANTITIES}
        found.append(entry)
    return found


def _average(values: np.ndarray) -> Estimate:
    from langevin_sgd.measure import geometric_mean

    if (values == 0).any():  # in one dimension there is no noise
        return Estimate.refused("a replica is zero", value=float(values.mean()))
    return geometric_mean(values)


_AXES = ("points", "dimension", "chi", "temperature", "batch_size", "margin")


def _by_name(found: list[Any]) -> dict[str, list[dict[str, Any]]]:
    """Entries of each exponent, what is held fixed in the letters of the command."""
    named: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        document = one.to_dict() | {"held": _letters(one.held)}
        if "against" in document:
            document["against"] = OPTIONS.get(one.against, one.against)
        named.setdefault(one.name, []).append(document)
    return named


def _letters(held: dict[str, float]) -> dict[str, float]:
    return {_LETTERS.get(name, name): value for name, value in held.items()}


def _report_censored(points: list[dict[str, Any]]) -> None:
    censored = [point for point in points if point["censored"]]
    if censored:
        many = (
            f"{sum(point['censored'] for point in censored)} replicas at {len(censored)} of "
            f"{len(points)} points"
        )
        print(f"langevin-sgd: {many} are censored; no fit uses these points", file=sys.stderr)


# --- tables ---------------------------------------------------------------------------------------


def _point_table(points: list[dict[str, Any]]) -> str:
    letters = [OPTIONS.get(name, name) for name in _AXES]
    header = [*letters, "censored", *(name.replace("_", " ") for name in _QUANTITIES)]
    rows = [
        [
            *(f"{point[letter]:g}" for letter in letters),
            f"{point['censored']}/{point['replicas']}",
            *(
                format_with_error(point[name]["value"], point[name]["standard_error"])
                for name in _QUANTITIES
            ),
        ]
        for point in points
    ]
    return table(header, rows, right=range(len(header)))


def _fit_table(fits: list[ExponentFit]) -> str:
    header = ["exponent", "of", "against", "at", "points", "fit", "last slope", "predicted"]
    rows = [
        [
            fit.name,
            fit.quantity.replace("_", " "),
            OPTIONS.get(fit.against, fit.against),
            _at(fit.held),
            str(len(fit.x)),
            _number(fit.exponent),
            _number(fit.slopes.at(fit.slopes.x[-1])),
            "-" if fit.predicted is None else f"{fit.predicted:.4g}",
        ]
        for fit in fits
    ]
    return table(header, rows, right=[4, 5, 6, 7]) if rows else ""


def _limit_table(limits: list[ExponentLimit]) -> str:
    header = ["exponent", "P/d", "at", "largest d", "slope there", "limit in d", "predicted"]
    rows = [
        [
            limit.name,
            "{:g} to {:g}".format(*limit.ratios),
            _at(limit.held),
            str(limit.dimension[-1]),
            _number(Estimate.from_samples(limit.slopes[-1])),
            _number(limit.limit),
            "-" if limit.predicted is None else f"{limit.predicted:.4g}",
        ]
        for limit in limits
    ]
    return table(header, rows, right=[3, 4, 5, 6]) if rows else ""


def _at(held: dict[str, float]) -> str:
    return " ".join(f"{letter}={value:g}" for letter, value in _letters(held).items())


def _number(estimate: Estimate) -> str:
    return format_with_error(estimate.value, estimate.standard_error)


# --- figure ---------------------------------------------------------------------------------------


def _plot(fits: list[ExponentFit], path: Path) -> None:
    """One panel an exponent: the points of every line, and its predicted slope through the last of
    them.
    """
    from langevin_sgd.plotting import Panel, draw, save

    if not fits:
        raise InputError("--plot: the grid has no axis with two values; nothing to draw")
    panels = [
        Panel(
            f"{lines[0].quantity.replace('_', ' ')} against {OPTIONS[lines[0].against]}",
            OPTIONS[lines[0].against],
            lines[0].quantity.replace("_", " "),
            [series for line in lines for series in _series(line, lines)],
            "log",
            "log",
            "lines: predicted slope" if lines[0].predicted is not None else "",
        )
        for name in dict.fromkeys(fit.name for fit in fits)
        if (lines := [fit for fit in fits if fit.name == name])
    ]
    save(draw(panels), path)


def _series(fit: ExponentFit, lines: list[ExponentFit]) -> list[Any]:
    from langevin_sgd.measure import geometric_mean
    from langevin_sgd.plotting import Series

    means = [geometric_mean(values) for values in fit.y]
    values, errors = (
        np.array([getattr(one, name) for one in means]) for name in ("value", "standard_error")
    )
    varied = {
        name: value
        for name, value in fit.held.items()
        if len({line.held[name] for line in lines}) > 1
    }
    measured = Series(_at(varied), fit.x, values, errors)
    if fit.predicted is None:
        return [measured]
    return [
        measured,
        Series("", fit.x, values[-1] * (fit.x / fit.x[-1]) ** fit.predicted, kind="theory"),
    ]
