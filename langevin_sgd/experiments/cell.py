"""The unit in which grids are computed and stored: one point and eight replicas.

A cell holds one block of replicas (`langevin_sgd.sweep.cells`), computed as exactly that batch
whatever else is wanted, so that a grid grows by values, seeds or replicas without anything being
computed again.

Nothing here imports an estimator: a change of how results are evaluated outdates none of them. And
no function names a class of problem or engine: a change of one outdates no cells of another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langevin_sgd.checks import as_count, as_instance, as_seed, convert_fields
from langevin_sgd.models.network_problem import NetworkProblem
from langevin_sgd.models.perceptron import Perceptron
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.simulation.stop import Stop
from langevin_sgd.sweep.cells import BLOCK, block_replicas
from langevin_sgd.sweep.task import task
from langevin_sgd.training.dispatch import as_engine, as_record, as_stopped_problem, run
from langevin_sgd.training.network_engine import NetworkEngine
from langevin_sgd.training.perceptron_engine import PerceptronEngine

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Eight replicas of one point of a grid: the settings of a task.

    Parameters
    ----------
    problem, settings, stop, engine, record
        See `langevin_sgd.training.run`.
    seed
        0 ... 2**128 - 1.
    block
        Number of the block of replicas; default 0, the first eight.

    Raises
    ------
    InputError
        If a field lies outside its range.
    """

    problem: Perceptron | NetworkProblem
    settings: SGD
    stop: Stop
    engine: NetworkEngine | PerceptronEngine | None = None
    record: tuple[Any, ...] = ()
    seed: int = 0
    block: int = 0

    def __post_init__(self) -> None:
        convert_fields(
            self,
            {
                "problem": as_stopped_problem,
                "settings": lambda name, value: as_instance(name, value, SGD),
                "stop": lambda name, value: as_instance(name, value, Stop),
                "engine": lambda name, value: as_engine(name, value, self.problem),
                "record": lambda name, value: as_record(name, value, self.problem),
                "seed": as_seed,
                "block": lambda name, value: as_count(name, value, 0),
            },
        )


@task()
def train_cell(cell: Cell) -> xr.Dataset:
    """Train the replicas of one cell; weights are not kept."""
    cell = as_instance("cell", cell, Cell)
    trained = run(
        cell.problem,
        cell.settings,
        stop=cell.stop,
        replicas=BLOCK,
        first_replica=block_replicas(cell.block)[0],
        seed=cell.seed,
        record=cell.record or None,
        engine=cell.engine,
    )
    return trained.drop_vars([name for name in trained if str(name).startswith("final_")])
