"""The networks that grids and the command line know by name."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

from langevin_sgd.checks import as_choice, as_count, require
from langevin_sgd.models.networks.activations import Activation
from langevin_sgd.models.networks.convolutional import ConvolutionalNetwork, as_image
from langevin_sgd.models.networks.fully_connected import FullyConnected
from langevin_sgd.models.networks.mobile_cnn import MobileCNN
from langevin_sgd.models.networks.resnet18 import ResNet18
from langevin_sgd.models.networks.simple_cnn import SimpleCNN

Network = FullyConnected | ConvolutionalNetwork

FAMILIES: dict[str, type[Network]] = {
    "fully_connected": FullyConnected,
    "simple_cnn": SimpleCNN,
    "mobile_cnn": MobileCNN,
    "resnet18": ResNet18,
}
"""Name -> class."""


def family_of(network: Network) -> str:
    """Return the name of the family of a network.

    Raises
    ------
    InputError
        If it has none.

    Examples
    --------
    >>> family_of(SimpleCNN(image=(1, 28, 28), width=16))
    'simple_cnn'
    """
    names = {kind: name for name, kind in FAMILIES.items()}
    require(type(network) in names, "network", network, f"must be one of {', '.join(FAMILIES)}")
    return names[type(network)]


def leaves_depth(name: str) -> bool:
    """Whether a family leaves the number of hidden layers open."""
    return any(
        field.name == "depth" for field in fields(FAMILIES[as_choice("name", name, FAMILIES)])
    )


def of_family(
    name: str,
    *,
    image: tuple[int, int, int],
    width: int,
    activation: Activation = "relu",
    depth: int | None = None,
) -> Network:
    """Make a network of a family for images of some shape.

    Parameters
    ----------
    name
        One of `FAMILIES`.
    image
        Channels, height and width of an input.
    width, activation
        As in every class.
    depth
        Hidden layers, of families that leave the choice; the default of the class if there is none.

    Raises
    ------
    InputError
        If there is no such family, or its class refuses a value.

    Examples
    --------
    >>> of_family("simple_cnn", image=(1, 28, 28), width=16)
    SimpleCNN(image=(1, 28, 28), width=16, activation='relu')
    """
    name = as_choice("name", name, FAMILIES)
    image = as_image(image)
    given: dict[str, Any] = {
        "image": image,
        "dimension": math.prod(image),
        "width": width,
        "activation": activation,
    }
    if depth is not None:
        given["depth"] = as_count("depth", depth)
    taken = {field.name for field in fields(FAMILIES[name])}
    return FAMILIES[name](**{key: value for key, value in given.items() if key in taken})
