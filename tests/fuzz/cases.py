"""Case n as text: always the same, and every value of every parameter and option in turn."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

from .by_call import OBJECTS, values_of
from .surface import Call, Option, Parameter, Verb, calls, verbs
from .values import OPTIONAL_BUT_NEEDED, Values
from .words import BASE, LEFT_OUT, words_of

MANY = {"changes": "quartic", "functions": "first_coordinate", "extra": "more"}
"""Keywords for parameters that take any keywords."""
BY_PLACE = ("experiments.cell.train_cell",)
"""Tasks: what they take is called otherwise in their own signature."""
COMMANDS = 6
"""One case in so many is a command."""
GOOD_CASES = 3
"""Cases of every call, and of every verb, in which all is good."""


@dataclass(frozen=True)
class Bad:
    """A value to try: the text, and whether it is certainly wrong."""

    text: str
    wrong: bool


def case(number: int) -> str:
    """Text of case `number`, 0, 1, 2, ..."""
    turn, rest = divmod(number, COMMANDS)
    if rest == 0:
        return command_case(turn)
    return call_case(turn * (COMMANDS - 1) + rest - 1)


def number_of_cases() -> int:
    """Cases after which every odd and wrong value of every parameter and option has had its
    turn.
    """
    return (
        max(len(_call_slots()) * COMMANDS // (COMMANDS - 1), len(_command_slots()) * COMMANDS)
        + COMMANDS
    )


def call_case(number: int) -> str:
    """Call of a public name with one bad value, sometimes two, among good ones."""
    slots = _call_slots()
    call, parameter, bad = slots[number % len(slots)]
    draw = random.Random(f"call {number}")
    given: dict[str, str] = {}
    for each in call.parameters:
        if each == parameter and bad is not None:
            given[each.name] = _marked(bad)
        elif (
            each.required
            or each.name in OPTIONAL_BUT_NEEDED.get(call.key, ())
            or draw.random() < 0.2
        ):
            values = values_of(call, each)
            again = bad is not None and not bad.wrong and draw.random() < 0.05 and values.odd
            given[each.name] = draw.choice(values.odd if again else values.good)
    owner = draw.choice(OBJECTS.get(call.name) or OBJECTS[call.owner]) if call.owner else ""
    path = f"{owner}.{call.name.rpartition('.')[2]}" if owner else call.path
    return path if call.attribute else f"{path}({_arguments(call, given)})"


def command_case(number: int) -> str:
    """The command with one bad word among good ones."""
    slots = _command_slots()
    verb, option, bad = slots[number % len(slots)]
    draw = random.Random(f"command {number}")
    base = draw.choice(BASE.get(verb.words, ((),)))
    words = [repr(word) for word in verb.words]
    for each in verb.options:
        is_bad = each == option and bad is not None
        wanted = each.required or each.name in base or draw.random() < 0.15
        if is_bad or (wanted and each.name not in LEFT_OUT and not _rival(each, base, verb)):
            words += _option(verb, each, bad if is_bad else None, draw)
    return f"main([{', '.join(words)}])"


def good_cases(key: str) -> list[str]:
    """Cases of one call in which all is good."""
    numbers = [
        number
        for number, (call, parameter, _) in enumerate(_call_slots())
        if call.key == key and not parameter
    ]
    return [call_case(number) for number in numbers]


@lru_cache(maxsize=1)
def _call_slots() -> list[tuple[Call, Parameter | None, Bad | None]]:
    found: list[tuple[Call, Parameter | None, Bad | None]] = []
    for call in calls():
        found += [(call, None, None)] * (GOOD_CASES if call.parameters else 1)
        for parameter in call.parameters:
            bads = _bad(values_of(call, parameter))
            found += [
                (call, parameter, bad)
                for bad in bads
                if not (parameter.takes_none and bad.text == "None")
            ]
    random.Random("calls").shuffle(found)
    return found


@lru_cache(maxsize=1)
def _command_slots() -> list[tuple[Verb, Option | None, Bad | None]]:
    found: list[tuple[Verb, Option | None, Bad | None]] = []
    for verb in verbs():
        found += [(verb, None, None)] * GOOD_CASES
        for option in verb.options:
            found += [(verb, option, bad) for bad in _bad(words_of(verb.words, option))]
    random.Random("commands").shuffle(found)
    return found


def _bad(values: Values) -> list[Bad]:
    return [*(Bad(text, False) for text in values.odd), *(Bad(text, True) for text in values.wrong)]


def _marked(bad: Bad) -> str:
    return f"wrong({bad.text})" if bad.wrong else bad.text


def _arguments(call: Call, given: dict[str, str]) -> str:
    """Keywords; places where the call takes any number of things at the end of them."""
    by_place = any(
        each.many and each.name in given and each.name not in MANY for each in call.parameters
    )
    by_place |= call.name in BY_PLACE
    names = {
        each.name: "" if by_place else f"{MANY.get(each.name, each.name)}="
        for each in call.parameters
    }
    return ", ".join(f"{names[name]}{value}" for name, value in given.items())


def _rival(option: Option, base: tuple[str, ...], verb: Verb) -> bool:
    """Whether an option belongs to another way of calling the verb."""
    elsewhere = {name for other in BASE.get(verb.words, ()) for name in other}
    return option.name in elsewhere and option.name not in base and not option.required


def _option(verb: Verb, option: Option, bad: Bad | None, draw: random.Random) -> list[str]:
    name = repr(f"--{option.name.replace('_', '-')}")
    if option.annotation == "bool":
        return [name]
    word = repr(draw.choice(words_of(verb.words, option).good) if bad is None else bad.text)
    marked = f"wrong({word})" if bad is not None and bad.wrong else word
    return [marked] if option.positional else [name, marked]
