"""How something is trained, apart from what: engines of networks and of perceptrons.

None of these choices changes the law of a result, except `NetworkEngine.noise`, which puts Langevin
noise in the place of that of minibatches.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from langevin_sgd.checks import (
    as_choice,
    as_flag,
    as_positive,
    as_seed,
    convert_fields,
)

Noise = Literal["sgd", "minibatch_covariance", "isotropic"]
NOISES = ("sgd", "minibatch_covariance", "isotropic")
Precision = Literal["float32", "float64"]
PRECISIONS = ("float32", "float64")
Method = Literal["auto", "plain", "accelerated"]
METHODS = ("auto", "plain", "accelerated")

READ: dict[str, tuple[str, ...]] = {
    "LinearRegression": (
        "lr",
        "batch_size",
        "momentum",
        "weight_decay",
        "dampening",
        "nesterov",
        "sampling",
    ),
    "Perceptron": ("lr", "batch_size", "sampling"),
    "OnePassPerceptron": ("lr", "batch_size"),
    "NetworkProblem": ("lr", "batch_size", "momentum", "weight_decay", "sampling"),
}
"""Problem class -> fields of `langevin_sgd.SGD` by which it is trained; the others must be at their
defaults.
"""


def _as_precision(name: str, value: Any) -> Any:
    return as_choice(name, value, PRECISIONS)


def _as_seconds(name: str, value: Any) -> float | None:
    return None if value is None else as_positive(name, value)


def _as_device(name: str, value: Any) -> str:
    from langevin_sgd.models.networks.torch_there import as_device

    return as_device(name, value)


@dataclass(frozen=True, kw_only=True)
class NetworkEngine:
    """How networks are trained.

    Parameters
    ----------
    noise
        ``sgd`` (default): minibatch noise. ``minibatch_covariance``: full-batch gradients plus
        Gaussian noise of the same covariance. ``isotropic``: full-batch gradients plus isotropic
        Gaussian noise of the same trace, on the trained weights.
    precision
        Of weights and arithmetic; ``float32`` by default. Warns where it is too coarse for 1/alpha.
    device
        ``cpu``, or ``cuda`` (or ``cuda:1``).
    keep_weights
        Whether the result holds the weights, and with momentum the velocities. A run goes on from
        such a result only.
    seconds
        Time limit of a call, none by default; checked every 64 steps of each group, so that every
        replica makes at least 64. What such a call returns depends on the speed of the machine.

    Raises
    ------
    InputError
        If a field lies outside its range.

    Examples
    --------
    >>> NetworkEngine(precision="float64").noise
    'sgd'
    """

    noise: Noise = "sgd"
    precision: Precision = "float32"
    device: str = "cpu"
    keep_weights: bool = False
    seconds: float | None = None

    def __post_init__(self) -> None:
        convert_fields(
            self,
            {
                "noise": lambda name, value: as_choice(name, value, NOISES),
                "precision": _as_precision,
                "device": _as_device,
                "keep_weights": as_flag,
                "seconds": _as_seconds,
            },
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields on which numbers may depend, as JSON types, for provenance."""
        apart = ("device", "keep_weights", "seconds")
        return {name: value for name, value in asdict(self).items() if name not in apart}


@dataclass(frozen=True, kw_only=True)
class PerceptronEngine:
    """How perceptrons are trained.

    Parameters
    ----------
    method
        ``plain`` makes every step. ``accelerated`` skips the steps in which nothing can change, by
        certificates, and has the same law (not the same path); it is for zero loss, and not for
        sampling by epochs. ``auto`` (default) begins plainly and changes when counts of the work
        say that it pays.
    precision
        How rows are stored, ``float64`` by default; weights and sums are float64 in either case.
    batch_seed
        Seed of the batches alone, for other batches on the same training sets; by default that of
        a result from which the run goes on, else the seed of the run.

    Raises
    ------
    InputError
        If a field lies outside its range.

    Examples
    --------
    >>> PerceptronEngine(method="plain").precision
    'float64'
    """

    method: Method = "auto"
    precision: Precision = "float64"
    batch_seed: int | None = None

    def __post_init__(self) -> None:
        convert_fields(
            self,
            {
                "method": lambda name, value: as_choice(name, value, METHODS),
                "precision": _as_precision,
                "batch_seed": lambda name, value: None if value is None else as_seed(name, value),
            },
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types, for provenance."""
        return asdict(self)
