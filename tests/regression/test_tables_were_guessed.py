"""Files of the user's own: first samples taken for headers, indices for features; odd files gave
tracebacks.
"""

import os
import zipfile

import numpy as np
import pytest

import langevin_sgd as ls
from langevin_sgd.cli import main


def read(tmp_path, content, name="a.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    X, y = ls.data.read_table(path)
    return np.column_stack([X, y]).tolist()


SAMPLES = "1.5,2\n3,4\n"
TABLE = [[1.5, 2.0], [3.0, 4.0]]
RIGHT = {
    "plain": SAMPLES,
    "header": "a,b\n" + SAMPLES,
    "mark of bytes": "\ufeff" + SAMPLES,
    "mark and header": "\ufeffa,b\n" + SAMPLES,
    "quoted": '"a, long","b"\n"1.5","2"\n3,"4"\n',
    "blanks": " a , b \n\n 1.5, 2\n\n3 ,4",
    "remarks": "# made by numpy\n" + SAMPLES + "# end\n",
    "Windows": "a,b\r\n1.5,2\r\n3,4\r\n",
    "old": "1.5,2\r3,4\r",
    "Greek": "\u03b1,\u03b2\n" + SAMPLES,
}


@pytest.mark.parametrize("content", RIGHT.values(), ids=RIGHT)
@pytest.mark.parametrize("name", ["a.csv", "A.CSV"])
def test_what_can_be_read_in_one_way_only(tmp_path, content, name):
    assert read(tmp_path, content, name) == TABLE


REFUSED = {
    "first sample with an empty field": (",2\n3,4\n", "line 1, column 1 is empty"),
    "first sample with NA": ("NA,2\n3,4\n", "line 1, column 1 is 'NA': must be a finite number"),
    "first sample with a word": (
        "x,2\n3,4\n",
        r"line 1 is neither a header of words nor a sample of numbers \('x' in c",
    ),
    "the same after a mark of bytes": ("\ufeff1,\n3,4\n", "line 1, column 2 is empty"),
    "numbers of columns": ("0,1\n1.5,2\n", "line 1 may be the numbers of columns or a sample"),
    "years": ("2019,2020,2021\n1.5,2,3\n", "line 1 may be the numbers of columns or a sample"),
    "index and names": (",a,b\n0,1.5,2\n1,3,4\n", "line 1: column 1 has no name.*index=False"),
    "index and numbers": (",0,1\n0,1.5,2\n", "line 1: column 1 has no name.*index=False"),
    "index without header": (
        "0,1.5,2.5\n1,3.5,4.5\n2,5.5,6.5\n",
        "column 1 counts the samples.*index=False",
    ),
    "index by name": ("index,a\n0,1.5\n1,3.5\n2,5.5\n", "column 1 counts the samples.*index=False"),
    "index of an index": ("Unnamed: 0,a,b\n0,1.5,2\n", "line 1: column 1 has no name.*index=False"),
    "names and a number": ("a,2020\n1,2\n", "line 1 is neither a header"),
    "empty field": ("a,b\n1,2\n\n3,\n", r"line 4, column 2 \('b'\) is empty"),
    "missing": ("a,b\n1,nan\n", r"line 2, column 2 \('b'\) is 'nan': must be a finite number"),
    "infinite": ("1,2\n1,1e999\n", "line 2, column 2 is '1e999': must be a finite number"),
    "complex": ("1,2\n1+2j,3\n", r"line 2, column 1 is '1\+2j'"),
    "dates": ("2020-01-01,1\n2020-01-02,2\n", "line 1, column 1 is '2020-01-01'"),
    "too large": ("1,2\n1e300,3\n", "line 2, column 1 is '1e300': must be 0 or between 1e-100"),
    "too small": ("1,2\n1e-300,3\n", "line 2, column 1 is '1e-300': must be 0 or between 1e-100"),
    "semicolons": ("a;b\n1;2\n", "line 1 is separated by semicolons, must be by commas"),
    "decimal commas": ("1,5;2,5\n", "turn them into commas and decimal commas into points"),
    "quoted decimal commas": ('a,b\n"1,5",2\n', r"is '1,5': .*write a decimal point"),
    "tabs": ("1\t2\n", "line 1 is separated by tabs"),
    "spaces": ("1 2\n", "one column, .* and not by blanks"),
    "one column": ("1\n2\n", "line 1 has one column, must have at least two"),
    "short line": ("1,2\n3\n", "line 2 has 1 columns, the first line has 2"),
    "long line": ("a,b\n1,2,3\n1,2,3\n", "line 2 has 3 columns, the header has 2"),
    "commas at the end": ("1,2,\n3,4,\n", "line 1, column 3 is empty"),
    "header only": ("a,b\n", "has a header and no samples"),
    "nothing": ("", "has no lines"),
    "quote": ('"1,2\n', "line 1: cannot be read"),
    "many columns": ("1.5," * 100_000 + "1\n", "has 100001 columns, must have at most 10000"),
    "Latin-1": (
        "a,b\ngr\xf6\xdfe,y\n".encode("latin-1"),
        r"line 2 is not UTF-8 \(byte 0xf6\): save it as UTF-8",
    ),
    "UTF-16": (SAMPLES.encode("utf-16"), "is UTF-16 or no text: save it as UTF-8"),
    "UTF-16 without a mark": (
        SAMPLES.encode("utf-16-le"),
        "is UTF-16 or no text: save it as UTF-8",
    ),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_what_could_be_two_things_or_none_is_one_line(tmp_path, content, message):
    with pytest.raises(ls.InputError, match=f"^data = '.*a.csv': .*{message}") as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)


# --- arrays ---------------------------------------------------------------------------------------

X, Y = np.arange(6.0).reshape(3, 2), np.arange(3.0)


def saved(path, **arrays):
    np.savez(path, **arrays)
    return path.read_bytes()


def wrong_checksum(path):
    content = bytearray(saved(path, X=X, y=Y))
    content[content.index(X.tobytes()) + 8] ^= 1
    return bytes(content)


def boundless(path):
    """A header that claims 22 TB."""
    header = (
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (2800000000000,), }".ljust(117) + b"\n"
    )
    with zipfile.ZipFile(path, "w") as packed:
        for name in "Xy":
            packed.writestr(
                f"{name}.npy", b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + header
            )
    return path.read_bytes()


