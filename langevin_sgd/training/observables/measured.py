"""Quantities measured of networks: losses, errors, weight changes; observables on request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from langevin_sgd.training.observables.interface import Measured, Observable, Variables
from langevin_sgd.training.observables.observed_networks import ObservedNetworks, Predictions
from langevin_sgd.training.observables.table import as_observables


def variables_of(observables: Sequence[Observable], *, has_test: bool) -> Variables:
    """Return all variables that are measured, with some observables."""
    variables: Variables = {
        "loss": ((), "loss / alpha"),
        "train_error": ((), "1"),
        "unfit_fraction": ((), "1"),
        "weight_change": ((), "1"),
    }
    if has_test:
        variables |= {"test_loss": ((), "loss / alpha"), "test_error": ((), "1")}
    for observable in observables:
        variables |= observable.variables(has_test=has_test)
    return {**variables, "layer_weight_change": (("layer",), "1")}


def measure(networks: ObservedNetworks, record: Any = None) -> Measured:
    """Measure networks at the present moment.

    Parameters
    ----------
    networks
        The networks. What observables keep of step 0 must have been kept.
    record
        Observables, or their short names, beside what is always measured; none by default.

    Returns
    -------
    dict
        Arrays (replica, ...): ``loss``, the mean of loss/alpha; ``train_error``, points with y o <=
        0; ``unfit_fraction``, points with y o < 1; ``test_loss`` and ``test_error`` where there are
        test points; ``weight_change`` and ``layer_weight_change`` (replica, layer), |w - w0|/|w0|;
        and the variables of the observables.
    """
    on_train, on_test = networks.on_train, networks.on_test
    measured: Measured = {
        "loss": _loss(networks, on_train),
        "train_error": _error(on_train),
        "unfit_fraction": on_train.mean(on_train.unfit),
    }
    if on_test is not None:
        measured |= {"test_loss": _loss(networks, on_test), "test_error": _error(on_test)}
    whole, layers = weight_change(networks.replicas.trained, networks.start.weights)
    measured |= {"weight_change": whole, "layer_weight_change": layers}
    for observable in as_observables("record", record):
        measured |= observable.measure(networks)
    return measured


def _loss(networks: ObservedNetworks, predictions: Predictions) -> np.ndarray:
    """Mean of loss/alpha, (replica,)."""
    values = networks.loss.value(predictions.predictor, predictions.y)
    return predictions.mean(values / networks.alpha)


def _error(predictions: Predictions) -> np.ndarray:
    """Fraction of points with y o <= 0, (replica,)."""
    wrong = ~(predictions.y * predictions.predictor > 0)
    return predictions.mean(wrong)


def weight_change(
    weights: list[torch.Tensor], start: list[torch.Tensor]
) -> tuple[np.ndarray, np.ndarray]:
    """|w - w0| / |w0| of all trained weights (replica,), and of each layer (replica, layer)."""

    def squares(tensors: list[torch.Tensor]) -> torch.Tensor:
        return torch.stack([t.double().flatten(1).square().sum(1) for t in tensors], 1)

    moved = squares([w - w0 for w, w0 in zip(weights, start, strict=True)])
    size = squares(start)
    whole = torch.sqrt(moved.sum(1) / size.sum(1))
    return whole.cpu().numpy(), torch.sqrt(moved / size).cpu().numpy()
