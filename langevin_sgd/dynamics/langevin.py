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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from langevin_sgd.checks import (
    InputError,
    as_array,
    as_count,
    as_instance,
    as_not_negative,
    as_positive,
    as_seed,
    require,
)
from langevin_sgd.covariance import covariance_root
from langevin_sgd.dynamics.linear import LinearEquation, separate
from langevin_sgd.dynamics.minibatch_noise import hinge_equation
from langevin_sgd.dynamics.noise import as_noise, scaled_noise
from langevin_sgd.models.hinge_loss import HingeLoss
from langevin_sgd.models.linear_regression import LinearRegression
from langevin_sgd.models.perceptron import Perceptron
from langevin_sgd.models.potentials.potential import Potential
from langevin_sgd.models.potentials.quadratic import Quadratic
from langevin_sgd.sgd_settings import SGD


@dataclass(frozen=True, kw_only=True, eq=False)
class Overdamped:
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

    potential: Quadratic | Potential | HingeLoss
    friction: Any
    noise_covariance: Any
    step_time: Any

    def __post_init__(self) -> None:
        _check(self, positive=("friction", "step_time"))

    @classmethod
    def from_sgd(
        cls,
        problem: LinearRegression | Perceptron,
        settings: SGD,
        *,
        seed: int | None = None,
        replica: int = 0,
    ) -> Overdamped:
        """Build the overdamped limit of SGD: right for times much longer than 1/(1 - momentum)
        steps.

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
        _require_plain(settings)
        return cls(
            potential=loss_potential(problem, settings.weight_decay),
            friction=1 - settings.momentum,
            noise_covariance=gradient_noise(problem, settings),
            step_time=settings.lr,
        )

    @classmethod
    def from_potential(
        cls, potential: Quadratic | Potential, settings: SGD, *, gradient_noise: Any
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
        noise = _noise_of_loss(potential, settings, gradient_noise)
        friction = 1 - settings.momentum
        return cls(
            potential=potential, friction=friction, noise_covariance=noise, step_time=settings.lr
        )

    @classmethod
    def modified(
        cls, potential: Quadratic | Potential, settings: SGD, *, gradient_noise: Any
    ) -> Overdamped:
        """Build the second-order modified equation of SGD without momentum: U becomes U + (lr/4)
        |grad U|^2.

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
        _require_plain(settings)
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
        """Return the equation in independent groups: dz = -(K/friction) z dt + (root of the
        noise)/friction dW.
        """
        potential, noise = _stiffness(self)
        basis, stiffness, covariance = separate(potential.stiffness, noise)
        return LinearEquation(
            drift=-stiffness / self.friction,
            noise=covariance_root(covariance) / self.friction,
            orders=1,
            centre=potential.centre,
            basis=basis,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Underdamped:
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

    potential: Quadratic | Potential
    mass: Any
    friction: Any
    noise_covariance: Any
    step_time: Any

    def __post_init__(self) -> None:
        _check(self, positive=("mass", "step_time"), not_negative=("friction",))

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
        _require_plain(settings)
        return cls(
            potential=loss_potential(problem, settings.weight_decay),
            mass=settings.lr * (1 + settings.momentum) / 2,
            friction=1 - settings.momentum,
            noise_covariance=gradient_noise(problem, settings),
            step_time=settings.lr,
        )

    @classmethod
    def from_potential(
        cls, potential: Quadratic | Potential, settings: SGD, *, gradient_noise: Any
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
        noise = _noise_of_loss(potential, settings, gradient_noise)
        return cls(
            potential=potential,
            mass=settings.lr * (1 + settings.momentum) / 2,
            friction=1 - settings.momentum,
            noise_covariance=noise,
            step_time=settings.lr,
        )

    def linear(self) -> LinearEquation:
        """Return the equation in independent groups of (positions, velocities)."""
        potential, noise = _stiffness(self)
        basis, stiffness, covariance = separate(potential.stiffness, noise)
        size = stiffness.shape[1]
        drift = np.zeros((len(stiffness), 2 * size, 2 * size))
        drift[:, :size, size:] = np.eye(size)
        drift[:, size:, :size] = -stiffness / self.mass
        drift[:, size:, size:] = -self.friction / self.mass * np.eye(size)
        noise = np.zeros((len(stiffness), 2 * size, size))
        noise[:, size:] = covariance_root(covariance) / self.mass
        return LinearEquation(
            drift=drift, noise=noise, orders=2, centre=potential.centre, basis=basis
        )


def loss_potential(problem: LinearRegression, weight_decay: float) -> Quadratic:
    """Loss plus weight decay as one quadratic potential about mu = (H + weight_decay)^-1 H
    theta_bar.
    """
    values, vectors = problem.eigenvalues, problem.eigenvectors
    stiffness = problem.hessian + weight_decay * np.eye(problem.parameters)
    # A free direction (zero stiffness) has no fixed point; its component of the minimiser serves as
    # its origin.
    total = values + weight_decay
    kept = np.divide(values, total, out=np.ones_like(values), where=total > 0)
    centre = vectors @ (kept * (vectors.T @ problem.minimiser))
    return Quadratic(stiffness=stiffness, centre=centre)


def _noise_of_loss(potential: Quadratic | Potential, settings: SGD, noise: Any) -> Any:
    """Spectral density lr/batch_size times that of one sample, for settings that need no data."""
    _require_potential(potential)
    _require_plain(settings)
    if settings.sampling != "with_replacement" or settings.weight_decay:
        raise InputError(
            "settings: a potential without data takes sampling 'with_replacement' and weight_decay "
            "= 0"
        )
    return scaled_noise(
        "gradient_noise", noise, settings.lr / settings.batch_size, potential.parameters
    )


def _require_potential(potential: Any) -> None:
    kinds = Quadratic, Potential, HingeLoss
    as_instance(
        "potential",
        potential,
        kinds,
        "must be a potential of langevin_sgd.models.potentials, or a HingeLoss",
    )


def _require_plain(settings: SGD) -> None:
    as_instance("settings", settings, SGD)
    if settings.nesterov or settings.dampening:
        raise InputError(
            "nesterov, dampening: the Langevin equations describe plain momentum, leave both at "
            "zero"
        )


def gradient_noise(problem: LinearRegression, settings: SGD) -> np.ndarray:
    """Spectral density of the random force: lr * Cov(minibatch gradient), (parameter, parameter).

    Raises
    ------
    InputError
        For shuffled epochs, Nesterov or dampening, which these equations do not describe, and for
        batches without replacement that need data or are larger than the data.
    """
    if settings.sampling == "epochs":
        raise InputError(
            "sampling = 'epochs': the noise of a Langevin equation is white; use "
            "'without_replacement'"
        )
    _require_plain(settings)
    if settings.sampling == "with_replacement":
        return settings.lr / settings.batch_size * problem.noise_covariance
    samples = problem.samples
    if samples is None:
        raise InputError(
            "sampling = 'without_replacement': needs a problem with data, this one is only a "
            "spectrum"
        )
    require(
        settings.batch_size <= samples,
        "batch_size",
        settings.batch_size,
        f"must be at most the {samples} samples",
    )
    fraction = (samples - settings.batch_size) / (settings.batch_size * max(samples - 1, 1))
    return settings.lr * fraction * problem.noise_covariance


def _check(equation: Any, *, positive: Sequence[str], not_negative: Sequence[str] = ()) -> None:
    """Check the numbers of an equation, each a number or an array over replicas, and its noise,
    which is normalised.
    """
    _require_potential(equation.potential)
    for names, check in ((positive, as_positive), (not_negative, as_not_negative)):
        for name in names:
            object.__setattr__(
                equation, name, _as_number_by_replica(name, getattr(equation, name), check)
            )
    noise = as_noise("noise_covariance", equation.noise_covariance, equation.potential.parameters)
    object.__setattr__(equation, "noise_covariance", noise)


def _as_number_by_replica(name: str, value: Any, check: Callable[[str, Any], float]) -> Any:
    """Return a number, or an array over replicas, all of whose numbers pass `check`."""
    if np.ndim(value) == 0:
        return check(name, value)
    array = as_array(name, value, finite=False)
    require(
        array.ndim == 1 and array.size > 0,
        name,
        value,
        "must be a number, or an array over replicas",
    )
    check(name, float(array.min()) if np.isfinite(array).all() else float("nan"))
    return array


def _stiffness(equation: Overdamped | Underdamped) -> tuple[Quadratic, np.ndarray]:
    """Quadratic potential and constant covariance of an equation that is linear, or
    `InputError`.
    """
    if not is_linear(equation):
        raise InputError(
            "equation: is not linear (quadratic potential, constant noise, the same for all "
            "replicas)"
        )
    assert isinstance(equation.potential, Quadratic)
    return equation.potential, equation.noise_covariance


def is_linear(equation: Overdamped | Underdamped) -> bool:
    """Whether an equation is linear with additive noise and the same for all replicas."""
    as_instance("equation", equation, (Overdamped, Underdamped))
    numbers = equation.friction, equation.step_time, getattr(equation, "mass", 1.0)
    plain = isinstance(equation.potential, Quadratic) and isinstance(
        equation.noise_covariance, np.ndarray
    )
    return plain and not any(map(np.ndim, numbers))
