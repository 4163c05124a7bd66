"""``langevin-sgd predict linear-regression|stability``: closed-form numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import subcommand

from langevin_sgd.cli.predict.linear_regression import PredictLinearRegression
from langevin_sgd.cli.predict.stability import PredictStability


@dataclass(frozen=True)
class Predict:
    """Closed-form numbers: the stationary law of a quadratic loss, the edge of stability."""

    verb: (
        Annotated[PredictLinearRegression, subcommand("linear-regression")]
        | Annotated[PredictStability, subcommand("stability")]
    )

    def run(self) -> int:
        """Run the verb."""
        return self.verb.run()
