r"""The settings of SGD, in the convention of Kunin et al. (arXiv 2107.09133).

    v_{k+1}     = momentum * v_k - g_k - weight_decay * theta_k          (v_0 = 0)
    theta_{k+1} = theta_k + lr * v_{k+1}

with g_k the mean gradient of the minibatch. PyTorch's momentum buffer is -v: the path of theta is
the same, a phase portrait drawn with the buffer is mirrored. Weight decay is coupled (it passes
through the momentum). With dampening d every gradient but the first is multiplied by 1 - d, and
with Nesterov the step is theta_{k+1} = theta_k + lr * (momentum * v_{k+1} - g_k - weight_decay *
theta_k), both as in ``torch.optim.SGD``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Literal

from langevin_sgd.checks import (
    as_choice,
    as_count,
    as_flag,
    as_fraction,
    as_not_negative,
    as_positive,
    convert_fields,
    require,
)

Sampling = Literal["with_replacement", "without_replacement", "epochs"]
INDEPENDENT = ("with_replacement", "without_replacement")
"""Ways to draw batches that are independent of one another."""
SAMPLINGS = (*INDEPENDENT, "epochs")


@dataclass(frozen=True, kw_only=True)
class SGD:
    """Settings of SGD with momentum.

    Parameters
    ----------
    lr
        Learning rate, > 0; unit: parameter squared per unit of loss.
    batch_size
        Samples per minibatch, >= 1.
    momentum
        0 <= momentum < 1; default 0, plain SGD.
    weight_decay
        Coupled L2 coefficient, >= 0, in units of the Hessian.
    dampening
        0 <= dampening < 1; the fraction by which gradients are damped when they enter the velocity.
    nesterov
        Nesterov momentum; needs momentum > 0 and no dampening, as in PyTorch.
    sampling
        How minibatches are drawn: ``with_replacement`` (independent samples),
        ``without_replacement`` (distinct samples within a batch, batches independent) or ``epochs``
        (each epoch a fresh shuffle cut into batches, the last one short if the batch size does not
        divide the data: PyTorch's ``DataLoader(shuffle=True)``).

    Raises
    ------
    InputError
        If a field lies outside its range; the message names it.

    Examples
    --------
    >>> SGD(lr=0.1, batch_size=20, momentum=0.5).effective_temperature
    0.01
    """

    lr: float
    batch_size: int
    momentum: float = 0.0
    weight_decay: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    sampling: Sampling = "with_replacement"

    def __post_init__(self) -> None:
        convert_fields(
            self,
            {
                "lr": as_positive,
                "batch_size": as_count,
                "momentum": as_fraction,
                "weight_decay": as_not_negative,
                "dampening": as_fraction,
                "nesterov": as_flag,
                "sampling": lambda name, value: as_choice(name, value, SAMPLINGS),
            },
        )
        nesterov_allowed = self.momentum > 0 and self.dampening == 0
        require(
            not self.nesterov or nesterov_allowed,
            "nesterov",
            True,
            "needs momentum > 0 and dampening = 0",
        )

    @property
    def temperature(self) -> float:
        """lr / batch_size (Sclocchi, Geiger and Wyart); for display."""
        return self.lr / self.batch_size

    @property
    def effective_temperature(self) -> float:
        """lr / (batch_size * (1 - momentum)); for display."""
        return self.temperature / (1 - self.momentum)

    def require_only(self, understood: Sequence[str], *, by: str) -> None:
        """Raise `InputError` for a field that is not at its default and that nobody reads.

        Parameters
        ----------
        understood
            Names of the fields that are read; all others must be at their defaults.
        by
            Who reads them, for the refusal.

        Raises
        ------
        InputError
            If another field is not at its default.

        Examples
        --------
        >>> SGD(lr=0.1, batch_size=1, momentum=0.5).require_only(("lr",), by="a perceptron")
        Traceback (most recent call last):
        langevin_sgd.checks.refusals.InputError: momentum = 0.5: must be 0.0 for a perceptron
        """
        for field in fields(self):
            if field.name not in understood and field.default is not MISSING:
                value = getattr(self, field.name)
                allowed = f"must be {field.default!r} for {by}"
                require(value == field.default, field.name, value, allowed)

    def to_dict(self) -> dict[str, float | int | bool | str]:
        """Return the fields as JSON types, for provenance."""
        return asdict(self)
