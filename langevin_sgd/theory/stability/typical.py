r"""What a typical run does beside the mean: the Lyapunov exponent of linearised SGD.

E L is carried by rare batches. A single run shrinks in the end where the exponent

    gamma = lim (1/t) ln |(r_t, u_t)|

of the product of random steps (`second_moment` has the step of residuals r and velocities u) is
negative; by Jensen 2 gamma <= ln rho, rho the growth of E L, so that a run can converge beyond the
mean-square edge. Almost every start in the range of the kernel grows with the top exponent
(Oseledets), so one vector a replica is followed and its growth added up after a beginning that is
left out; the error is the spread over replicas, which are independent. The vectors are kept in the
eigenbasis of K, so that rounding puts nothing outside its range, where it would stay for ever.
Source: Ma and Ying (NeurIPS 2021) for moments; the exponent as in Furstenberg and Kesten (1960).
"""

from __future__ import annotations

import numpy as np

from langevin_sgd.checks import as_count, as_seed, require_memory
from langevin_sgd.estimate import Estimate
from langevin_sgd.randomness import START, normals
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.theory.stability.batches import drawn_batches
from langevin_sgd.theory.stability.minimum import (
    InterpolatingMinimum,
    as_pair,
    require_computable,
)
from langevin_sgd.theory.underflow import vanishing


@vanishing
def typical_exponent(
    minimum: InterpolatingMinimum,
    settings: SGD,
    *,
    steps: int = 2000,
    replicas: int = 32,
    seed: int = 0,
) -> Estimate:
    """Growth of ln |residuals| per step in a typical run: half that of ln L.

    Parameters
    ----------
    minimum, settings
        As in `edge_lr`, the learning rate too.
    steps
        Steps that are counted, after a quarter as many that are not; default 2000.
    replicas
        Independent runs, at least 2; default 32.
    seed
        Of the starts and batches; default 0.

    Returns
    -------
    Estimate
        Not valid where a run reaches zero exactly.

    Raises
    ------
    InputError
        If an argument is out of range.

    Examples
    --------
    >>> minimum = InterpolatingMinimum.from_features([[1.0], [1.0]])
    >>> found = typical_exponent(minimum, SGD(lr=0.5, batch_size=1), steps=8, replicas=2)
    >>> round(found.value, 6)
    -0.693147
    """
    minimum, settings = as_pair(minimum, settings)
    require_computable(settings, float(minimum.eigenvalues[0]))
    steps, replicas = as_count("steps", steps, 1, 10**8), as_count("replicas", replicas, 2, 10**6)
    seed, beginning = as_seed("seed", seed), steps // 4
    modes = len(minimum.eigenvalues)
    drawn = replicas * (steps + beginning) * settings.batch_size
    require_memory("steps", steps, 8.0 * (drawn + 4 * replicas * modes))
    batches = np.stack(
        [
            drawn_batches(settings, minimum.samples, steps + beginning, seed=seed, replica=replica)
            for replica in range(replicas)
        ],
        axis=1,
    )
    position = minimum.eigenvalues * normals((replicas, modes), seed, substream=START)
    velocity, growth = np.zeros_like(position), np.zeros(replicas)
    with np.errstate(divide="ignore", invalid="ignore"):
        for step, batch in enumerate(batches):
            position, velocity = _stepped(minimum, settings, position, velocity, batch)
            length = np.sqrt((position**2).sum(axis=1) + (velocity**2).sum(axis=1))
            position, velocity = position / length[:, None], velocity / length[:, None]
            if step >= beginning:
                growth += np.log(length)
    return Estimate.from_samples(growth / steps, method="growth over products of random steps")


def _stepped(
    minimum: InterpolatingMinimum,
    settings: SGD,
    position: np.ndarray,
    velocity: np.ndarray,
    batch: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """U^T r and U^T u (replica, mode) after a step on batches (replica, batch)."""
    outputs, size = minimum.outputs, batch.shape[1]
    rows = (batch[:, :, None] * outputs + np.arange(outputs)).reshape(len(batch), -1)
    vectors = minimum.vectors[rows]
    chosen = np.einsum("rbm,rm->rb", vectors, position)
    pull = np.einsum("rbm,rb->rm", vectors, chosen) * (minimum.samples / size)
    gradient = minimum.eigenvalues * pull
    velocity = settings.momentum * velocity + gradient
    push = settings.momentum * velocity + gradient if settings.nesterov else velocity
    return position - settings.lr * push, velocity
