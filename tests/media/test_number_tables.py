"""Tables of numbers from CSV, TSV, Parquet and NumPy files, and the series that are made of them."""

import struct

import numpy as np
import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.media import number_tables
from macaw_cli.media.decoding import decode
from macaw_cli.media.number_tables import read_table
from macaw_cli.media.size_limits import TooLarge

VALUES = np.array([[1.0, -2.5], [np.nan, 4.0], [3.0, 1e3]])


def written(folder, kind):
    path = folder / f"table{kind}"
    if kind == ".npy":
        np.save(path, VALUES)
    elif kind == ".parquet":
        pa = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        columns = {"when": ["a", "b", "c"], "load": [1.0, None, 3.0], "wind": [-2.5, 4.0, 1000.0]}
        parquet.write_table(pa.table(columns), path)
    else:
        comma = "\t" if kind == ".tsv" else ","
        rows = ["when,load,wind", '"1 May; noon",1,-2.5', "2 May,NA,4", "3 May,3.0,1e3", ""]
        path.write_text("\n".join(row.replace(",", comma) for row in rows))
    return path


@pytest.mark.parametrize("kind", [".csv", ".tsv", ".parquet", ".npy"])
def test_numbers_are_read_and_dates_are_left_out(tmp_path, kind):
    table = read_table(written(tmp_path, kind))
    np.testing.assert_array_equal(table.values, VALUES)
    assert table.names == (("0", "1") if kind == ".npy" else ("load", "wind"))
    assert table.left_out == (() if kind == ".npy" else ("when",))


def test_a_file_without_names_and_with_semicolons_is_read(tmp_path):
    (tmp_path / "a.csv").write_text("\ufeff1;2\n\n3;-\n")
    table = read_table(tmp_path / "a.csv")
    np.testing.assert_array_equal(table.values, [[1, 2], [3, np.nan]])
    assert table.names == ("0", "1")


def npy(descr, shape, content=b""):
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n" + content


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b""), ("a.csv", b"a,b\n"), ("a.csv", b"1,2\n3\n"), ("a.csv", b"\xff\xfe1,2\n"), ("a.csv", b"x\ny\n"),
        ("a.csv", b'"1,2\n'), ("a.npy", b""), ("a.npy", npy("'|O'", "(1,)", b"cos\nsystem\n.")), ("a.npy", b"PK"),
        ("a.npy", npy("'<f8'", "(99999999999,)")), ("a.npy", npy("'<c8'", "(1,)", bytes(8))),
        ("a.npy", npy("'<f8'", "(1, 1, 1)", bytes(8))), ("a.parquet", b"PAR1"), ("a.parquet", b""),
        ("a.csv", b"\x00\x00"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_numbers_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        read_table(tmp_path / name)


def test_sizes_are_looked_at_before_anything_is_read(tmp_path, monkeypatch):
    path = written(tmp_path, ".csv")
    monkeypatch.setattr(number_tables, "MOST_BYTES", 10)
    with pytest.raises(TooLarge):
        read_table(path)
    monkeypatch.undo()
    monkeypatch.setattr(number_tables, "MOST_NUMBERS", 5)
    for kind in (".csv", ".npy"):
        with pytest.raises(TooLarge):
            read_table(written(tmp_path, kind))


def decoded(path, **more):
    return decode({"path": str(path), "modality": "series", "shape": [16, 2], **more})


def test_a_series_has_its_own_numbers_and_gaps_are_filled_and_told(tmp_path):
    known, arrays = decoded(written(tmp_path, ".csv"))
    np.testing.assert_array_equal(arrays["series"], np.array([[1, -2.5], [2, 4], [3, 1000]], np.float32))
    assert known == {"steps": 3, "columns": ["load", "wind"], "left_out": ["when"], "filled": 1}


def test_a_series_of_a_single_step_can_be_used_with_a_warning(tmp_path):
    (tmp_path / "a.csv").write_text("load,wind\n1,2\n")
    known, arrays = decoded(tmp_path / "a.csv")
    assert known["steps"] == len(arrays["series"]) == 1
    assert "single" in known["warning"]


def test_a_number_of_one_is_told_in_the_singular(tmp_path):
    (tmp_path / "a.csv").write_text("a\n1\n2\n")
    with pytest.raises(InputError, match=r"has 1 column of numbers \(a\), expected 2"):
        decoded(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("text", "shape", "told"),
    [
        ("1,2\n3,4\n", [16, 1], "features.series.channels"), ("1,2\n" * 17, [16, 2], "features.series.longest"),
        ("1,2\nNA,2\nNA,3\n", [16, 2], "2 of 3"), ("1,inf\n2,3\n", [16, 2], "infinite"),
        ("1,70000\n2,3\n", [16, 2], "65504"), ("1,10000.1\n2,10000.4\n3,10000.2\n", [16, 2], "round"),
    ],
)  # fmt: skip
def test_a_series_that_features_could_not_hold_is_refused_with_what_to_do(tmp_path, text, shape, told):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=told):
        decoded(tmp_path / "a.csv", shape=shape)
