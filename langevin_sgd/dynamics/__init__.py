"""Langevin equations as objects: what a stochastic differential equation of SGD is, before anyone integrates it.

- `langevin_sgd.dynamics.langevin`: `Underdamped` and `Overdamped`, and how each follows from the settings of SGD
- `langevin_sgd.dynamics.quadratic`: `Quadratic`, the potential of a quadratic loss
- `langevin_sgd.dynamics.linear`: `LinearEquation`, the form an equation takes in a quadratic potential
"""

from langevin_sgd.dynamics.langevin import Overdamped as Overdamped
from langevin_sgd.dynamics.langevin import Underdamped as Underdamped
from langevin_sgd.dynamics.linear import LinearEquation as LinearEquation
from langevin_sgd.dynamics.quadratic import Quadratic as Quadratic
