"""Real SGD, compiled, on linear regression, perceptrons and neural networks.

- `run`: many replicas of SGD on any of these problems, and many variants of them, recorded on a
  schedule, resumable bit for bit (``dispatch``).
- `NetworkEngine`, `PerceptronEngine`: how networks and perceptrons are computed
  (``network_engine``, ``perceptron_engine``).
- ``observables``: what can be measured of networks, in training and outside of it, and of
  perceptrons.

Inside: ``batches`` has the minibatches and the additive noise of a run, to replay it elsewhere;
``linear_regression``, ``perceptron`` and ``networks`` make the steps of a ``request.RunRequest``;
``variants`` replaces fields of a run, ``earlier`` reads results from which one goes on. For linear
regression ``steps`` is the update rule and the compiled loop, ``problems`` prepares its arrays.
Chunks, recorders and the dataset are those of every simulator (`langevin_sgd.simulation`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from langevin_sgd.lazy import attributes

if TYPE_CHECKING:
    from langevin_sgd.training import observables as observables
    from langevin_sgd.training.dispatch import run as run
    from langevin_sgd.training.network_engine import NetworkEngine as NetworkEngine
    from langevin_sgd.training.perceptron_engine import PerceptronEngine as PerceptronEngine

# Numba comes with the steps: the command reads the fields of engines without it.
__getattr__ = attributes(
    __name__,
    {
        "run": "dispatch",
        "NetworkEngine": "network_engine",
        "PerceptronEngine": "perceptron_engine",
        "observables": "",
    },
)
