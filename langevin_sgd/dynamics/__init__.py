"""Langevin equations as objects: what a stochastic differential equation of SGD is, before anyone
integrates it.

- `langevin_sgd.dynamics.langevin`: `Underdamped` and `Overdamped`, and how each follows from the
  settings of SGD
- `langevin_sgd.dynamics.noise`: `Isotropic`, `LowRank`, and noise that depends on the state, `Ito`
  or `Stratonovich`
- `langevin_sgd.dynamics.minibatch_noise`: `MinibatchNoise` of a perceptron, and `ShapedNoise`, its
  simpler rivals
- `langevin_sgd.dynamics.linear`: `LinearEquation`, the form an equation takes in a quadratic
  potential
"""

from langevin_sgd.dynamics.langevin import Overdamped as Overdamped
from langevin_sgd.dynamics.langevin import Underdamped as Underdamped
from langevin_sgd.dynamics.langevin import is_linear as is_linear
from langevin_sgd.dynamics.linear import LinearEquation as LinearEquation
from langevin_sgd.dynamics.minibatch_noise import MinibatchNoise as MinibatchNoise
from langevin_sgd.dynamics.minibatch_noise import ShapedNoise as ShapedNoise
from langevin_sgd.dynamics.noise import Isotropic as Isotropic
from langevin_sgd.dynamics.noise import Ito as Ito
from langevin_sgd.dynamics.noise import LowRank as LowRank
from langevin_sgd.dynamics.noise import NoiseOfState as NoiseOfState
from langevin_sgd.dynamics.noise import StateDependentNoise as StateDependentNoise
from langevin_sgd.dynamics.noise import Stratonovich as Stratonovich
from langevin_sgd.models.hinge_loss import HingeLoss as HingeLoss
from langevin_sgd.models.potentials import Quadratic as Quadratic
