r"""Langevin equations of SGD with momentum, with the finite learning-rate correction.

Underdamped (Kunin et al., arXiv 2107.09133): expanding the SGD update about step k to second order
gives

    m theta'' + friction theta' + grad U(theta) = random force,
    m = lr (1 + momentum) / 2,  friction = 1 - momentum
    grad U = (H + weight_decay) (theta - mu),
    <force force^T> = (lr / batch_size) Sigma delta(t - t')

in physical time tau = lr * steps: one step of SGD takes tau = lr. The mass is the correction: with
it the slow rate of a mode of stiffness k is wrong by O((lr k)^2) only. Overdamped: the same without
the mass.

A constant noise has one reading; one that depends on the state says which
(`langevin_sgd.dynamics.noise`). Of a quadratic problem, Sigma is the covariance of one per-sample
gradient at the minimiser, frozen there; batches drawn without replacement multiply it by (N - B)/(N
- 1). White noise cannot represent shuffled epochs, whose batches are anticorrelated.

Range: lr k << 1 in every mode, and momentum near enough to 1 (or modes slow enough) that relaxation
takes many steps:
stationary variances are too small by the factor 1 - lr k/(2 (1 + momentum)).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from langevin_sgd.checks import as_count, as_instance, as_seed, require
from langevin_sgd.covariance import covariance_root
from langevin_sgd.dynamics.equation import LangevinEquation
from langevin_sgd.dynamics.linear import LinearEquation, separate
from langevin_sgd.dynamics.minibatch_noise import hinge_equation
from langevin_sgd.dynamics.noise import Noise, Strength
from langevin_sgd.dynamics.noise_of_sgd import (
    loss_potential,
    noise_of_loss,
    regression_noise,
    require_plain,
)
from langevin_sgd.models.linear_regression import LinearRegression
from langevin_sgd.models.perceptron import Perceptron
from langevin_sgd.models.potentials.landscape import EnergyLandscape
from langevin_sgd.models.potentials.potential import Potential, Value
from langevin_sgd.models.potentials.quadratic import Quadratic
from langevin_sgd.sgd_settings import SGD


@dataclass(frozen=True, kw_only=True, eq=False)
class Overdamped(LangevinEquation):
    """friction dtheta = -grad U dt + dF, with <dF dF^T> = noise_covariance dt.

    Parameters
    ----------
    potential
        The potential U: anything of `langevin_sgd.models.potentials`, or a `HingeLoss`.
    friction
        Friction coefficient, > 0; a number or (replica,).
    noise_covariance
        Spectral density of the random force: a number, (parameter,) or (parameter, parameter), kept
        as a matrix; or a noise of `langevin_sgd.dynamics.noise`, `Ito` or `Stratonovich` where it
        depends on the state.
    step_time
        Physical time of one step of SGD, > 0: the learning rate, or, of an equation without SGD,
        the interval at which it is recorded; a number or (replica,). It is not the step of an
        integrator, which makes several in it (``substeps`` of `langevin_sgd.sde.simulate`, for
        Euler-Maruyama 40 by default).

    Raises
    ------
    InputError
        If a number lies outside its range or the covariance is not symmetric and positive
        semi-definite.

    Examples
    --------
    >>> problem = LinearRegression.from_spectrum([2.0, 1.0])
    >>> Overdamped.from_sgd(problem, SGD(lr=0.1, batch_size=5, momentum=0.5)).friction
    0.5
    """

    potential: EnergyLandscape
    friction: Value
    noise_covariance: Strength
    step_time: Value
    noise: Noise = field(init=False, repr=False)

    orders: ClassVar[int] = 1

    def __post_init__(self) -> None:
        self._check()

    @property
    def numbers(self) -> dict[str, Value]:
        """Friction and step_time by name."""
        return {"friction": self.friction, "step_time": self.step_time}

    @classmethod
    def from_sgd(
        cls,
        problem: LinearRegression | Perceptron,
        settings: SGD,
        *,
        seed: int | None = None,
        replica: int = 0,
    ) -> Overdamped:
        """Build the overdamped limit of SGD, for times much longer than 1/(1 - momentum) steps.

        The noise of a linear regression is that at its minimum; that of a perceptron depends on the
        weights, with the covariance of minibatches on one training set, which all replicas share
        (`langevin_sgd.dynamics.minibatch_noise`).

        Parameters
        ----------
        problem
            Hessian, minimiser and gradient noise; or a perceptron.
        settings
            Settings of SGD, without Nesterov or dampening, batches with or without replacement; of
            a perceptron also without weight decay.
        seed, replica
            Which training set of a perceptron with a data law: that of the same replica of a
            training run with this seed. Not used otherwise.

        Raises
        ------
        InputError
            For settings this equation does not describe.
        """
        as_instance("problem", problem, (LinearRegression, Perceptron))
        seed, replica = (
            None if seed is None else as_seed("seed", seed),
            as_count("replica", replica, minimum=0),
        )
        if isinstance(problem, Perceptron):
            loss, noise = hinge_equation(problem, settings, seed=seed, replica=replica)
            return cls(
                potential=loss,
                friction=1 - settings.momentum,
                noise_covariance=noise,
                step_time=settings.lr,
            )
        require_plain(settings)
        return cls(
            potential=loss_potential(problem, settings.weight_decay),
            friction=1 - settings.momentum,
            noise_covariance=regression_noise(problem, settings),
            step_time=settings.lr,
        )

    @classmethod
    def from_potential(
        cls, potential: EnergyLandscape, settings: SGD, *, gradient_noise: Strength
    ) -> Overdamped:
        """Build the overdamped limit of SGD on any potential.

        Parameters
        ----------
        potential
            The loss.
        settings
            Settings of SGD: plain momentum, no weight decay (write it into the potential), batches
            with replacement.
        gradient_noise
            Covariance of one per-sample gradient: a number, diagonal, matrix, or a noise of
            `langevin_sgd.dynamics`.

        Raises
        ------
        InputError
            For settings this equation does not describe.
        """
        noise = noise_of_loss(potential, settings, gradient_noise)
        friction = 1 - settings.momentum
        return cls(
            potential=potential, friction=friction, noise_covariance=noise, step_time=settings.lr
        )

    @classmethod
    def modified(
        cls, potential: Quadratic | Potential, settings: SGD, *, gradient_noise: Strength
    ) -> Overdamped:
        """Build the second-order modified equation without momentum: U + (lr/4) |grad U|^2.

        Its moments differ from those of SGD by O(lr^2) at a fixed physical time, those of the plain
        overdamped equation by O(lr): Li, Tai and E, *Stochastic modified equations*, JMLR 20 (2019)
        40, theorem 9.

        Parameters
        ----------
        potential, settings, gradient_noise
            As in `from_potential`; the potential must come from a formula or be quadratic, the
            momentum be zero.

        Raises
        ------
        InputError
            With momentum, or for a potential without a formula.
        """
        as_instance("potential", potential, (Quadratic, Potential))
        require_plain(settings)
        require(
            settings.momentum == 0,
            "momentum",
            settings.momentum,
            "the modified equation is that of plain SGD",
        )
        return cls.from_potential(
            potential.modified(settings.lr), settings, gradient_noise=gradient_noise
        )

    def linear(self) -> LinearEquation:
        """Return independent groups: dz = -(K/friction) z dt + (root of the noise)/friction dW."""
        force, density = self._linear_parts()
        basis, stiffness, covariance = separate(force.stiffness, density)
        return LinearEquation(
            drift=-stiffness / self.friction,
            noise=covariance_root(covariance) / self.friction,
            orders=1,
            centre=force.centre,
            basis=basis,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Underdamped(LangevinEquation):
    """dtheta = v dt, mass dv = -grad U dt - friction v dt + dF, with <dF dF^T> = noise_covariance
    dt.

    Parameters
    ----------
    potential
        The potential U: anything of `langevin_sgd.models.potentials`.
    mass
        > 0, in units of time (it multiplies an acceleration and is compared with a friction of unit
        one); a number or (replica,).
    friction
        Friction coefficient, >= 0; a number or (replica,).
    noise_covariance
        Spectral density of the random force: a number, (parameter,) or (parameter, parameter), kept
        as a matrix; or a noise of `langevin_sgd.dynamics.noise`. The calculus of `Ito` and
        `Stratonovich` makes no difference here.
    step_time
        Physical time of one step of SGD, > 0: the learning rate, or, of an equation without SGD,
        the interval at which it is recorded; a number or (replica,). It is not the step of an
        integrator, which makes several in it (``substeps`` of `langevin_sgd.sde.simulate`, for
        Euler-Maruyama 40 by default).

    Raises
    ------
    InputError
        If a number lies outside its range or the covariance is not symmetric and positive
        semi-definite.

    Examples
    --------
    >>> problem = LinearRegression.from_spectrum([2.0, 1.0])
    >>> Underdamped.from_sgd(problem,
    ...     SGD(lr=0.1, batch_size=5, momentum=0.5)).noise_covariance.tolist()
    [[0.04, 0.0], [0.0, 0.02]]
    """

    potential: EnergyLandscape
    mass: Value
    friction: Value
    noise_covariance: Strength
    step_time: Value
    noise: Noise = field(init=False, repr=False)

    orders: ClassVar[int] = 2

    def __post_init__(self) -> None:
        self._check()

    @property
    def inertia(self) -> Value:
        """The mass."""
        return self.mass

    @property
    def numbers(self) -> dict[str, Value]:
        """Friction, mass and step_time by name."""
        return {"mass": self.mass, "step_time": self.step_time, "friction": self.friction}

    @classmethod
    def from_sgd(cls, problem: LinearRegression, settings: SGD) -> Underdamped:
        """Build the Langevin equation of SGD with momentum (Kunin et al., arXiv 2107.09133).

        Parameters
        ----------
        problem
            Hessian, minimiser and gradient noise.
        settings
            Settings of SGD, without Nesterov or dampening, batches with or without replacement.

        Raises
        ------
        InputError
            For settings this equation does not describe.
        """
        as_instance("problem", problem, LinearRegression)
        require_plain(settings)
        return cls(
            potential=loss_potential(problem, settings.weight_decay),
            mass=settings.lr * (1 + settings.momentum) / 2,
            friction=1 - settings.momentum,
            noise_covariance=regression_noise(problem, settings),
            step_time=settings.lr,
        )

    @classmethod
    def from_potential(
        cls, potential: EnergyLandscape, settings: SGD, *, gradient_noise: Strength
    ) -> Underdamped:
        """Build the Langevin equation of SGD with momentum on any potential.

        Parameters
        ----------
        potential
            The loss.
        settings
            Settings of SGD: plain momentum, no weight decay (write it into the potential), batches
            with replacement.
        gradient_noise
            Covariance of one per-sample gradient: a number, diagonal, matrix, or a noise of
            `langevin_sgd.dynamics`.

        Raises
        ------
        InputError
            For settings this equation does not describe.
        """
        noise = noise_of_loss(potential, settings, gradient_noise)
        return cls(
            potential=potential,
            mass=settings.lr * (1 + settings.momentum) / 2,
            friction=1 - settings.momentum,
            noise_covariance=noise,
            step_time=settings.lr,
        )

    def linear(self) -> LinearEquation:
        """Return the equation in independent groups of (positions, velocities)."""
        force, density = self._linear_parts()
        basis, stiffness, covariance = separate(force.stiffness, density)
        size = stiffness.shape[1]
        drift = np.zeros((len(stiffness), 2 * size, 2 * size))
        drift[:, :size, size:] = np.eye(size)
        drift[:, size:, :size] = -stiffness / self.mass
        drift[:, size:, size:] = -self.friction / self.mass * np.eye(size)
        noise = np.zeros((len(stiffness), 2 * size, size))
        noise[:, size:] = covariance_root(covariance) / self.mass
        return LinearEquation(drift=drift, noise=noise, orders=2, centre=force.centre, basis=basis)
