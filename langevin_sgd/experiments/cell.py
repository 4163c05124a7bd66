"""The unit in which grids are computed and stored: one point and eight replicas.

A cell holds one block of replicas (`langevin_sgd.sweep.cells`), computed as exactly that batch
whatever else is wanted, so that a grid grows by values, seeds or replicas without anything being
computed again.

Nothing here imports an estimator: a change of how results are evaluated outdates none of them.
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
from langevin_sgd.training import run
from langevin_sgd.training.engines import NetworkEngine, PerceptronEngine
from langevin_sgd.training.observables.error_on_fresh_points import as_test_error
from langevin_sgd.training.observables.table import as_observables

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
                "problem": lambda name, value: as_instance(
                    name, value, (Perceptron, NetworkProblem)
                ),
                "settings": lambda name, value: as_instance(name, value, SGD),
                "stop": lambda name, value: as_instance(name, value, Stop),
                "engine": lambda name, value: as_engine(name, value, self.problem),
                "record": lambda name, value: as_record(name, value, self.problem),
                "seed": as_seed,
                "block": lambda name, value: as_count(name, value, 0),
            },
        )


def as_engine(
    name: str, value: Any, problem: Perceptron | NetworkProblem
) -> NetworkEngine | PerceptronEngine | None:
    """Return an engine of the kind that trains a problem, or ``None`` for its default."""
    kind: Any = NetworkEngine if isinstance(problem, NetworkProblem) else PerceptronEngine
    found: NetworkEngine | PerceptronEngine | None
    found = None if value is None else as_instance(name, value, kind)
    return found


def as_record(name: str, value: Any, problem: Perceptron | NetworkProblem) -> tuple[Any, ...]:
    """Return the observables of a problem, of which `value` may be the short names."""
    if isinstance(problem, NetworkProblem):
        return as_observables(name, value)
    error = as_test_error(name, value)
    return () if error is None else (error,)


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
