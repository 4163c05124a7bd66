"""Checkpoints: state, step and recorded variables of a run in one netCDF-4 file, continued bit for bit.

Random numbers are functions of (seed, replica, step), so a checkpoint holds no generator. It holds the arrays that an
engine carries from step to step, totals of accumulators, and the identity of its run (settings, seed, digests of
problem, start and schedule, names of the recorded variables); one of another run is refused.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.checks import InputError
from langevin_sgd.recording import Recording

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
        self, path: Path, identity: Mapping[str, Any], recording: Recording, schedule: np.ndarray, *, kind: str
    ) -> None:
        self._path = path
        self._identity = json.loads(json.dumps(identity))
        self._recording = recording
        self._schedule = schedule
        self._kind = kind
        self._latest: tuple[dict[str, np.ndarray], int] | None = None
        self._written = time.monotonic()

    def note(self, carried: Mapping[str, np.ndarray], step: int) -> None:
        """Remember the arrays after `step` updates, which must not change any more; write them every few seconds."""
        totals = {f"total_{name}": values for name, values in self._recording.totals().items()}
        state = {f"state_{name}": values for name, values in carried.items()}
        noticed = {"noticed_diverged_step": self._recording.diverged_step.copy()}
        self._latest = (state | totals | noticed, step)
        if time.monotonic() - self._written > SECONDS:
            self.write()

    def write(self) -> None:
        """Replace the file by the state last noted and what was recorded up to it; also after an interruption."""
        if self._latest is None:
            return
        arrays, step = self._latest
        # An interrupted chunk may have been recorded although its last state was not noted: it is recorded again.
        rows = int(np.searchsorted(self._schedule, step, side="right"))
        stored = {
            name: (dims, values[:rows], unit) for name, (dims, values, unit) in self._recording.variables().items()
        }
        for name, values in arrays.items():
            stored[name] = (tuple(f"{name}_{axis}" for axis in range(values.ndim)), values, "1")
        dataset.save(dataset.make(stored, kind=self._kind, step=step, run=self._identity), self._path)
        self._written = time.monotonic()

    def read(self) -> tuple[dict[str, np.ndarray], int] | None:
        """Arrays and step of the file, ``None`` without a file; what it recorded goes back into the recording.

        Raises
        ------
        InputError
            If the file is damaged, or of another run.
        """
        if not self._path.exists():
            return None
        stored = dataset.load(self._path)
        found = dataset.provenance(stored)
        self._require_same_run(found)
        arrays = {str(name): stored[name].values for name in stored.data_vars if str(name).startswith(_OWN)}
        totals = _without("total_", arrays)
        self._recording.restore(_recorded_variables(stored), arrays["noticed_diverged_step"].copy(), totals)
        self._latest = (arrays, int(found["step"]))
        return {name: values.copy() for name, values in _without("state_", arrays).items()}, int(found["step"])

    def _require_same_run(self, found: Mapping[str, Any]) -> None:
        theirs = found.get("run", {})
        differing = [name for name, value in self._identity.items() if theirs.get(name) != value]
        if found["kind"] != self._kind or differing:
            raise InputError(
                f"checkpoint = '{self._path}': belongs to another run (differs in {', '.join(differing) or 'kind'}); "
                "give another path"
            )


def _recorded_variables(stored: xr.Dataset) -> dict[str, dataset.Variable]:
    """Variables of a file other than the state."""
    return {
        str(name): (tuple(map(str, array.dims)), array.values, array.attrs["units"])
        for name, array in stored.data_vars.items()
        if not str(name).startswith(_OWN)
    }


def _without(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): values.copy() for name, values in arrays.items() if name.startswith(prefix)}


def stored_seed(path: Path) -> int | None:
    """Seed of the run in a checkpoint file, ``None`` without a file."""
    if not path.exists():
        return None
    seed = dataset.provenance(dataset.load(path)).get("run", {}).get("seed")
    return seed if isinstance(seed, int) else None
