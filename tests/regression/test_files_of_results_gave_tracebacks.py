"""One file that is read or written: what the system, HDF5 or a foreign writer did became a
traceback, or was lost.
"""

import json
import math
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import langevin_sgd as ls
from langevin_sgd.dataset import locked, replace_file

TOO_LONG = "a" * 300


def result(**settings):
    return ls.dataset.make({"x": ((), 1.0, "1")}, kind="x", settings=settings)


def refused(what, match):
    with pytest.raises(ls.InputError, match=match) as caught:
        what()
    assert "\n" not in str(caught.value)


# --- provenance -----------------------------------------------------------------------------------

GOOD = {"schema_version": 1, "kind": "x", "settings": {}}
FOREIGN = {
    "cut": ("{", "is damaged, it must be a JSON object"),
    "list": ("[1]", "is damaged, it must be a JSON object"),
    "null": ("null", "is damaged, it must be a JSON object"),
    "deep": ("[" * 100_000, "is damaged, it must be a JSON object"),
    "version only": (json.dumps({"schema_version": 1}), "must have a kind and settings"),
    "kind": (json.dumps(GOOD | {"kind": 3}), "must have a kind and settings"),
    "settings": (json.dumps(GOOD | {"settings": []}), "must have a kind and settings"),
    "truth": (json.dumps(GOOD | {"schema_version": True}), "schema_version = True: this version"),
    "float": (json.dumps(GOOD | {"schema_version": 1.0}), "schema_version = 1.0: this version"),
    "text": (json.dumps(GOOD | {"schema_version": "1"}), "schema_version = '1': this version"),
    "later": (json.dumps(GOOD | {"schema_version": 2}), "schema_version = 2: this version"),
}


@pytest.mark.parametrize(("text", "message"), FOREIGN.values(), ids=FOREIGN)
def test_damaged_or_foreign_provenance(tmp_path, text, message):
    path = tmp_path / "a.nc"
    result().assign_attrs(provenance=text).to_netcdf(path, engine="h5netcdf")
    refused(lambda: ls.load(path), rf"^path = '.*a.nc': .*{message}")


def test_a_file_without_provenance(tmp_path):
    xr.Dataset({"x": 1.0}).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    refused(lambda: ls.load(tmp_path / "a.nc"), "has no provenance")
    refused(lambda: ls.dataset.provenance(None), "has no provenance")
    refused(lambda: ls.dataset.provenance(result().assign_attrs(provenance=3)), "has no provenance")


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: ls.dataset.make(3, kind="x"), "variables"),
        (lambda: ls.dataset.make(None, kind="x"), "variables"),
        (lambda: ls.dataset.make({3: ((), 1.0, "1")}, kind="x"), "a name of variables"),
        (lambda: ls.dataset.make({"x": 1.0}, kind="x"), "variables"),
        (lambda: ls.dataset.make({"x": (("step",), np.zeros((2, 2)), "1")}, kind="x"), "variables"),
        (lambda: ls.dataset.make({}, coords=np.zeros(2), kind="x"), "coords"),
        (lambda: ls.dataset.make({}, kind=None), "kind"),
        (lambda: ls.dataset.make({}, kind="x", seed="a"), "seed"),
        (lambda: ls.dataset.make({}, kind="x", settings=[("lr", 1.0)]), "settings"),
        (lambda: ls.save(result()["x"], "a.nc"), "result"),
        (lambda: ls.save(result(), "a\0b.nc"), "path"),
        (lambda: ls.load("a\0b.nc"), "path"),
        (lambda: ls.sweep.Store("a\0b"), "directory"),
    ],
)
def test_what_is_no_result_and_no_place_is_refused_by_name(call, name):
    refused(call, rf"^{name}\b.* = ")


def test_provenance_is_strict_json():
    made = ls.dataset.make(
        {}, kind="x", settings={"a": np.nan, "b": [np.inf, np.float32(-np.inf)], "c": 1 + 2j}
    )
    settings = json.loads(made.attrs["provenance"], parse_constant=pytest.fail)["settings"]
    assert settings == {"a": "nan", "b": ["inf", "-inf"], "c": "(1+2j)"}


