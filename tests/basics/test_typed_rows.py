"""Kinds of values: what passes, and which key a message names."""

from dataclasses import dataclass

import pytest

from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.basics.typed_rows import (
    ANYTHING,
    COUNT,
    DTYPE,
    FLAG,
    HASH,
    LARGEST,
    MEASURED,
    NUMBER,
    OBJECT,
    PAIR,
    PLAIN_NAME,
    SHAPE,
    SHARD_NAME,
    TEXT,
    TEXTS,
    Fields,
    Kind,
    either,
    list_of,
    made_of,
    mapping_of,
    one_of,
    or_null,
)

NAN, INF = float("nan"), float("inf")
KINDS = {
    "anything": (ANYTHING, [None, 0, "", []], []),
    "text": (TEXT, ["", "x"], [None, 0, b"x", ["x"]]),
    "flag": (FLAG, [True, False], [0, 1, None, "true"]),
    "count": (COUNT, [0, LARGEST], [-1, LARGEST + 1, 1.0, True, None, "1", 10**400]),
    "number": (NUMBER, [0, -1.5, LARGEST], [NAN, INF, True, None, "1", 10**400]),
    "measured": (MEASURED, [0, -1.5, NAN, INF], [True, None, "1", 10**400]),
    "object": (OBJECT, [{}, {"a": 1}], [[], None, "{}"]),
    "texts": (TEXTS, [[], ["a"]], [["a", 1], "a", None]),
    "pair": (PAIR, [[0, 1]], [[0], [0, -1], [0, 1, 2], [True, 1], (0, 1)]),
    "plain name": (PLAIN_NAME, ["a.txt"], ["", ".", "..", "a/b", "/etc/passwd", "a\0", 1, None]),
    "shard name": (SHARD_NAME, ["image-000000.tar"], ["../a.tar", "/a.tar", "a.json", 1, None]),
    "shape": (SHAPE, [[1], [2, 0, 3]], [[], [-1], [1.0], [True], [[1]], [2**20] * 4, [1] * 9, ["a"]]),
    "hash": (HASH, ["ab" * 4, "0f" * 32], ["", "ab", "AB" * 4, "abc" * 5, "xy" * 8, 1]),
    "dtype": (DTYPE, ["float16"], ["object", "int8", None, []]),
    "one of": (one_of({"a", "b"}), ["a"], ["c", 1, None, ["a"]]),
    "or null": (or_null(COUNT), [None, 1], [-1, "1"]),
    "either": (either(COUNT, TEXT), [1, "1"], [None, -1, 1.5]),
    "list": (list_of(COUNT), [[], [1, 2]], [[1, -2], {}, None]),
    "mapping": (mapping_of(COUNT), [{}, {"a": 1}], [{"a": -1}, [], None]),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_passes_what_it_says_and_nothing_else(name):
    kind, right, wrong = KINDS[name]
    assert [value for value in right if not kind.holds(value)] == []
    assert [value for value in wrong if kind.holds(value)] == []
    for value in wrong:
        with pytest.raises(DamagedError, match="the file"):
            kind.checked(value, "the file")
    assert all(kind.checked(value, "the file") is value for value in right)


ROW = Fields(
    {"shard": SHARD_NAME, "bytes": COUNT},
    {"meta": Fields({}, {"duration": NUMBER}), "places": mapping_of(list_of(COUNT))},
)


@pytest.mark.parametrize(
    "value",
    [
        {"shard": "a.tar", "bytes": 1},
        {"shard": "a.tar", "bytes": 1, "meta": None, "places": None},
        {"shard": "a.tar", "bytes": 1, "meta": {"duration": 1.5, "more": []}, "unknown": object()},
    ],
)
def test_optional_keys_may_be_absent_or_null_and_others_may_be_there(value):
    assert ROW.checked(value, "a row") is value


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ([], "JSON object"),
        (None, "JSON object"),
        ({"bytes": 1}, "`shard` is missing"),
        ({"shard": None, "bytes": 1}, "`shard`"),
        ({"shard": "a.tar", "bytes": "1"}, "`bytes`"),
        ({"shard": "a.tar", "bytes": 1, "meta": {"duration": "x"}}, "`meta.duration`"),
        ({"shard": "a.tar", "bytes": 1, "places": {"left": [1, -1]}}, "`places.left.1`"),
    ],
)
def test_the_first_key_that_is_wrong_is_named(value, named):
    with pytest.raises(DamagedError) as told:
        ROW.checked(value, "m.jsonl, line 3")
    assert named in told.value.problem and "m.jsonl, line 3" in told.value.problem and told.value.hint


def test_the_class_of_the_error_can_be_chosen():
    with pytest.raises(InputError) as told:
        COUNT.checked(-1, "it", InputError)
    assert type(told.value) is InputError


def test_a_value_of_a_megabyte_does_not_fill_the_message():
    with pytest.raises(DamagedError) as told:
        Fields({"a" * 10: COUNT}).checked({"a" * 10: "x" * 1_000_000}, "it")
    assert len(told.value.problem) < 300
    with pytest.raises(DamagedError) as told:
        mapping_of(COUNT).checked({"k" * 1_000_000: "x"}, "it")
    assert len(told.value.problem) < 300


def test_a_fast_test_comes_before_the_fields_and_passes_no_more():
    tried = []
    kind = Fields({"a": COUNT}, usual=lambda value: tried.append(value) or value == {"a": 1})
    assert kind.holds({"a": 1}) and kind.holds({"a": 2}) and not kind.holds({"a": -1})
    assert tried == [{"a": 1}, {"a": 2}, {"a": -1}]


def test_words_of_a_kind_are_its_message():
    assert "a whole number from 0 or null" in or_null(COUNT).fault("x", "n")
    assert "text or true or false" in either(TEXT, FLAG).fault(1, "n")
    assert "an even number" in Kind("an even number", int, lambda value: value % 2 == 0).fault(1, "")


@dataclass
class Place:
    x: int
    y: int = 7


def test_a_dataclass_is_made_without_the_keys_of_a_newer_macaw():
    assert made_of(Place, {"x": 1, "z": 2}) == Place(1, 7)
