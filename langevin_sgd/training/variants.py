"""Variants of a run: the same problem, settings and stop with some of their fields replaced.

A field is named by its place, for instance ``settings.lr`` or ``problem.data.chi``, or in short by
its last word: then the field that lies nearest to the surface is meant, and there must be only one
there. Two further names stand for learning rates:

    temperature             lr / batch_size
    temperature_per_width   lr / (batch_size * width), the width being that of the network
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from langevin_sgd import dataset
from langevin_sgd.checks import InputError, as_positive, is_real, require, shown
from langevin_sgd.sgd_settings import SGD
from langevin_sgd.simulation.stop import Stop

if TYPE_CHECKING:
    import xarray as xr

ROOTS = ("problem", "settings", "stop")
TEMPERATURES = ("temperature", "temperature_per_width")
"""Names that stand for a learning rate, together with the other fields of a variant."""


class Variant(NamedTuple):
    """What is trained, how, and when it ends."""

    problem: Any
    settings: SGD
    stop: Stop | None
    """``None`` for a run of an exact number of steps."""

    @property
    def ending(self) -> Stop:
        """The stop, of a run that ends by one."""
        assert self.stop is not None
        return self.stop


def variants_of(base: Variant, vary: Mapping[str, Sequence[Any]]) -> tuple[Variant, ...]:
    """Replace fields by the entries of sequences of one length, zipped.

    Parameters
    ----------
    base
        Gives all other fields.
    vary
        Names of fields, and the values of each variant.

    Raises
    ------
    InputError
        If a name is not that of a field, lengths differ or are zero, or a value is out of the range
        of its field.

    Examples
    --------
    >>> from langevin_sgd.models import LinearRegression
    >>> base = Variant(LinearRegression.from_spectrum([1.0]), SGD(lr=0.1, batch_size=2), None)
    >>> found = variants_of(base, {"batch_size": [2, 4], "temperature": [0.5, 0.5]})
    >>> [one.settings.lr for one in found]
    [1.0, 2.0]
    """
    columns = {name: _column(name, values) for name, values in vary.items()}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise InputError(f"vary = lengths {lengths}: must be equal, and at least 1")
    rows = zip(*columns.values(), strict=True)
    return tuple(replaced(base, dict(zip(columns, row, strict=True))) for row in rows)


def replaced(base: Variant, changes: Mapping[str, Any]) -> Variant:
    """Replace fields of a variant, all at once; temperatures come after all other fields.

    Parameters
    ----------
    base
        Gives all other fields.
    changes
        Names of fields and their new values.

    Raises
    ------
    InputError
        If a name is not that of a field, or a value is out of the range of its field.

    Examples
    --------
    >>> from langevin_sgd.data import DepletedSign
    >>> from langevin_sgd.models import Perceptron
    >>> problem = Perceptron(data=DepletedSign(points=32, dimension=4), margin=0.1)
    >>> base = Variant(problem, SGD(lr=1.0, batch_size=1), Stop())
    >>> replaced(base, {"chi": 1.0, "stop.max_steps": 10}).problem.data.chi
    1.0
    """
    temperatures = {name: value for name, value in changes.items() if name in TEMPERATURES}
    places: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in TEMPERATURES:
            place = place_of(base, name)
            require(place not in places, "vary", name, f"names {place}, which is there already")
            places[place] = value
    variant = base
    for root in ROOTS:
        own = {place: value for place, value in places.items() if place.split(".")[0] == root}
        if own:
            inside = {place.partition(".")[2]: value for place, value in own.items()}
            variant = variant._replace(**{root: _with_fields(getattr(variant, root), inside)})
    for name, value in temperatures.items():
        taken = len(temperatures) > 1 or "settings.lr" in places
        require(not taken, "vary", name, "stands for a learning rate, which is there already")
        variant = variant._replace(settings=_at_temperature(variant, name, value))
    return variant


def place_of(base: Variant, name: str) -> str:
    """Return the dotted place of the field that a name stands for.

    Parameters
    ----------
    base
        Has the field.
    name
        The dotted place itself, or its last word.

    Raises
    ------
    InputError
        If there is no such field, or several of the same depth.

    Examples
    --------
    >>> from langevin_sgd.models import LinearRegression
    >>> base = Variant(LinearRegression.from_spectrum([1.0]), SGD(lr=0.1, batch_size=2), None)
    >>> place_of(base, "lr")
    'settings.lr'
    """
    require(isinstance(name, str), "vary", name, "must have names of fields for its keys")
    places = sorted(_places(base), key=lambda place: place.count("."))
    if name in places:
        return name
    matches = [place for place in places if place.endswith(f".{name}")]
    nearest = [place for place in matches if place.count(".") == matches[0].count(".")]
    if not nearest:
        known = dict.fromkeys([place.rpartition(".")[2] for place in places] + [*TEMPERATURES])
        raise InputError(f"vary = {shown(name)}: must name a field, one of {', '.join(known)}")
    if len(nearest) > 1:
        raise InputError(f"vary = {name!r}: stands for {' and '.join(nearest)}; give one of them")
    return nearest[0]


def _places(base: Variant) -> Iterator[str]:
    for root in ROOTS:
        yield from _places_below(root, getattr(base, root))


def _places_below(path: str, value: Any) -> Iterator[str]:
    """Dotted places of all fields of a value that are given when it is made."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            if field.init:
                yield f"{path}.{field.name}"
                yield from _places_below(f"{path}.{field.name}", getattr(value, field.name))


