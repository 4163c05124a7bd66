"""Tables of perceptrons: one training, a grid with its exponents, predictions of theory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd.data import DepletedSign
from langevin_sgd.dataset import provenance
from langevin_sgd.estimate import Estimate, format_with_error
from langevin_sgd.experiments.perceptron_exponents import ExponentFit, ExponentLimit
from langevin_sgd.experiments.symbols import at, digits, symbol
from langevin_sgd.measure import geometric_mean
from langevin_sgd.models.perceptron import Perceptron
from langevin_sgd.plotting.table import Table
from langevin_sgd.simulation.status import Status
from langevin_sgd.theory.perceptron import test_error

if TYPE_CHECKING:
    import xarray as xr

_QUANTITIES = ("t_star", "norm", "signal", "noise", "test_error")


# --- a grid ---------------------------------------------------------------------------------------


def point_documents(result: xr.Dataset) -> list[dict[str, Any]]:
    """Return one entry per point of a grid: its place by symbols, geometric means with errors,
    and the number of censored replicas, in strict JSON types.
    """
    entries = []
    for _, point in result.groupby("point"):
        runs = point.squeeze("point")
        entry: dict[str, Any] = {symbol(name): runs[name].item() for name in _AXES}
        entry |= {"replicas": runs.sizes["replica"], "censored": int((runs["status"] != 0).sum())}
        entry |= {name: _average(runs[name].values).to_dict() for name in _QUANTITIES}
        entries.append(entry)
    return entries


def _average(values: np.ndarray) -> Estimate:
    if (values == 0).any():  # in one dimension there is no noise
        return Estimate.refused("a replica is zero", value=float(values.mean()))
    return geometric_mean(values)


_AXES = ("points", "dimension", "chi", "temperature", "batch_size", "margin")


def documents_by_name(
    fits: Sequence[ExponentFit | ExponentLimit],
) -> dict[str, list[dict[str, Any]]]:
    """Return the entries of each exponent, what is held fixed by symbols, in strict JSON types."""
    named: dict[str, list[dict[str, Any]]] = {}
    for one in fits:
        document = one.to_dict() | {"held": _by_symbol(one.held)}
        if isinstance(one, ExponentFit):
            document["against"] = symbol(one.against)
        named.setdefault(one.name, []).append(document)
    return named


def _by_symbol(held: Mapping[str, float]) -> dict[str, float]:
    return {symbol(name): value for name, value in held.items()}


def point_table(points: Sequence[Mapping[str, Any]]) -> Table:
    """Return the means at every point, from `point_documents`."""
    letters = [symbol(name) for name in _AXES]
    header = [*letters, "censored", *(name.replace("_", " ") for name in _QUANTITIES)]
    rows = [
        [
            *(f"{point[letter]:g}" for letter in letters),
            f"{point['censored']}/{point['replicas']}",
            *(
                format_with_error(point[name]["value"], point[name]["standard_error"])
                for name in _QUANTITIES
            ),
        ]
        for point in points
    ]
    return Table(header, rows, range(len(header)))


def fit_table(fits: Sequence[ExponentFit]) -> Table:
    """Return the exponents along every line, beside their predictions."""
    header = ["exponent", "of", "against", "at", "points", "fit", "last slope", "predicted"]
    rows = [
        [
            fit.name,
            fit.quantity.replace("_", " "),
            symbol(fit.against),
            at(fit.held),
            str(len(fit.x)),
            _number(fit.exponent),
            _number(fit.slopes.at(fit.slopes.x[-1])),
            "-" if fit.predicted is None else f"{fit.predicted:.4g}",
        ]
        for fit in fits
    ]
    return Table(header, rows, [4, 5, 6, 7])


def limit_table(limits: Sequence[ExponentLimit]) -> Table:
    """Return the exponents extrapolated in the dimension, beside their predictions."""
    header = ["exponent", "P/d", "at", "largest d", "slope there", "limit in d", "predicted"]
    rows = [
        [
            limit.name,
            "{:g} to {:g}".format(*limit.ratios),
            at(limit.held),
            str(limit.dimension[-1]),
            _number(Estimate.from_samples(limit.slopes[-1])),
            _number(limit.limit),
            "-" if limit.predicted is None else f"{limit.predicted:.4g}",
        ]
        for limit in limits
    ]
    return Table(header, rows, [3, 4, 5, 6])


def _number(estimate: Estimate) -> str:
    return format_with_error(estimate.value, estimate.standard_error)


# --- a training -----------------------------------------------------------------------------------


def training_document(
    trained: xr.Dataset, problem: Perceptron, *, seconds: float
) -> dict[str, Any]:
    """Return what a training has come to, replica by replica, in strict JSON types.

    Parameters
    ----------
    trained
        Result of the training.
    problem
        What was trained; the test error is known in closed form where its points have a law.
    seconds
        What the training took.
    """
    unknown = np.full(trained.sizes["replica"], np.nan)
    signal, noise = (
        trained[name].values if name in trained else unknown for name in ("signal", "noise")
    )
    law = problem.data
    error = test_error(signal, noise, chi=law.chi) if isinstance(law, DepletedSign) else unknown
    document = {
        "t_star": _finite(trained["t_star"].values),
        "signal": _finite(signal),
        "noise": _finite(noise),
        "test_error": _finite(error),
        "seconds": seconds,
        "norm": _finite(trained["norm"].values),
        "status": _statuses(trained),
        **{name: trained[name].values.tolist() for name in ("unfit", "updates", "steps")},
        "seed": provenance(trained)["seed"],
    }
    if "sample_test_error" in trained:
        document["sample_test_error"] = _finite(trained["sample_test_error"].values)
    return document


def _statuses(trained: xr.Dataset) -> list[str]:
    """How each replica ended, in the words of the command."""
    names = {code: code.name.lower() for code in Status} | {Status.FINISHED: "fitted"}
    if provenance(trained)["separable"] is False:
        names[Status.STEP_LIMIT] = "not_separable"
    return [names[Status(code)] for code in trained["status"].values.tolist()]


def _finite(values: np.ndarray) -> list[float | None]:
    """Numbers for JSON: what is not finite becomes null."""
    return [float(value) if np.isfinite(value) else None for value in values]


_COLUMNS = ("t_star", "norm", "signal", "noise", "test_error", "sample_test_error")


def training_table(document: Mapping[str, Any]) -> Table:
    """Return one row for each replica of a training."""
    columns = [name for name in _COLUMNS if name in document]
    header = ["replica", *(name.replace("_", " ") for name in columns), "updates", "status"]
    rows = [
        [
            str(r),
            *(digits(document[name][r]) for name in columns),
            str(document["updates"][r]),
            status,
        ]
        for r, status in enumerate(document["status"])
    ]
    return Table(header, rows, range(len(header) - 1))


# --- theory ---------------------------------------------------------------------------------------


def flow_table(document: Mapping[str, Any]) -> Table:
    """Return signal and noise along the flow."""
    rows = [
        [digits(value) for value in row]
        for row in zip(*(document[name] for name in ("tau", "a", "s")), strict=True)
    ]
    return Table(["tau", "signal a", "noise s"], rows, [0, 1, 2])


def state_table(document: Mapping[str, Any]) -> Table:
    """Return what theory predicts at one state."""
    flat = {
        name: value
        for name, value in document.items()
        if not isinstance(value, dict) and name != "mean_increments"
    }
    rows = [
        [name.replace("_dtau", "/dtau").replace("_", " "), digits(value)]
        for name, value in flat.items()
    ]
    for group in ("exponents", "mean_increments"):
        title = group.replace("_", " ").removesuffix("s")
        rows += [
            [f"{title} {name}", digits(value)] for name, value in (document[group] or {}).items()
        ]
    return Table(["quantity", "value"], rows, [1])
