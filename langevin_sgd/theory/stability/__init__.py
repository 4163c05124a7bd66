"""Stability of SGD near a minimum: of the mean, of the mean square, and of a typical run.

Regression on given data, with weight decay and dampening
    `limits`           limits of the mean and of the mean square, in parameter space

An interpolating minimum of the square loss, from model gradients of any number of parameters
    `minimum`          `InterpolatingMinimum`: the tangent kernel K = J J^T / n and its spectrum
    `edge`             `edge_lr`, `growth_factor`: exact, for heavy ball and Nesterov, any number of
                       outputs, batches with and without replacement; `mean_edge_lr` of gradient
                       descent
    `second_moment`    `mean_loss`: E L step by step, exact, from given residuals
    `typical`          `typical_exponent`: Lyapunov exponent of the product of random steps
    `critical`         `critical_moments`: gradients and velocities at the edge, and the identity
                       between them
    `bounds`           `edge_bounds`: what few numbers of the minimum say about its edge
    `alignment`        `alignment`, `alignment_range`: noise against curvature in sample space
    `batch_sharpness`  `batch_sharpness`: three conventions, exact where batches can be enumerated
    `predict`          the numbers of ``langevin-sgd predict stability``

Infinitely many samples
    `gaussian_stream`  `stream_edge_lr`, `stream_growth_factor`; `critical` has
                       `stream_critical_moments`

Inside: `feedback` (the n-dimensional operator whose largest eigenvalue decides), `batches`,
`roots`. Names beyond those of this package are imported from their module, as in ``from
langevin_sgd.theory.stability.typical import typical_exponent``.
"""

from langevin_sgd.theory.stability.alignment import alignment as alignment
from langevin_sgd.theory.stability.alignment import alignment_range as alignment_range
from langevin_sgd.theory.stability.batch_sharpness import batch_sharpness as batch_sharpness
from langevin_sgd.theory.stability.bounds import edge_bounds as edge_bounds
from langevin_sgd.theory.stability.edge import edge_lr as edge_lr
from langevin_sgd.theory.stability.edge import mean_edge_lr as mean_edge_lr
from langevin_sgd.theory.stability.limits import largest_stable_lr as largest_stable_lr
from langevin_sgd.theory.stability.limits import (
    largest_stable_stiffness,
    noise_feedback,
    require_stable,
)
from langevin_sgd.theory.stability.minimum import InterpolatingMinimum as InterpolatingMinimum

__all__ = ["largest_stable_lr", "largest_stable_stiffness", "noise_feedback", "require_stable"]
