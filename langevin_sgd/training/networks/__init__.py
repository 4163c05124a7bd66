"""SGD on many neural networks at once: `langevin_sgd.training.run` of a `NetworkProblem`.

``train`` is what it calls, whole phase diagrams in one go, with exact stopping times;
``require_device`` says whether there is the device that is asked for. Inside: ``settings`` gives
every run its own numbers, ``start`` says where it is taken up, ``training_sets`` holds the points,
each distinct set once. ``schedule_of_groups`` shares groups of runs out over threads and keeps
checkpoints; ``batch_of_replicas`` makes the steps of one, ``state`` is what it carries,
``initial_state`` and ``ending`` say how training begins and when it is over. What enters a step
comes from ``minibatches`` or from ``langevin_noise``; the losses are those of
`langevin_sgd.models.losses`. What is measured are `langevin_sgd.training.observables`; ``result``
collects and ``outcome`` makes the dataset.
"""

from langevin_sgd.models.networks.torch_there import require_torch

require_torch()
