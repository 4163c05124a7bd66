"""Experiments: several pieces of the package put together, as functions.

- `langevin_sgd.experiments.perceptron_grid`: `PerceptronGrid`, perceptrons trained over a grid of sizes and
  temperatures, here or through `langevin_sgd.sweep`
- `langevin_sgd.experiments.perceptron_exponents`: `fit_exponents` and `extrapolate_exponents`, the scaling exponents of
  such a grid beside their predictions; `ExponentFit`, `ExponentLimit`
"""

from langevin_sgd.experiments.perceptron_exponents import ExponentFit as ExponentFit
from langevin_sgd.experiments.perceptron_exponents import ExponentLimit as ExponentLimit
from langevin_sgd.experiments.perceptron_exponents import extrapolate_exponents as extrapolate_exponents
from langevin_sgd.experiments.perceptron_exponents import fit_exponents as fit_exponents
from langevin_sgd.experiments.perceptron_grid import PerceptronGrid as PerceptronGrid
from langevin_sgd.experiments.perceptron_grid import PerceptronRuns as PerceptronRuns
from langevin_sgd.experiments.perceptron_grid import train_group as train_group