def _with_fields(value: Any, changes: Mapping[str, Any]) -> Any:
    """Replace fields at dotted places inside of a value."""
    own = {place: new for place, new in changes.items() if "." not in place}
    inner: dict[str, dict[str, Any]] = {}
    for place, new in changes.items():
        head, _, rest = place.partition(".")
        if rest:
            inner.setdefault(head, {})[rest] = new
    below = {head: _with_fields(getattr(value, head), rest) for head, rest in inner.items()}
    return replace(value, **{**below, **own})


def _at_temperature(variant: Variant, name: str, value: Any) -> SGD:
    """Settings whose learning rate makes this temperature."""
    lr = as_positive(name, value) * variant.settings.batch_size
    if name == "temperature_per_width":
        width = getattr(getattr(variant.problem, "network", None), "width", None)
        require(width is not None, name, value, "needs a network with a width")
        assert width is not None
        lr *= width
    require(is_real(lr), name, value, "must be finite when multiplied with batch size and width")
    return replace(variant.settings, lr=lr)


def _column(name: str, values: Any) -> list[Any]:
    """Return the values of one field as a list."""
    sequence = hasattr(values, "__len__") and hasattr(values, "__iter__")
    plain = not isinstance(values, str | bytes | Mapping | set | frozenset)
    one_dimensional = getattr(values, "ndim", 1) == 1
    allowed = "must be a sequence with one value for each variant"
    require(sequence and plain and one_dimensional, f"vary: {name}", values, allowed)
    return list(values)


def described(vary: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """What was varied, for provenance: numbers and texts as they are, of all else the type.

    Examples
    --------
    >>> described({"lr": [0.1, 0.2], "data": [object()]})
    {'lr': [0.1, 0.2], 'data': ['object']}
    """
    return {name: [_in_json(one) for one in values] for name, values in vary.items()}


def _in_json(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if not is_real(value):
        return type(value).__name__
    return int(value) if isinstance(value, int | np.integer) else float(value)


def one_variant(result: xr.Dataset, place: int) -> xr.Dataset:
    """Return one variant of a `joined` result, as the run of its own that it is."""
    stored = dataset.provenance(result)
    own = stored.pop("variants", None)
    one = result.isel(variant=place)
    if isinstance(own, list) and len(own) > place and isinstance(own[place], dict):
        del stored["vary"]
        one = one.assign_attrs(provenance=json.dumps(stored | own[place], sort_keys=True))
    return one


def by_variant(
    variables: Mapping[str, dataset.Variable], variants: int
) -> dict[str, dataset.Variable]:
    """Split the dimension ``replica``, along which variants lie one after the other, in two.

    Parameters
    ----------
    variables
        Dimensions, values and units by name.
    variants
        Their number.

    Examples
    --------
    >>> import numpy as np
    >>> parts = by_variant({"steps": (("replica",), np.arange(6), "step")}, 2)
    >>> parts["steps"][0], parts["steps"][1].shape
    (('variant', 'replica'), (2, 3))
    """
    parts: dict[str, dataset.Variable] = {}
    for name, (dims, values, unit) in variables.items():
        if "replica" in dims:
            axis = dims.index("replica")
            shape = (*values.shape[:axis], variants, -1, *values.shape[axis + 1 :])
            split = values.reshape(shape)
            # A split axis comes first, as everywhere a variant is a run of its own.
            values = np.moveaxis(split, axis, 0)
            dims = ("variant", *dims)
        parts[name] = (dims, values, unit)
    return parts


def joined(
    results: Sequence[xr.Dataset], base: Variant, vary: Mapping[str, Sequence[Any]]
) -> xr.Dataset:
    """Join the results of variants along a dimension ``variant``, with what was varied.

    Parameters
    ----------
    results
        One for each variant, alike.
    base, vary
        What was varied.

    Returns
    -------
    xarray.Dataset
        The variables of the results over ``variant`` and their own dimensions, and each varied
        number over ``variant``, by the last word of its name.
    """
    import xarray as xr

    options: dict[str, Any] = {"data_vars": "all", "combine_attrs": "override", "join": "exact"}
    made = xr.concat(results, "variant", coords="minimal", compat="override", **options)
    told = [dataset.provenance(one) for one in results]
    stored = told[0] | {"settings": base.settings.to_dict()}
    own = [{name: one[name] for name in one if one[name] != stored[name]} for one in told]
    stored |= {"vary": described(vary), "variants": own}
    made.attrs["provenance"] = json.dumps(stored, sort_keys=True)
    for name, values in vary.items():
        short = name.rpartition(".")[2]
        if short not in made.variables and all(is_real(one) for one in values):
            made[short] = (("variant",), np.array([float(one) for one in values]), {"units": "1"})
    return made
