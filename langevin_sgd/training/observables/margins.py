"""Margins of networks: how far each point is on its side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from langevin_sgd.training.observables.interface import Measured, Observable, Variables

if TYPE_CHECKING:
    from langevin_sgd.training.observables.observed_networks import ObservedNetworks, Predictions

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class Margins(Observable):
    """Margins y o of the predictor o = alpha (f - f0); a point is fitted from 1 on.

    ``mean_margin`` and its quantiles ``margin`` (margin_quantile) over the training points, and
    ``test_mean_margin`` and ``test_margin`` where there are test points.
    """

    name: ClassVar[str] = "margins"

    def variables(self, *, has_test: bool) -> Variables:
        """As in `Observable`."""
        prefixes = ("", "test_") if has_test else ("",)
        variables: Variables = {}
        for prefix in prefixes:
            variables[f"{prefix}mean_margin"] = ((), "1")
            variables[f"{prefix}margin"] = (("margin_quantile",), "1")
        return variables

    @property
    def coordinates(self) -> dict[str, np.ndarray]:
        """As in `Observable`."""
        return {"margin_quantile": np.array(QUANTILES)}

    def measure(self, networks: ObservedNetworks) -> Measured:
        """As in `Observable`."""
        measured = _margins("", networks.on_train)
        if networks.on_test is not None:
            measured |= _margins("test_", networks.on_test)
        return measured


def _margins(prefix: str, predictions: Predictions) -> Measured:
    margins = (predictions.y * predictions.predictor).double()
    margins[~margins.isfinite()] = float("nan")
    rows = zip(margins.cpu().numpy(), predictions.present.cpu().numpy(), strict=True)
    quantiles = [np.quantile(row[there], QUANTILES) for row, there in rows]
    return {
        f"{prefix}mean_margin": predictions.mean(margins),
        f"{prefix}margin": np.stack(quantiles),
    }
