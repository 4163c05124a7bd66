"""SGD on many neural networks at once.

- `train_networks`: whole phase diagrams in one call, with exact stopping times (``train``)
- `require_device`: whether there is the device that is asked for (``train``)

Inside: ``settings`` gives every replica its own numbers, ``start`` says where it is taken up,
``training_sets`` holds the points, each distinct set once. ``schedule_of_groups`` shares groups of
replicas out over threads and keeps checkpoints; ``batch_of_replicas`` makes the steps of one,
``state`` is what it carries, ``initial_state`` and ``ending`` say how training begins and when it
is over. What enters a step comes from ``minibatches`` or from ``langevin_noise``; the losses are
those of `langevin_sgd.models.losses`. What is measured are `langevin_sgd.training.observables`;
``result`` collects.
"""

from langevin_sgd.models.networks.torch_there import require_torch

require_torch()

from langevin_sgd.training.networks.train import require_device as require_device  # noqa: E402
from langevin_sgd.training.networks.train import train_networks as train_networks  # noqa: E402
