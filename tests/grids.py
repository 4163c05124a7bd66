"""Grids from one flat set of words, so that tests can share most of them and change a few."""

import numpy as np

import langevin_sgd as ls


def perceptron_grid(**words):
    """Axes of the grid, fields of settings, stop and engine, and arguments of the grid."""
    rest = ("replicas", "seed", "record")
    settings = {"sampling": words.pop("sampling", "without_replacement")}
    engine = {name: words.pop(name) for name in ("method", "precision") if name in words}
    stop = {name: words.pop(name) for name in ("max_steps", "unfit") if name in words}
    given = {name: words.pop(name) for name in rest if name in words}
    if "points_per_dimension" in words:
        words.pop("points", None)
    return ls.experiments.Grid(
        ls.Perceptron(data=ls.data.DepletedSign(points=1, dimension=1), margin=1.0),
        ls.SGD(lr=1.0, batch_size=1, **settings),
        stop=ls.Stop(**stop),
        axes=words,
        engine=ls.training.PerceptronEngine(**engine),
        **given,
    )


def network_grid(
    *,
    network=None,
    depth=(2,),
    width=(64,),
    activation=("relu",),
    points=(64,),
    data="digits",
    labels=None,
    test_points=512,
    loss="hinge",
    probe_points=0,
    observe=(),
    **words,
):
    """The same for networks; `network` are architectures, by default fully connected ones of every
    depth, width and activation.
    """
    images = ls.data.BinaryImages(points=1, test_points=test_points, name=data, labels=labels)
    if network is None:
        network = [
            ls.models.networks.FullyConnected(
                dimension=images.dimension, depth=D, width=h, activation=sigma
            )
            for D in np.atleast_1d(depth)
            for h in np.atleast_1d(width)
            for sigma in np.atleast_1d(activation).tolist()
        ]
    kernel = [ls.training.observables.KernelChange(points=probe_points)] if probe_points else []
    settings = {"sampling": words.pop("sampling", "without_replacement")}
    engine = {name: words.pop(name) for name in ("noise", "precision", "device") if name in words}
    stop = {"max_steps": words.pop("max_steps", 20_000)}
    rest = ("replicas", "seed")
    given = {name: words.pop(name) for name in rest if name in words}
    words.setdefault("batch_size", (16,))
    return ls.experiments.Grid(
        ls.NetworkProblem(network[0], images, loss=loss),
        ls.SGD(lr=1.0, batch_size=1, **settings),
        stop=ls.Stop(**stop),
        axes={"network": network, **words, "problem.data.points": points},
        engine=ls.training.NetworkEngine(**engine),
        record=(*([observe] if isinstance(observe, str) else observe), *kernel),
        **given,
    )
