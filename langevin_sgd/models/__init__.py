"""Models whose loss and noise are known.

- `langevin_sgd.models.linear_regression`: `LinearRegression`, a quadratic loss with its gradient
  noise
- `langevin_sgd.models.perceptron`: `Perceptron`, a linear classifier with a hinge loss, and
  `OnePassPerceptron`, the same on fresh samples
- `langevin_sgd.models.network_problem`: `NetworkProblem`, a network with its points and its loss
- `langevin_sgd.models.networks`: neural networks, as torch modules and many at once
- `langevin_sgd.models.potentials`: potentials with compiled energy, force and Hessian
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from langevin_sgd.lazy import attributes
from langevin_sgd.models.linear_regression import LinearRegression as LinearRegression

if TYPE_CHECKING:
    from langevin_sgd.models import networks as networks
    from langevin_sgd.models import potentials as potentials
    from langevin_sgd.models.network_problem import NetworkProblem as NetworkProblem
    from langevin_sgd.models.perceptron import OnePassPerceptron as OnePassPerceptron
    from langevin_sgd.models.perceptron import Perceptron as Perceptron

# Potentials and data sets bring Numba along, which closed-form predictions do without.
__getattr__ = attributes(
    __name__,
    {
        "networks": "",
        "potentials": "",
        "NetworkProblem": "network_problem",
        "OnePassPerceptron": "perceptron",
        "Perceptron": "perceptron",
    },
)
