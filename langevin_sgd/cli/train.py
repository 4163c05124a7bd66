"""``langevin-sgd train``: networks over a grid of margins, temperatures and sizes."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import arg

from langevin_sgd.checks import InputError
from langevin_sgd.cli.arguments import (
    LARGEST_REPLICAS,
    LARGEST_SIZE,
    LARGEST_STEPS,
    Figure,
    Positives,
    Results,
    Scheduler,
    Seed,
    Sizes,
    Workers,
    count,
    in_words_of_the_command,
    number,
    option,
    several,
    text,
    torch_device,
)
from langevin_sgd.cli.computing import compute, require_torch
from langevin_sgd.cli.text import print_json
from langevin_sgd.cli.vocabulary import TRAIN
from langevin_sgd.models.networks.families import FAMILIES
from langevin_sgd.plotting import draw, save

if TYPE_CHECKING:
    from langevin_sgd.experiments import NetworkAverages, NetworkGrid
    from langevin_sgd.sweep import Store

_Names = Annotated[tuple[str, ...], several(text)]
_LARGEST_DEPTH = 1000


def _read_labels(word: str) -> str | tuple[int, ...]:
    parts = [part for part in word.split(",") if part.strip()]
    return (
        tuple(int(part) for part in parts)
        if parts and all(part.strip().isdigit() for part in parts)
        else word
    )


@dataclass(frozen=True)
class Train:
    r"""Train networks over a grid, in batches, until each fits its points.

    The predictor is alpha (f - f0), the loss a hinge: large alpha is lazy, small alpha learns
    features. The learning rate is temperature-per-width * B * width. Options that take A,B,... span
    the grid; every combination is trained. Results are stored, and the same command continues.
    Printed are means, T_max beyond which training fails, T_opt of least test error, T_c where the
    kernel changes by 0.3, and their exponents. JSON: points, boundaries, feature_exponents,
    lazy_exponents.

    Several alphas: test error as a map over alpha and T with these borders, and against T (half a
    minute of computing):

    langevin-sgd train --P 256 --alpha 6e-5,0.001,0.016,0.25,4,64,1024 --probe-points 32 --plot
    phase.svg \ --temperature-per-width 0.002,0.004,0.008,0.016,0.03,0.06,0.12,0.25,0.5 --max-steps
    5000

    One alpha: t*, weight change and kernel change against T with their collapse, T_c against P
    (half a minute):

    langevin-sgd train --P 64,128,256,512 --alpha 4096 --probe-points 32 --plot lazy.svg \
    --temperature-per-width 0.002,0.004,0.008,0.016,0.03,0.06
    """

    P: Sizes
    """Sizes of the training set."""

    alpha: Positives
    """Scales of the predictor, positive; 1/alpha is the margin."""

    temperature_per_width: Positives
    """Temperatures T = lr/(B * width), positive."""

    network: Annotated[_Names, arg(help=f"{', '.join(FAMILIES)}; the last ones are slow.")] = (
        "fully_connected",
    )

    depth: Annotated[tuple[int, ...] | None, several(count(1, _LARGEST_DEPTH))] = None
    """Numbers of hidden layers of fully connected networks; 2 by default, the others have their
    own.
    """

    width: Sizes = (64,)
    """Neurons of each hidden layer, or channels of the first."""

    activation: _Names = ("relu",)
    """relu, gelu or linear."""

    B: Sizes = (16,)
    """Batch sizes, at most P."""

    momentum: Annotated[tuple[float, ...], several(number(least=0, below=1))] = (0.0,)
    """Momenta of heavy-ball SGD, from 0 to below 1."""

    noise: Literal["sgd", "minibatch_covariance", "isotropic"] = "sgd"
    """That of minibatches, or Gaussian in each step over all points: of the same covariance, or of
    its trace alone.
    """

    data: Literal["digits", "mnist", "cifar10"] = "digits"
    """Images: digits are built in; the others lie in the folder LANGEVIN_SGD_DATA, or are
    downloaded.
    """

    labels: Annotated[Any, option(_read_labels, "NAME|A,B,...")] = None
    """parity (digits, mnist), animals (cifar10), or the classes from 0 to 9 that become +1."""

    test_points: Annotated[int, option(count(1, LARGEST_SIZE), "INT")] = 512
    """Points of the test set."""

    seeds: Annotated[int, option(count(2, LARGEST_REPLICAS), "INT")] = 8
    """Replicas at every point of the grid, each with weights, data and batches of its own; at least
    2.
    """

    seed: Seed = 0
    """From which all random numbers derive."""

    loss: Literal["hinge", "quadratic_hinge", "soft_hinge"] = "hinge"
    """Loss of the predictor."""

    sampling: Literal["without_replacement", "with_replacement", "epochs"] = "without_replacement"
    """How the points of a batch are drawn."""

    max_steps: Annotated[int, option(count(1, LARGEST_STEPS), "INT")] = 20_000
    """Steps after which a run is given up; the means leave it out."""

    probe_points: Annotated[int, option(count(0, LARGEST_SIZE), "INT")] = 0
    """Test points on which the change of the tangent kernel is measured; gives T_c."""

    observe: _Names = ()
    """Means at the end of margins, noise_temperature or signal, separated by commas."""

    precision: Literal["float32", "float64"] = "float32"
    """Of weights and arithmetic."""

    device: Annotated[str, option(torch_device, "DEVICE")] = "cpu"
    """cpu, cuda or cuda:1; on a GPU one worker by default."""

    results: Results = Path("results")
    """Where results are stored."""

    workers: Workers = 0
    """Worker processes; 0: as many as this process may use cores."""

    scheduler: Scheduler = None
    """A running Dask cluster (tcp://host:port) that shares the results directory."""

    retry_failed: bool = False
    """Try tasks again that failed before."""

    plot: Figure = None
    """Draw into FILE (.svg, .pdf, .png): with several alphas the phase diagram, else the lazy
    regime.
    """

    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Train, average and print."""
        require_torch()
        from langevin_sgd.experiments import average_networks
        from langevin_sgd.experiments import network_summary as summary
        from langevin_sgd.sweep import Store

        if self.plot is not None and len(set(self.temperature_per_width)) < 2:
            raise InputError("--plot: needs two or more values of --temperature-per-width")
        with in_words_of_the_command(TRAIN):
            grid = self._grid()
            store = Store(self.results)
            failed = self._compute(grid, store)
        if failed:
            if self.json:
                print_json({"points": [], **summary.NOTHING, "failed": failed})
            return 1
        result = grid.collect(store)
        points = average_networks(result)
        if self.json:
            print_json({"points": summary.point_documents(points)} | summary.document(result))
        else:
            printed = [summary.shared_by_points(points), summary.point_table(points)]
            print(*(text for text in (*printed, *summary.tables(result)) if text), sep="\n\n")
        _report_unfinished(points)
        if self.plot is not None:
            from langevin_sgd.experiments.network_figures import grid_panels

            panels = grid_panels(result)
            if not panels:
                why = (
                    "nowhere are half of the replicas fitted; try more --max-steps or lower "
                    "temperatures"
                )
                print(f"langevin-sgd: --plot: {why}", file=sys.stderr)
                return 1
            save(draw(panels), self.plot)
        return 0

    def _grid(self) -> NetworkGrid:
        from langevin_sgd.experiments import NetworkGrid

        return NetworkGrid(
            network=self.network,
            depth=self.depth,
            width=self.width,
            activation=self.activation,  # type: ignore[arg-type]
            alpha=self.alpha,
            temperature_per_width=self.temperature_per_width,
            batch_size=self.B,
            momentum=self.momentum,
            points=self.P,
            data=self.data,
            labels=self.labels,
            test_points=self.test_points,
            replicas=self.seeds,
            seed=self.seed,
            loss=self.loss,
            sampling=self.sampling,
            noise=self.noise,
            max_steps=self.max_steps,
            probe_points=self.probe_points,
            observe=self.observe,  # type: ignore[arg-type]
            precision=self.precision,
            device=self.device,
        )

    def _compute(self, grid: NetworkGrid, store: Store) -> list[dict[str, Any]]:
        """Compute what the store lacks; return what failed."""
        tasks = grid.tasks()
        if self.scheduler is None and not all(store.has(task) for task in tasks):
            self._require_here(grid)
        workers = self.workers or (None if self.device == "cpu" else 1)
        return compute(
            tasks, store, workers=workers, scheduler=self.scheduler, retry_failed=self.retry_failed
        )

    def _require_here(self, grid: NetworkGrid) -> None:
        """Raise `InputError` if this machine lacks the images or the device, before workers fail
        one by one.
        """
        grid.training_data(max(self.P)).sample(self.seed)
        if self.device != "cpu":
            from langevin_sgd.training.networks import require_device

            require_device(self.device)


def _report_unfinished(points: list[NetworkAverages]) -> None:
    totals = {name: sum(point.ended[name] for point in points) for name in points[0].ended}
    unfinished = sum(totals.values()) - totals.pop("fitted")
    if unfinished:
        why = ", ".join(
            f"{name.replace('_', ' ')}: {count}" for name, count in totals.items() if count
        )
        runs = f"{unfinished} of {unfinished + sum(point.ended['fitted'] for point in points)} runs"
        print(
            f"langevin-sgd: {runs} are unfinished ({why}); the means leave them out",
            file=sys.stderr,
        )
