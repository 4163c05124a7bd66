"""SGD on many neural networks at once.

- `train_networks`: whole phase diagrams in one call, with exact stopping times (``train``).

Inside: ``settings`` gives every replica its own numbers; ``training_sets`` holds the points, each distinct set once;
``group`` trains the replicas that share a batch, ``losses`` are the losses, ``observe`` measures, ``result`` collects.
"""

from langevin_sgd.training.networks.train import train_networks as train_networks
