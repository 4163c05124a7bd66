"""Options of ``perceptron``: how training is done, and when it ends."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeAlias

from langevin_sgd.cli.settings import Given, names_of, options_for, values_of
from langevin_sgd.cli.vocabulary import PERCEPTRON
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.simulation.stop import Stop
from langevin_sgd.training.perceptron_engine import PerceptronEngine
from langevin_sgd.training.read_settings import READ

_SGD = {"sampling": Given(default="without_replacement")}
_OTHER = {"lr", "batch_size"} | {field.name for field in fields(SGD)} - {*READ["Perceptron"]}

if TYPE_CHECKING:
    Sampling: TypeAlias = Any
    Ending: TypeAlias = Any
    Engine: TypeAlias = Any
else:
    Sampling = options_for(SGD, given=_SGD, without=_OTHER)
    Ending = options_for(Stop)
    Engine = options_for(PerceptronEngine, without=["batch_seed"])


NAMES = names_of(SGD) | names_of(Stop) | names_of(PerceptronEngine) | PERCEPTRON
"""Argument of the library -> option."""


def settings_of(options: Any, *, lr: float, batch_size: int) -> SGD:
    """Return the settings of SGD."""
    return SGD(lr=lr, batch_size=batch_size, **values_of(options, SGD))


def stop_of(options: Any) -> Stop:
    """Return when training ends."""
    return Stop(**values_of(options, Stop))


def engine_of(options: Any) -> PerceptronEngine:
    """Return how training is done."""
    return PerceptronEngine(**values_of(options, PerceptronEngine))
