"""Neural networks with one output: what they are, as plain torch modules, and many of them at once.

- `FullyConnected`: any depth and width, in the parametrisation of Sclocchi, Geiger and Wyart (``fully_connected``)
- `random_features`, `two_layer_linear`: two of its special cases (``fully_connected``)
- `OwnNetwork`: a torch module of your own (``own``)

Inside: ``module`` is the plain torch module, ``replicas`` the form that holds many networks side by side.
"""

from langevin_sgd.models.networks.fully_connected import FullyConnected as FullyConnected
from langevin_sgd.models.networks.fully_connected import random_features as random_features
from langevin_sgd.models.networks.fully_connected import two_layer_linear as two_layer_linear
from langevin_sgd.models.networks.own import OwnNetwork as OwnNetwork
