"""The dataset of a finished run of trajectories."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.simulation.engine import Engine
from langevin_sgd.simulation.status import Status, flags
from langevin_sgd.simulation.trajectories import Trajectories

if TYPE_CHECKING:
    import xarray as xr


def result(trajectories: Trajectories, *, first_replica: int = 0, **provenance: Any) -> xr.Dataset:
    """Build the dataset of a finished run.

    Parameters
    ----------
    trajectories
        At their end.
    first_replica
        Number of the first replica.
    provenance
        Goes to `langevin_sgd.dataset.make`.

    Returns
    -------
    xarray.Dataset
        The recorded variables over ``step``, ``replica`` and their further dimensions;
        ``final_position`` and ``final_velocity`` (replica, parameter), NaN where diverged;
        ``status`` (replica,), `langevin_sgd.Status` finished or diverged, and ``diverged_step``
        (replica,), -1 if none.
    """
    engine, recording = trajectories.engine, trajectories.recording
    trajectories.finish()
    position, velocity = (part.copy() for part in engine.state())
    lost = recording.diverged_step >= 0
    position[lost] = np.nan
    velocity[lost] = np.nan
    variables = recording.variables() | recording.accumulated()
    if recording.passages:
        times = engine.first_passages()
        times[np.isinf(times) & lost] = np.nan
        variables |= {
            passage.name: (("replica",), row, "step")
            for passage, row in zip(recording.passages, times, strict=True)
        }
    status = np.where(lost, Status.DIVERGED, Status.FINISHED).astype(np.int8)
    variables["final_position"] = (("replica", "parameter"), position, "theta")
    variables["final_velocity"] = (("replica", "parameter"), velocity, "v")
    variables["status"] = (("replica",), status, "1")
    variables["diverged_step"] = (("replica",), recording.diverged_step, "step")
    numbers = np.arange(first_replica, first_replica + len(position))
    coords = {"step": trajectories.timetable.schedule, "replica": numbers}
    made = dataset.make(variables, coords=coords, **provenance)
    for passage in recording.passages:
        made[passage.name].attrs["comment"] = (
            "infinite: not passed by the last step; NaN: diverged before"
        )
    made["status"].attrs.update(flags())
    made["final_position"].attrs["random_numbers"] = _random_numbers(engine, provenance)
    return made


def _random_numbers(engine: Engine, provenance: dict[str, Any]) -> str:
    """Which random numbers have made the final position, for those who go on from it."""
    told = provenance.get("settings", {}) | provenance
    used = {name: told[name] for name in ("seed", "first_step", "steps") if name in told}
    return json.dumps(used | {"per_step": str(engine.numbers_per_step())})
