"""Experiments: several pieces of the package put together, as functions.

- `langevin_sgd.experiments.perceptron_grid`: `PerceptronGrid`, perceptrons trained over a grid of
  sizes and temperatures, here or through `langevin_sgd.sweep`
- `langevin_sgd.experiments.perceptron_exponents`: `fit_exponents` and `extrapolate_exponents`, the
  scaling exponents of such a grid beside their predictions; `ExponentFit`, `ExponentLimit`
- `langevin_sgd.experiments.network_sweep`: `NetworkGrid`, networks trained over a grid of margins,
  temperatures and sizes in batches; `average_networks`, the means of its points with errors,
  `NetworkAverages`
- `langevin_sgd.experiments.network_lines`: `lines_along` one axis of the grid, replica by replica,
  `GridLine`, and `families` of such lines
- `langevin_sgd.experiments.network_boundaries`: the boundaries in its phase diagram,
  `largest_temperature`, `best_temperature` and `crossing` on such lines, and how they move with
  alpha or P, `boundary_exponent`, beside the predicted `feature_exponent`
- `langevin_sgd.experiments.network_lazy_exponents`: `fit_lazy_exponents`, weight change, stopping
  time and T_c against T and P
"""

from langevin_sgd.experiments.network_boundaries import KERNEL_CHANGE as KERNEL_CHANGE
from langevin_sgd.experiments.network_boundaries import best_temperature as best_temperature
from langevin_sgd.experiments.network_boundaries import boundary_exponent as boundary_exponent
from langevin_sgd.experiments.network_boundaries import crossing as crossing
from langevin_sgd.experiments.network_boundaries import feature_exponent as feature_exponent
from langevin_sgd.experiments.network_boundaries import largest_temperature as largest_temperature
from langevin_sgd.experiments.network_lazy_exponents import LazyExponents as LazyExponents
from langevin_sgd.experiments.network_lazy_exponents import fit_lazy_exponents as fit_lazy_exponents
from langevin_sgd.experiments.network_lines import GridLine as GridLine
from langevin_sgd.experiments.network_lines import families as families
from langevin_sgd.experiments.network_lines import lines_along as lines_along
from langevin_sgd.experiments.network_sweep import NetworkAverages as NetworkAverages
from langevin_sgd.experiments.network_sweep import NetworkGrid as NetworkGrid
from langevin_sgd.experiments.network_sweep import NetworkRuns as NetworkRuns
from langevin_sgd.experiments.network_sweep import average_networks as average_networks
from langevin_sgd.experiments.network_sweep import train_together as train_together
from langevin_sgd.experiments.perceptron_exponents import ExponentFit as ExponentFit
from langevin_sgd.experiments.perceptron_exponents import ExponentLimit as ExponentLimit
from langevin_sgd.experiments.perceptron_exponents import (
    extrapolate_exponents as extrapolate_exponents,
)
from langevin_sgd.experiments.perceptron_exponents import fit_exponents as fit_exponents
from langevin_sgd.experiments.perceptron_grid import PerceptronGrid as PerceptronGrid
from langevin_sgd.experiments.perceptron_grid import PerceptronRuns as PerceptronRuns
from langevin_sgd.experiments.perceptron_grid import train_group as train_group
