"""Grids of tasks: computed once, stored by content, run on all cores, resumed when interrupted.

`task`
    Makes a task of a function of one frozen dataclass that returns an ``xarray.Dataset``.
`Task`
    One point of a grid: the name of the function and its settings.
`Store`
    A directory of results, one netCDF-4 file per task, named by settings and source code.
`run`
    Compute what a store lacks, in worker processes or on a Dask cluster; it returns an ``Outcome``.

Inside: ``execution`` has `run`, ``store`` says where a task stands (``TaskStatus``: done, damaged,
stale, failed or missing). ``encoding`` and ``names`` write settings; ``digest``, with ``imports``,
``texts``, ``syntax`` and ``files``, finds what a result depends on; ``cells`` has the blocks of
replicas that grids are computed in, ``pools`` the workers.

Nothing here knows any physics. A task is a pure function of its settings; it travels as (name,
settings) and is looked up where it runs, so that the same sweep runs in this process, on this
machine or on a cluster.
"""

from langevin_sgd.sweep.execution import run as run
from langevin_sgd.sweep.store import Store as Store
from langevin_sgd.sweep.task import Task as Task
from langevin_sgd.sweep.task import task as task
