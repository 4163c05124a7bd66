"""Neural networks with one output, as plain torch modules and many of them side by side.

- `FullyConnected`: any depth and width, in the parametrisation of Sclocchi, Geiger and Wyart
  (``fully_connected``)
- `random_features`, `two_layer_linear`: two of its special cases (``fully_connected``)
- `SimpleCNN`: two convolutions and a dense layer (``simple_cnn``)
- `MobileCNN`: a deep convolutional network of few weights (``mobile_cnn``)
- `ResNet18`: the residual network of eighteen layers for small images (``resnet18``)
- `OwnNetwork`: a torch module of your own (``user_module``)

To add a convolutional network, write one file, say ``two_convolutions.py``, with the shapes of its
weights and what it does with them; all else comes from ``convolutional.ConvolutionalNetwork``::

    @dataclass(frozen=True, kw_only=True)
    class TwoConvolutions(ConvolutionalNetwork):
        depth: ClassVar[int] = 2
        reduction: ClassVar[int] = 2

        @property
        def shapes(self):
            h = self.width
            return {"first": (h, self.image[0], 3, 3), "second": (h, h, 3, 3), "output": (1, h)}

        def forward(self, weights, images):
            x = activate(convolution(images, weights["first"], stride=2), self.activation)
            x = activate(convolution(x, weights["second"]), self.activation)
            return output(x.mean((2, 3)), weights["output"])

and, with its import, one line in ``families.py``::

    "two_convolutions": TwoConvolutions,

which makes it ``langevin-sgd train --network two_convolutions``.

A network of another kind is one file too, whose class has what ``interface.Architecture``
asks for and makes ``interface.Replicas``, and the same line. For any torch module,
``vectorised.VectorisedReplicas`` are such replicas.

Inside: ``families`` is the table of networks by name, ``convolutional`` is what convolutional
networks share, ``image_layers`` their layers, ``activations`` and ``initial`` what all networks
share, ``module`` the plain torch modules, ``replicas`` and ``vectorised`` the forms that hold many
networks side by side.
"""

from langevin_sgd.models.networks.fully_connected import FullyConnected as FullyConnected
from langevin_sgd.models.networks.fully_connected import random_features as random_features
from langevin_sgd.models.networks.fully_connected import two_layer_linear as two_layer_linear
from langevin_sgd.models.networks.mobile_cnn import MobileCNN as MobileCNN
from langevin_sgd.models.networks.resnet18 import ResNet18 as ResNet18
from langevin_sgd.models.networks.simple_cnn import SimpleCNN as SimpleCNN
from langevin_sgd.models.networks.user_module import OwnNetwork as OwnNetwork
