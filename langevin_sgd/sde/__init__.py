"""Simulation of Langevin equations: `simulate`, and one file per integrator.

- `langevin_sgd.sde.simulate`: `simulate(equation, integrator, ...)`, many replicas in compiled
  kernels
- `langevin_sgd.sde.exact_ornstein_uhlenbeck`: `ExactOrnsteinUhlenbeck`, exact in law for linear
  equations, any step
- `langevin_sgd.sde.baoab`: `BAOAB`, splitting of the underdamped equation, weak order 2
- `langevin_sgd.sde.obabo`: `OBABO`, the other symmetric splitting, weak order 2
- `langevin_sgd.sde.shifted_ode`: `ShiftedODE`, underdamped, additive noise, strong and weak order 3
- `langevin_sgd.sde.euler_maruyama`: `EulerMaruyama`, the plain scheme, weak order 1, Ito
- `langevin_sgd.sde.milstein`: `Milstein`, overdamped, strong order 1 with state-dependent noise,
  Ito or Stratonovich
- `langevin_sgd.sde.heun`: `Heun`, predictor and corrector, weak order 2 with additive noise,
  Stratonovich
- `langevin_sgd.sde.sgd_map`: `SGDMap`, SGD with Gaussian gradient noise
- `langevin_sgd.sde.drivers`: `StudentT`, heavy tails for that map
- `langevin_sgd.sde.given_noise`: `follow(equation, integrator, normals, ...)`, paths of noise given
  from outside, and `refinements`, the same with finer and finer steps on one Wiener process
- `langevin_sgd.sde.coarsening`: the normals of a step from those of its halves
- `langevin_sgd.sde.block_arithmetic`: what steps on blocks are put together from
- `langevin_sgd.sde.integrator`: what an integrator is, for one of your own
- `langevin_sgd.sde.linear_engine`, `langevin_sgd.sde.linear_loop`: linear equations, mode by mode
- `langevin_sgd.sde.engine`, `langevin_sgd.sde.loop`, `langevin_sgd.sde.binding`: all others, in
  blocks of replicas
"""

from langevin_sgd.sde.baoab import BAOAB as BAOAB
from langevin_sgd.sde.drivers import StudentT as StudentT
from langevin_sgd.sde.euler_maruyama import EulerMaruyama as EulerMaruyama
from langevin_sgd.sde.exact_ornstein_uhlenbeck import (
    ExactOrnsteinUhlenbeck as ExactOrnsteinUhlenbeck,
)
from langevin_sgd.sde.given_noise import follow as follow
from langevin_sgd.sde.given_noise import refinements as refinements
from langevin_sgd.sde.heun import Heun as Heun
from langevin_sgd.sde.integrator import Integrator as Integrator
from langevin_sgd.sde.milstein import Milstein as Milstein
from langevin_sgd.sde.obabo import OBABO as OBABO
from langevin_sgd.sde.sgd_map import SGDMap as SGDMap
from langevin_sgd.sde.shifted_ode import ShiftedODE as ShiftedODE
from langevin_sgd.sde.simulate import simulate as simulate
