"""Short names of the classes that settings of tasks are made of.

The encoded settings of a task name their classes. A class of the package is named by its short name
in the table `CLASSES`, so that it can move to another module, or get another name in Python, and no
encoded settings change: only its line in the table does. A short name is never changed and never
used again for something else. A class that is not in the table, as those of a claim, is named by
where it stands, ``module:Name``; when it moves, `ALIASES` keeps its former name readable.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import is_dataclass
from typing import Any

PACKAGE = "langevin_sgd"

CLASSES = {
    # what is run
    "sgd": "langevin_sgd.sgd_settings:SGD",
    "stop": "langevin_sgd.simulation.stop:Stop",
    "perceptron": "langevin_sgd.models.perceptron:Perceptron",
    "one_pass_perceptron": "langevin_sgd.models.perceptron:OnePassPerceptron",
    "network_problem": "langevin_sgd.models.network_problem:NetworkProblem",
    "network_engine": "langevin_sgd.training.network_engine:NetworkEngine",
    "perceptron_engine": "langevin_sgd.training.perceptron_engine:PerceptronEngine",
    # what is recorded
    "kernel_change": "langevin_sgd.training.observables.kernel_change:KernelChange",
    "margins": "langevin_sgd.training.observables.margins:Margins",
    "noise_temperature": "langevin_sgd.training.observables.noise_temperature:NoiseTemperature",
    "signal": "langevin_sgd.training.observables.signal:Signal",
    "test_error": "langevin_sgd.training.observables.error_on_fresh_points:TestError",
    "training_kernel": "langevin_sgd.training.observables.training_kernel:TrainingKernel",
    # architectures
    "fully_connected": "langevin_sgd.models.networks.fully_connected:FullyConnected",
    "mobile_cnn": "langevin_sgd.models.networks.mobile_cnn:MobileCNN",
    "resnet18": "langevin_sgd.models.networks.resnet18:ResNet18",
    "simple_cnn": "langevin_sgd.models.networks.simple_cnn:SimpleCNN",
    # laws of data
    "binary_images": "langevin_sgd.data.binary_images:BinaryImages",
    "depleted_sign": "langevin_sgd.data.depleted_sign:DepletedSign",
    "synthetic_points": "langevin_sgd.data.synthetic_points:SyntheticPoints",
    # settings of tasks of the package
    "cell": "langevin_sgd.experiments.cell:Cell",
    "switch": "langevin_sgd.experiments.switch:Switch",
}
"""Short name -> ``module:Name``."""

ALIASES = {
    "langevin_sgd.data.binary_images:BinaryImages": "binary_images",
    "langevin_sgd.data.depleted_sign:DepletedSign": "depleted_sign",
    "langevin_sgd.models.networks.fully_connected:FullyConnected": "fully_connected",
    "langevin_sgd.models.networks.mobile_cnn:MobileCNN": "mobile_cnn",
    "langevin_sgd.models.networks.resnet18:ResNet18": "resnet18",
    "langevin_sgd.models.networks.simple_cnn:SimpleCNN": "simple_cnn",
    "langevin_sgd.sgd_settings:SGD": "sgd",
}
"""Names that stand in results of earlier versions -> the name of the class now."""


def name_of(kind: type) -> str:
    """Return the name of a class in encoded settings: its short name, or ``module:Name``."""
    place = f"{kind.__module__}:{kind.__qualname__}"
    return _SHORT.get(place, place)


def place_of(name: str) -> tuple[str, str]:
    """Return the module of a class in encoded settings, and its name there."""
    current = ALIASES.get(name, name)
    module, _, qualname = CLASSES.get(current, current).partition(":")
    return module, qualname


def class_named(name: str) -> Any:
    """Import the dataclass of this name; only for names that a running sweep gives.

    Raises
    ------
    ImportError, AttributeError, ValueError
        If it is not there.
    TypeError
        If it is no dataclass.
    """
    kind = look_up(*place_of(name))
    if not (isinstance(kind, type) and is_dataclass(kind)):
        raise TypeError(f"{name} is no dataclass")
    return kind


def look_up(module: str, qualname: str) -> Any:
    """Import what stands at ``module:qualname``."""
    thing: Any = importlib.import_module(module)
    for part in qualname.split("."):
        thing = getattr(thing, part)
    return thing


def is_known_class(name: str) -> bool:
    """Whether a class that a file names is in the table, or in a module that this process has
    imported; nothing is imported to find out.
    """
    module, _ = place_of(name)
    return ALIASES.get(name, name) in CLASSES or module in sys.modules


_SHORT = {place: short for short, place in CLASSES.items()}
