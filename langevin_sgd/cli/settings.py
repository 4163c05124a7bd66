"""Options for the fields of settings: names, defaults and help come from the fields.

`options_for` makes a dataclass of options from a frozen dataclass of settings. An option is read by
the type of its field; ranges are those that the settings check themselves. Along an axis of a grid
an option takes values between commas.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, make_dataclass
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from tyro.conf import arg

from langevin_sgd.cli.arguments import Read, count, list_of, number, option, text

LARGEST_COUNT = 10**15
"""Of steps, points or anything else that is counted."""

_COUNT, _NUMBER = count(0, LARGEST_COUNT), number()
_READERS: Mapping[type, tuple[Read, str]] = {
    int: (_COUNT, "INT"),
    float: (_NUMBER, "FLOAT"),
    str: (text, "NAME"),
}


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the command says of a field that the settings do not.

    Parameters
    ----------
    option
        Its name on the command line; that of the field by default.
    axis
        Whether it takes values between commas.
    default
        Of the command, where it is not that of the field.
    required
        Whether the command has no default where the field has one.
    reader
        How its word is read, and what the help calls it; by its type by default.
    kind
        Its type, where the command takes less than the field; that of the field by default.
    help
        Instead of the text of the settings.
    """

    option: str = ""
    axis: bool = False
    default: Any = ...
    required: bool = False
    reader: tuple[Read, str] | None = None
    kind: Any = None
    help: str = ""


def options_for(
    settings: type,
    *,
    given: Mapping[str, Given] | None = None,
    without: Collection[str] = (),
) -> Any:
    """Make a dataclass of options, one for each field of settings.

    Parameters
    ----------
    settings
        A frozen dataclass with a numpydoc section ``Parameters``.
    given
        What the command says otherwise, by the name of the field.
    without
        Fields that have no option.

    Examples
    --------
    >>> from langevin_sgd.simulation.stop import Stop
    >>> [made.name for made in fields(options_for(Stop, without=["unfit"]))]
    ['max_steps']
    """
    texts = _texts(settings)
    made = [
        _option(settings, one, texts.get(one.name, ""), (given or {}).get(one.name, Given()))
        for one in fields(settings)
        if one.init and one.name not in without
    ]
    name = f"{settings.__name__}Options"
    return make_dataclass(name, made, frozen=True, kw_only=True, namespace={"__doc__": ""})


def names_of(settings: type, *, given: Mapping[str, Given] | None = None) -> dict[str, str]:
    """Return the option of each field, as refusals name it."""
    named = {one.name: (given or {}).get(one.name, Given()).option for one in fields(settings)}
    return {name: (option or name).replace("_", "-") for name, option in named.items()}


def values_of(
    options: Any, settings: type, *, given: Mapping[str, Given] | None = None
) -> dict[str, Any]:
    """Return what the options say, by the names of the fields."""
    names = {one.name: (given or {}).get(one.name, Given()).option for one in fields(settings)}
    attributes = {name: option or name for name, option in names.items()}
    return {name: getattr(options, at) for name, at in attributes.items() if hasattr(options, at)}


def _option(settings: type, one: Field[Any], told: str, given: Given) -> tuple[str, Any, Any]:
    default = MISSING if given.required else one.default if given.default is ... else given.default
    annotated = _annotated(given.kind or _kind(settings, one), given, given.help or told)
    if given.axis and default is not MISSING and not isinstance(default, tuple):
        default = (default,)
    name = given.option or one.name
    return name, annotated, field() if default is MISSING else field(default=default)


def _kind(settings: type, one: Field[Any]) -> Any:
    """The type of a field; those of fields without options need not be known at run time."""
    alone = type(settings.__name__, (), {"__annotations__": {one.name: one.type}})
    return get_type_hints(alone, vars(sys.modules[settings.__module__]))[one.name]


def _annotated(kind: Any, given: Given, told: str) -> Any:
    """The type of an option, with its reader and its help."""
    told_by_help = arg(help=told)
    if given.reader is not None:
        return Annotated[Any, option(*given.reader), told_by_help]
    parts = [part for part in get_args(kind) if part is not type(None)]
    optional = len(parts) == 1 and get_origin(kind) is not Literal
    base: Any = parts[0] if optional else kind
    choices = get_origin(base) is Literal
    if base is bool or (choices and not given.axis):
        return Annotated[base, told_by_help]
    read, metavar = _READERS[str if choices else base]
    if given.axis:
        return Annotated[
            tuple.__class_getitem__((base, ...)), option(list_of(read), "A,B,..."), told_by_help
        ]
    return Annotated[base | None if optional else base, option(read, metavar), told_by_help]


def _texts(settings: type) -> dict[str, str]:
    """What the docstring says of every parameter, in one line each."""
    _, _, section = (settings.__doc__ or "").partition("Parameters\n    ----------\n")
    section = re.split(r"\n\n    \w+\n    -{3,}\n", section)[0]
    texts: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        if re.match(r"    \w", line):
            names = [name.strip() for name in line.split(",")]
            texts |= dict.fromkeys(names, "")
        elif line.strip():
            texts |= {name: f"{texts[name]} {line.strip()}".strip() for name in names}
    return {name: told.replace("``", "").replace("`", "") for name, told in texts.items()}
