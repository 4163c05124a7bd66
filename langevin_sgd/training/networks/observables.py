r"""What is measured on the way and at the end: always some numbers, and others for the asking.

An observable names its variables, keeps what it needs of step 0, and measures. To add one, add one
to `OBSERVABLES`.

    margins             y o, with o = alpha (f - f0): a point is fitted from 1 on
    noise_temperature   of SGD, from the covariance of the gradients of single training points
    signal
    the change of the weights along g, the mean over test points of y grad f(w0, x), and across it
    kernel
    ||K - K0|| / ||K0|| of the tangent kernel on the probe points, in the Frobenius norm

Signal and noise of the weight change. To first order in w - w0 the mean of y (f - f0) over test
points is (w - w0) . g: only the part of w - w0 along g makes the network right on average, the rest
fits the points at hand. For a perceptron with isotropic inputs g is the direction of the teacher,
and the two parts are its signal and noise. (Derived.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from langevin_sgd.curvature import kernel_change, mean_and_trace, tangent_kernel, variance_factor
from langevin_sgd.models.networks import Replicas
from langevin_sgd.models.networks.interface import given_factors
from langevin_sgd.training.networks.measurements import (
    labels_of,
    loss_and_error,
    mean_over,
    outputs_on,
    stretches,
    unfit_points,
    weight_change,
)
from langevin_sgd.training.networks.result import Spec
from langevin_sgd.training.networks.state import State, Task
from langevin_sgd.training.networks.training_sets import Part

MARGIN_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
Found = dict[str, np.ndarray]


class Seen(NamedTuple):
    """All points of a part, as the networks see them; (replica, point) each."""

    predictor: torch.Tensor
    y: torch.Tensor
    present: torch.Tensor


class Observable(NamedTuple):
    """Something that is measured for the asking."""

    variables: Spec
    test_variables: Spec
    """Further ones where there are test points."""
    measure: Callable[[Task, State, dict[str, Seen]], Found]
    """What is seen is named ``""`` on the training points, ``"test_"`` on the test points."""
    keep: Callable[[Task, Replicas, np.ndarray], list[torch.Tensor]] | None = None
    """What it keeps of step 0, (replica, ...), of networks and their places in the run."""


def variables_of(names: Sequence[str], *, has_test: bool) -> Spec:
    """All variables that are measured, with some observables."""
    always = {"loss": ((), "loss / alpha"), "train_error": ((), "1"), "unfit_fraction": ((), "1")}
    found: Spec = {**always, "weight_change": ((), "1")}
    if has_test:
        found |= {"test_loss": ((), "loss / alpha"), "test_error": ((), "1")}
    for name in names:
        found |= OBSERVABLES[name].variables | (
            OBSERVABLES[name].test_variables if has_test else {}
        )
    return {**found, "layer_weight_change": (("layer",), "1")}


def measure(task: Task, state: State, names: tuple[str, ...]) -> Found:
    """Measure some replicas, by name; (replica,) or (replica, ...)."""
    found: Found = {}
    seen: dict[str, Seen] = {}
    for prefix, part, start in (("", task.train, state.f0), ("test_", task.test, state.test_f0)):
        y, present = labels_of(part, state.members), part.present(state.members)
        if present.shape[1] == 0:
            continue
        predictor = state.alpha * (
            outputs_on(state.networks, part, state.members) - start[:, : present.shape[1]]
        )
        error = "test_error" if prefix else "train_error"
        found[prefix + "loss"], found[error] = loss_and_error(
            task.loss, predictor, y, present, state.alpha
        )
        if not prefix:
            found["unfit_fraction"] = mean_over(unfit_points(predictor, y, present), present)
        seen[prefix] = Seen(predictor, y, present)
    found["weight_change"], found["layer_weight_change"] = weight_change(
        state.networks.trained, state.start
    )
    for name in names:
        found |= OBSERVABLES[name].measure(task, state, seen)
    return found


# --- margins --------------------------------------------------------------------------------------


def _margins(task: Task, state: State, seen: dict[str, Seen]) -> Found:
    found = {}
    for prefix, (predictor, y, present) in seen.items():
        margins = (y * predictor).double()
        margins[~margins.isfinite()] = torch.nan
        found[f"{prefix}mean_margin"] = mean_over(margins, present)
        rows = zip(margins.cpu().numpy(), present.cpu().numpy(), strict=True)
        found[f"{prefix}margin"] = np.stack(
            [np.quantile(row[there], MARGIN_QUANTILES) for row, there in rows]
        )
    return found


# --- noise of the gradient ------------------------------------------------------------------------


def _gradient_noise(task: Task, state: State, seen: dict[str, Seen]) -> Found:
    part, members = task.train, state.members
    pull = task.loss.pull(*seen[""][:2]) * seen[""].present
    points = seen[""].present.sum(1, keepdim=True)
    pieces = ((part.X[part.rows(members, a, b)], pull[:, a:b]) for a, b in stretches(part, members))
    trace = mean_and_trace(state.networks, pieces, points)[1].cpu().numpy()
    weights = sum(w[0].numel() for w in state.networks.trained)
    return {
        "gradient_noise": trace,
        "noise_temperature": trace / (2 * weights) * _noise_rates(task, members),
    }


def _noise_rates(task: Task, members: np.ndarray) -> np.ndarray:
    """lr s^2, with the learning rate that momentum makes of lr."""
    settings = [(task.numbers.settings[r], int(task.train.points[r])) for r in members.tolist()]
    return np.array(
        [one.lr / (1 - one.momentum) * variance_factor(one, points) for one, points in settings]
    )


# --- signal and noise of the weight change --------------------------------------------------------


def _towards_the_labels(task: Task, networks: Replicas, members: np.ndarray) -> list[torch.Tensor]:
    """Mean over test points of y grad f, shaped like the weights."""
    part = task.test
    share = labels_of(part, members) * part.present(members)
    share /= part.present(members).sum(1, keepdim=True)
    total = [torch.zeros_like(w) for w in networks.trained]
    for start, stop in stretches(part, members):
        here = given_factors(share[:, start:stop])
        networks.step(part.X[part.rows(members, start, stop)], here, into=total)
    return total


def _signal(task: Task, state: State, seen: dict[str, Seen]) -> Found:
    moved = [w - w0 for w, w0 in zip(state.networks.trained, state.start, strict=True)]
    direction = state.kept["signal"]
    along = _dot(moved, direction) / torch.sqrt(_dot(direction, direction))
    across = torch.sqrt((_dot(moved, moved) - along**2).clamp(min=0))
    size = torch.sqrt(_dot(state.start, state.start))
    return {"signal": (along / size).cpu().numpy(), "noise": (across / size).cpu().numpy()}


def _dot(a: list[torch.Tensor], b: list[torch.Tensor]) -> torch.Tensor:
    """Scalar products of weights, (replica,) float64."""
    products = [
        (one.double() * other.double()).flatten(1).sum(1) for one, other in zip(a, b, strict=True)
    ]
    return torch.stack(products).sum(0)


# --- tangent kernel -------------------------------------------------------------------------------


def _probe(task: Task, members: np.ndarray) -> torch.Tensor:
    part: Part = task.test if len(task.test.X) else task.train
    return part.X[part.rows(members, 0, task.probe_points)]


def _kernel(task: Task, state: State, seen: dict[str, Seen]) -> Found:
    now = tangent_kernel(state.networks, _probe(task, state.members))
    return {"kernel_change": kernel_change(now, state.kept["kernel"][0]).cpu().numpy()}


_MARGINS: Spec = {"mean_margin": ((), "1"), "margin": (("margin_quantile",), "1")}

OBSERVABLES: dict[str, Observable] = {
    "margins": Observable(
        _MARGINS, {f"test_{name}": spec for name, spec in _MARGINS.items()}, _margins
    ),
    "noise_temperature": Observable(
        {"gradient_noise": ((), "loss^2 / (alpha w)^2"), "noise_temperature": ((), "loss / alpha")},
        {},
        _gradient_noise,
    ),
    "signal": Observable(
        {"signal": ((), "1"), "noise": ((), "1")}, {}, _signal, _towards_the_labels
    ),
    "kernel": Observable(
        {"kernel_change": ((), "1")},
        {},
        _kernel,
        lambda task, networks, members: [tangent_kernel(networks, _probe(task, members))],
    ),
}
