"""``langevin-sgd perceptron run``: training to zero loss, many replicas."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from langevin_sgd.checks import InputError, require
from langevin_sgd.cli.arguments import (
    LARGEST_REPLICAS,
    LARGEST_SIZE,
    LARGEST_STEPS,
    Chi,
    DataFile,
    Figure,
    Positive,
    Size,
    SizeIfGiven,
    count,
    in_terms_of_options,
    option,
    output_file,
)
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
    from langevin_sgd.models import Perceptron

_PER_DECADE = 10


@dataclass(frozen=True, kw_only=True)
class TrainPerceptron:
    """Train a perceptron until it fits all its points; every replica has a training set of its own.

    JSON: t_star (lr times the last step that changed the weights), signal, noise, test_error
    (closed form), one entry per replica, and seconds; then norm, status, unfit, updates, steps, the
    seed.
    """

    T: Positive
    """Temperature lr/B, positive; the learning rate is T * B."""

    kappa: Positive
    """Margin of y f, positive."""

    P: SizeIfGiven = None
    """Points of a training set."""

    d: SizeIfGiven = None
    """Dimension."""

    chi: Chi = 0.0
    """Exponent of the density of points at the boundary, above -1; 0 is Gaussian."""

    B: Size = 1
    """Points of a batch, at most P."""

    replicas: Annotated[int, option(count(1, LARGEST_REPLICAS), "INT")] = 1
    """Independent repetitions."""

    seed: Annotated[int | None, option(count(0, 2**128 - 1), "INT")] = None
    """Seed of data and batches; fresh entropy by default (listed in the JSON output)."""

    engine: Engine
    settings: Sampling
    stop: Ending

    data: DataFile = None
    """Instead of P, d, chi: a .npz file (X and y) or .csv file (label last), labels -1 and +1."""

    test_points: Annotated[int, option(count(0, LARGEST_SIZE), "INT")] = 0
    """Fresh points on which the test error is measured too."""

    checkpoint: Annotated[Path | None, option(output_file, "FILE")] = None
    """Written every few seconds; the same command continues from it, bit for bit."""

    plot: Figure = None
    """Draw signal and noise against time into FILE (.svg, .pdf, .png)."""

    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Train and print."""
        from langevin_sgd import training
        from langevin_sgd.experiments.perceptron_figures import training_panels
        from langevin_sgd.experiments.perceptron_summary import training_document, training_table

        with in_terms_of_options(NAMES):
            problem = self._problem()
            settings = settings_of(self.settings, lr=self.T * self.B, batch_size=self.B)
            error = None
            if self.test_points:
                needs_law = "must be 0 for given points: there is no law to draw more from"
                require(problem.from_law, "test_points", self.test_points, needs_law)
                error = training.observables.TestError(points=self.test_points)
            started = time.perf_counter()
            trained = training.run(
                problem,
                settings,
                replicas=self.replicas,
                stop=stop_of(self.stop),
                seed=self.seed,
                record=error,
                schedule=self._schedule(),
                engine=engine_of(self.engine),
                checkpoint=self.checkpoint,
                progress=True,
            )
        document = training_document(trained, problem, seconds=time.perf_counter() - started)
        if self.json:
            print_json(document)
        else:
            print(training_table(document))
            print(f"\n{document['seconds']:.3g} s, seed {document['seed']}")
        _report_censored(document["status"])
        if self.plot is not None:
            save(draw(training_panels(trained, problem, settings), columns=3), self.plot)
        return 0

    def _problem(self) -> Perceptron:
        from langevin_sgd.data import DepletedSign, read_table
        from langevin_sgd.models import Perceptron

        if self.data is not None:
            for name, given in (
                ("P", self.P is not None),
                ("d", self.d is not None),
                ("chi", self.chi != 0),
            ):
                if given:
                    raise InputError(
                        f"{name} = {getattr(self, name)}: "
                        "must be left out, the points are those of --data"
                    )
            return Perceptron.from_data(*read_table(self.data), margin=self.kappa)
        if self.P is None or self.d is None:
            raise InputError("P, d: give --P and --d, or --data FILE")
        return Perceptron(
            data=DepletedSign(points=self.P, dimension=self.d, chi=self.chi), margin=self.kappa
        )

    def _schedule(self) -> Sequence[int] | None:
        from langevin_sgd import record

        if self.plot is None:
            return None
        steps = record.log_spaced(
            steps=self.stop.max_steps or LARGEST_STEPS, per_decade=_PER_DECADE
        )
        return steps[1:].tolist()


def _report_censored(statuses: Sequence[str]) -> None:
    """Say on stderr how many replicas ended without fitting their points, and why."""
    counts = Counter(status for status in statuses if status != "fitted")
    if counts:
        reasons = ", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in counts.items())
        many = f"{counts.total()} of {len(statuses)} replicas"
        print(
            f"langevin-sgd: {many} are censored ({reasons}); "
            "their t_star is that of the last update so far",
            file=sys.stderr,
        )
