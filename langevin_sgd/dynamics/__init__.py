"""Langevin equations as objects: the stochastic differential equations of SGD, unsolved.

- `langevin_sgd.dynamics.langevin`: `Underdamped` and `Overdamped`, and how each follows from the
  settings of SGD
- `langevin_sgd.dynamics.equation`: `LangevinEquation`, what both have in common
- `langevin_sgd.dynamics.noise`: `Noise`, what a random force answers for
- `langevin_sgd.dynamics.constant_noise`: numbers and matrices, `Isotropic`, `LowRank`
- `langevin_sgd.dynamics.state_noise`: noise that depends on the state, `Ito` or `Stratonovich`
- `langevin_sgd.dynamics.loss_noise`: `LossNoise`, which follows the loss of a valley
- `langevin_sgd.dynamics.minibatch_noise`: noise of the minibatches of a perceptron, and its simpler
  rivals, which `Overdamped.from_sgd` makes
- `langevin_sgd.dynamics.noise_of_sgd`: how strong the random force of given settings is
- `langevin_sgd.dynamics.linear`: `LinearEquation`, the form an equation takes in a quadratic
  potential
"""

from langevin_sgd.dynamics.constant_noise import Isotropic as Isotropic
from langevin_sgd.dynamics.constant_noise import LowRank as LowRank
from langevin_sgd.dynamics.langevin import Overdamped as Overdamped
from langevin_sgd.dynamics.langevin import Underdamped as Underdamped
from langevin_sgd.dynamics.loss_noise import LossNoise as LossNoise
from langevin_sgd.dynamics.state_noise import Ito as Ito
from langevin_sgd.dynamics.state_noise import Stratonovich as Stratonovich
