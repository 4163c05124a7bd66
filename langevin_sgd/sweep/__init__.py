"""Grids of tasks: computed once, stored by content, run on all cores, resumed after any
interruption.

`task`
    Makes a task of a function of one frozen dataclass that returns an ``xarray.Dataset``.
`Task`
    One point of a grid: the name of the function and its settings.
`Store`
    A directory of results, one netCDF-4 file per task, named by settings and source code.
`TaskStatus`
    Where one task of a store stands: done, stale, failed or missing.
`run`
    Compute what a store lacks, in worker processes or on a Dask cluster.
`Outcome`
    What `run` did.

Nothing here knows any physics. A task is a pure function of its settings; it travels as (name,
settings) and is looked up where it runs, so that the same sweep runs in this process, on this
machine or on a cluster.
"""

from langevin_sgd.sweep.execution import Outcome as Outcome
from langevin_sgd.sweep.execution import run as run
from langevin_sgd.sweep.store import Store as Store
from langevin_sgd.sweep.store import TaskStatus as TaskStatus
from langevin_sgd.sweep.task import Task as Task
from langevin_sgd.sweep.task import task as task
