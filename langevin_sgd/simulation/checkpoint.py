"""Checkpoints: all that a run needs to go on, in one netCDF-4 file, continued bit for bit.

Random numbers are functions of (seed, replica, step), so a checkpoint holds no generator. It holds
the arrays that its workload names, the variables recorded so far, the identity of the run
(settings, seed, digests of problem and start, names of the recorded variables) and what was planned
up to where it has come. One of another identity or another plan is refused; what is planned for
later may differ, so that a finished run goes on when more steps are asked for. A checksum of all of
it tells a file that was damaged or changed. A file that cannot be written costs a warning and never
the run.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd import checks, dataset
from langevin_sgd.checks import InputError, require
from langevin_sgd.kernels.machine import try_writing
from langevin_sgd.simulation.engine import Carried, Workload

if TYPE_CHECKING:
    import xarray as xr

_OWN = "state_"
"""Prefix of the arrays of a workload. The first dimension of recorded variables is ``step``."""
SECONDS = 5.0
"""Time between two writings, at least."""


def digest(*arrays: np.ndarray) -> str:
    """Hash of shapes, types and values of arrays."""
    content = hashlib.sha256()
    for array in arrays:
        content.update(f"{array.shape}{array.dtype.str}".encode())
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()[:32]


def as_path(path: Any) -> Path | None:
    """Return where a checkpoint is kept, ``None`` for none."""
    if path is None:
        return None
    return checks.as_path("checkpoint", path)


class Checkpoint:
    """A file that follows a run.

    Parameters
    ----------
    path
        The netCDF-4 file.
    identity
        JSON types; all must be equal for a run to be continued.
    kind
        What wrote it, for instance ``sgd_checkpoint``.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], *, kind: str) -> None:
        self._path = path
        self._identity = json.loads(json.dumps(identity))
        self._kind = kind
        self._latest: tuple[Workload, Carried] | None = None
        self._written = time.monotonic()

    def note(self, workload: Workload) -> bool:
        """Note the state and write it every few seconds; return whether it could be had."""
        carried = workload.carried()
        if carried is None:
            return False
        self._latest = workload, carried
        if time.monotonic() - self._written > SECONDS:
            self.write()
        return True

    def write(self) -> None:
        """Replace the file by the last noted state and its records; also when interrupted."""
        if self._latest is None:
            return
        workload, carried = self._latest
        variables = dict(carried.recorded())
        for name, values in carried.arrays.items():
            dims = tuple(f"{_OWN}{name}_{axis}" for axis in range(values.ndim))
            variables[_OWN + name] = dims, values, "1"
        told = {
            "step": carried.done,
            "run": self._identity,
            "plan": dict(workload.plan(carried.done)),
        }
        content = _checksum(variables, told)
        made = dataset.make(variables, kind=self._kind, content=content, **told)
        try:
            dataset.save(made, self._path)
        except OSError as error:
            warnings.warn(
                f"checkpoint = '{self._path}': not written ({error}); the run goes on", stacklevel=2
            )
        self._written = time.monotonic()

    def resume(self, workload: Workload) -> None:
        """Hand a workload what the file holds; nothing without a file.

        Raises
        ------
        InputError
            If the file is damaged, or of another run.
        """
        if not os.path.exists(self._path):  # unlike Path.exists, False where a name is too long
            _require_place(self._path)
            return
        stored = _load(self._path)
        document = dataset.provenance(stored)
        self._require_same_run(document)
        variables = {
            str(name): (tuple(map(str, array.dims)), array.values, str(array.attrs.get("units")))
            for name, array in stored.data_vars.items()
        }
        told = {"step": document.get("step"), "run": self._identity, "plan": document.get("plan")}
        whole = document.get("content") == _checksum(variables, told)
        advice = "is damaged, or of an older version: remove it, or give another path"
        require(whole, "checkpoint", str(self._path), advice)
        self._require_same_plan(told, workload)
        recorded = {
            name: variable for name, variable in variables.items() if variable[0][:1] == ("step",)
        }
        arrays = {
            name.removeprefix(_OWN): values.copy()
            for name, (_, values, _) in variables.items()
            if name not in recorded
        }
        carried = Carried(int(document["step"]), arrays, lambda: recorded)
        workload.restore(carried)
        # What was restored may change; the file stays as it is until there is something new.
        self._latest = None

    def _require_same_run(self, found: Mapping[str, Any]) -> None:
        theirs = _run_of(found)
        differing = [name for name, value in self._identity.items() if theirs.get(name) != value]
        if found.get("kind") != self._kind or differing:
            difference = ", ".join(differing) or "kind"
            raise InputError(
                f"checkpoint = '{self._path}': "
                f"belongs to another run (differs in {difference}); give another path"
            )

    def _require_same_plan(self, told: Mapping[str, Any], workload: Workload) -> None:
        """Raise `InputError` if the stored run went further than this one, or another way."""
        done, unit = int(told["step"]), workload.unit
        beginning = f"checkpoint = '{self._path}': belongs to another run (differs in "
        if done > workload.total:
            raise InputError(
                f"{beginning}{unit}s); it has made {done} {unit}s, more than the {workload.total} "
                "asked for; give another path"
            )
        plan = json.loads(json.dumps(dict(workload.plan(done))))
        differing = [name for name in plan if plan[name] != told["plan"].get(name)]
        if differing:
            raise InputError(
                f"{beginning}{', '.join(differing)}); "
                f"up to {unit} {done}, from where it would go on, give the same explicit schedule, "
                "for averages over time with equal gaps, or give another path"
            )


def _checksum(variables: Mapping[str, dataset.Variable], told: Mapping[str, Any]) -> str:
    """Hash of all that a checkpoint holds."""
    names = sorted(variables)
    described = [(name, variables[name][0], variables[name][2]) for name in names]
    text = json.dumps([described, told], sort_keys=True)
    return hashlib.sha256(
        (text + digest(*(variables[name][1] for name in names))).encode()
    ).hexdigest()[:32]


def _load(path: Path) -> xr.Dataset:
    require(path.is_file(), "checkpoint", str(path), "is no file")
    try:
        return dataset.load(path)
    except InputError as error:
        raise InputError(f"checkpoint: {error}") from None


def _run_of(found: Mapping[str, Any]) -> Mapping[str, Any]:
    run = found.get("run")
    return run if isinstance(run, Mapping) else {}


def _require_place(path: Path) -> None:
    """Raise `InputError` where no file can be written, before anything is computed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try_writing(path.parent, path.name)
    except OSError as error:
        raise InputError(
            f"checkpoint = '{path}': cannot be written there ({error.strerror})"
        ) from None


def stored_seed(path: Path) -> int | None:
    """Seed of the run in a checkpoint file, ``None`` without a file."""
    if not os.path.exists(path):
        return None
    seed = _run_of(dataset.provenance(_load(path))).get("seed")
    return seed if isinstance(seed, int) else None
