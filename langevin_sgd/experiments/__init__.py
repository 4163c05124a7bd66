"""Experiments: several pieces of the package put together, as functions.

- `langevin_sgd.experiments.grid`: `Grid`, perceptrons or networks trained at every combination of
  values of some fields, here or through `langevin_sgd.sweep`; ``cell`` is its task, ``columns``
  what its points are made of
- `langevin_sgd.experiments.perceptron_exponents`: `fit_exponents` and `extrapolate_exponents`, the
  scaling exponents of such a grid beside their predictions; ``extrapolated_slopes``,
  ``ExponentFit``, ``ExponentLimit``
- `langevin_sgd.experiments.branches`: `branch_crossing`, where two branches of a scaling law meet:
  crossover temperature, critical batch size
- `langevin_sgd.experiments.network_averages`: the means of the points of a grid of
  networks, with errors
- `langevin_sgd.experiments.network_lines`: `lines_along` one axis of the grid, replica by replica,
  `GridLine`, and `families` of such lines
- `langevin_sgd.experiments.network_boundaries`: the boundaries in its phase diagram,
  `largest_temperature`, `best_temperature` and `crossing` on such lines, and how they move with
  alpha or P, `boundary_exponent`, beside the predicted `feature_exponent`; the formulas stand in
  ``boundary_estimators``
- `langevin_sgd.experiments.network_exponents`: powers of what is measured along such lines,
  `quantity_exponent`, `replica_exponents`, and a delta/gamma of the end of the lazy regime,
  `crossover_ratio`
- `langevin_sgd.experiments.network_lazy_exponents`: `fit_lazy_exponents`, weight change, stopping
  time and T_c against T and P
- `langevin_sgd.experiments.switch`: `run_switched`, training whose settings change on the way, by a
  `Switch`
- tables and figures: ``network_summary`` and ``network_figures``, ``perceptron_summary`` and
  ``perceptron_figures``, ``linear_regression_prediction``
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from langevin_sgd.lazy import attributes

if TYPE_CHECKING:
    from langevin_sgd.experiments.branches import branch_crossing as branch_crossing
    from langevin_sgd.experiments.grid import Grid as Grid
    from langevin_sgd.experiments.network_boundaries import best_temperature as best_temperature
    from langevin_sgd.experiments.network_boundaries import boundary_exponent as boundary_exponent
    from langevin_sgd.experiments.network_boundaries import crossing as crossing
    from langevin_sgd.experiments.network_boundaries import feature_exponent as feature_exponent
    from langevin_sgd.experiments.network_boundaries import (
        largest_temperature as largest_temperature,
    )
    from langevin_sgd.experiments.network_exponents import crossover_ratio as crossover_ratio
    from langevin_sgd.experiments.network_exponents import quantity_exponent as quantity_exponent
    from langevin_sgd.experiments.network_exponents import replica_exponents as replica_exponents
    from langevin_sgd.experiments.network_lazy_exponents import (
        fit_lazy_exponents as fit_lazy_exponents,
    )
    from langevin_sgd.experiments.network_lines import GridLine as GridLine
    from langevin_sgd.experiments.network_lines import lines_along as lines_along
    from langevin_sgd.experiments.perceptron_exponents import (
        extrapolate_exponents as extrapolate_exponents,
    )
    from langevin_sgd.experiments.perceptron_exponents import fit_exponents as fit_exponents
    from langevin_sgd.experiments.switch import Switch as Switch
    from langevin_sgd.experiments.switch import run_switched as run_switched

# Claims speak of experiments before anything is estimated.
__getattr__ = attributes(
    __name__,
    {
        "Grid": "grid",
        "branch_crossing": "branches",
        "best_temperature": "network_boundaries",
        "boundary_exponent": "network_boundaries",
        "crossing": "network_boundaries",
        "feature_exponent": "network_boundaries",
        "largest_temperature": "network_boundaries",
        "crossover_ratio": "network_exponents",
        "quantity_exponent": "network_exponents",
        "replica_exponents": "network_exponents",
        "fit_lazy_exponents": "network_lazy_exponents",
        "GridLine": "network_lines",
        "lines_along": "network_lines",
        "extrapolate_exponents": "perceptron_exponents",
        "fit_exponents": "perceptron_exponents",
        "Switch": "switch",
        "run_switched": "switch",
    },
)
