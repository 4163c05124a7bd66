"""Networks outside of training, as observables see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from langevin_sgd.checks import as_array, as_choice, as_positive, require
from langevin_sgd.models.losses import LOSSES
from langevin_sgd.models.networks.interface import Replicas
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.training.observables.interface import Observable
from langevin_sgd.training.observables.observed_networks import InitialNetworks, ObservedNetworks
from langevin_sgd.training.observables.points_of_replicas import PointsOfReplicas
from langevin_sgd.training.observables.table import as_observables

Arrays = tuple[np.ndarray, np.ndarray]
"""Inputs (point, dimension) and labels (point,) of +-1."""


def observed_at_start(
    replicas: Replicas,
    train: Arrays,
    *,
    test: Arrays | None = None,
    alpha: float = 1.0,
    loss: str = "hinge",
    settings: SGD | None = None,
    record: Any = None,
) -> ObservedNetworks:
    """Look at networks of your own at step 0, with one training set for all.

    Parameters
    ----------
    replicas
        The networks, for instance ``OwnNetwork(build=...).replicas([(0, 0)], torch.float64)``.
    train, test
        Inputs (point, dimension) and labels (point,) of +-1; no test points by default.
    alpha
        Scale of the predictor alpha (f - f0), > 0; 1 by default.
    loss
        One of `langevin_sgd.models.losses.LOSSES`; the hinge by default.
    settings
        Of the SGD whose noise is asked for, if it is.
    record
        Observables that will be measured, or their short names: they keep what they need.

    Raises
    ------
    InputError
        If an argument is out of range, or there are fewer points than an observable needs.

    Examples
    --------
    >>> import numpy as np, torch
    >>> import langevin_sgd as ls
    >>> from langevin_sgd.training.observables.margins import Margins
    >>> network = ls.models.networks.OwnNetwork(build=lambda: torch.nn.Linear(2, 1))
    >>> replicas = network.replicas([(0, 0), (0, 1)], torch.float64)
    >>> X, y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, -1.0])
    >>> networks = observed_at_start(replicas, (X, y), alpha=2.0)
    >>> for w in replicas.trained:
    ...     _ = w.add_(1.0)
    >>> margins = Margins().measure(networks.now())
    >>> margins["mean_margin"].round(12).tolist()
    [0.0, 0.0]
    """
    observables = as_observables("record", record)
    weights = [w.clone() for w in replicas.trained]
    count = len(weights[0])
    on_train = _shared_points("train", train, weights[0], count)
    on_test = None if test is None else _shared_points("test", test, weights[0], count)
    for observable in observables:
        observable.require_points(on_train.most, 0 if on_test is None else on_test.most)
    f0 = on_train.outputs(replicas)
    test_f0 = f0[:, :0] if on_test is None else on_test.outputs(replicas)
    networks = ObservedNetworks(
        replicas=replicas,
        start=InitialNetworks(weights, f0, test_f0),
        train=on_train,
        test=on_test,
        alpha=f0.new_full((count, 1), as_positive("alpha", alpha)),
        loss=LOSSES[as_choice("loss", loss, LOSSES)],
        settings=None if settings is None else [settings] * count,
    )
    return keeping(networks, observables)


def keeping(networks: ObservedNetworks, observables: Sequence[Observable]) -> ObservedNetworks:
    """Return networks at step 0 with what observables keep of it."""
    kept = {observable.name: observable.keep(networks) for observable in observables}
    return replace(networks, start=networks.start._replace(kept=kept))


def _shared_points(
    name: str, arrays: Arrays, weights: torch.Tensor, replicas: int
) -> PointsOfReplicas:
    """Points that all replicas share, of the type and on the device of the weights."""
    X, y = (as_array(f"{name}: {part}", array) for part, array in zip("Xy", arrays, strict=True))
    fits = X.ndim == 2 and y.shape == X.shape[:1] and X.size > 0
    require(fits, name, f"shapes {X.shape}, {y.shape}", "must be (point, dimension) and (point,)")
    require(bool(np.isin(y, (-1, 1)).all()), name, np.unique(y)[:5], "labels must be -1 or +1")
    return PointsOfReplicas(
        X=torch.from_numpy(X).to(weights),
        y=torch.from_numpy(y).to(weights),
        first=np.zeros(replicas, np.int64),
        counts=np.full(replicas, len(y)),
        widest=X.shape[1],
    )