def test_a_finished_run_is_not_lost_by_a_setting_that_json_does_not_know():
    settings = {
        "batch_size": np.int64(3),
        "lr": np.float32(0.5),
        "flag": np.True_,
        "list": np.arange(3),
        "alone": np.array(2),
        "tuple": (np.uint8(1), {"a": np.float64(2.0)}),
        "path": Path("a/b"),
        np.int64(4): "key",
        "object": math.sin,
    }
    made = ls.dataset.make({}, kind="x", settings=settings, seed=np.int64(7), steps=np.int64(5))
    found = ls.dataset.provenance(made)
    assert found["seed"] == 7
    assert found["steps"] == 5
    assert found["settings"] == {
        "batch_size": 3,
        "lr": 0.5,
        "flag": True,
        "list": [0, 1, 2],
        "alone": 2,
        "tuple": [1, {"a": 2.0}],
        "path": "a/b",
        "4": "key",
        "object": "<built-in function sin>",
    }


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing.nc", "there is no such file"),
        (".", "must be a file, it is a folder"),
        ("/dev/null", "must be a file, it is a device or a pipe"),
        (TOO_LONG, r"cannot be read \(File name too long\)"),
        ("a.nc/b.nc", "there is no such file"),
        ("a\0b", r"path = .*: must be the path of a file"),
        (3, "path = 3: must be the path of a file"),
    ],
    ids=["missing", "folder", "device", "too long", "below a file", "zero", "number"],
)
def test_what_is_no_file(tmp_path, monkeypatch, path, message):
    monkeypatch.chdir(tmp_path)
    ls.save(result(), "a.nc")
    refused(lambda: ls.load(path), message)


def test_damaged_files_are_one_line_and_nothing_else(tmp_path):
    ls.save(result(), tmp_path / "a.nc")
    content = (tmp_path / "a.nc").read_bytes()
    (tmp_path / "text.nc").write_bytes(b"no netCDF")
    (tmp_path / "empty.nc").write_bytes(b"")
    (tmp_path / "cut.nc").write_bytes(content[: len(content) // 2])
    (tmp_path / "holes.nc").write_bytes(content[:100] + bytes(len(content) - 100))
    code = (
        "import sys, langevin_sgd as ls\n"
        "for path in sys.argv[1:]:\n"
        "    try: ls.load(path)\n"
        "    except ls.InputError as error: print(str(error).count(chr(10)), 'not a readable "
        "netCDF-4' in str(error))"
    )
    names = ["text.nc", "empty.nc", "cut.nc", "holes.nc"]
    done = subprocess.run(
        [sys.executable, "-c", code, *names],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "0 True\n" * 4
    assert done.stderr == ""


# --- writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("folder", "is no file that could be replaced"),
        ("pipe", "is no file that could be replaced"),
        (f"{TOO_LONG}.nc", "File name too long"),
        ("file/a.nc", r"Not a directory|File exists"),
    ],
)
def test_places_that_cannot_be_written(tmp_path, monkeypatch, path, message):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("file").touch()
    os.mkfifo("pipe")
    before = sorted(tmp_path.iterdir())
    refused(
        lambda: ls.save(result(), path), rf"^path = '{path}': cannot be written \(.*({message})"
    )
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_no_path():
    refused(lambda: ls.save(result(), 3), "path = 3: must be the path of a file")
    refused(lambda: locked([]).__enter__(), r"path = \[\]: must be the path of a file")


def test_a_symbolic_link_stays_and_its_file_is_replaced(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link.nc").symlink_to(tmp_path / "elsewhere" / "a.nc")
    for _ in range(2):  # the file is not there, then it is
        ls.save(result(), tmp_path / "link.nc")
        assert (tmp_path / "link.nc").is_symlink()
        assert ls.load(tmp_path / "elsewhere" / "a.nc").identical(result())
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["a.nc"]


@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o002, 0o664)])
def test_the_mask_of_the_user_is_heeded(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        ls.save(result(), tmp_path / "a.nc")
        assert stat.S_IMODE((tmp_path / "a.nc").stat().st_mode) == mode
        (tmp_path / "a.nc").chmod(0o640)
        ls.save(result(), tmp_path / "a.nc")
        assert stat.S_IMODE((tmp_path / "a.nc").stat().st_mode) == 0o640
    finally:
        os.umask(before)


def test_two_that_change_one_file_lose_nothing(tmp_path):
    path = tmp_path / "claims.json"

    def add(name):
        for number in range(20):
            with locked(path):
                known = json.loads(path.read_text()) if path.exists() else {}
                known[f"{name}{number}"] = number
                with replace_file(path) as part:
                    part.write_text(json.dumps(known))

    threads = [threading.Thread(target=add, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(json.loads(path.read_text())) == 60
