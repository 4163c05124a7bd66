r"""What a noise is: everything that an equation, an integrator or a Fokker-Planck grid asks of one.

The random force is B(theta) dW, its spectral density B B^T. A noise is constant
(`langevin_sgd.dynamics.constant_noise`) or depends on the state, and then says how the product
B(theta) dW is to be read in an overdamped equation: diagonal noise of a formula
(`langevin_sgd.dynamics.state_noise`), or that of minibatches
(`langevin_sgd.dynamics.minibatch_noise`). In an underdamped equation the noise moves the velocity
alone, on which B does not depend, and both readings are the same (Gardiner, *Stochastic Methods*
(2009), section 4.3).

Every kind answers for itself: a noise of a new kind is one file with these methods, and nothing
needs to be registered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np

from langevin_sgd.checks import InputError, require
from langevin_sgd.kernels.block_code import BlockCode

Calculus = Literal["ito", "stratonovich"]


@runtime_checkable
class Noise(Protocol):
    """A random force as equations and engines see it."""

    @property
    def calculus(self) -> Calculus | None:
        """How the product with dW is read; ``None`` for constant noise, where readings agree."""
        ...

    @property
    def parameters(self) -> int:
        """Number of coordinates."""
        ...

    @property
    def sources(self) -> int:
        """Independent normals of a step."""
        ...

    @property
    def amplitude(self) -> float | np.ndarray:
        """Root of the spectral density where the noise is constant and the same in all directions,
        a number or (replica,); else 1, and ``shape_noise`` carries it.
        """
        ...

    @property
    def is_diagonal(self) -> bool:
        """Whether each source moves one coordinate of its own, at any state."""
        ...

    @property
    def has_own_amplitudes(self) -> bool:
        """Whether it is diagonal and each amplitude depends on its own coordinate alone."""
        ...

    @property
    def enters_modes(self) -> bool:
        """Whether a linear equation with it is integrated in its modes: constant noise given by its
        density. Other constant noise keeps the sources that it was given with.
        """
        ...

    @property
    def as_given(self) -> object:
        """What an equation shows as its ``noise_covariance``."""
        ...

    def covariance(self, theta: np.ndarray) -> np.ndarray:
        """Spectral density at `theta` (..., parameter); (..., parameter, parameter)."""
        ...

    def constant_density(self, name: str) -> np.ndarray:
        """Return the spectral density (parameter, parameter) of constant noise.

        Raises
        ------
        InputError
            For the argument `name`, if the noise depends on the state or differs between replicas.
        """
        ...

    def scaled(self, factor: float) -> Noise:
        """Return the noise with `factor` times the spectral density."""
        ...

    def in_dimension(self, name: str, parameters: int) -> Noise:
        """Return the noise of an equation, or raise `InputError` for the argument `name`."""
        ...

    def compiled(self) -> BlockCode:
        """Return ``shape_noise`` and ``add_spread`` for kernels."""
        ...

    def require_replicas(self, replicas: int) -> None:
        """Raise `InputError` for an array over another number of replicas."""
        ...

    def identity(self) -> Mapping[str, object]:
        """Return everything that it is made of: texts, numbers and arrays, by name."""
        ...


Strength = float | Sequence[float] | np.ndarray | Noise
"""What a user may give as a noise: a number, (parameter,), (parameter, parameter), or a noise."""

Self = TypeVar("Self", bound=Noise)


class NoiseOfState:
    """Any noise that depends on the state; what most of them have in common.

    Attributes
    ----------
    calculus
        How its product with dW is read: ``ito`` or ``stratonovich``.
    amplitude
        1: the strength of the noise is in its compiled form.
    is_diagonal, has_own_amplitudes
        As in `Noise`; both are false here.
    enters_modes
        False: it does not leave an equation linear.
    """

    calculus: ClassVar[Calculus]
    amplitude: ClassVar[float] = 1.0
    is_diagonal: ClassVar[bool] = False
    enters_modes: ClassVar[bool] = False

    @property
    def has_own_amplitudes(self) -> bool:
        """Whether each amplitude depends on its own coordinate alone."""
        return False

    @property
    def as_given(self) -> object:
        """The noise itself."""
        return self

    def constant_density(self, name: str) -> np.ndarray:
        """Refuse: there is none."""
        raise InputError(f"{name} = {type(self).__name__!r}: must not depend on the state here")

    def in_dimension(self: Self, name: str, parameters: int) -> Self:
        """Return the noise itself, or raise `InputError` if it has another dimension."""
        require_dimension(name, self.parameters, parameters)
        return self

    def require_replicas(self, replicas: int) -> None:
        """Accept any number of replicas."""


def require_dimension(name: str, coordinates: int, parameters: int) -> None:
    """Raise `InputError` for a noise with another number of coordinates than its potential."""
    require(
        coordinates == parameters,
        name,
        coordinates,
        f"must have as many parameters as the potential, {parameters}",
    )
