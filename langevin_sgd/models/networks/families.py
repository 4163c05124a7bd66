"""The architectures that grids and the command line know by name, and how networks are built."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

from langevin_sgd.checks import InputError, as_choice, as_count, as_instance
from langevin_sgd.models.networks.activations import Activation
from langevin_sgd.models.networks.convolutional import ConvolutionalNetwork, as_image
from langevin_sgd.models.networks.fully_connected import FullyConnected
from langevin_sgd.models.networks.interface import Architecture
from langevin_sgd.models.networks.mobile_cnn import MobileCNN
from langevin_sgd.models.networks.resnet18 import ResNet18
from langevin_sgd.models.networks.simple_cnn import SimpleCNN
from langevin_sgd.models.networks.user_module import OwnNetwork

FAMILIES: dict[str, type[Architecture]] = {
    "fully_connected": FullyConnected,
    "simple_cnn": SimpleCNN,
    "mobile_cnn": MobileCNN,
    "resnet18": ResNet18,
}
"""Name -> class. An architecture more is one line here."""
_ALLOWED = (
    "must be a network of models.networks; a torch module of your own is "
    "OwnNetwork(build=...), which makes it"
)


def as_network(name: str, value: object) -> Architecture:
    """Return a network if it is one of the table, or of the kinds that users make.

    Parameters
    ----------
    name
        Of the argument, for the refusal.
    value
        What was given.

    Raises
    ------
    InputError
        If it is anything else.

    Examples
    --------
    >>> as_network("network", SimpleCNN(image=(1, 8, 8), width=4)).width
    4
    """
    kinds: tuple[type[Architecture], ...] = (
        *FAMILIES.values(),
        ConvolutionalNetwork,  # type: ignore[type-abstract]  # asked for, not made
        OwnNetwork,
    )
    return as_instance(name, value, kinds, _ALLOWED)


def family_of(network: Architecture) -> str:
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
    name = names.get(type(network))
    if name is None:
        raise InputError(f"network = {network}: must be one of {', '.join(FAMILIES)}")
    return name


def leaves_depth(name: str) -> bool:
    """Whether a family leaves the number of hidden layers open."""
    return "depth" in _fields(FAMILIES[as_choice("name", name, FAMILIES)])


def _fields(make: Callable[..., Architecture]) -> set[str]:
    """Names of the arguments with which an architecture is made."""
    return set(inspect.signature(make).parameters)


def of_family(
    name: str,
    *,
    image: tuple[int, int, int],
    width: int,
    activation: Activation = "relu",
    depth: int | None = None,
) -> Architecture:
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
    make: Callable[..., Architecture] = FAMILIES[name]
    taken = _fields(make)
    return make(**{key: value for key, value in given.items() if key in taken})
