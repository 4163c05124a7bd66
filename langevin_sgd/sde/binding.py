"""Kernels of the general engine: integrator, force and noise bound together in generated source.

One module per combination is written and imported (`langevin_sgd.kernels.generated`), so that a
second process compiles nothing. Functions that cannot be imported by name (an integrator typed at
the prompt) are compiled in memory.
"""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType
from typing import Any

import numpy as np

from langevin_sgd.dynamics import NoiseOfState, StateDependentNoise
from langevin_sgd.kernels.block_functions import PRELUDE, built_on, kicking, scaling, weighting
from langevin_sgd.kernels.compiled import require_compiling
from langevin_sgd.kernels.generated import load
from langevin_sgd.models.potentials import Potential, Quadratic
from langevin_sgd.models.potentials.potential import force_source
from langevin_sgd.sde import loop
from langevin_sgd.sde.integrator import BlockStep, Equation

_KERNELS = """

@kernel
def advance(states, numbers, room, key, span, kept):
    run(
        states, numbers, room, key, span, kept,
        fill, step, leave, add_force, shape_noise, add_spread, {constant}
    )


@kernel
def settle(states, numbers):
    convert(states, numbers, enter, add_force)


@kernel
def release(states, numbers):
    convert(states, numbers, leave, add_force)


@kernel
def follow(states, numbers, room, given, snapshots):
    run_driven(states, numbers, room, given, snapshots, step, leave, add_force, shape_noise,
        add_spread, {constant})
"""


def kernels(equation: Equation, rule: BlockStep, normals: Any) -> ModuleType:
    """Return the module with the kernels of an equation and the step of an integrator.

    Parameters
    ----------
    normals
        Type of the random numbers, float64 or float32.
    """
    needs: dict[str, Any] = {}
    sources = {*built_on(), inspect.getsourcefile(loop) or ""}
    lines = [PRELUDE, _LOOP.format(fill="fill_64" if normals == np.float64 else "fill_32")]
    require_compiling()
    potential, noise = equation.potential, equation.noise_covariance
    constant = not isinstance(noise, NoiseOfState)
    kicked = _kicked(potential) if rule.local is not None and constant else ""
    functions = {"local_step": rule.local} if kicked else {"step": rule.step}
    functions |= {"enter": rule.enter, "leave": rule.leave}
    functions |= {name: part.block.function for name, part in _own_blocks(potential, noise).items()}
    for name, function in functions.items():
        home = _home(function)
        if home is None:
            needs[name] = function
            continue
        lines.append(f"from {home} import {function.__name__} as {name}\n")
        sources.add(inspect.getsourcefile(function.py_func) or "")
    if isinstance(potential, Potential):
        lines.append(force_source(potential))
        needs |= dict(potential.code.needs)
    elif isinstance(potential, Quadratic):
        lines.append("from langevin_sgd.sde.loop import add_linear_force as add_force\n")
    if constant:
        shape = "same_noise" if is_isotropic(noise) else "mixed_noise"
        lines.append(
            f"from langevin_sgd.sde.loop import {shape} as shape_noise, no_spread as add_spread\n"
        )
    elif isinstance(noise, StateDependentNoise):
        lines.append(
            scaling("shape_noise", noise.amplitude) + weighting("add_spread", noise.spread)
        )
    else:
        lines.append("from langevin_sgd.sde.loop import no_spread as add_spread\n")
    lines += [kicked + _LOCAL if kicked else "", _KERNELS.format(constant=constant)]
    return load("".join(lines), sources=sources, needs=needs)


_LOOP = "from langevin_sgd.sde.loop import convert, run, run_driven, {fill} as fill\n"


_LOCAL = """

@inlined
def step(x, v, room, own, add_force, shape_noise, add_spread, constant):
    local_step(x, v, shape_noise(room.normals[0], room.shaped, x, own.noise), own, kicked)
"""


def _kicked(potential: Any) -> str:
    """Source of a kick of one coordinate where the force on it depends on no other, else
    nothing.
    """
    if isinstance(potential, Potential) and potential.parameters == 1:
        return kicking("kicked", potential.code.force)
    if isinstance(potential, Quadratic) and not np.count_nonzero(
        potential.stiffness - np.diag(potential.stiffness.diagonal())
    ):
        return "from langevin_sgd.sde.loop import linear_kicked as kicked\n"
    return ""


def _own_blocks(potential: Any, noise: Any) -> dict[str, Any]:
    """Force and noise that bring a compiled function of their own."""
    return {
        name: part
        for name, part in (("add_force", potential), ("shape_noise", noise))
        if hasattr(part, "block")
    }


def is_isotropic(noise: Any) -> bool:
    """Whether a constant noise is the same in all directions."""
    if isinstance(noise, np.ndarray):
        return bool(np.array_equal(noise, noise[0, 0] * np.eye(len(noise))))
    return hasattr(noise, "variance") and not isinstance(noise, StateDependentNoise)


def _home(function: Any) -> str | None:
    """Module from which a compiled function can be imported under its name, ``None`` if there is
    none.
    """
    name = function.py_func.__module__
    if name == "__main__" or function.py_func.__qualname__ != function.__name__:
        return None
    try:
        return (
            name
            if getattr(importlib.import_module(name), function.__name__, None) is function
            else None
        )
    except ImportError:
        return None
