"""What a call leaves behind of its networks: arrays over all runs, filled as they end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from langevin_sgd.simulation.status import Status

TRAINING = -1
"""Status of a run that has not ended."""

Spec = dict[str, tuple[tuple[str, ...], str]]
"""Variables: name -> (dimensions beside the replica, unit)."""


class Results:
    """Arrays over all replicas of a run, filled as replicas end.

    Parameters
    ----------
    replicas
        Their number.
    spec
        What is measured at the end and on the schedule.
    coords
        Values along the dimensions that variables may have.
    schedule
        (step,) recorded steps.
    kept
        Names of arrays over all trained weights to be kept, and the number of these weights.
    """

    def __init__(
        self,
        replicas: int,
        spec: Spec,
        coords: dict[str, np.ndarray],
        schedule: np.ndarray,
        kept: tuple[Sequence[str], int],
    ) -> None:
        used = {dim for dims, _ in spec.values() for dim in dims}
        self.coords = {name: values for name, values in coords.items() if name in used}
        self.spec, self.schedule = spec, schedule
        self.status = np.full(replicas, TRAINING, np.int8)
        self.steps, self.last_update = np.zeros(replicas, np.int64), np.zeros(replicas, np.int64)
        sizes = {name: [len(coords[dim]) for dim in dims] for name, (dims, _) in spec.items()}
        self.recorded = {
            name: np.full((len(schedule), replicas, *sizes[name]), np.nan) for name in spec
        }
        self.final = {name: np.full((replicas, *sizes[name]), np.nan) for name in spec}
        names, self.parameters = kept
        self.kept = {name: np.full((replicas, self.parameters), np.nan) for name in names}

    def record(self, places: slice, members: np.ndarray, measured: dict[str, np.ndarray]) -> None:
        """Store measurements of recorded steps, except of replicas that diverge."""
        for name, values in self.recorded.items():
            if name in measured:
                values[places, members] = np.where(
                    np.isfinite(measured[name]), measured[name], np.nan
                )

    def finish(
        self,
        members: np.ndarray,
        measured: dict[str, np.ndarray],
        kept: dict[str, np.ndarray],
        *,
        status: int,
        steps: int,
        last_update: np.ndarray,
    ) -> None:
        """Store the end of some replicas."""
        self.status[members], self.steps[members], self.last_update[members] = (
            status,
            steps,
            last_update,
        )
        for name, values in measured.items():
            self.final[name][members] = values
        for name, weights in self.kept.items():
            if status != Status.DIVERGED:
                weights[members] = kept.get(name, 0.0)

    def ended(self) -> int:
        """Number of replicas whose training is over."""
        return int((self.status != TRAINING).sum())

    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays that change, by name."""
        measured: dict[str, np.ndarray] = {
            "status": self.status,
            "steps": self.steps,
            "last_update": self.last_update,
        }
        measured |= {f"recorded_{name}": values for name, values in self.recorded.items()}
        final = {f"final_{name}": values for name, values in self.final.items()}
        return measured | self.kept | final
