"""``langevin-sgd predict stability``: the edge of SGD at a minimum that fits every sample."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from langevin_sgd.cli.arguments import (
    DataFile,
    Seed,
    Size,
    input_file,
    number,
    option,
)
from langevin_sgd.cli.text import print_json


@dataclass(frozen=True)
class PredictStability:
    """The edge of stability of SGD at a minimum that fits every sample, exactly.

    The loss is (1/2n) * the sum of squared residuals (a loss without the 1/2 doubles every
    curvature); model gradients are frozen at the minimum; batches are independent of one another.
    """

    features: Annotated[Path, option(input_file, "FILE")]
    """Model gradients: a .npy file (samples, parameters) or (samples, outputs, parameters)."""

    batch_size: Size
    """Samples per minibatch, at most those of the features."""

    sampling: Literal["with_replacement", "without_replacement"] = "with_replacement"
    """How the samples of a batch are drawn."""

    momentum: Annotated[float, option(number(least=0, below=1), "FLOAT")] = 0.0
    """Momentum, at least 0 and below 1."""

    nesterov: bool = False
    """Nesterov momentum instead of heavy ball."""

    lr: Annotated[float | None, option(number(above=0), "FLOAT")] = None
    """Learning rate at which the growth of the mean loss per step is given."""

    residuals: DataFile = None
    """Residuals: a .npy file (samples,) or (samples, outputs), for the alignment of the noise."""

    seed: Seed = 0
    """Of random batches, where there are too many to go through all of them."""

    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Print the prediction."""
        from langevin_sgd.data.numpy_files import read_array
        from langevin_sgd.experiments.stability_prediction import stability_table
        from langevin_sgd.theory.stability.predict import predict_stability

        features = read_array("features", self.features)
        residuals = None if self.residuals is None else read_array("residuals", self.residuals)
        document = predict_stability(
            features=features,
            batch_size=self.batch_size,
            sampling=self.sampling,
            momentum=self.momentum,
            nesterov=self.nesterov,
            lr=self.lr,
            residuals=residuals,
            seed=self.seed,
        )
        if self.json:
            print_json(document)
        else:
            print(stability_table(document))
        return 0
