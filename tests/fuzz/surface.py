"""What there is to call: public names of the package, methods of their classes, verbs and options
of the command.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from tyro.conf import Positional

PACKAGE = "langevin_sgd"

LEFT_OUT = {
    "codes that are looked up": ("Status",),
    "an exception": ("InputError", "fokker_planck.NotConvergedWarning"),
    "called by the engines with objects of their own": (
        *(
            "sde.integrator.BlockStep*",
            "sde.integrator.Coefficients*",
            "sde.integrator.LinearStep*",
            "record.Snapshots*",
            "record.accumulators.Accumulator*",
        ),
        *(
            "record.accumulators.Current*",
            "record.accumulators.Histogram",
            "record.accumulators.Histogram.*",
            "record.accumulators.TimeAverages*",
            "record.passages.FirstPassage*",
        ),
        *("*.block_step", "*.linear_step", "*.check", "*.coarser", "sde.StudentT.*"),
        *("*.compiled", "*.identity", "*.require_replicas", "*.linear_force"),
        *("*.in_dimension", "*.constant_density"),
        *("training.observables.*.variables", "training.observables.*.require_points"),
    ),
    "what others derive from": (
        *("claims.Claim", "claims.Claim.*", "sde.Integrator*", "theory.Law", "theory.Law.*"),
        *(
            "dynamics.noise.Noise",
            "dynamics.noise.Noise.*",
            "dynamics.noise.NoiseOfState*",
            "dynamics.state_noise.StateDependentNoise*",
            "models.networks.convolutional.ConvolutionalNetwork*",
            "models.networks.interface.Architecture*",
            "models.networks.interface.Replicas*",
            "training.observables.interface.Observable",
            "training.observables.interface.Observable.*",
        ),
    ),
    "put together by other constructors, from compiled parts": (
        *(
            "Potential",
            "dynamics.Ito",
            "dynamics.Stratonovich",
            "dynamics.minibatch_noise.ShapedNoise",
            "dynamics.linear.LinearEquation",
        ),
    ),
    "a result, made by the package and not by its users": (
        *(
            "experiments.perceptron_exponents.ExponentFit",
            "experiments.perceptron_exponents.ExponentLimit",
            "experiments.GridLine",
            "experiments.network_lazy_exponents.LazyExponents",
        ),
        *(
            "experiments.network_averages.NetworkAverages",
            "measure.Collapse",
            "measure.scaling_corrections.Extrapolation",
        ),
        *(
            "measure.power_law.LocalSlopes",
            "measure.power_law.PowerLaw",
            "models.potentials.potential.BoltzmannMoments",
        ),
        *(
            "measure.curve.Curve",
            "measure.passage.Passage",
            "measure.scaling_corrections.CorrectedPowerLaw",
            "theory.perceptron.derivation.Derivation",
            "theory.stability.critical.CriticalMoments",
        ),
        *("sweep.execution.Outcome", "sweep.store.TaskStatus", "claims.judgement.Judgement"),
    ),
    "downloads": ("data.mnist", "data.cifar10"),
    "takes tensors of torch, as a module of torch does": (
        *(
            "models.networks.*.forward",
            "models.networks.*.replicas",
            "models.networks.*.require_trainable",
            "training.observables.*.keep",
            "training.observables.*.measure",
            "training.observables.measured.measure",
            "training.observables.at_start.observed_at_start",
            "training.observables.observed_networks.ObservedNetworks*",
        ),
    ),
    "takes a function of the user's and gives one back": ("sweep.task",),
    "turns errors of the system into refusals": ("dataset.*_file", "dataset.os_reason"),
    "does nothing before it is entered": ("dataset.locked",),
}
"""Reason -> patterns of names that are not called. The methods of a class whose constructor is left
out stay in.
"""


WAYS = {
    "training.run": ("linear regression", "a perceptron", "a one-pass perceptron", "networks"),
    "experiments.Grid": ("perceptrons", "networks"),
}
"""Call -> the ways in which it is called, each with good values of its own."""

FROM_MODULES = (
    "data.embedded.digit_pair",
    *(f"data.images.{name}" for name in ("animals", "digit_images", "grouping", "parity")),
    *(
        f"measure.autocorrelation.{name}"
        for name in ("autocorrelation", "autocorrelation_time", "effective_sample_size")
    ),
    *("measure.curve.Curve", "measure.displacement.local_exponents"),
    *("measure.displacement.mean_square_displacement", "measure.drift.drift_and_diffusion"),
    *("measure.passage.Passage", "measure.passage.first_at_or_below"),
    *(
        f"measure.phase_space.{name}"
        for name in ("curvature", "effective_temperature", "swept_area")
    ),
    *(
        f"measure.scaling_corrections.{name}"
        for name in ("CorrectedPowerLaw", "Extrapolation", "correction_to_scaling", "extrapolate")
    ),
    *(
        f"theory.damping.{name}"
        for name in ("damping_rate", "damping_ratio", "natural_frequency", "regime")
    ),
    *(
        f"theory.displacement.{name}"
        for name in ("exponent_between", "exponent_window", "fitted_exponent")
    ),
    *(
        f"theory.displacement.{name}"
        for name in ("relaxation_steps", "spurious_slope", "velocity_memory")
    ),
    *("theory.gaussian_inputs.gaussian_input_law", "theory.predict.predict_linear_regression"),
    *("theory.equilibrium.entropy_production", "theory.equilibrium.mode_temperatures"),
    *(f"theory.modified_loss.{name}" for name in ("mode_weights", "ornstein_uhlenbeck_covariance")),
    *(
        f"theory.rotation.{name}"
        for name in ("position_spectrum", "swept_area_per_step", "velocity_spectrum")
    ),
    *("theory.sde_accuracy.exact_dispersion", "theory.sde_accuracy.mode_rates"),
    *(
        f"theory.stability.{name}"
        for name in ("largest_stable_stiffness", "noise_feedback", "require_stable")
    ),
    *("theory.stability.edge.growth_factor", "theory.stability.edge.spectral_edge_lr"),
    "theory.stability.second_moment.mean_loss",
    "theory.stability.typical.typical_exponent",
    *(
        f"theory.stability.critical.{name}"
        for name in ("CriticalMoments", "critical_moments", "stream_critical_moments")
    ),
    *(
        f"theory.stability.gaussian_stream.{name}"
        for name in ("stream_edge_lr", "stream_growth_factor")
    ),
    *("theory.stability.bounds.frobenius_bound_lr", "theory.stability.alignment.alignment_matrix"),
    "theory.stability.predict.predict_stability",
    *(f"theory.perceptron.derivation.{name}" for name in ("Derivation", "derive_exponents")),
    *(
        f"theory.perceptron.late_stage.{name}"
        for name in ("late_pull", "quasi_stationary_noise", "signal_growth")
    ),
    *(f"theory.perceptron.increments.{name}" for name in ("mean_increments", "noise_drift")),
    "theory.perceptron.phase_diagram.critical_batch_size",
    *(f"claims.authoring.{name}" for name in ("describe", "run_command", "write_template")),
    *(f"claims.report.{name}" for name in ("pull_in_words", "summary", "write_report")),
    *(f"claims.discovery.{name}" for name in ("find_claim", "find_claims")),
    "claims.judgement.Judgement",
    *(f"claims.runner.{name}" for name in ("judge_stored", "plan", "run")),
    *(f"claims.verdict.{name}" for name in ("critical_value", "judge", "pull", "worst")),
    "data.given_points.GivenPoints",
    "dynamics.equation.is_linear",
    "dynamics.linear.LinearEquation",
    *(f"dynamics.minibatch_noise.{name}" for name in ("MinibatchNoise", "ShapedNoise")),
    *(f"dynamics.noise.{name}" for name in ("Noise", "NoiseOfState")),
    "dynamics.state_noise.StateDependentNoise",
    *(f"experiments.cell.{name}" for name in ("Cell", "train_cell")),
    *(f"experiments.network_averages.{name}" for name in ("NetworkAverages", "average_networks")),
    "experiments.network_lazy_exponents.LazyExponents",
    "experiments.network_lines.families",
    *(
        f"experiments.perceptron_exponents.{name}"
        for name in ("ExponentFit", "ExponentLimit", "extrapolated_slopes")
    ),
    "fokker_planck.gaussian_law.GaussianLaw",
    *(
        f"measure.power_law.{name}"
        for name in ("LocalSlopes", "PowerLaw", "local_slopes", "varied_windows")
    ),
    "models.hinge_loss.HingeLoss",
    "models.networks.convolutional.ConvolutionalNetwork",
    *(f"models.networks.families.{name}" for name in ("leaves_depth", "of_family")),
    *(f"models.networks.interface.{name}" for name in ("Architecture", "Replicas")),
    "models.potentials.potential.BoltzmannMoments",
    *("plotting.panel.to_csv", "plotting.table.Table"),
    *(
        f"record.accumulators.{name}"
        for name in ("Accumulator", "Current", "Histogram", "TimeAverages")
    ),
    "record.passages.FirstPassage",
    *("record.recorders.histograms", "record.schedules.as_schedule"),
    *(f"sde.integrator.{name}" for name in ("BlockStep", "Coefficients", "LinearStep")),
    "sweep.execution.Outcome",
    "sweep.store.TaskStatus",
    *(f"theory.perceptron.predict.{name}" for name in ("predict_flow", "predict_perceptron")),
    *(f"training.batches.{name}" for name in ("batch_indices", "gradient_normals")),
    "training.observables.at_start.observed_at_start",
    "training.observables.interface.Observable",
    "training.observables.margins.Margins",
    "training.observables.measured.measure",
    "training.observables.noise_temperature.NoiseTemperature",
    "training.observables.observed_networks.ObservedNetworks",
    "training.observables.signal.Signal",
)
"""Names that users import from the modules of a package, which does not export them itself."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a call."""

    name: str
    annotation: str
    required: bool
    many: bool = False
    takes_none: bool = False