def single(path):
    with path.open("wb") as file:
        np.save(file, X)
    return path.read_bytes()


ARCHIVES = {
    "empty": (lambda path: b"", "not a .npz file"),
    "one array": (single, "not a .npz file .*numpy.save writes .npy"),
    "text": (lambda path: b"1,2\n", "not a .npz file"),
    "cut": (lambda path: saved(path, X=X, y=Y)[:200], "not a .npz file"),
    "checksum": (wrong_checksum, "not a readable .npz file of numbers .*CRC"),
    "boundless": (boundless, "not a readable .npz file of numbers"),
    "objects": (
        lambda path: saved(path, X=np.array([[None]]), y=Y),
        "not a readable .npz file of numbers",
    ),
    "others": (lambda path: saved(path, Z=X), r"has arrays \['Z'\], must have X and y"),
    "complex": (lambda path: saved(path, X=X * 1j, y=Y), "X = .*must be real numbers, not complex"),
    "dates": (
        lambda path: saved(path, X=X.astype("datetime64[D]"), y=Y),
        "X = .*must be an array of numbers",
    ),
    "text in it": (
        lambda path: saved(path, X=X, y=Y.astype(str)),
        "y = .*must be an array of numbers",
    ),
    "shapes": (lambda path: saved(path, X=X, y=Y[:2]), r"shapes \(3, 2\) and \(2,\), must be"),
    "nan": (
        lambda path: saved(path, X=X, y=[0, 1, np.nan]),
        r"y\[2\] = nan: must be a finite number",
    ),
    "large": (
        lambda path: saved(path, X=X * 1e300, y=Y),
        r"X\[0, 1\] = 1e\+300: must be 0 or between",
    ),
    "wide": (
        lambda path: saved(path, X=np.ones((1, 10_000)), y=[1]),
        "has 10001 columns, must have at most 10000",
    ),
}


@pytest.mark.parametrize(("make", "message"), ARCHIVES.values(), ids=ARCHIVES)
def test_archives_as_they_come(tmp_path, make, message):
    content = make(tmp_path / "b.npz")
    with pytest.raises(ls.InputError, match=f"^data = '.*a.npz': .*{message}") as caught:
        read(tmp_path, content, "a.npz")
    assert "\n" not in str(caught.value)


def test_archives_that_are_right(tmp_path):
    for kind in (np.float32, np.int8):
        content = saved(tmp_path / "b.npz", X=X.astype(kind), y=Y.astype(kind), other=["a"])
        assert (
            read(tmp_path, content, "A.NPZ")
            == np.column_stack([X, Y]).astype(kind).astype(float).tolist()
        )
    with pytest.raises(ls.InputError, match="must be numbers, not truth values"):
        read(tmp_path, saved(tmp_path / "b.npz", X=X.astype(bool), y=Y), "A.NPZ")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a" * 300, r"cannot be read \(File name too long\)"),
        (".", "must be a file, it is a folder"),
        ("no.csv", "there is no such file"),
        ("a.txt", "must end in .npz"),
        (os.devnull, "must be a file, it is a device or a pipe"),
    ],
    ids=["too long", "folder", "missing", "text", "device"],
)
def test_places_without_a_table(tmp_path, monkeypatch, capsys, path, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").touch()
    with pytest.raises(ls.InputError, match=f"^data = '.*': {message}"):
        ls.data.read_table(path)
    assert main(["predict", "linear-regression", "--lr", "0.1", "--data", path]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "content",
    [
        "t,a\n0,1.5\n1,3.5\n2,5.5\n",  # named
        "0.0,1.5\n1.0,3.5\n2.0,5.5\n",  # written with points
        "0,4\n2,3.5\n1,5\n",  # in no order
        "0,5\n1,7\n2,6\n",  # whole numbers throughout
        "0,1.5\n1,3.5\n",  # a class
    ],
)
def test_a_first_column_that_counts_may_be_a_feature(tmp_path, content):
    assert [row[0] for row in read(tmp_path, content)] != []
