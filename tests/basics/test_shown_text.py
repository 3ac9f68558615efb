"""Foreign text in messages."""

import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.shown_text import cut, shown


def test_a_short_text_is_shown_as_it_is():
    assert cut("abc") == "abc"
    assert shown("a\nb") == repr("a\nb")
    assert shown({"a": [1]}) == "{'a': [1]}"


def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value", ["x" * 1_000_000, "\0" * 1_000_000, ["x"] * 1_000_000, {n: "x" * 900 for n in range(900)}, deep(100_000),
              10**4000, b"x" * 1_000_000]
)  # fmt: skip
def test_a_value_of_a_megabyte_is_shown_cut(value):
    assert len(shown(value)) < 1000


def test_no_message_of_an_error_is_longer_than_anybody_reads():
    error = InputError(f"There is no {'x' * 1_000_000} in a.jsonl, line 3.", "y" * 1_000_000)
    assert error.problem.startswith("There is no xxx")
    assert error.problem.endswith("in a.jsonl, line 3.")
    assert len(str(error)) < 10_000
