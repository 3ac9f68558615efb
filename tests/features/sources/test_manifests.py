import io

import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.features.sources.manifests import clip_fragment, manifest_rows


def rows(content):
    return list(manifest_rows(io.BytesIO(content), "list.jsonl"))


def test_clips_that_differ_have_names_that_differ():
    assert clip_fragment(123.4561, 124.4561) == "#t=123.4561,124.4561" != clip_fragment(123.4564, 124.4561)
    assert [clip_fragment(1.5, 4.0), clip_fragment(None, 4), clip_fragment(None, None)] == ["#t=1.5,4", "#t=0,4", ""]
    assert clip_fragment(1234567.0, None) == "#t=1234567"


def test_the_mark_at_the_beginning_of_utf_8_is_passed_over_and_empty_lines_too():
    content = b'\xef\xbb\xbf{"path": "0.png"}\r\n\n{"path": "\xc3\xa9.wav", "start": 1, "end": "2.5"}'
    assert rows(content) == [("0.png", None, None), ("\u00e9.wav", 1.0, 2.5)]


def test_what_is_not_utf_8_is_told_with_its_line():
    with pytest.raises(InputError, match=r"list\.jsonl, line 2 is not UTF-8\. Save the manifest"):
        rows(b'{"path": "0.png"}\n{"path": "caf\xe9.png"}\n')


@pytest.mark.parametrize(
    "row", ['"a", "start": NaN', '"a", "end": Infinity', '"a", "end": 1e999', '"a", "start": true',
            '"a", "start": "nan"', f'"a", "end": 1{"0" * 400}', "null", "7", '""', r'"a\u0000b"', r'"\ud800.png"'],
)  # fmt: skip
def test_seconds_and_paths_that_cannot_be_are_told_with_their_line(row):
    with pytest.raises(InputError, match=r"list\.jsonl, line 2 is not a manifest row"):
        rows(f'{{"path": "a"}}\n{{"path": {row}}}\n'.encode())
