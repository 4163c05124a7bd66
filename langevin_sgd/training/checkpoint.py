"""Checkpoints: state, step and recorded variables of a run in one netCDF-4 file, continued bit for bit.

Random numbers are functions of (seed, replica, step), so a checkpoint holds no generator. It holds the identity of its
run (settings, seed, digests of problem, start and schedule, names of the recorded variables); one of another run is
refused.
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
from langevin_sgd.training.steps import State

if TYPE_CHECKING:
    import xarray as xr

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
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], recording: Recording, schedule: np.ndarray) -> None:
        self._path = path
        self._identity = json.loads(json.dumps(identity))
        self._recording = recording
        self._schedule = schedule
        self._latest: tuple[State, int] | None = None
        self._written = time.monotonic()

    def note(self, state: State, step: int) -> None:
        """Remember the state after `step` updates, which must not change any more; write it every few seconds."""
        self._latest = (state, step)
        if time.monotonic() - self._written > SECONDS:
            self.write()

    def write(self) -> None:
        """Replace the file by the state last noted and what was recorded up to it; also after an interruption."""
        if self._latest is None:
            return
        state, step = self._latest
        # An interrupted chunk may have been recorded although its last state was not noted: it is recorded again.
        rows = int(np.searchsorted(self._schedule, step, side="right"))
        stored = {
            name: (dims, values[:rows], unit) for name, (dims, values, unit) in self._recording.variables().items()
        }
        stored["state_position"] = (("replica", "padded_parameter"), state.position, "theta")
        stored["state_velocity"] = (("replica", "padded_parameter"), state.velocity, "v")
        stored["state_diverged_step"] = (("replica",), state.diverged_step, "step")
        dataset.save(dataset.make(stored, kind="sgd_checkpoint", step=step, run=self._identity), self._path)
        self._written = time.monotonic()

    def read(self) -> tuple[State, int] | None:
        """State and step of the file, ``None`` without a file; what it recorded goes back into the recording.

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
        state = State(*(stored[f"state_{name}"].values for name in State._fields))
        self._recording.restore(_recorded_variables(stored), state.diverged_step.copy())
        self._latest = (state, int(found["step"]))
        return self._latest

    def _require_same_run(self, found: Mapping[str, Any]) -> None:
        theirs = found.get("run", {})
        differing = [name for name, value in self._identity.items() if theirs.get(name) != value]
        if found["kind"] != "sgd_checkpoint" or differing:
            raise InputError(
                f"checkpoint = '{self._path}': belongs to another run (differs in {', '.join(differing) or 'kind'}); "
                "give another path"
            )


def _recorded_variables(stored: xr.Dataset) -> dict[str, dataset.Variable]:
    """Variables of a file other than the state."""
    return {
        str(name): (tuple(map(str, array.dims)), array.values, array.attrs["units"])
        for name, array in stored.data_vars.items()
        if not str(name).startswith("state_")
    }


def stored_seed(path: Path) -> int | None:
    """Seed of the run in a checkpoint file, ``None`` without a file."""
    if not path.exists():
        return None
    seed = dataset.provenance(dataset.load(path)).get("run", {}).get("seed")
    return seed if isinstance(seed, int) else None
