"""Experiments: several pieces of the package put together, as functions.

- `langevin_sgd.experiments.perceptron_grid`: `PerceptronGrid`, perceptrons trained over a grid of sizes and
  temperatures, here or through `langevin_sgd.sweep`
- `langevin_sgd.experiments.perceptron_exponents`: `fit_exponents` and `extrapolate_exponents`, the scaling exponents of
  such a grid beside their predictions; `ExponentFit`, `ExponentLimit`
- `langevin_sgd.experiments.network_sweep`: `NetworkGrid`, networks trained over a grid of margins, temperatures and
  sizes in batches; `average_networks`, the means of its points with errors, `NetworkAverages`; `lines_in_temperature`
  and `largest_temperature`, T_max of each line of the grid
"""

from langevin_sgd.experiments.network_sweep import NetworkAverages as NetworkAverages
from langevin_sgd.experiments.network_sweep import NetworkGrid as NetworkGrid
from langevin_sgd.experiments.network_sweep import NetworkRuns as NetworkRuns
from langevin_sgd.experiments.network_sweep import average_networks as average_networks
from langevin_sgd.experiments.network_sweep import largest_temperature as largest_temperature
from langevin_sgd.experiments.network_sweep import lines_in_temperature as lines_in_temperature
from langevin_sgd.experiments.network_sweep import train_together as train_together
from langevin_sgd.experiments.perceptron_exponents import ExponentFit as ExponentFit
from langevin_sgd.experiments.perceptron_exponents import ExponentLimit as ExponentLimit
from langevin_sgd.experiments.perceptron_exponents import extrapolate_exponents as extrapolate_exponents
from langevin_sgd.experiments.perceptron_exponents import fit_exponents as fit_exponents
from langevin_sgd.experiments.perceptron_grid import PerceptronGrid as PerceptronGrid
from langevin_sgd.experiments.perceptron_grid import PerceptronRuns as PerceptronRuns
from langevin_sgd.experiments.perceptron_grid import train_group as train_group
