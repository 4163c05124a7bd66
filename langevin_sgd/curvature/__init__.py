"""Curvature of losses and noise of gradients, of torch modules and of many networks at once.

Each name is imported from its module.

A trained module and its data, as one value
    ``torch_model``         `TorchModel`: module, inputs, targets and loss, checked
    ``loss_gradients``      gradients of the loss at single points, and their norms
    ``gram``                Gram matrices of gradients of outputs and of losses, layer by layer
    ``operators``           `hessian`, `gauss_newton`, `noise_covariance`: products with vectors

Of any symmetric operator
    ``lanczos``             extreme eigenvalues with eigenvectors and residuals
    ``traces``              trace and Frobenius norm, with standard errors
    ``spectral_density``    density of eigenvalues

How noise and curvature go together
    ``alignment``           mu, cosine and size exactly; worst case at a minimum; along directions
    ``alignment_estimates`` the same from products or from subsets of the points, with errors
    ``batch_sharpness``     curvature of a minibatch along its gradient, in all conventions
    ``critical_sharpness``  curvature along an update from forward passes alone

Many networks through `langevin_sgd.models.networks.interface.Replicas`, of tensors in and out
    ``sample_gradients``    gradients of the outputs at single inputs, sums of them, their products
    ``tangent_kernel``      the Gram matrix of these gradients, and how far it has moved
    ``gradient_noise``      the mean of the gradients of a loss, the trace of their covariance, and
                            the factor of it that a minibatch has
    ``hessian``             the Hessian of a loss times a vector, and its Gauss-Newton part
    ``replica_operators``   these products for one of the networks, as an operator
"""

from langevin_sgd.models.networks.torch_there import require_torch

require_torch()
