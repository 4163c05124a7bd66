"""``langevin-sgd predict linear-regression``: the stationary law of SGD on a quadratic loss."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from langevin_sgd.checks import InputError
from langevin_sgd.cli.arguments import (
    DataFile,
    Figure,
    count,
    in_terms_of_options,
    list_of,
    number,
    option,
)
from langevin_sgd.cli.text import print_json
from langevin_sgd.plotting import draw, save


@dataclass(frozen=True)
class PredictLinearRegression:
    """The stationary law of SGD on a quadratic loss, by the Langevin model (sde) and exactly (sgd).

    Batches are drawn with replacement; the gradient noise of one sample has covariance noise_scale
    * Hessian.
    """

    lr: Annotated[float, option(number(above=0), "FLOAT")]
    """Learning rate."""

    eigenvalues: Annotated[tuple[float, ...], option(list_of(number()), "A,B,...")] = ()
    """Eigenvalues of the Hessian."""

    data: DataFile = None
    """Instead of eigenvalues: a .npz file (X and y) or .csv file (target in the last column)."""

    momentum: Annotated[float, option(number(least=0, below=1), "FLOAT")] = 0.0
    """Momentum, at least 0 and below 1."""

    batch_size: Annotated[int, option(count(1, 10**15), "INT")] = 1
    """Samples per minibatch."""

    weight_decay: Annotated[float, option(number(least=0), "FLOAT")] = 0.0
    """Coupled L2 coefficient."""

    noise_scale: Annotated[float | None, option(number(), "FLOAT")] = None
    """sigma^2, the variance of the residuals; 1 by default, that of the data with --data."""

    lags: Annotated[tuple[int, ...], option(list_of(count(0, 10**15)), "A,B,...")] = (1, 10, 100)
    """Steps over which the mean-square displacement is given."""

    plot: Figure = None
    """Draw the mean-square displacement into FILE (.svg, .pdf, .png)."""

    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Print the prediction."""
        from langevin_sgd.experiments.linear_regression_prediction import (
            displacement_panel,
            displacement_table,
            log_spaced_lags,
            modes_table,
        )
        from langevin_sgd.theory import predict

        settings = {
            name: value
            for name, value in asdict(self).items()
            if name not in ("data", "plot", "json")
        }
        with in_terms_of_options({name: name.replace("_", "-") for name in settings}):
            settings |= self._spectrum()
            document = predict.predict_linear_regression(**settings)
        if self.json:
            print_json(document)
        else:
            print(modes_table(document), displacement_table(document), sep="\n\n")
        if self.plot is not None:
            lags = log_spaced_lags(max(1, *self.lags))
            drawn = predict.predict_linear_regression(**settings | {"lags": lags})
            save(draw([displacement_panel(drawn)]), self.plot)
        return 0

    def _spectrum(self) -> dict[str, Any]:
        """Eigenvalues and noise scale, as given or of the data."""
        if bool(self.eigenvalues) == (self.data is not None):
            raise InputError("eigenvalues: give either --eigenvalues A,B,... or --data FILE")
        if self.data is None:
            return {
                "eigenvalues": self.eigenvalues,
                "noise_scale": 1.0 if self.noise_scale is None else self.noise_scale,
            }
        from langevin_sgd.data import read_table
        from langevin_sgd.models import LinearRegression

        problem = LinearRegression.from_data(*read_table(self.data))
        noise_scale = problem.noise_scale if self.noise_scale is None else self.noise_scale
        return {"eigenvalues": problem.eigenvalues, "noise_scale": noise_scale}
