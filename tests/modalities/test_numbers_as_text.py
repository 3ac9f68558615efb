"""LLMTIME's serialiser: the published strings, and back without loss beyond half a digit."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macaw_cli.modalities.numbers_as_text import (
    DigitStyle,
    Scaling,
    digits_of,
    nats_per_step,
    numbers_in,
    scaling_of,
    values_of,
)

GPT3 = DigitStyle(digit_separator=" ", step_separator=" ,", precision=2)
STYLES = [
    DigitStyle(), GPT3, DigitStyle(base=100, precision=2), DigitStyle(base=1000, precision=1),
    DigitStyle(base=100, precision=1, digit_separator=" "), DigitStyle(base=1000, precision=0, digit_separator="_"),
]  # fmt: skip
numbers = st.floats(-1e6, 1e6, allow_nan=False, width=32)


@pytest.mark.parametrize(
    ("values", "style", "text"),
    [
        ([0.123, 1.23, 12.3, 123.0], GPT3, "1 2 ,1 2 3 ,1 2 3 0 ,1 2 3 0 0 ,"),  # the example of the paper
        ([0.5, 1.25, -0.75, math.nan, 0.0], DigitStyle(), "500,1250,-750,Nan,0,"),
        ([0.57, 0.29], DigitStyle(precision=2), "57,29,"),
        ([0.5, 1.0507, 100], DigitStyle(base=100, precision=2), "5000,10507,1000000,"),
        ([0.5, 1.0507, 100], DigitStyle(base=100, precision=2, digit_separator=" "), "50 0,1 5 7,1 0 0 0,"),
        ([1234.5678], DigitStyle(base=1000, precision=1), "1234567,"),
        ([], DigitStyle(), ""),
    ],
)
def test_numbers_are_written_as_published(values, style, text):
    assert digits_of(values, style) == text


@pytest.mark.parametrize("style", STYLES)
@given(values=st.lists(st.one_of(numbers, st.just(math.nan)), max_size=8))
def test_what_is_written_is_read_to_half_a_unit_of_the_last_digit(style, values):
    read = values_of(digits_of(values, style), style)
    assert len(read) == len(values)
    for value, found in zip(values, read, strict=True):
        assert math.isnan(found) if math.isnan(value) else abs(found - value) <= style.bin * 0.5 + abs(value) * 1e-12


@given(st.text("0123456789,-NanX .", max_size=40))
def test_any_answer_of_an_llm_is_read_without_an_error(text):
    for style in STYLES:
        assert all(isinstance(value, float) for value in values_of(text, style))


@pytest.mark.parametrize(
    ("text", "values"),
    [("500,12", [0.5005]), ("500,x,700,", [0.5005]), (" 500, 700 ,", [0.5005, 0.7005]), ("12", []), (",5,", [])],
)
def test_an_answer_counts_up_to_its_last_whole_number(text, values):
    assert values_of(text) == pytest.approx(values)


def test_the_scaling_is_that_of_the_paper():
    history = np.random.default_rng(1).normal(3, 20, 50)
    shifted = history - (history.min() - 0.3 * np.ptp(history))
    scaling = scaling_of([*history, math.nan], 0.9, 0.3)
    assert scaling.scaled(history) == pytest.approx(shifted / np.quantile(shifted, 0.9))
    assert scaling.restored(scaling.scaled(history)) == pytest.approx(history)
    basic = scaling_of(history, 0.9, basic=True)
    assert (basic.offset, basic.unit) == (0.0, pytest.approx(np.quantile(np.abs(history), 0.9)))


def test_constant_histories_can_be_scaled():
    assert scaling_of([0.0, 0.0]) == Scaling(0.0, 1.0)
    assert scaling_of([0.0], basic=True) == Scaling(0.0, 0.01)
    assert scaling_of([7.0, 7.0]) == Scaling(7.0, 1.0)


@pytest.mark.parametrize("history", [[], [math.nan], [1.0, math.inf]])
def test_a_scaling_needs_finite_numbers(history):
    with pytest.raises(ValueError, match="finite"):
        scaling_of(history)


@pytest.mark.parametrize(
    "wrong",
    [{"base": 7}, {"precision": -1}, {"step_separator": ""}, {"minus": ","}, {"digit_separator": ","},
     {"step_separator": " ", "missing": "not known"}],
)
def test_a_style_that_cannot_be_read_back_is_refused(wrong):
    with pytest.raises(ValueError, match=r"."):
        DigitStyle(**wrong)
    with pytest.raises(ValueError, match="infinite"):
        digits_of([math.inf])


def test_the_density_of_uniform_digits_is_that_of_a_uniform_value():
    """With every digit equally likely, x in [0, unit) has density 1 / unit: ln(unit) nats."""
    style, scaling = DigitStyle(precision=2), Scaling(5.0, 40.0)
    assert nats_per_step(3 * -2 * math.log(10), 3, style, scaling) == pytest.approx(math.log(40.0))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("from 1.5 to -2e3.", [1.5, -2000.0]), ("12.3, 12.9,13", [12.3, 12.9, 13.0]),
        ("\N{MINUS SIGN}4 and +.5", [-4.0, 0.5]),
        ("none", []), ("x2 2x 1.2.3", []), ("1e999 7", [7.0]), ("[1;2]", [1.0, 2.0]), ("3-5", [3.0, 5.0]),
    ],
)  # fmt: skip
def test_numbers_are_found_in_text(text, values):
    assert numbers_in(text) == values
