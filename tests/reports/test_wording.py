"""Figures as people read them."""

import pytest

from macaw_cli.reports.wording import duration, number, share


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(59.4, "59 s"), (60, "1:00 min"), (3599, "59:59 min"), (7620, "2:07 h"), (3 * 86400 + 4 * 3600, "3 d 4 h")],
)
def test_durations_are_short(seconds, text):
    assert duration(seconds) == text


def test_what_is_not_known_is_a_dash():
    assert (number(None), share(None)) == ("-", "-")
    assert (number(0.123456), share(0.98)) == ("0.1235", "0.98")