@dataclass(frozen=True)
class Call:
    """Something public that can be called.

    Parameters
    ----------
    name
        Dotted name below the package: ``theory.LangevinLaw.mean``.
    owner
        Name of the class whose good object the call needs; "" for functions, constructors and class
        methods.
    attribute
        Whether it is a property, which takes nothing.
    way
        One of those in `WAYS`; "" where there is only one.
    """

    name: str
    parameters: tuple[Parameter, ...] = ()
    owner: str = ""
    attribute: bool = False
    way: str = ""

    @property
    def key(self) -> str:
        """The name, with the way in which it is called where there are several."""
        return f"{self.name} of {self.way}" if self.way else self.name

    @cached_property
    def path(self) -> str:
        return f"ls.{self.name}"


@dataclass(frozen=True)
class Option:
    """One option or positional word of a verb."""

    name: str
    annotation: str
    required: bool
    positional: bool
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verb:
    """One verb of the command, with all its options."""

    words: tuple[str, ...]
    options: tuple[Option, ...]


# --- the package ----------------------------------------------------------------------------------


def calls() -> list[Call]:
    """Everything public that can be called, but for `LEFT_OUT`."""
    found = [call for name, value in sorted(public().items()) for call in _calls_of(name, value)]
    return [
        replace(call, way=way)
        for call in found
        if not is_left_out(call.name)
        for way in WAYS.get(call.name, ("",))
    ]


