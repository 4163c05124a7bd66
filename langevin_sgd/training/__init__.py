"""Real stochastic gradient descent, compiled, on linear regression, perceptrons and neural
networks.

- `run`: many replicas of SGD, recorded on a schedule, resumable bit for bit (``runner``).
- `train_perceptron`, `one_pass_perceptron`: perceptrons trained until they fit their points,
  exactly and fast, or on fresh samples (``perceptron``).
- `train_networks`: many neural networks at once, with exact stopping times (``networks``).
- ``observables``: what can be measured of networks, in training and outside of it.
- `batch_indices`, `gradient_normals`: the minibatches and the additive noise of a run, to replay it
  elsewhere (``batches``).

Inside: ``steps`` is the update rule and the compiled loop, ``problems`` prepares its arrays,
``checkpoint`` writes and continues runs. Chunks, recorders and the dataset are those of every
simulator (`langevin_sgd.simulation.recording`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langevin_sgd.training import observables as observables
from langevin_sgd.training.batches import batch_indices as batch_indices
from langevin_sgd.training.batches import gradient_normals as gradient_normals
from langevin_sgd.training.linear_regression import run as run
from langevin_sgd.training.perceptron import one_pass_perceptron as one_pass_perceptron
from langevin_sgd.training.perceptron import train_perceptron as train_perceptron

if TYPE_CHECKING:
    from langevin_sgd.training.networks import train_networks as train_networks


def __getattr__(name: str) -> Any:
    # Networks bring torch along.
    if name == "train_networks":
        from langevin_sgd.training.networks import train_networks

        return train_networks
    raise AttributeError(f"module 'langevin_sgd.training' has no attribute {name!r}")
