"""Derivatives along a direction, in forward mode, by ``torch.func.jvp``.

When it is called for the first time torch compiles a few rules of derivatives by a way of its own
that it has since declared to be outdated, and warns of itself; this is done here once, in silence.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch.func import jvp


def along(
    function: Callable[[list[torch.Tensor]], Any],
    weights: Sequence[torch.Tensor],
    direction: Sequence[torch.Tensor],
) -> tuple[Any, Any]:
    """Return a function of weights, and its derivative along a direction.

    Parameters
    ----------
    function
        Of a list of tensors; its value is a tensor or a list of them.
    weights, direction
        Tensors of the same shapes.
    """
    _prepare()
    value, derivative = jvp(function, (list(weights),), (list(direction),))[:2]
    return value, derivative


@cache
def _prepare() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        jvp(torch.sin, (torch.zeros(1),), (torch.zeros(1),))
