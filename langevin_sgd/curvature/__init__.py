"""Curvature of losses and noise of gradients, for many networks at once.

Functions of networks through the protocol `langevin_sgd.models.networks.interface.Replicas`, of
tensors in and out; they know no training.

- `squared_gradients`, `per_sample_gradients`, `weighted_gradient`: gradients of the outputs at
  single inputs, and sums of them; `dot_products` of such vectors (``sample_gradients``)
- `tangent_kernel`, `kernel_change`: the Gram matrix of these gradients, and how far it has moved
  (``tangent_kernel``)
- `mean_and_trace`, `variance_factor`: the mean of the gradients of a loss, the trace of their
  covariance, and the factor of it that a minibatch has (``gradient_noise``)
- `loss_hessian_product`, `gauss_newton_product`: the Hessian of a loss times a vector (``hessian``)
"""

from langevin_sgd.models.networks.torch_there import require_torch

require_torch()

from langevin_sgd.curvature.gradient_noise import mean_and_trace as mean_and_trace  # noqa: E402
from langevin_sgd.curvature.gradient_noise import variance_factor as variance_factor  # noqa: E402
from langevin_sgd.curvature.hessian import gauss_newton_product as gauss_newton_product  # noqa: E402
from langevin_sgd.curvature.hessian import loss_hessian_product as loss_hessian_product  # noqa: E402
from langevin_sgd.curvature.sample_gradients import dot_products as dot_products  # noqa: E402
from langevin_sgd.curvature.sample_gradients import (  # noqa: E402
    per_sample_gradients as per_sample_gradients,
)
from langevin_sgd.curvature.sample_gradients import (  # noqa: E402
    squared_gradients as squared_gradients,
)
from langevin_sgd.curvature.sample_gradients import (  # noqa: E402
    weighted_gradient as weighted_gradient,
)
from langevin_sgd.curvature.tangent_kernel import kernel_change as kernel_change  # noqa: E402
from langevin_sgd.curvature.tangent_kernel import tangent_kernel as tangent_kernel  # noqa: E402