def public() -> dict[str, Any]:
    """Dotted name below the package -> what it names, once each."""
    found: dict[int, tuple[str, Any]] = {}
    for name, value in _walk(PACKAGE):
        found.setdefault(id(value), (name, value))
    for name in FROM_MODULES:
        module, _, last = name.rpartition(".")
        value = getattr(importlib.import_module(f"{PACKAGE}.{module}"), last)
        found.setdefault(id(value), (name, value))
    return dict(found.values())


def _walk(module_name: str) -> Iterator[tuple[str, Any]]:
    module = importlib.import_module(module_name)
    below = []
    for name in public_names(module):
        value = getattr(module, name)
        if isinstance(value, types.ModuleType):
            below.append(value.__name__)
        elif callable(value) and not typing.get_origin(value):
            yield f"{module_name}.{name}".removeprefix(f"{PACKAGE}."), value
    for name in below:
        yield from _walk(name)


def public_names(module: types.ModuleType) -> list[str]:
    """What a package exports (``import X as X``, in its stub where it has one), or what a public
    file defines.
    """
    file = Path(str(module.__file__))
    if file.name != "__init__.py":
        own = (
            name
            for name, value in vars(module).items()
            if getattr(value, "__module__", "") == module.__name__
        )
        return sorted(name for name in own if not name.startswith("_"))
    stub = file.with_suffix(".pyi")
    tree = ast.parse((stub if stub.exists() else file).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return sorted(
        {alias.name for node in imports for alias in node.names if alias.name == alias.asname}
    )


def _calls_of(name: str, value: Any) -> Iterator[Call]:
    yield Call(name, _parameters(value))
    if not inspect.isclass(value):
        return
    for member in sorted(dir(value)):
        static = None if member.startswith("_") else inspect.getattr_static(value, member)
        path = f"{name}.{member}"
        if isinstance(static, property) or type(static).__name__ == "cached_property":
            yield Call(path, owner=name, attribute=True)
        elif isinstance(static, classmethod | staticmethod):
            yield Call(path, _parameters(getattr(value, member)))
        elif inspect.isfunction(static):
            yield Call(path, _parameters(static)[1:], owner=name)


def _parameters(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    try:
        signature = inspect.signature(function)
    except ValueError:
        return ()
    return tuple(
        Parameter(
            each.name,
            str(each.annotation),
            each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD),
            each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD),
            each.default is None or "None" in str(each.annotation),
        )
        for each in signature.parameters.values()
    )


