r"""Temperature of the noise of SGD on networks.

With C the covariance of the gradients of loss/alpha at single training points, N trained weights
and s^2 C the covariance of the mean over a minibatch, the temperature is

    lr s^2 trace(C) / (2 (1 - momentum) N);

see `langevin_sgd.curvature.gradient_noise`, where it is derived.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from langevin_sgd.checks import InputError
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.training.observables.interface import Measured, Observable, Variables

if TYPE_CHECKING:
    from langevin_sgd.training.observables.observed_networks import ObservedNetworks


@dataclass(frozen=True)
class NoiseTemperature(Observable):
    """Trace of the covariance of gradients at single points, and the temperature of SGD's noise.

    ``gradient_noise``, the trace, and ``noise_temperature``; as costly as two steps on all points.
    """

    name: ClassVar[str] = "noise_temperature"

    def variables(self, *, has_test: bool) -> Variables:
        """As in `Observable`."""
        return {
            "gradient_noise": ((), "loss^2 / (alpha w)^2"),
            "noise_temperature": ((), "loss / alpha"),
        }

    def measure(self, networks: ObservedNetworks) -> Measured:
        """As in `Observable`.

        Raises
        ------
        InputError
            If the networks come without settings.
        """
        from langevin_sgd.curvature.gradient_noise import mean_and_trace

        if networks.settings is None:
            raise InputError("noise_temperature: needs the settings of SGD, which are not given")
        y, present = networks.on_train.y, networks.on_train.present
        pull = networks.loss.pull(networks.on_train.predictor, y) * present
        points = present.sum(1, keepdim=True)
        pieces = ((x, pull[:, here]) for here, x in networks.train.pieces())
        _, of_gradients = mean_and_trace(networks.replicas, pieces, points)
        trace = of_gradients.cpu().numpy()
        weights = sum(w[0].numel() for w in networks.replicas.trained)
        counts = networks.train.counts.tolist()
        rates = np.array(list(map(_noise_rate, networks.settings, counts)))
        return {"gradient_noise": trace, "noise_temperature": trace / (2 * weights) * rates}


def _noise_rate(settings: SGD, points: int) -> float:
    """Return lr s^2, with the learning rate that momentum makes of lr."""
    from langevin_sgd.curvature.gradient_noise import variance_factor

    return settings.lr / (1 - settings.momentum) * variance_factor(settings, points)
