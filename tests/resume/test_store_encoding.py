"""Settings of tasks in JSON: short names of classes, defaults left out, everything comes back."""

import importlib
import json
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path

import pytest

import langevin_sgd as ls
from langevin_sgd.sweep import names
from langevin_sgd.sweep.encoding import classes_in, decode, encode

STOP = ls.Stop(max_steps=100)
DEFAULTS = Path(__file__).with_name("defaults_of_settings.json")


@dataclass(frozen=True)
class Engine:
    """How something is computed."""

    precision: str = "float32"
    seconds: float | None = None


@dataclass(frozen=True)
class Everything:
    """A run as a value: what settings of tasks are made of."""

    problem: ls.Perceptron
    settings: ls.SGD
    stop: ls.Stop = STOP
    network: object = None
    engine: Engine | None = None
    flags: tuple[bool, ...] = ()
    rate: float = 0.0
    twice: float = field(init=False, default=0.0)


PROBLEM = ls.Perceptron(data=ls.data.DepletedSign(points=8, dimension=3), margin=0.5)
NETWORK = ls.models.networks.FullyConnected(dimension=4, width=8, depth=2, activation="relu")


def test_nested_values_travel_and_come_back():
    full = Everything(
        PROBLEM,
        ls.SGD(lr=1, batch_size=2, momentum=0.5),
        stop=ls.Stop(unfit=0.25),
        network=NETWORK,
        engine=Engine("float64", 2),
        flags=(True, False),
    )
    back = decode(encode(full))
    assert back.problem.data == full.problem.data
    assert back.problem.margin == full.problem.margin
    for name in ("settings", "stop", "network", "engine", "flags", "rate"):
        assert getattr(back, name) == getattr(full, name)
    assert encode(back) == encode(full)
    assert set(classes_in(json.loads(encode(full)))) == {
        "test_store_encoding:Everything",
        "test_store_encoding:Engine",
        "perceptron",
        "depleted_sign",
        "sgd",
        "stop",
        "fully_connected",
    }


def test_what_is_equal_to_its_default_is_left_out():
    plain = json.loads(encode(Everything(PROBLEM, ls.SGD(lr=0.5, batch_size=2))))
    assert set(plain) == {"class", "problem", "settings"}
    assert plain["settings"] == {"class": "sgd", "lr": 0.5, "batch_size": 2}
    given = Everything(PROBLEM, ls.SGD(lr=0.5, batch_size=2, momentum=0), ls.Stop(max_steps=100))
    assert json.loads(encode(given)) == plain


@dataclass(frozen=True)
class Alike:
    """Defaults that are equal in Python to values of another kind."""

    flag: bool = True
    zero: float = 0.0
    count: int = 1


def test_equal_to_a_default_means_the_same_text():
    def given(**values):
        return set(json.loads(encode(Alike(**values)))) - {"class"}

    assert given(flag=True, zero=0, count=1) == set()
    assert given(flag=1) == {"flag"}
    assert given(zero=-0.0) == {"zero"}
    assert given(count=True) == {"count"}
    assert given(count=1.0) == {"count"}


def test_a_field_added_with_a_default_leaves_old_settings_what_they_were():
    @dataclass(frozen=True)
    class Before:
        lr: float

    @dataclass(frozen=True)
    class After:
        lr: float
        weight_decay: float = 0.0

    for kind in (Before, After):
        kind.__qualname__ = "Settings"
    assert encode(Before(0.5)) == encode(After(0.5)) != encode(After(0.5, 0.1))


def test_a_class_that_moves_keeps_its_encoding_and_its_former_name(monkeypatch):
    settings = ls.SGD(lr=0.5, batch_size=2)
    encoded = encode(settings)
    moved = type("SGD", (ls.SGD,), {"__module__": "langevin_sgd.elsewhere"})
    place = "langevin_sgd.elsewhere:SGD"
    assert json.loads(encode(moved(lr=0.5, batch_size=2)))["class"] == place
    monkeypatch.setitem(names._SHORT, place, "sgd")
    assert encode(moved(lr=0.5, batch_size=2)) == encoded
    former = encoded.replace('"sgd"', '"langevin_sgd.sgd_settings:SGD"')
    assert decode(former) == settings


@pytest.mark.parametrize("name", names.CLASSES)
def test_the_table_of_classes_holds(name):
    module, qualname = names.place_of(name)
    kind = getattr(importlib.import_module(module), qualname)
    assert is_dataclass(kind)
    assert kind.__dataclass_params__.frozen
    assert names.name_of(kind) == name
    assert names.class_named(name) is kind


def test_names_and_aliases_are_unique():
    assert len(set(names.CLASSES.values())) == len(names.CLASSES)
    assert not set(names.ALIASES) & set(names.CLASSES)
    assert all(short in names.CLASSES or ":" in short for short in names.ALIASES.values())


def test_defaults_are_the_tracked_ones():
    """A changed default means something else where the field was left out: raise the version of the
    tasks that take the class, then change the list.
    """
    found = {
        name: {
            field.name: repr(field.default)
            for field in fields(names.class_named(name))
            if field.init and field.default is not MISSING
        }
        for name in names.CLASSES
    }
    assert found == json.loads(DEFAULTS.read_text())


def test_classes_that_no_worker_could_find_are_refused():
    @dataclass(frozen=True)
    class Local:
        lr: float = 0.5

    with pytest.raises(ls.InputError, match="settings = Local: must be a class at the top level"):
        encode(Local())


@pytest.mark.parametrize(
    "text", ['{"class":"nobody"}', '{"class":"sgd","lr":0.5,"size":3}', '{"class":3}', "{}"]
)
def test_settings_that_cannot_be_read_back_are_refused_in_one_line(text):
    with pytest.raises(ls.InputError, match="settings: cannot be read back"):
        decode(text)
