"""YAML that others wrote."""

import time

import pytest

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.basics.yaml_text import MAX_DEPTH, parse_yaml

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


def test_yaml_gives_its_value_with_aliases_and_merges():
    text = "base: &base {lr: 1, steps: [1, 2]}\nfirst: *base\nsecond: {<<: *base, lr: 2}"
    value = parse_yaml(text, "macaw.yaml")
    assert value["first"] == {"lr": 1, "steps": [1, 2]}
    assert value["second"] == {"lr": 2, "steps": [1, 2]}


@pytest.mark.parametrize(
    "text", [LAUGHS, MERGES, "a: &a [*a]", "a: &a {b: *a}", "[" * 100_000, "a: " + "[" * (MAX_DEPTH + 1),
             "- " * 5000 + "x", "x: " + "y" * (5 << 20), "&a [1, *a]", "- &a 1\n- &a [*a, *b]"]
)  # fmt: skip
def test_yaml_bombs_are_refused_soon(text):
    started = time.monotonic()
    with pytest.raises(UsageError, match=r"macaw\.yaml"):
        parse_yaml(text, "macaw.yaml", UsageError)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    "text",
    ["a: 2026-99-99", "a: !!bool x", "a: !!int ''", "a: !!timestamp x", "a: " + "9" * 5000, "a: !!python/object:os.x",
     "? [a]\n: b", "a: *b", "a: 1\na: 2", "\x00", "a: 'b", "{{a}}: 1", "a: !!float x", "a: !!binary é", "a: 1:2:x"],
)  # fmt: skip
def test_odd_yaml_is_a_value_or_one_clear_error(text):
    try:
        parse_yaml(text, "macaw.yaml")
    except InputError as error:
        assert "macaw.yaml is not valid YAML" in str(error)
        assert len(str(error)) < 700


def test_many_different_keys_are_read_in_no_time_that_grows_with_their_square():
    started = time.monotonic()
    assert len(parse_yaml("\n".join(f"k{n}: 1" for n in range(10_000)), "macaw.yaml")) == 10_000
    assert time.monotonic() - started < 20
