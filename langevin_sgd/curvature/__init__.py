"""Curvature of losses and noise of gradients, for many networks at once.

Functions of networks through the protocol `langevin_sgd.models.networks.interface.Replicas`, of
tensors in and out; they know no training. Each is imported from its module.

- ``sample_gradients``: gradients of the outputs at single inputs, sums of them, their products
- ``tangent_kernel``: the Gram matrix of these gradients, and how far it has moved
- ``gradient_noise``: the mean of the gradients of a loss, the trace of their covariance, and the
  factor of it that a minibatch has
- ``hessian``: the Hessian of a loss times a vector, and its Gauss-Newton part
"""

from langevin_sgd.models.networks.torch_there import require_torch

require_torch()
