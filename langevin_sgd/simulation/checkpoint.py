"""Checkpoints: state, step and recorded variables of a run in one netCDF-4 file, continued bit for
bit.

Random numbers are functions of (seed, replica, step), so a checkpoint holds no generator. It holds
the arrays that an engine carries from step to step, totals of accumulators, and the identity of its
run (settings, seed, digests of problem, start and schedule, names of the recorded variables); one
of another run is refused. A checksum of all of it tells a file that was damaged or changed. A file
that cannot be written costs a warning and never the run.
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
from langevin_sgd.simulation.recording import Recording

if TYPE_CHECKING:
    import xarray as xr

_OWN = ("state_", "total_", "noticed_")
"""Beginnings of the names of a checkpoint's own arrays."""
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
    recording, schedule
        What the run records, and when.
    kind
        What wrote it, for instance ``sgd_checkpoint``.
    """

    def __init__(
        self,
        path: Path,
        identity: Mapping[str, Any],
        recording: Recording,
        schedule: np.ndarray,
        *,
        kind: str,
    ) -> None:
        self._path = path
        self._identity = json.loads(json.dumps(identity))
        self._recording = recording
        self._schedule = schedule
        self._kind = kind
        self._latest: tuple[dict[str, np.ndarray], int] | None = None
        self._written = time.monotonic()

    def note(self, carried: Mapping[str, np.ndarray], step: int) -> None:
        """Remember the arrays after `step` updates, which must not change any more; write them
        every few seconds.
        """
        totals = {f"total_{name}": values for name, values in self._recording.totals().items()}
        state = {f"state_{name}": values for name, values in carried.items()}
        noticed = {"noticed_diverged_step": self._recording.diverged_step.copy()}
        self._latest = (state | totals | noticed, step)
        if time.monotonic() - self._written > SECONDS:
            self.write()

    def write(self) -> None:
        """Replace the file by the state last noted and what was recorded up to it; also after an
        interruption.
        """
        if self._latest is None:
            return
        arrays, step = self._latest
        # An interrupted chunk may have been recorded although its last state was not noted: it is
        # recorded again.
        rows = int(np.searchsorted(self._schedule, step, side="right"))
        stored = {
            name: (dims, values[:rows], unit)
            for name, (dims, values, unit) in self._recording.variables().items()
        }
        for name, values in arrays.items():
            stored[name] = (tuple(f"{name}_{axis}" for axis in range(values.ndim)), values, "1")
        content = _checksum(stored, step, self._identity)
        made = dataset.make(stored, kind=self._kind, step=step, run=self._identity, content=content)
        try:
            dataset.save(made, self._path)
        except OSError as error:
            warnings.warn(
                f"checkpoint = '{self._path}': not written ({error}); the run goes on", stacklevel=2
            )
        self._written = time.monotonic()

    def read(self) -> tuple[dict[str, np.ndarray], int] | None:
        """Arrays and step of the file, ``None`` without a file; what it recorded goes back into the
        recording.

        Raises
        ------
        InputError
            If the file is damaged, or of another run.
        """
        if not os.path.exists(self._path):  # unlike Path.exists, False where a name is too long
            _require_place(self._path)
            return None
        stored = _load(self._path)
        found = dataset.provenance(stored)
        self._require_same_run(found)
        variables = {
            str(name): (tuple(map(str, array.dims)), array.values, str(array.attrs.get("units")))
            for name, array in stored.data_vars.items()
        }
        whole = found.get("content") == _checksum(variables, found.get("step"), self._identity)
        advice = "is damaged, or of an older version: remove it, or give another path"
        require(whole, "checkpoint", str(self._path), advice)
        arrays = {
            name: values for name, (_, values, _) in variables.items() if name.startswith(_OWN)
        }
        recorded = {
            name: variable for name, variable in variables.items() if not name.startswith(_OWN)
        }
        self._recording.restore(
            recorded, arrays["noticed_diverged_step"].copy(), _without("total_", arrays)
        )
        self._latest = (arrays, int(found["step"]))
        return _without("state_", arrays), int(found["step"])

    def _require_same_run(self, found: Mapping[str, Any]) -> None:
        theirs = _run_of(found)
        differing = [name for name, value in self._identity.items() if theirs.get(name) != value]
        if found.get("kind") != self._kind or differing:
            longer = "steps" in differing and set(differing) <= {"steps", "schedule"}
            finished = isinstance(theirs.get("steps"), int) and found.get("step") == theirs["steps"]
            advice = _how_to_go_on(theirs) if longer and finished else "give another path"
            difference = ", ".join(differing) or "kind"
            raise InputError(
                f"checkpoint = '{self._path}': belongs to another run (differs in {difference}); "
                f"{advice}"
            )


def _how_to_go_on(finished: Mapping[str, Any]) -> str:
    if "first_step" not in finished:
        return "it is finished; give another path"
    end = int(finished["first_step"]) + int(finished["steps"])
    return (
        f"it is finished and takes no more steps: read its result with steps={finished['steps']}, "
        "then go on with "
        f"start=result.final_position, velocity=result.final_velocity, first_step={end} and "
        "another path"
    )


def _checksum(
    variables: Mapping[str, dataset.Variable], step: Any, identity: Mapping[str, Any]
) -> str:
    """Hash of all that a checkpoint holds."""
    names = sorted(variables)
    described = [(name, variables[name][0], variables[name][2]) for name in names]
    text = json.dumps([described, step, identity], sort_keys=True)
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


def _without(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        name.removeprefix(prefix): values.copy()
        for name, values in arrays.items()
        if name.startswith(prefix)
    }


def stored_seed(path: Path) -> int | None:
    """Seed of the run in a checkpoint file, ``None`` without a file."""
    if not os.path.exists(path):
        return None
    seed = _run_of(dataset.provenance(_load(path))).get("seed")
    return seed if isinstance(seed, int) else None
