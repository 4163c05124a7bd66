"""What claims read from trainings of networks: lines through them, means, and why they are no test.

Apart from the runs (`_networks`), so that a change of how they are judged outdates none of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

import langevin_sgd as ls
from langevin_sgd.claims import Data

MEASURED = ("test_error", "t_star", "weight_change", "kernel_change")
"""Numbers of the end of every training."""


def fitted(one: xr.Dataset) -> np.ndarray:
    """Whether replicas reached zero loss, (replica,)."""
    return np.asarray(one["status"].values == 0)


def unfinished(data: Data, labels: Mapping[str, object] | list[str]) -> str | None:
    """Why trainings cannot be judged by their ends, if some have none."""
    count = sum(int((~fitted(data[label])).sum()) for label in labels)
    return f"{count} replicas did not reach zero loss" if count else None


def missing_images(*names: str) -> str | None:
    """Why a tier cannot be run on this machine, if data sets are not there."""
    missing = [name for name in dict.fromkeys(names) if not ls.data.has_images(name)]
    return (
        f"images of {', '.join(missing)} are not there; set LANGEVIN_SGD_DATA" if missing else None
    )


def logs(data: Data, labels: Sequence[str], name: str) -> np.ndarray:
    """Logarithms of one number of several trainings, (training, replica), of the first replicas
    that all of them have.
    """
    count = min(data[label].sizes["replica"] for label in labels)
    return np.log(np.stack([data[label][name].values[:count] for label in labels]))


def line_through(
    data: Data,
    axis: str,
    labels: Mapping[float, str],
    quantities: Sequence[str] = MEASURED,
    **held: Any,
) -> ls.experiments.GridLine:
    """A line through trainings, of the first replicas that all of them have.

    Parameters
    ----------
    data
        Results.
    axis, labels
        What differs along the line, and the label of the training at each of its values.
    quantities
        What was measured, by default the numbers of every training.
    held
        What the trainings share.
    """
    count = min(data[label].sizes["replica"] for label in labels.values())
    places = sorted(labels)
    runs = [data[labels[place]].isel(replica=slice(count)) for place in places]
    done = np.array([fitted(one) for one in runs])
    measured = {
        name: np.where(done, [one[name].values for one in runs], np.nan) for name in quantities
    }
    return ls.experiments.GridLine(
        axis=axis, held=held, x=np.array(places), fitted=done, measured=measured
    )


def mean_series(
    label: str,
    x: tuple[float, ...] | list[float] | np.ndarray,
    values: np.ndarray,
    unit: np.ndarray | float = 1.0,
) -> ls.plotting.Series:
    """Geometric means over replicas of exp(`values`) (point, replica), divided by `unit`, with
    their errors.
    """
    mean = np.exp(values.mean(axis=1)) / unit
    return ls.plotting.Series(
        label, x, mean, mean * values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
    )
