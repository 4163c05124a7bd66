"""Networks trained to zero hinge loss on images: what the claims about networks share.

Every replica has training set, initial weights and batches of its own, functions of (seed, number), the same in all
tasks: replicas of one number are paired whatever else differs.
"""

from dataclasses import dataclass

import xarray as xr

import langevin_sgd as ls


@dataclass(frozen=True, kw_only=True)
class NetworkRun:
    """Replicas of one training.

    Parameters
    ----------
    depth, width, activation
        Hidden layers D, their width h, and what is between them.
    points, test_points, images
        P, test points, and the data set; labels are the usual ones of the data set.
    alpha, temperature, batch_size
        Scale of the predictor, lr/(B h) and B.
    max_steps
        Steps after which a replica counts as unfinished.
    replicas, seed
        Replicas 0, 1, ... of the seed.
    """

    depth: int
    alpha: float
    temperature: float
    max_steps: int
    replicas: int
    seed: int
    width: int = 64
    activation: str = "relu"
    points: int = 256
    test_points: int = 1536
    images: str = "digits"
    batch_size: int = 16


@ls.sweep.task()
def train_nets(run: NetworkRun) -> xr.Dataset:
    """Train to zero loss: numbers of the end, (replica,)."""
    data = ls.data.BinaryImages(name=run.images, points=run.points, test_points=run.test_points)
    network = ls.models.networks.FullyConnected(
        dimension=data.dimension, width=run.width, depth=run.depth, activation=run.activation
    )
    return ls.training.train_networks(
        network,
        data,
        alpha=run.alpha,
        temperature_per_width=run.temperature,
        batch_size=run.batch_size,
        max_steps=run.max_steps,
        replicas=run.replicas,
        seed=run.seed,
    )
