"""The physics of SGD noise: exact laws, Langevin and Fokker-Planck models, and real SGD.

Public names resolve on first use (PEP 562), so that importing the package takes milliseconds and
loads the standard library only.
"""

from __future__ import annotations

from typing import Any

from langevin_sgd.lazy import attributes

_HOME = {
    "SGD": "sgd_settings",
    "Stop": "simulation.stop",
    "Status": "simulation.status",
    "Estimate": "estimate",
    "InputError": "checks",
    "LinearRegression": "models.linear_regression",
    "Perceptron": "models.perceptron",
    "NetworkProblem": "models.network_problem",
    "Potential": "models.potentials",
    "Underdamped": "dynamics",
    "Overdamped": "dynamics",
    "load": "dataset",
    "save": "dataset",
    "derive_seed": "randomness",
}
_MODULES = (
    "claims",
    "data",
    "dataset",
    "dynamics",
    "experiments",
    "fokker_planck",
    "measure",
    "models",
    "plotting",
    "record",
    "sde",
    "sweep",
    "theory",
    "training",
)

__all__ = [*_HOME, *_MODULES]

_resolved = attributes(__name__, _HOME | dict.fromkeys(_MODULES, ""))


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("langevin-sgd")
    return _resolved(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
