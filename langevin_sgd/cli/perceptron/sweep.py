"""``langevin-sgd perceptron sweep``: a grid of perceptrons, and the exponents in it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from langevin_sgd.checks import InputError
from langevin_sgd.cli.arguments import (
    LARGEST_REPLICAS,
    Chis,
    Figure,
    Positives,
    Results,
    Scheduler,
    Seed,
    Sizes,
    Workers,
    count,
    in_terms_of_options,
    option,
)
from langevin_sgd.cli.computing import compute
from langevin_sgd.cli.perceptron.options import (
    NAMES,
    Ending,
    Engine,
    Sampling,
    engine_of,
    settings_of,
    stop_of,
)
from langevin_sgd.cli.text import print_json
from langevin_sgd.plotting import draw, save

if TYPE_CHECKING:
    pass
    from langevin_sgd.experiments import Grid


@dataclass(frozen=True, kw_only=True)
class SweepPerceptrons:
    """Train perceptrons over a grid and fit the exponents of t* and ||w||.

    Exponents come with errors, local slopes and windows.

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

    engine: Engine
    settings: Sampling
    stop: Ending

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
        from langevin_sgd.experiments import perceptron_summary as summary
        from langevin_sgd.experiments.perceptron_figures import exponent_panels
        from langevin_sgd.sweep import Store

        words = NAMES | {"replicas": "seeds"}
        with in_terms_of_options(words):
            grid = self._grid()
        if self.plot is not None and max(map(len, map(set, (self.P or self.P_over_d, self.T)))) < 2:
            raise InputError(
                "--plot: the grid has no axis with two values of P or T; nothing to draw"
            )
        store, workers, retry = Store(self.results), self.workers or None, self.retry_failed
        with in_terms_of_options(words):
            failed = compute(
                grid.tasks(), store, workers=workers, scheduler=self.scheduler, retry_failed=retry
            )
        if failed:
            if self.json:
                print_json({"points": [], "fits": {}, "limits": {}, "failed": failed})
            return 1
        result = grid.collect(store)
        fits, limits = fit_exponents(result), extrapolate_exponents(result)
        points = summary.point_documents(result)
        if self.json:
            entries = {
                "fits": summary.documents_by_name(fits),
                "limits": summary.documents_by_name(limits),
            }
            print_json({"points": points, **entries})
        else:
            exponents = summary.fit_table(fits), summary.limit_table(limits)
            tables = summary.point_table(points), *(table for table in exponents if table.rows)
            print(*tables, sep="\n\n")
        _report_censored(points)
        if self.plot is not None:
            panels = exponent_panels(fits)
            if not panels:
                raise InputError("--plot: the grid has no axis with two values; nothing to draw")
            save(draw(panels), self.plot)
        return 0

    def _grid(self) -> Grid:
        """Every combination of the values of the options."""
        from langevin_sgd.data import DepletedSign
        from langevin_sgd.experiments import Grid
        from langevin_sgd.models import Perceptron

        if bool(self.P) == bool(self.P_over_d):
            raise InputError("P: give either --P A,B,... or --P-over-d A,B,...")
        sizes = {"points": self.P} if self.P else {"points_per_dimension": self.P_over_d}
        return Grid(
            Perceptron(data=DepletedSign(points=1, dimension=1), margin=self.kappa[0]),
            settings_of(self.settings, lr=1.0, batch_size=1),
            stop=stop_of(self.stop),
            axes={
                "dimension": self.d,
                **sizes,
                "chi": self.chi,
                "temperature": self.T,
                "batch_size": self.B,
                "margin": self.kappa,
            },
            replicas=self.seeds,
            seed=self.seed,
            engine=engine_of(self.engine),
        )


def _report_censored(points: list[dict[str, Any]]) -> None:
    censored = [point for point in points if point["censored"]]
    if censored:
        many = (
            f"{sum(point['censored'] for point in censored)} "
            f"replicas at {len(censored)} of {len(points)} points"
        )
        print(f"langevin-sgd: {many} are censored; no fit uses these points", file=sys.stderr)
