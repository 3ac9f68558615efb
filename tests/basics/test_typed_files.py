"""Files of JSON and JSONL that macaw wrote: what is wrong is told with the file and the line."""

import pytest

from macaw_cli.basics.errors import DamagedError
from macaw_cli.basics.typed_files import iterate_objects, read_object
from macaw_cli.basics.typed_rows import COUNT, Fields

ROW = Fields({"step": COUNT})


def test_an_object_is_read(tmp_path):
    (tmp_path / "a.json").write_text('{"step": 3, "more": null}')
    assert read_object(tmp_path / "a.json", ROW) == {"step": 3, "more": None}


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b'{"step": -1}', b'{"step": 1', b"\xff\xfe\xfa", b"[" * 100_000, b'{"a":' * 5000]
)
def test_a_file_of_another_content_is_told_by_its_name(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DamagedError, match=r"a\.json"):
        read_object(tmp_path / "a.json", ROW)


def test_rows_are_read_and_none_of_a_file_that_is_absent(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"step": 1}\n{"step": 2}\n{"torn')
    assert [row["step"] for row in iterate_objects(tmp_path / "a.jsonl", ROW)] == [1, 2]
    assert list(iterate_objects(tmp_path / "b.jsonl", ROW)) == []


@pytest.mark.parametrize("wrong", ["[]", "null", "3", "{}", '{"step": "x"}', "{", "\udc80", "[" * 100_000])
def test_a_row_of_another_kind_is_told_with_its_line(tmp_path, wrong):
    text = '{"step": 1}\n{"step": 2}\n' + wrong + '\n{"step": 4}\n'
    (tmp_path / "a.jsonl").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DamagedError, match=r"a\.jsonl, line 3"):
        list(iterate_objects(tmp_path / "a.jsonl", ROW))
