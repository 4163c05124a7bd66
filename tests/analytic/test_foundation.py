"""Settings, datasets, schedules, recorders and the laziness of the import."""

import json
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd import dataset, record
from langevin_sgd.checks import as_choice


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("lr", 0.0),
        ("lr", float("nan")),
        ("batch_size", 0),
        ("batch_size", 2.5),
        ("momentum", 1.0),
        ("momentum", -0.1),
        ("weight_decay", -1.0),
        ("dampening", 1.0),
        ("nesterov", True),
        ("sampling", "epoch"),
    ],
)
def test_settings_name_the_field_and_the_value(field, value):
    with pytest.raises(ls.InputError, match=field) as caught:
        ls.SGD(**{"lr": 0.1, "batch_size": 4, field: value})
    assert "\n" not in str(caught.value)


def test_settings_suggest_the_nearest_name():
    with pytest.raises(ls.InputError, match="did you mean 'epochs'"):
        as_choice("sampling", "epoch", ["with_replacement", "epochs"])


def test_temperatures_of_settings():
    # Heavy ball at rest: v = -g / (1 - momentum), so that momentum acts as a larger learning rate.
    settings = ls.SGD(lr=0.1, batch_size=20, momentum=0.75)
    assert settings.temperature == pytest.approx(0.005, rel=1e-14)
    assert settings.effective_temperature == pytest.approx(0.02, rel=1e-14)


def test_datasets_survive_storing_byte_for_byte(tmp_path):
    values = np.array([1.0, np.nan, 3.0])
    made = dataset.make(
        {"x": (("step",), values, "1")}, coords={"step": np.arange(3)}, kind="test", seed=7
    )
    for name in ("a.nc", "b.nc"):
        dataset.save(made, tmp_path / name)
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()
    again = ls.load(tmp_path / "a.nc")
    np.testing.assert_array_equal(again["x"], values)
    assert dataset.provenance(again)["seed"] == 7
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.nc", "b.nc"]


def test_unreadable_datasets_are_refused_in_one_line(tmp_path):
    made = dataset.make({"x": (("step",), np.ones(1), "1")}, kind="test")
    made.attrs["provenance"] = json.dumps({"schema_version": 99})
    made.to_netcdf(tmp_path / "new.nc", engine="h5netcdf")
    (tmp_path / "half.nc").write_bytes(b"\x89HDF half a file")
    made.drop_attrs().to_netcdf(tmp_path / "foreign.nc", engine="h5netcdf")
    for name, message in (
        ("new.nc", "schema_version = 99"),
        ("half.nc", "not a readable"),
        ("foreign.nc", "no provenance"),
        ("none.nc", "no such file"),
    ):
        with pytest.raises(ls.InputError, match=message) as caught:
            ls.load(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_failed_write_leaves_nothing(tmp_path):
    def write_half(path):
        path.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError), dataset.replace_file(tmp_path / "x") as part:
        write_half(part)
    assert list(tmp_path.iterdir()) == []


def test_schedules_are_checked():
    assert record.schedules.as_schedule(None, 1000)[[0, -1]].tolist() == [0, 1000]
    for wrong in ([3, 2], [0, 11], [-1, 2], [0.5], []):
        with pytest.raises(ls.InputError, match="schedule"):
            record.schedules.as_schedule(wrong, 10)


def test_recorders_reduce_snapshots():
    rng = np.random.default_rng(0)
    position, velocity = rng.normal(size=(2, 5, 3, 4))
    block = record.Snapshots(
        steps=np.arange(5), position=position, velocity=velocity, start=position[0]
    )
    moved = record.displacement()(block)["squared_displacement"][1]
    np.testing.assert_allclose(moved, ((position - position[0]) ** 2).sum(-1))
    np.testing.assert_allclose(record.speed()(block)["squared_velocity"][1], (velocity**2).sum(-1))
    vectors, centre = np.linalg.qr(rng.normal(size=(4, 4)))[0][:, :2], rng.normal(size=4)
    modes = record.eigenprojections(vectors, centre=centre)(block)
    np.testing.assert_allclose(modes["mode_position"][1], (position - centre) @ vectors)
    np.testing.assert_allclose(modes["mode_velocity"][1], velocity @ vectors)


def test_import_is_light():
    heavy = ["torch", "numba", "scipy", "matplotlib", "sympy", "sklearn", "xarray", "pandas"]
    code = (
        f"import sys, langevin_sgd; langevin_sgd.SGD; print([m for m in {heavy} if m in "
        "sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    code = "import sys, langevin_sgd; print('numpy' in sys.modules, langevin_sgd.__version__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", version("langevin-sgd")]


def test_public_names_resolve():
    for name in ls.__all__:
        assert getattr(ls, name) is not None
    assert {*ls.__all__, "__version__"} <= set(dir(ls))
    with pytest.raises(AttributeError, match="nothing_of_this_name"):
        _ = ls.nothing_of_this_name
