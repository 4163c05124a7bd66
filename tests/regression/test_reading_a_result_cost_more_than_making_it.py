"""Results are read directly where they are plain numbers, by xarray where there is more to them;
both give the same.
"""

import numpy as np
import pytest
import xarray as xr

import langevin_sgd as ls


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


def by_xarray(path):
    with xr.open_dataset(path, engine="h5netcdf", decode_times=False) as opened:
        return opened.load()


@pytest.mark.parametrize("make", [plain, with_flags, with_words])
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
    found.a[:] = 0  # what was read belongs to the caller


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


def test_a_loaded_result_is_saved_as_it_was(tmp_path):
    ls.save(with_flags(), tmp_path / "a.nc")
    ls.save(ls.load(tmp_path / "a.nc"), tmp_path / "b.nc")
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()
