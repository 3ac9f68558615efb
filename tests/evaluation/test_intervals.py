import numpy as np
import pytest

from macaw_cli.evaluation.intervals import (
    bootstrap_interval,
    difference_interval,
    newcombe_interval,
    normal_interval,
    share_interval,
    wilson_interval,
)


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


def test_the_interval_of_paired_differences_is_the_adjusted_wald_interval_of_the_counts():
    up, down, n = 15, 4, 40
    values = np.array([1.0] * up + [-1.0] * down + [0.0] * (n - up - down))
    p, q = (up + 1) / (n + 2), (down + 1) / (n + 2)
    half = 1.959964 * np.sqrt((p + q - (p - q) ** 2) / (n + 2))
    assert difference_interval(values) == pytest.approx([p - q - half, p - q + half], abs=1e-4)
    assert difference_interval(values) == pytest.approx(bootstrap_interval(values), abs=0.03)


@pytest.mark.parametrize("constant", [-1.0, -0.3, 0.0, 0.25, 1.0, 2.5])
@pytest.mark.parametrize("n", [1, 6, 48, 5000])
def test_equal_differences_have_an_interval_that_holds_them_and_narrows(constant, n):
    low, high = difference_interval(np.full(n, constant))
    assert low < high and low <= constant <= high
    wider = difference_interval(np.full(max(n // 2, 1), constant))
    assert n == 1 or high - low < wider[1] - wider[0]


def test_differences_between_have_a_bootstrap():
    values = np.array([0.5, -0.25, 0.0, 1.0] * 10)
    assert difference_interval(values) == bootstrap_interval(values)


def test_shares_have_wilsons_interval_unless_values_between_differ():
    assert share_interval(np.array([1.0, 1.0, 0.0])) == wilson_interval(2 / 3, 3)
    assert share_interval(np.full(8, 0.5)) == wilson_interval(0.5, 8)
    between = np.array([1.0, 0.5, 0.5, 0.0])
    assert share_interval(between) == bootstrap_interval(between)


def test_two_samples_have_newcombes_interval():
    # Newcombe 1998, table II, method 10: 56/70 - 48/80, and 10/10 - 0/10
    ours, theirs = np.repeat([1.0, 0.0], [56, 14]), np.repeat([1.0, 0.0], [48, 32])
    assert newcombe_interval(ours, theirs) == pytest.approx([0.0524, 0.3339], abs=1e-4)
    assert newcombe_interval(np.ones(10), np.zeros(10)) == pytest.approx([0.6075, 1.0], abs=1e-4)
