"""Models whose loss and noise are known.

- `langevin_sgd.models.linear_regression`: `LinearRegression`, a quadratic loss with its gradient noise
- `langevin_sgd.models.potentials`: potentials with compiled energy, force and Hessian
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from langevin_sgd.models.linear_regression import LinearRegression as LinearRegression

if TYPE_CHECKING:
    from langevin_sgd.models import potentials as potentials


def __getattr__(name: str) -> Any:
    # Potentials bring Numba along, which closed-form predictions do without.
    if name == "potentials":
        return importlib.import_module("langevin_sgd.models.potentials")
    raise AttributeError(f"module 'langevin_sgd.models' has no attribute {name!r}")