def is_left_out(name: str) -> bool:
    """Whether there is a reason in `LEFT_OUT` not to call this."""
    return any(fnmatchcase(name, pattern) for patterns in LEFT_OUT.values() for pattern in patterns)


# --- the command ----------------------------------------------------------------------------------


def verbs() -> list[Verb]:
    """Every verb of the command with its options, from the dataclasses that its parser is made
    of.
    """
    from langevin_sgd.cli import Command

    return list(_verbs(Command, ()))


def _verbs(union: Any, words: tuple[str, ...]) -> Iterator[Verb]:
    for member in typing.get_args(union):
        kind, known = typing.get_args(member)[0], typing.get_args(member)[1]
        path = (*words, known.name)
        hints = typing.get_type_hints(kind, include_extras=True)
        nested = [field for field in fields(kind) if _is_union_of_verbs(hints[field.name])]
        if nested:
            yield from _verbs(hints[nested[0].name], path)
        else:
            yield Verb(path, tuple(_options(kind)))


def _options(kind: type) -> Iterator[Option]:
    """Options of a verb; those of settings that it takes whole are options like the others."""
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        if is_dataclass(hints[field.name]):
            yield from _options(hints[field.name])
        else:
            yield _option(field, hints[field.name])


def _is_union_of_verbs(hint: Any) -> bool:
    return any(
        "subcommand" in type(note).__name__.lower()
        for arm in typing.get_args(hint)
        for note in _notes(arm)
    )


def _notes(hint: Any) -> tuple[Any, ...]:
    return getattr(hint, "__metadata__", ())


def _option(field: Any, hint: Any) -> Option:
    positional = any(note in _notes(Positional[int]) for note in _notes(hint))
    plain = typing.get_args(hint)[0] if _notes(hint) else hint
    choices = typing.get_args(plain) if typing.get_origin(plain) is typing.Literal else ()
    required = field.default is MISSING and field.default_factory is MISSING
    text = plain.__name__ if isinstance(plain, type) else str(plain)
    return Option(field.name, text, required, positional, choices)
