"""JSON that others wrote."""

import json

import pytest

from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.basics.json_text import MAX_DEPTH, parse_json


@pytest.mark.parametrize("text", ['{"a": [1, null]}', b'{"a": [1, null]}'])
def test_json_gives_its_value(text):
    assert parse_json(text) == {"a": [1, None]}


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 500 + "1" + "}" * 500, "[" * 101 + "]" * 101,
     b"[" * 100_000 + b"]" * 100_000],
)  # fmt: skip
def test_json_that_is_too_deep_is_one_clear_error(text):
    with pytest.raises(InputError, match=r"a\.jsonl, line 3 is JSON with more than 100 levels"):
        parse_json(text, "a.jsonl, line 3")


def test_as_many_levels_as_are_allowed_are_read_in_lists_and_objects():
    text = "[" * (MAX_DEPTH - 1) + '{"a": 1}' + "]" * (MAX_DEPTH - 1)
    assert parse_json(f"[{text[1:-1]}]") == json.loads(text)


def test_many_rows_beside_each_other_are_not_deep():
    assert len(parse_json(json.dumps([{"a": [[]]}] * 1000))) == 1000


@pytest.mark.parametrize("text", ["", "{", "1" * 5000, b"\xff", "{'a': 1}", "x" * 1_000_000])
def test_what_is_no_json_is_told_in_one_short_line_of_the_wanted_class(text):
    with pytest.raises(DamagedError, match="is not valid JSON") as raised:
        parse_json(text, "rows.json", DamagedError, "Restore it.")
    assert len(str(raised.value)) < 400
    assert raised.value.hint == "Restore it."
