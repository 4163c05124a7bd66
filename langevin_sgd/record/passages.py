"""First passages: when a coordinate passes a level for the first time.

The simulator itself looks at every step, whatever the schedule; a recorder could not.
"""

from __future__ import annotations

from dataclasses import dataclass

from langevin_sgd.checks import as_choice, as_real, as_text, convert_fields
from langevin_sgd.record.snapshots import as_index


@dataclass(frozen=True)
class FirstPassage:
    """Made by `first_passage`; the simulator itself looks at every step."""

    level: float
    axis: int
    direction: str
    name: str

    def __post_init__(self) -> None:
        convert_fields(
            self,
            {
                "level": as_real,
                "axis": as_index,
                "direction": lambda name, value: as_choice(name, value, ("up", "down")),
                "name": as_text,
            },
        )

    @property
    def sign(self) -> float:
        """Sign of the direction in which the level is passed."""
        return 1.0 if self.direction == "up" else -1.0


def first_passage(
    level: float, *, axis: int = 0, direction: str = "up", name: str = "first_passage"
) -> FirstPassage:
    """Record the first step at which theta_axis is at or beyond a level: `name` (replica,),
    infinite if it never was.

    Infinity stands for a replica that has not passed *yet*, NaN for one that diverged before. So a
    median is right where more than half have passed, and a mean is infinite unless all have: one
    over the others alone would be too short. A rate, which counts the time that these have waited,
    is `langevin_sgd.measure.escape_rate`.

    Seen at the end of every step, whatever the schedule; only `langevin_sgd.sde.simulate` can, not
    SGD on data. A path that crosses and comes back between two steps is missed, which makes times
    longer by O(sqrt(step)).

    Parameters
    ----------
    level
        The level.
    axis
        Number of the coordinate.
    direction
        ``up``: at or above the level; ``down``: at or below.
    name
        Of the variable, where there are several.
    """
    return FirstPassage(level, axis, direction, name)
