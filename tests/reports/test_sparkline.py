"""A curve in one line."""

import io

import pytest

from macaw_cli.reports.sparkline import ASCII, BLOCKS, RunningCurve, levels_for, sparkline


def test_low_is_low_and_high_is_high():
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == BLOCKS
    assert sparkline([3, float("nan"), 1], 8) == BLOCKS[-1] + BLOCKS[0]


def test_many_values_are_averaged_and_few_are_not_stretched():
    assert len(sparkline(list(range(1000)), 20)) == 20
    assert sparkline([1, 1, 5, 5], 2, ASCII) == ASCII[0] + ASCII[-1]
    assert sparkline([2.0, 2.0], 8) == BLOCKS[0] * 2
    assert sparkline([], 8) == ""


def test_a_long_course_is_kept_in_few_points_and_whole():
    curve = RunningCurve(capacity=8)
    for value in range(1000):
        curve.add(float(value))
    points = curve.points()
    assert len(points) <= 8
    assert points == sorted(points)
    assert points[0] < 130
    assert points[-1] > 860


@pytest.mark.parametrize(("encoding", "levels"), [("utf-8", BLOCKS), ("ascii", ASCII), ("latin-1", ASCII)])
def test_a_stream_that_has_no_blocks_gets_ascii(encoding, levels):
    assert levels_for(io.TextIOWrapper(io.BytesIO(), encoding=encoding)) == levels
