"""Results are read directly where they are plain numbers or words, by xarray where there is more to
them; both give the same.

One word among the coordinates, as in all results of networks, made xarray write the file, with a
fill value for every number, which took as long to read as all the rest; columns that are
coordinates made it read the file too.
"""

import os
from pathlib import Path

import h5netcdf
import h5py
import numpy as np
import pytest
import xarray as xr

import langevin_sgd as ls
from langevin_sgd.netcdf import read_plain

STORED = Path(__file__).with_name("stored_with_words.nc")
"""What `with_columns` was as a file when xarray still wrote words."""


def plain():
    return ls.dataset.make(
        {
            "a": (("replica", "step"), np.arange(12.0).reshape(3, 4), "1"),
            "square": (("replica", "other"), np.arange(9, dtype=np.float32).reshape(3, 3), "tau"),
            "swapped": (("step", "replica"), np.arange(12).reshape(4, 3), "1"),
            "alone": ((), np.float64(1.5), "lr * step"),
            "none": (("empty",), np.zeros(0), "1"),
            "bytes": (("replica",), np.arange(3, dtype=np.uint8), "1"),
            "nan": (("replica",), np.array([np.nan, 1, np.inf]), "1"),
        },
        coords={"step": np.array([0, 1, 10, 100])},
        kind="x",
    )


def with_flags():
    result = plain()
    result["bytes"].attrs |= {"flag_values": np.array([0, 1], np.int8), "flag_meanings": "good bad"}
    return result


def with_words():
    return plain().assign_coords(other=["first", "second", "third \u03b2"])


def with_columns():
    """As grids are: columns of words and numbers beside the dimensions, no two of one length."""
    status = np.array([[0, 0, 1], [0, 5, 0]], np.int8)
    made = ls.dataset.make(
        {
            "status": (("point", "replica"), status, "1"),
            "loss": (("point", "replica"), np.array([[0.5, 0.25, 1], [2, np.nan, 0]]), "loss"),
            "layer_weight_change": (("replica", "layer"), np.arange(12.0).reshape(3, 4), "1"),
            "network": (("point",), np.array(["fully_connected", "resnet18"]), "1"),
            "alpha": (("point",), np.array([0.5, 4.0]), "1"),
        },
        coords={"replica": np.arange(8, 11), "layer": np.array(["first", "", "\u03b2", "last"])},
        kind="grid",
        settings={"lr": 0.5},
        seed=3,
    )
    flags = {"flag_values": np.array([0, 1, 5], np.int8), "flag_meanings": "done limit diverged"}
    made["status"].attrs.update(flags)
    return made.set_coords(["network", "alpha"])


def by_xarray(path):
    with xr.open_dataset(path, engine="h5netcdf", decode_times=False) as opened:
        return opened.load()


@pytest.mark.parametrize("make", [plain, with_flags, with_words, with_columns])
@pytest.mark.parametrize("written_by", ["us", "xarray"])
def test_plain_results_are_read_directly_and_as_xarray_reads_them(
    tmp_path, monkeypatch, make, written_by
):
    path = tmp_path / "a.nc"
    if written_by == "us":
        ls.save(make(), path)
    else:
        make().to_netcdf(path, engine="h5netcdf")  # with _FillValue = NaN
    expected = by_xarray(path)
    monkeypatch.setattr(xr, "open_dataset", None)
    found = ls.load(path)
    assert found.identical(make())
    assert found.identical(expected)
    assert [found[name].dtype for name in found.variables] == [
        expected[name].dtype for name in found.variables
    ]
    assert list(found.data_vars) == list(expected.data_vars)
    for variable in found.data_vars.values():
        variable[...] = 0  # what was read belongs to the caller


ENCODED = {
    "scaled": lambda r: r.assign(a=r.a.assign_attrs(scale_factor=0.5, add_offset=1.0)),
    "filled": lambda r: r.assign(bytes=r.bytes.assign_attrs(_FillValue=np.uint8(1))),
    "missing": lambda r: r.assign(a=r.a.assign_attrs(missing_value=3.0)),
    "words": lambda r: r.assign(word=("replica", ["a", "b", "c"])),
    "truth": lambda r: r.assign(good=("replica", [True, False, True])),
    "coordinate": lambda r: r.assign_coords(lr=("replica", [0.1, 0.2, 0.3])),
    "number": lambda r: r.assign_attrs(version=3),
}


@pytest.mark.parametrize("change", ENCODED.values(), ids=ENCODED)
def test_what_is_encoded_is_decoded(tmp_path, change):
    path = tmp_path / "a.nc"
    change(plain()).to_netcdf(path, engine="h5netcdf")
    assert ls.load(path).identical(by_xarray(path))


@pytest.mark.parametrize("make", [with_flags, with_words, with_columns])
def test_a_loaded_result_is_saved_as_it_was(tmp_path, make):
    ls.save(make(), tmp_path / "a.nc")
    ls.save(ls.load(tmp_path / "a.nc"), tmp_path / "b.nc")
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()


# --- words and columns ----------------------------------------------------------------------------


@pytest.mark.parametrize("make", [with_words, with_columns])
def test_a_word_gives_no_number_a_fill_value(tmp_path, make):
    ls.save(make(), tmp_path / "a.nc")
    with h5py.File(tmp_path / "a.nc") as file:
        assert [name for name in file if "_FillValue" in file[name].attrs] == []


def test_a_file_in_which_xarray_wrote_words_is_read_as_before(monkeypatch):
    expected = by_xarray(STORED)
    assert expected.layer.dtype.kind == "U"
    monkeypatch.setattr(xr, "open_dataset", None)
    found = ls.load(STORED)
    assert found.identical(expected)
    assert found.identical(with_columns().assign_attrs(found.attrs))
    assert [found[name].dtype for name in found] == [expected[name].dtype for name in found]
    assert ls.dataset.provenance(found)["settings"] == {"lr": 0.5}


def test_columns_that_the_file_does_not_hold_are_left_to_xarray(tmp_path):
    ls.save(with_columns(), tmp_path / "a.nc")
    with h5py.File(tmp_path / "a.nc", "a") as file:
        file.attrs["coordinates"] = "alpha missing"
    assert read_plain(os.fsencode(tmp_path / "a.nc")) is None
    assert ls.load(tmp_path / "a.nc").identical(by_xarray(tmp_path / "a.nc"))


# --- dimensions -----------------------------------------------------------------------------------


def test_more_dimensions_than_axes_were_written_beyond_the_end_of_an_array(tmp_path):
    ls.save(plain(), tmp_path / "a.nc")
    with h5py.File(tmp_path / "a.nc", "a") as file:
        file["a"].attrs["_Netcdf4Coordinates"] = np.arange(700, dtype=np.int32)
    assert read_plain(os.fsencode(tmp_path / "a.nc")) is None


def test_a_dimension_that_may_grow_is_not_told_by_its_length(tmp_path):
    path = tmp_path / "a.nc"
    with h5netcdf.File(path, "w") as file:
        file.attrs["provenance"] = plain().attrs["provenance"]
        file.dimensions = {"step": None, "replica": 3}
        file.create_variable("step", ("step",), np.int64)
        file.create_variable("short", ("step",), np.float64)
        file.resize_dimension("step", 4)
        file["step"][...] = np.arange(4)
    with h5py.File(path, "a") as file:
        file["short"].resize((3,))
    assert ls.load(path).short.dims == ("step",) == by_xarray(path).short.dims
