"""What an integrator is.

An integrator says how one step of a given length goes, in two ways, of which the first is enough:

- `block_step`: as compiled operations on a block of replicas, for any potential and noise it
  accepts;
- `linear_step`: as a linear map with Gaussian noise, z' = matrix z + noise xi, for linear
  equations, which are then integrated in independent modes and in the exact solution even without
  discretisation.

An integrator of your own is a frozen dataclass derived from `Integrator`, in a file of its own;
nothing needs to be registered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np

from langevin_sgd.checks import InputError, as_instance, as_positive, require
from langevin_sgd.dynamics.equation import LangevinEquation
from langevin_sgd.dynamics.linear import LinearEquation
from langevin_sgd.kernels.compiled import inlined
from langevin_sgd.sde.block_arithmetic import AddForce, Change, LocalStep, Step, StepNumbers
from langevin_sgd.sde.drivers import Driver, StandardNormal

Equation = LangevinEquation
Number = float | np.ndarray
"""A number, or an array (replica,)."""


@dataclass(frozen=True, eq=False)
class LinearStep:
    """One step of an integrator in a linear equation.

    Parameters
    ----------
    matrix
        (group, component, component).
    noise
        (group, component, source): factor of the standard normals of a step.
    """

    matrix: np.ndarray
    noise: np.ndarray


class Coefficients(NamedTuple):
    """Numbers of an equation, each a number or an array (replica,)."""

    friction: Number
    mass: Number
    """1 in an overdamped equation."""
    amplitude: Number
    """Root of the spectral density if the noise is isotropic, else 1 (the shape of the noise then
    carries it).
    """


@inlined
def as_it_is(x: np.ndarray, v: np.ndarray, own: StepNumbers, add_force: AddForce) -> None:
    """Leave the state alone: what the step carries is the state itself."""


class BlockStep(NamedTuple):
    """One step on a block of replicas.

    ``step(x, v, room, own, add_force, shape_noise, add_spread, constant)`` changes x and v,
    (parameter, lane) each, in place (in an overdamped equation v is x):

    - ``add_force(out, x, own.factors, k, own.force)`` adds factor k times the force at x;
    - ``shape_noise(room.normals[draw], room.shaped, x, own.noise)`` returns the random force of a
      draw, (parameter, lane), divided by the amplitude of `Coefficients`; `constant` says that it
      does not depend on x;
    - ``add_spread(out, weights, x, own.factors, k, own.noise)`` adds factor k * weights * b_i
      db_i/dx_i;
    - ``room.spare[n]`` is scratch, (parameter, lane).
    """

    step: Step
    factors: tuple[Number, ...]
    """Numbers that `step` finds in ``own.factors``."""
    spares: int = 0
    """Scratch arrays."""
    enter: Change = as_it_is
    """``enter(x, v, own, add_force)``: from position and velocity to what the step carries."""
    leave: Change = as_it_is
    """The way back, for snapshots."""
    local: LocalStep | None = None
    """The same step in one loop, where noise is constant and the force on a coordinate depends on
    no other: ``local(x, v, noise, own, kicked)`` with ``kicked(start, x, i, lane, own.factors, k,
    own.force)`` the number `start` plus factor k times force i at x."""


@dataclass(frozen=True)
class Integrator:
    """A one-step integrator.

    Parameters
    ----------
    driver
        What its random numbers are: standard normals; of `langevin_sgd.sde.SGDMap` also others.

    Attributes
    ----------
    strong_order
        p in E|error of a path| = O(h^p) for additive noise; infinite if exact.
    weak_order
        p in |error of a moment| = O(h^p) for additive noise; infinite if exact.
    multiplicative_orders
        The same two, for noise that depends on the state; ``None`` if it does not accept it.
    accepts
        The types of equation it integrates.
    calculi
        How it reads state-dependent noise in an overdamped equation.
    default_substeps
        Steps of the integrator per step of SGD, unless the caller says otherwise.
    draws
        Normals per source and step.
    makes_steps_of_sgd
        Whether a step is one of SGD, not a short piece of a continuous path: then the driver may be
        any.
    """

    strong_order: ClassVar[float]
    weak_order: ClassVar[float]
    multiplicative_orders: ClassVar[tuple[float, float] | None] = None
    accepts: ClassVar[tuple[type[Equation], ...]]
    calculi: ClassVar[tuple[str, ...]] = ()
    default_substeps: ClassVar[int] = 40
    draws: ClassVar[int] = 1
    makes_steps_of_sgd: ClassVar[bool] = False

    driver: Driver = field(default=StandardNormal(), kw_only=True, repr=False)

    def __post_init__(self) -> None:
        driver = as_instance(
            "driver", self.driver, Driver, "must be a driver, for instance sde.StudentT(nu=3)"
        )
        if not (driver.is_gaussian or self.makes_steps_of_sgd):
            raise InputError(
                f"driver = {driver!r}: drives SGDMap alone; {type(self).__name__} integrates "
                "Langevin equations, whose noise is Gaussian"
            )

    def check(self, equation: Equation, substeps: int) -> None:
        """Raise `InputError` for an equation of an accepted type that it cannot integrate."""

    def block_step(self, equation: Equation, coefficients: Coefficients, size: Number) -> BlockStep:
        """Return the step of length `size` (physical time) on blocks of replicas."""
        raise InputError(
            f"integrator = {self!r}: integrates linear equations with additive noise only"
        )

    def coarser(self, equation: Equation, fine: np.ndarray, size: float) -> np.ndarray:
        """Return the normals of steps of 2 `size` on the Wiener process of steps of `size`.

        Parameters
        ----------
        equation
            Whose numbers are the same for all replicas.
        fine
            (step, draw, source, replica), an even number of steps.
        size
            Length of the fine steps in physical time.

        Returns
        -------
        numpy.ndarray
            (step/2, draw, source, replica); see `langevin_sgd.sde.coarsening`.
        """
        raise InputError(f"integrator = {self!r}: does not say how its normals coarsen")

    def linear_step(self, equation: LinearEquation, size: float) -> LinearStep:
        """Return the step of length `size` (physical time) in a linear equation."""
        raise NotImplementedError

    def size_of_linear_step(self, equation: LinearEquation, size: float) -> float:
        """Return the size of a step as a float.

        Raises
        ------
        InputError
            If it is not positive, or the equation none that this integrator accepts.
        """
        orders = as_instance("equation", equation, LinearEquation).orders
        accepted = {kind.orders for kind in self.accepts}
        require(
            orders in accepted,
            "equation",
            f"of order {orders}",
            f"must be of order {sorted(accepted)}",
        )
        return as_positive("size", size)

    @property
    def is_linear(self) -> bool:
        """Whether the integrator says what its step is in a linear equation."""
        return type(self).linear_step is not Integrator.linear_step and self.driver.is_gaussian

    def identity(self) -> dict[str, object]:
        """Return its name, and the driver unless that is normal: for provenance and digests."""
        name: dict[str, object] = {"integrator": type(self).__name__}
        return name if self.driver.is_gaussian else name | {"driver": repr(self.driver)}


def require_accepted(equation: Equation, integrator: Integrator, substeps: int) -> None:
    """Raise `InputError` where an integrator does not fit an equation and its noise."""
    if equation.orders not in {kind.orders for kind in integrator.accepts}:
        names = " or ".join(kind.__name__ for kind in integrator.accepts)
        raise InputError(
            f"integrator = {integrator!r}: "
            f"integrates {names} equations, not {type(equation).__name__}"
        )
    calculus = equation.noise.calculus
    if calculus is not None:
        if integrator.multiplicative_orders is None:
            raise InputError(
                f"integrator = {integrator!r}: needs constant noise, this one depends on the state"
            )
        if equation.orders == 1 and calculus not in integrator.calculi:
            known = {"ito": "EulerMaruyama or Milstein", "stratonovich": "Heun or Milstein"}
            raise InputError(
                f"integrator = {integrator!r}: reads state-dependent noise as "
                f"{' or '.join(integrator.calculi)}, this one is {calculus}; use {known[calculus]}"
            )
    integrator.check(equation, substeps)
