"""What an engine or a grid asks of a Langevin equation, whatever its kind.

    orders 1    friction dtheta = -grad U dt + dF
    orders 2    dtheta = v dt,   inertia dv = -grad U dt - friction v dt + dF

The two kinds are in `langevin_sgd.dynamics.langevin`; here is what they have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np

from langevin_sgd.checks import (
    InputError,
    as_array,
    as_instance,
    as_not_negative,
    as_positive,
    require,
)
from langevin_sgd.dynamics.constant_noise import as_noise
from langevin_sgd.dynamics.linear import LinearEquation
from langevin_sgd.dynamics.noise import Noise, Strength
from langevin_sgd.models.potentials.landscape import EnergyLandscape, LinearForce
from langevin_sgd.models.potentials.potential import Value, require_one_each


class LangevinEquation:
    """A Langevin equation in a potential.

    Attributes
    ----------
    orders
        1 if theta alone is carried, 2 if a velocity as well.
    potential, friction, noise_covariance, step_time
        As in `langevin_sgd.dynamics.langevin`.
    noise
        The random force: what was given as `noise_covariance`, as a
        `langevin_sgd.dynamics.noise.Noise`.
    """

    orders: ClassVar[int]
    potential: EnergyLandscape
    friction: Value
    noise_covariance: Strength
    step_time: Value
    noise: Noise

    @property
    def inertia(self) -> Value:
        """What multiplies the acceleration; 1 where there is none."""
        return 1.0

    @property
    def numbers(self) -> Mapping[str, Value]:
        """Name -> number, or array (replica,)."""
        raise NotImplementedError

    def linear(self) -> LinearEquation:
        """Return the equation in independent groups, where it is linear.

        Raises
        ------
        InputError
            Where it is not (`is_linear`).
        """
        raise NotImplementedError

    def require_replicas(self, replicas: int) -> None:
        """Raise `InputError` for an array by replica whose length is not the number of replicas."""
        require_one_each(self.numbers, replicas)
        self.potential.require_replicas(replicas)
        self.noise.require_replicas(replicas)

    def identity(self) -> Mapping[str, object]:
        """Return everything that it is made of, by name: for digests."""
        parts: dict[str, EnergyLandscape | Noise] = {
            "potential": self.potential,
            "noise": self.noise,
        }
        kinds = {"equation": type(self).__name__}
        kinds |= {name: type(part).__name__ for name, part in parts.items()}
        inner = {
            f"{name}: {key}": value
            for name, part in parts.items()
            for key, value in part.identity().items()
        }
        return {**kinds, **self.numbers, **inner}

    def _check(self) -> None:
        """Check potential, numbers and noise, and convert them."""
        require_potential(self.potential)
        for name, value in self.numbers.items():
            may_vanish = self.orders == 2 and name == "friction"
            check = as_not_negative if may_vanish else as_positive
            object.__setattr__(self, name, _as_number_by_replica(name, value, check))
        noise = as_noise("noise_covariance", self.noise_covariance, self.potential.parameters)
        object.__setattr__(self, "noise", noise)
        object.__setattr__(self, "noise_covariance", noise.as_given)

    def _linear_parts(self) -> tuple[LinearForce, np.ndarray]:
        """Return the force and the density of the noise of an equation that is linear."""
        force = self.potential.linear_force()
        if force is None or not is_linear(self):
            raise InputError(
                "equation: is not linear (quadratic potential, "
                "constant noise, the same for all replicas)"
            )
        return force, self.noise.constant_density("noise_covariance")


def require_potential(potential: EnergyLandscape) -> None:
    """Raise `InputError` for what is no potential."""
    allowed = "must be a potential of langevin_sgd.models.potentials, or a HingeLoss"
    as_instance("potential", potential, EnergyLandscape, allowed)


def is_linear(equation: LangevinEquation) -> bool:
    """Whether an equation is linear with additive noise and the same for all replicas."""
    as_instance("equation", equation, LangevinEquation, "must be of type Overdamped or Underdamped")
    plain = equation.potential.linear_force() is not None and equation.noise.enters_modes
    return plain and not any(map(np.ndim, equation.numbers.values()))


def _as_number_by_replica(name: str, value: Value, check: Callable[[str, Value], float]) -> Value:
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
