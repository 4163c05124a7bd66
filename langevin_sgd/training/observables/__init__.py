"""Quantities measured of networks during and after training, on request.

An observable is a value that says its name, its variables and their units, what it needs, what it
keeps of step 0 and how it is measured; it looks at `ObservedNetworks`, so that the same objects
measure replicas in training and networks of your own.

- `Margins`: y o, a point is fitted from 1 on (``margins``)
- `NoiseTemperature`: the temperature of the noise of SGD (``noise_temperature``)
- `Signal`: the change of the weights along the mean gradient over test points, and across it
  (``signal``)
- `KernelChange`: how far the tangent kernel has moved (``kernel_change``)
- `TestError`: the test error of a perceptron on fresh points (``test_error``)
- `observed_at_start`, `measure`: networks outside of training, and what observables say of them
  (``at_start``, ``measured``)

One more is a file with a subclass of `Observable` and a line in ``table``. Losses, errors and the
change of the weights are measured always (``measured``).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from langevin_sgd.training.observables.error_on_fresh_points import TestError as TestError
from langevin_sgd.training.observables.interface import Observable as Observable
from langevin_sgd.training.observables.kernel_change import KernelChange as KernelChange
from langevin_sgd.training.observables.margins import Margins as Margins
from langevin_sgd.training.observables.noise_temperature import NoiseTemperature as NoiseTemperature
from langevin_sgd.training.observables.signal import Signal as Signal

if TYPE_CHECKING:
    from langevin_sgd.training.observables.at_start import observed_at_start as observed_at_start
    from langevin_sgd.training.observables.measured import measure as measure

_WITH_TORCH = {
    "observed_at_start": "at_start",
    "measure": "measured",
}
"""Name -> module, of what looks at networks and brings torch along."""


def __getattr__(name: str) -> Any:
    if name in _WITH_TORCH:
        return getattr(importlib.import_module(f"{__name__}.{_WITH_TORCH[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
