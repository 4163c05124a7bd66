"""``langevin-sgd train``: networks over a grid of margins, temperatures and sizes."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from tyro.conf import arg

from langevin_sgd.checks import InputError, as_choice, require
from langevin_sgd.cli.arguments import (
    LARGEST_REPLICAS,
    LARGEST_SIZE,
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
    several,
    text,
    torch_device,
)
from langevin_sgd.cli.computing import compute, require_torch
from langevin_sgd.cli.settings import Given, names_of, options_for, values_of
from langevin_sgd.cli.text import print_json
from langevin_sgd.cli.vocabulary import TRAIN
from langevin_sgd.data import BinaryImages
from langevin_sgd.models.network_problem import NetworkProblem
from langevin_sgd.models.networks.families import FAMILIES, leaves_depth, of_family
from langevin_sgd.models.networks.interface import Architecture
from langevin_sgd.plotting import draw, save
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.simulation.stop import Stop
from langevin_sgd.training.network_engine import NetworkEngine
from langevin_sgd.training.read_settings import READ

if TYPE_CHECKING:
    from langevin_sgd.experiments import Grid
    from langevin_sgd.experiments.network_averages import NetworkAverages
    from langevin_sgd.sweep import Store

_Names = Annotated[tuple[str, ...], several(text)]
_Vanishing = Literal["hinge", "quadratic_hinge", "soft_hinge"]
_LARGEST_DEPTH = 1000


def _read_labels(word: str) -> str | tuple[int, ...]:
    parts = [part for part in word.split(",") if part.strip()]
    return (
        tuple(int(part) for part in parts)
        if parts and all(part.strip().isdigit() for part in parts)
        else word
    )


_PROBLEM = {"alpha": Given(axis=True, required=True), "loss": Given(kind=_Vanishing)}
_SETTINGS = {
    "batch_size": Given(option="B", axis=True, default=16),
    "momentum": Given(axis=True),
    "sampling": Given(default="without_replacement"),
}
_STOP = {"max_steps": Given(kind=int, default=20_000)}
_IMAGES = {
    "name": Given(option="data", kind=Literal["digits", "mnist", "cifar10"]),
    "labels": Given(reader=(_read_labels, "NAME|A,B,...")),
}
_ENGINE = {"device": Given(reader=(torch_device, "DEVICE"))}

_UNREAD = {field.name for field in fields(SGD)} - {*READ["NetworkProblem"]}

if TYPE_CHECKING:
    _Problem: TypeAlias = Any
    _Settings: TypeAlias = Any
    _Stop: TypeAlias = Any
    _Images: TypeAlias = Any
    _Engine: TypeAlias = Any
else:
    _Problem = options_for(NetworkProblem, given=_PROBLEM, without=["network", "data", "points"])
    _Settings = options_for(SGD, given=_SETTINGS, without={"lr"} | _UNREAD)
    _Stop = options_for(Stop, given=_STOP)
    _Images = options_for(BinaryImages, given=_IMAGES, without=["points"])
    _Engine = options_for(NetworkEngine, given=_ENGINE, without=["keep_weights", "seconds"])


_OPTIONS = (
    names_of(NetworkProblem, given=_PROBLEM)
    | names_of(SGD, given=_SETTINGS)
    | names_of(Stop, given=_STOP)
    | names_of(NetworkEngine, given=_ENGINE)
    | TRAIN
)
"""Argument of the library -> option."""


@dataclass(frozen=True, kw_only=True)
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

    langevin-sgd train --P 256 --alpha 6e-5,0.001,0.016,0.25,4,64,1024 --probe-points 32 \
    --temperature-per-width 0.002,0.004,0.008,0.016,0.03,0.06,0.12,0.25,0.5 \
    --max-steps 5000 --plot phase.svg

    One alpha: t*, weight change and kernel change against T with their collapse, T_c against P
    (half a minute):

    langevin-sgd train --P 64,128,256,512 --alpha 4096 --probe-points 32 --plot lazy.svg \
    --temperature-per-width 0.002,0.004,0.008,0.016,0.03,0.06
    """

    P: Sizes
    """Sizes of the training set."""

    temperature_per_width: Positives
    """Temperatures T = lr/(B * width), positive."""

    problem: _Problem
    settings: _Settings
    stop: _Stop
    images: _Images
    engine: _Engine

    network: Annotated[_Names, arg(help=f"{', '.join(FAMILIES)}; the last ones are slow.")] = (
        "fully_connected",
    )

    depth: Annotated[tuple[int, ...] | None, several(count(1, _LARGEST_DEPTH))] = None
    """Numbers of hidden layers of fully connected networks, 2 by default; others have their own."""

    width: Sizes = (64,)
    """Neurons of each hidden layer, or channels of the first."""

    activation: _Names = ("relu",)
    """relu, gelu or linear."""

    seeds: Annotated[int, option(count(2, LARGEST_REPLICAS), "INT")] = 8
    """Replicas per grid point, each with its own weights, data and batches; at least 2."""

    seed: Seed = 0
    """From which all random numbers derive."""

    probe_points: Annotated[int, option(count(0, LARGEST_SIZE), "INT")] = 0
    """Test points on which the change of the tangent kernel is measured; gives T_c."""

    observe: _Names = ()
    """Means at the end of margins, noise_temperature or signal, separated by commas."""

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
        from langevin_sgd.experiments import network_summary as summary
        from langevin_sgd.experiments.network_averages import average_networks
        from langevin_sgd.sweep import Store

        if self.plot is not None and len(set(self.temperature_per_width)) < 2:
            raise InputError("--plot: needs two or more values of --temperature-per-width")
        with in_terms_of_options(_OPTIONS):
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
                    "nowhere are half of the replicas fitted; "
                    "try more --max-steps or lower temperatures"
                )
                print(f"langevin-sgd: --plot: {why}", file=sys.stderr)
                return 1
            save(draw(panels), self.plot)
        return 0

    def _grid(self) -> Grid:
        """Every combination of the values of the options."""
        from langevin_sgd.experiments import Grid
        from langevin_sgd.training.observables import KernelChange

        varied: dict[str, Any] = {}
        problem: dict[str, Any] = {}
        settings: dict[str, Any] = {}
        for options, kind, given, fixed in (
            (self.problem, NetworkProblem, _PROBLEM, problem),
            (self.settings, SGD, _SETTINGS, settings),
        ):
            for name, value in values_of(options, kind, given=given).items():
                axis = name in given and given[name].axis
                (varied if axis else fixed)[name] = value
        images = BinaryImages(
            points=max(self.P), **values_of(self.images, BinaryImages, given=_IMAGES)
        )
        networks = self._networks(images.image)
        kernel = [KernelChange(points=self.probe_points)] if self.probe_points else []
        return Grid(
            NetworkProblem(networks[0], images, **problem),
            SGD(lr=1.0, batch_size=1, **settings),
            stop=Stop(**values_of(self.stop, Stop)),
            axes={
                "network": networks,
                **varied,
                "temperature_per_width": self.temperature_per_width,
                "problem.data.points": self.P,
            },
            replicas=self.seeds,
            seed=self.seed,
            record=(*(name for name in self.observe if name != "kernel" or not kernel), *kernel),
            engine=NetworkEngine(**values_of(self.engine, NetworkEngine)),
        )

    def _networks(self, image: tuple[int, int, int]) -> list[Architecture]:
        """Architectures of the families asked for; one with a depth of its own comes once."""
        families = [as_choice("network", family, FAMILIES) for family in self.network]
        open_depth = [family for family in families if leaves_depth(family)]
        fixed = ", ".join(self.network)
        allowed = self.depth is None or bool(open_depth)
        require(allowed, "depth", self.depth, f"is fixed for {fixed}")
        made = [
            of_family(family, image=image, width=width, activation=activation, depth=depth)  # type: ignore[arg-type]
            for family in self.network
            for depth in ((self.depth or (2,)) if family in open_depth else (None,))
            for width in self.width
            for activation in self.activation
        ]
        return list(dict.fromkeys(made))

    def _compute(self, grid: Grid, store: Store) -> list[dict[str, Any]]:
        """Compute what the store lacks; return what failed."""
        tasks = grid.tasks()
        if self.scheduler is None and not all(store.has(task) for task in tasks):
            self._require_here(grid)
        workers = self.workers or (None if self.engine.device == "cpu" else 1)
        return compute(
            tasks, store, workers=workers, scheduler=self.scheduler, retry_failed=self.retry_failed
        )

    def _require_here(self, grid: Grid) -> None:
        """Raise `InputError` if the images or the device are missing, before any worker starts."""
        data: BinaryImages = grid.problem.data  # type: ignore[assignment]
        data.sample(self.seed)
        if self.engine.device != "cpu":
            from langevin_sgd.training.networks.train import require_device

            require_device(self.engine.device)


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
