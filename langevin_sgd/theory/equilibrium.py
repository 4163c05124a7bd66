r"""How near to equilibrium the stationary state is: temperatures and entropy production.

Equipartition holds mode by mode, with mass m = lr (1+momentum) / 2 and q_l the noise variance per
step:

    m Var v = stiffness Var theta = T_l,      T_l = lr q_l / (2 (1-momentum))
    (Langevin equation)

exactly so for heavy-ball SGD too, with T_l larger by 1 / (1 - lr stiffness / (2 (1+momentum)))
(derived). But T_l follows q_l, so that modes have different temperatures unless Sigma is a multiple
of the identity.

With noise that commutes with the Hessian the modes are independent underdamped Langevin systems in
detailed balance (velocities odd under time reversal): the rotating current is the reversible one.
Otherwise heat flows between modes,

    entropy production = Gamma [ Gamma tr(D_v^{-1} C_vv) - P ] >= 0   per unit of tau,
    Gamma = 2 (1-momentum) / (lr (1+momentum)),   D_v = 2 Sigma / (lr S (1+momentum)^2)

(derived: heat given by the friction forces over the temperature of their noise; independent of the
batch size).
"""

from __future__ import annotations

import numpy as np

from langevin_sgd.checks import InputError, as_instance
from langevin_sgd.covariance import rank
from langevin_sgd.theory.langevin_law import LangevinLaw
from langevin_sgd.theory.law import Law
from langevin_sgd.theory.underflow import vanishing


@vanishing
def mode_temperatures(law: Law) -> tuple[np.ndarray, np.ndarray]:
    """Kinetic temperature m Var v and potential temperature stiffness * Var theta of each mode.

    Returns
    -------
    kinetic, potential
        Each (eigenmode,), in units of the loss; equal for heavy-ball SGD and the Langevin equation.
    """
    law = as_instance("law", law, Law)
    mass = 0.5 * law.settings.lr * (1 + law.settings.momentum)
    position, velocity = law.mode_variances()
    return mass * velocity, law.modes.stiffness * position


@vanishing
def entropy_production(law: LangevinLaw) -> float:
    """Stationary entropy production per unit of tau, in units of the Boltzmann constant.

    Times lr it is that per step.

    Modes without any noise and curvature take no part.

    Raises
    ------
    InputError
        If the noise covariance of the moving modes is singular: the rate is then infinite or
        undefined.
    """
    law = as_instance("law", law, LangevinLaw)
    noise = law.modes.noise
    active = np.diag(noise) > 0
    noise = noise[np.ix_(active, active)]
    if not active[law.modes.eigenvalues > 0].all() or rank(noise) < len(noise):
        raise InputError(
            "problem: entropy production needs a noise covariance without zero directions"
        )
    momentum, lr = law.settings.momentum, law.settings.lr
    friction = 2 * (1 - momentum) / (lr * (1 + momentum))
    diffusion = 2 * noise / (lr * (1 + momentum) ** 2)
    velocities = law.fluctuations.stationary(pairs=True)[..., 1, 1][np.ix_(active, active)]
    # C_vv less its value at equal temperatures, so that equilibrium gives zero and not a difference
    # of large numbers.
    return float(friction * np.trace(np.linalg.solve(diffusion, friction * velocities - diffusion)))
