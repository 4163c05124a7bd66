"""Quantities measured of networks during and after training, on request.

An observable is a value that says its name, its variables and their units, what it needs, what it
keeps of step 0 and how it is measured; it looks at `ObservedNetworks`, so that the same objects
measure replicas in training and networks of your own.

- ``margins``: y o, a point is fitted from 1 on
- ``noise_temperature``: the temperature of the noise of SGD
- ``signal``: the change of the weights along the mean gradient over test points, and across it
- `KernelChange`: how far the tangent kernel has moved (``kernel_change``)
- `TrainingKernel`: the curvature of a square loss, as the kernel of its training points, and their
  residuals (``training_kernel``)
- `TestError`: the test error of a perceptron on fresh points (``error_on_fresh_points``)

They are asked for by name, or as objects where they take arguments. ``at_start`` looks at networks
outside of training, ``measured`` has what observables say of them. One more is a file with a
subclass of ``interface.Observable`` and a line in ``table``. Losses, errors and the change of the
weights are measured always (``measured``).
"""

from langevin_sgd.training.observables.error_on_fresh_points import TestError as TestError
from langevin_sgd.training.observables.kernel_change import KernelChange as KernelChange
from langevin_sgd.training.observables.training_kernel import TrainingKernel as TrainingKernel
