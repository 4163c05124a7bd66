"""Kernels of the general engine: integrator, force and noise bound together in generated source.

One module per combination is written and imported (`langevin_sgd.kernels.generated`), so that a
second process compiles nothing. Functions that cannot be imported by name (an integrator typed at
the prompt) are compiled in memory.
"""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType

import numpy as np

from langevin_sgd.dynamics.equation import LangevinEquation
from langevin_sgd.kernels.block_code import CompiledFunction
from langevin_sgd.kernels.block_functions import PRELUDE, built_on
from langevin_sgd.kernels.compiled import require_compiling
from langevin_sgd.kernels.generated import load
from langevin_sgd.sde import loop
from langevin_sgd.sde.drivers import Driver
from langevin_sgd.sde.integrator import BlockStep

_LOOP = "from langevin_sgd.sde.loop import convert, run, run_driven\n"

_LOCAL = """

@inlined
def step(x, v, room, own, add_force, shape_noise, add_spread, constant):
    local_step(x, v, shape_noise(room.normals[0], room.shaped, x, own.noise), own, kicked)
"""

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


def kernels(
    equation: LangevinEquation, rule: BlockStep, driver: Driver, normals: type[np.floating]
) -> ModuleType:
    """Return the module with the kernels of an equation and the step of an integrator.

    Parameters
    ----------
    equation, rule
        What gives force and noise, and the step.
    driver
        What fills the random numbers.
    normals
        Type of the random numbers, float64 or float32.
    """
    require_compiling()
    force, noise = equation.potential.compiled(), equation.noise.compiled()
    is_constant = equation.noise.calculus is None
    # In one loop over the coordinates, where neither force nor noise looks at another coordinate.
    is_local = rule.local is not None and is_constant and force.is_local
    functions: dict[str, CompiledFunction] = {**force.functions, **noise.functions}
    functions |= {"enter": rule.enter, "leave": rule.leave}
    if rule.local is not None and is_local:
        functions["local_step"] = rule.local
    else:
        functions["step"] = rule.step
    functions["fill"] = driver.fill(normals)
    lines = [PRELUDE, _LOOP]
    needs = {**force.needs, **noise.needs}
    sources = {*built_on(), inspect.getsourcefile(loop) or ""}
    for name, function in functions.items():
        home = _home(function)
        if home is None:
            needs[name] = function
            continue
        plain = inspect.unwrap(function)
        lines.append(f"from {home} import {plain.__name__} as {name}\n")
        sources.add(inspect.getsourcefile(plain) or "")
    lines += [force.source, noise.source, _LOCAL if is_local else ""]
    lines.append(_KERNELS.format(constant=is_constant))
    return load("".join(lines), sources=sources, needs=needs)


def _home(function: CompiledFunction) -> str | None:
    """Module from which a compiled function can be imported under its name, else ``None``."""
    plain = inspect.unwrap(function)
    if plain.__module__ == "__main__" or plain.__qualname__ != plain.__name__:
        return None
    try:
        home = importlib.import_module(plain.__module__)
    except ImportError:
        return None
    return plain.__module__ if vars(home).get(plain.__name__) is function else None
