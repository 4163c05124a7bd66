"""Cells: what is computed and stored at a time is one grid point times one block of replicas.

Blocks are fixed: the replicas 8k ... 8k + 7, whatever is asked for. A request for 5 replicas
computes the 8 of block 0; a later one for 20 finds block 0 stored and computes the blocks 1 and 2.
So a grid that grows, by more values, seeds or replicas, computes only what is new, slices of one
grid that were computed apart fit together, and a result does not depend on what it was asked for
with: a block is always computed as exactly that batch.

A cell is a task like any other: its settings hold the point (problem, settings, stop, engine,
seed) and the number of the block. Whatever can change a bit belongs to them, so device kind and
precision too, as fields of the engine.

    >>> wanted = range(3, 13)
    >>> [block_replicas(block) for block in blocks_of(wanted)]
    [range(0, 8), range(8, 16)]

`joined` puts results of the blocks together and cuts them to what was asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from langevin_sgd.checks import InputError, as_count, require

if TYPE_CHECKING:
    import xarray as xr

BLOCK = 8
"""Replicas of one cell."""

REPLICA = "replica"
"""Dimension along which cells are joined."""


def blocks_of(replicas: range) -> range:
    """Return the numbers of the blocks that hold some replicas.

    Parameters
    ----------
    replicas
        Numbers of replicas, without gaps, from 0 or more on; at least one.

    Raises
    ------
    InputError
        If they are none, have gaps, or begin below 0.

    Examples
    --------
    >>> blocks_of(range(5)), blocks_of(range(8, 24)), blocks_of(range(7, 9))
    (range(0, 1), range(1, 3), range(0, 2))
    """
    first, last = _first_and_last(replicas)
    return range(first // BLOCK, last // BLOCK + 1)


def _first_and_last(replicas: range) -> tuple[int, int]:
    fits = isinstance(replicas, range) and replicas.step == 1 and len(replicas) > 0
    require(fits, "replicas", replicas, "must be a range of at least one number, without gaps")
    require(replicas.start >= 0, "replicas", replicas, "must begin at 0 or above")
    return replicas[0], replicas[-1]


def block_replicas(block: int) -> range:
    """Return the replicas of a block, 8k ... 8k + 7.

    Raises
    ------
    InputError
        If the number of the block is below 0.
    """
    first = BLOCK * as_count("block", block, 0)
    return range(first, first + BLOCK)


def joined(cells: Sequence[xr.Dataset], replicas: range) -> xr.Dataset:
    """Put results of the cells of one point together, cut to the replicas that were asked for.

    Parameters
    ----------
    cells
        Results of the blocks `blocks_of(replicas)`, in this order. Variables with a dimension
        ``replica`` have the 8 of their block along it; of others, and of coordinates, all cells
        hold the same.
    replicas
        Numbers of replicas, without gaps.

    Returns
    -------
    xarray.Dataset
        The variables of the cells, those with ``replica`` over `replicas` in order, with their own
        attributes. The attributes of the dataset, provenance among them, are those that all cells
        have alike: what a cell says of itself is not true of the whole.

    Raises
    ------
    InputError
        If there are more or fewer cells than blocks, a cell does not have 8 replicas, or cells
        differ in what they should have alike.
    """
    blocks = blocks_of(replicas)
    require(
        len(cells) == len(blocks), "cells", len(cells), f"must be {len(blocks)}, one for each block"
    )
    for cell in cells:
        size = cell.sizes.get(REPLICA)
        require(size == BLOCK, "cells", size, f"must have {BLOCK} replicas each")
        _require_alike(cells[0], cell)
    first = replicas[0] - block_replicas(blocks[0])[0]
    wanted = slice(first, first + len(replicas))
    variables = {name: _joined_variable(cells, name, wanted) for name in cells[0].variables}
    whole = cells[0].drop_dims(REPLICA).assign(variables)
    whole.attrs = {
        name: value
        for name, value in cells[0].attrs.items()
        if all(_same(cell.attrs.get(name), value) for cell in cells)
    }
    return whole.set_coords(list(cells[0].coords))


def _require_alike(first: xr.Dataset, cell: xr.Dataset) -> None:
    """Refuse cells with other variables or dimensions, or other values without replicas."""
    for name in sorted(map(str, {*first.variables, *cell.variables})):
        if name not in first.variables or name not in cell.variables:
            raise InputError(f"cells: {name!r} is not in all of them")
        expected, other = first.variables[name], cell.variables[name]
        same = expected.dims == other.dims and expected.dtype == other.dtype
        if same and REPLICA not in expected.dims:
            same = expected.equals(other)
        if not same:
            raise InputError(f"cells: {name!r} is not the same kind of thing in all of them")


def _joined_variable(cells: Sequence[xr.Dataset], name: object, wanted: slice) -> xr.Variable:
    import xarray as xr

    variable = cells[0].variables[name]
    if REPLICA not in variable.dims:
        return variable
    axis = variable.dims.index(REPLICA)
    values = np.concatenate([cell.variables[name].values for cell in cells], axis=axis)
    cut = (slice(None),) * axis + (wanted,)
    return xr.Variable(variable.dims, values[cut], variable.attrs)


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and bool(np.array_equal(np.asarray(one), np.asarray(other)))
