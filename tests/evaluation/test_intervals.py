import numpy as np
import pytest

from macaw_cli.evaluation.intervals import bootstrap_interval, normal_interval, wilson_interval


def test_the_bootstrap_agrees_with_the_standard_error_of_many_values():
    values = np.array([1.0, 0.0, 0.0, -1.0, 1.0] * 200)
    assert bootstrap_interval(values) == pytest.approx(normal_interval(values), abs=0.005)


def test_wilson_has_a_width_where_everything_is_right():
    assert wilson_interval(1.0, 10) == [0.7225, 1.0]
    assert wilson_interval(0.0, 10) == [0.0, 0.2775]
    # the textbook's example: Newcombe 1998, 81 of 263
    assert wilson_interval(81 / 263, 263) == pytest.approx([0.2553, 0.3662], abs=1e-4)


def test_one_value_has_no_standard_error():
    assert normal_interval(np.array([1.0])) is None
