"""Closed-form theory of SGD with momentum near a minimum.

It is what a physicist would compute by hand, done once.

Laws (one interface, `law.Law`)
    `LangevinLaw`   the underdamped Langevin equation of SGD (Kunin et al., arXiv 2107.09133)
    `DiscreteLaw`   SGD itself: additive, minibatch or epoch noise; heavy ball, Nesterov, dampening
    `Gaussian`      a state of phase space: start, stationary law

Parts of a law
    `oscillators`       the damped oscillator of each eigenmode: propagators, stationary moments,
                        displacement
    `oscillator_propagator`, `sgd_map`   the two kinds of oscillators: the Langevin equation in
                                         continuous time, SGD step by step
    `modes`             eigenvalues, stiffness and noise of a problem under given settings
    `white_noise`, `minibatch_noise`, `epoch_noise`   the three kinds of fluctuations

What follows
    `predict`           the numbers of a whole spectrum as JSON types
    `modified_loss`     potential, stationary density, circulation and probability current
    `rotation`          winding rate, swept area, power spectra
    `damping`           gamma, omega, zeta and regime of each mode
    `displacement`      regimes and exponents of anomalous diffusion, the paper's displacement sum
    `equilibrium`       mode temperatures, entropy production
    `sde_accuracy`      how far the Langevin equation is from SGD
    `stability`         limits of the mean and of the mean square; the edge of SGD at a minimum
                        that fits every sample (a package)
    `gaussian_inputs`   online regression with its full state-dependent noise

Each of these is a module; what it holds beyond the names of this package is imported from there, as
in ``from langevin_sgd.theory.damping import regime``.

Beyond the quadratic minimum
    `perceptron`        the perceptron on the hinge loss: signal, noise, stopping, exponents
"""

from langevin_sgd.theory import perceptron as perceptron
from langevin_sgd.theory import stability as stability
from langevin_sgd.theory.discrete_law import DiscreteLaw as DiscreteLaw
from langevin_sgd.theory.displacement import free_displacement as free_displacement
from langevin_sgd.theory.displacement import paper_displacement as paper_displacement
from langevin_sgd.theory.displacement import power_law_displacement as power_law_displacement
from langevin_sgd.theory.displacement import spectral_exponent as spectral_exponent
from langevin_sgd.theory.gaussian import Gaussian as Gaussian
from langevin_sgd.theory.langevin_law import LangevinLaw as LangevinLaw
from langevin_sgd.theory.law import Law as Law
from langevin_sgd.theory.modified_loss import ModifiedLoss as ModifiedLoss
from langevin_sgd.theory.rotation import natural_angle_per_step as natural_angle_per_step
from langevin_sgd.theory.rotation import winding_per_step as winding_per_step
from langevin_sgd.theory.sde_accuracy import sde_error as sde_error
from langevin_sgd.theory.stability import largest_stable_lr as largest_stable_lr
