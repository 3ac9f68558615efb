import io

import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.features.sources.manifests import FIRST_ROWS, BadRow, clip_fragment, manifest_rows


def rows(content):
    return list(manifest_rows(io.BytesIO(content), "list.jsonl"))


def test_clips_that_differ_have_names_that_differ():
    assert clip_fragment(123.4561, 124.4561) == "#t=123.4561,124.4561" != clip_fragment(123.4564, 124.4561)
    assert [clip_fragment(1.5, 4.0), clip_fragment(None, 4), clip_fragment(None, None)] == ["#t=1.5,4", "#t=0,4", ""]
    assert clip_fragment(1234567.0, None) == "#t=1234567"


def test_the_mark_at_the_beginning_of_utf_8_is_passed_over_and_empty_lines_too():
    content = b'\xef\xbb\xbf{"path": "0.png"}\r\n\n{"path": "\xc3\xa9.wav", "start": 1, "end": "2.5"}'
    assert rows(content) == [("0.png", None, None), ("\u00e9.wav", 1.0, 2.5)]


def test_what_is_not_utf_8_is_a_bad_row_with_its_line():
    good, bad, last = rows(b'{"path": "0.png"}\n\n{"path": "caf\xe9.png"}\n{"path": "1.png"}\n')
    assert (good[0], last[0]) == ("0.png", "1.png")
    assert bad.line == 3 and "UTF-8" in bad.reason


@pytest.mark.parametrize(
    "row", ['"a", "start": NaN', '"a", "end": Infinity', '"a", "end": 1e999', '"a", "start": true',
            '"a", "start": "nan"', f'"a", "end": 1{"0" * 400}', "null", "7", '""', r'"a\u0000b"', r'"\ud800.png"'],
)  # fmt: skip
def test_seconds_and_paths_that_cannot_be_are_bad_rows_and_the_others_good(row):
    found = rows(f'{{"path": "a"}}\n{{"path": {row}}}\n{{"path": "b"}}\n'.encode())
    assert [found[0][0], found[2][0]] == ["a", "b"]
    assert found[1].line == 2 and "not a manifest row" in found[1].reason


@pytest.mark.parametrize(
    "line", [b"[]", b"x", b"[" * 100_000, b'{"a":' * 50_000, b'{"start": 1}', b'{"path": "a", "start": 2, "end": 1}',
             b'{"path": "a", "start": -1}', b"\xff"],
)  # fmt: skip
def test_a_hostile_line_is_a_bad_row_wherever_it_stands(line):
    for lines in ([line, b'{"path": "a"}'], [b'{"path": "a"}', line]):
        found = rows(b"\n".join(lines))
        assert len(found) == 2 and ("a", None, None) in found
        (bad,) = [row for row in found if isinstance(row, BadRow)]
        assert bad.reason and len(bad.reason) < 200


def test_a_file_without_a_good_row_at_its_beginning_is_no_manifest():
    for content in (b"x\n", b"x\n" * FIRST_ROWS + b'{"path": "a"}\n'):
        with pytest.raises(InputError, match=r"list\.jsonl, line 1"):
            rows(content)
    assert len(rows(b"x\n" * (FIRST_ROWS - 1) + b'{"path": "a"}\n')) == FIRST_ROWS
    assert rows(b"") == []
