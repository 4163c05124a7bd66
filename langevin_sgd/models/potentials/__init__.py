"""Potentials with compiled energy, force and Hessian.

- `langevin_sgd.models.potentials.landscape`: `EnergyLandscape`, what an equation asks of a
  potential
- `langevin_sgd.models.potentials.potential`: `Potential`, of a formula or of compiled functions of
  your own
- `langevin_sgd.models.potentials.named`: `quadratic`, `double_well`, `mueller_brown`,
  `curved_valley`, `hinge`
- `langevin_sgd.models.potentials.quadratic`: `Quadratic`, whose Langevin equations are linear
- `langevin_sgd.models.potentials.formula`, `jumps`, `size`: what a formula may contain
- `langevin_sgd.models.potentials.expression`: a formula with named variables, and its derivatives
"""

from langevin_sgd.models.potentials.named import curved_valley as curved_valley
from langevin_sgd.models.potentials.named import double_well as double_well
from langevin_sgd.models.potentials.named import hinge as hinge
from langevin_sgd.models.potentials.named import mueller_brown as mueller_brown
from langevin_sgd.models.potentials.named import quadratic as quadratic
from langevin_sgd.models.potentials.potential import Potential as Potential
from langevin_sgd.models.potentials.quadratic import Quadratic as Quadratic
