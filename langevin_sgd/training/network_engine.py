"""How networks are trained, apart from what.

None of these choices changes the law of a result, except `NetworkEngine.noise`, which puts Langevin
noise in the place of that of minibatches. Nothing here needs torch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from langevin_sgd.checks import as_choice, as_flag, as_positive, convert_fields, require
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.simulation.stop import Stop
from langevin_sgd.training.precision import Precision, as_precision

Noise = Literal["sgd", "minibatch_covariance", "isotropic"]
NOISES = ("sgd", "minibatch_covariance", "isotropic")


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
                "precision": as_precision,
                "device": _as_device,
                "keep_weights": as_flag,
                "seconds": _as_seconds,
            },
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields on which numbers may depend, as JSON types, for provenance."""
        apart = ("device", "keep_weights", "seconds")
        return {name: value for name, value in asdict(self).items() if name not in apart}


def as_record(name: str, value: Any) -> tuple[Any, ...]:
    """Return the observables that are to be measured, of which `value` may be short names."""
    from langevin_sgd.training.observables.table import as_observables

    return as_observables(name, value)


def require_trainable(settings: SGD, stop: Stop | None, engine: NetworkEngine) -> None:
    """Raise `InputError` for what no networks can be trained with, whatever their points."""
    limited = stop is not None and stop.max_steps is not None
    require(limited, "stop", stop, "must have max_steps: networks may never fit their points")
    independent = engine.noise == "sgd" or settings.sampling != "epochs"
    require(independent, "noise", engine.noise, "needs independent batches, not epochs")
