"""Simulation of Langevin equations: `simulate`, and one file per integrator.

- `langevin_sgd.sde.simulate`: `simulate(equation, integrator, ...)`, many replicas in compiled kernels
- `langevin_sgd.sde.exact_ornstein_uhlenbeck`: `ExactOrnsteinUhlenbeck`, exact in law for linear equations, any step
- `langevin_sgd.sde.baoab`: `BAOAB`, splitting of the underdamped equation, weak order 2
- `langevin_sgd.sde.euler_maruyama`: `EulerMaruyama`, the plain scheme, weak order 1
- `langevin_sgd.sde.integrator`: what an integrator is, for one of your own
- `langevin_sgd.sde.kernels`: the compiled loop
"""

from langevin_sgd.sde.baoab import BAOAB as BAOAB
from langevin_sgd.sde.euler_maruyama import EulerMaruyama as EulerMaruyama
from langevin_sgd.sde.exact_ornstein_uhlenbeck import ExactOrnsteinUhlenbeck as ExactOrnsteinUhlenbeck
from langevin_sgd.sde.integrator import Integrator as Integrator
from langevin_sgd.sde.integrator import LinearStep as LinearStep
from langevin_sgd.sde.simulate import simulate as simulate
