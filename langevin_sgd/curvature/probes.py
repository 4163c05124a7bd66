"""Random vectors and batches of the estimators of this package, from the counter-based generator.

A probe is a function of the seed and of its own number: more probes keep those before them, and
neither chunks nor devices change one. They are drawn in double precision on the CPU and rounded to
the type that is asked for.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import ndtr

from langevin_sgd.randomness import BATCHES, NOISE, normals


def gaussian_probes(
    size: int, first: int, count: int, seed: int, like: torch.Tensor
) -> torch.Tensor:
    """Return standard normal vectors as columns.

    Parameters
    ----------
    size
        Length of each.
    first, count
        Number of the first one, and how many.
    seed
        Key of the generator.
    like
        A tensor of the type and on the device that are wanted.

    Returns
    -------
    torch.Tensor
        (size, count).
    """
    columns = [
        normals((size,), seed, step=first + place, substream=NOISE) for place in range(count)
    ]
    stacked = np.stack(columns, 1) if columns else np.empty((size, 0))
    return torch.from_numpy(stacked).to(dtype=like.dtype, device=like.device)


def sign_probes(size: int, first: int, count: int, seed: int, like: torch.Tensor) -> torch.Tensor:
    """Return vectors of independent signs (Rademacher) as columns, (size, count); arguments as in
    `gaussian_probes`.
    """
    normal = gaussian_probes(size, first, count, seed, like)
    return torch.where(normal < 0, -1.0, 1.0).to(like.dtype)


def random_points(points: int, count: int, number: int, seed: int, sampling: str) -> torch.Tensor:
    """Return the places of one random batch among points 0 ... points - 1.

    Parameters
    ----------
    points
        How many there are.
    count
        Size of the batch.
    number
        Number of the batch.
    seed
        Key of the generator.
    sampling
        ``with_replacement`` or ``without_replacement``.

    Returns
    -------
    torch.Tensor
        (count,) of int64, on the CPU.
    """
    if sampling == "without_replacement":
        order = np.argsort(normals((points,), seed, step=number, substream=BATCHES))
        return torch.from_numpy(order[:count].copy())
    uniform = ndtr(normals((count,), seed, step=number, substream=BATCHES))
    places = np.minimum((points * uniform).astype(np.int64), points - 1)
    return torch.from_numpy(places)
