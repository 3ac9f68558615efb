import numpy as np
import pytest

from macaw_cli.evaluation.intervals import (
    bootstrap_interval,
    design_effect,
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


def of_media(number, each):
    return [(f"{medium}",) for medium in range(number) for _ in range(each)]


def test_questions_about_one_medium_have_the_cluster_robust_variance_and_a_part_of_full_dependence():
    draw = np.random.default_rng(0)
    values = (draw.random((40, 1)) + draw.random((40, 3)) > 1).astype(float)
    residuals = values - values.mean()
    robust = (residuals.sum(axis=1) ** 2).sum() / 120**2 * 40 / 39
    independent = values.var() / 119
    shares = (residuals**2).sum(axis=1) / (residuals**2).sum()
    effect = robust / independent + (3 - robust / independent) * (shares**2).sum()
    assert robust / independent < effect < 1.03 * robust / independent
    assert design_effect(values.ravel(), of_media(40, 3)) == pytest.approx(effect)
    half = (lambda interval: (interval[1] - interval[0]) / 2)(normal_interval(values.ravel(), of_media(40, 3)))
    assert half == pytest.approx(1.959964 * (effect * independent) ** 0.5, abs=1e-4)


def test_a_question_counts_with_every_other_that_shares_a_medium():
    values = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    media = [("a", "b"), ("b", "c"), ("c", "d"), ("e",), ("f",), ()]
    pairs = [
        (one, other) for one in range(6) for other in range(6) if one == other or {*media[one]} & {*media[other]}
    ]
    estimate = sum((values[one] - 0.5) * (values[other] - 0.5) for one, other in pairs) / (6 * 0.25)
    assert estimate == design_effect(values, media) == pytest.approx(5 / 3)
    in_common = [(name, "of all") for name in "abcdef"]
    assert design_effect(values, in_common) == design_effect(np.ones(6), in_common) == pytest.approx(1 + 5 / 3)


def width(interval, values, media):
    low, high = interval(values, media)
    return high - low


@pytest.mark.parametrize("interval", [difference_interval, share_interval])
@pytest.mark.parametrize(("media", "each"), [(2, 50), (3, 10), (6, 5), (20, 3)])
def test_no_single_answer_makes_an_interval_much_narrower(interval, media, each):
    n, known = media * each, of_media(media, each)
    draw = np.random.default_rng(0)
    for right in (np.ones(n), np.arange(n) > 0, np.arange(n) >= each, draw.random(n) < 0.9, draw.random(n) < 0.5):
        for at in (0, 1, each, n - 1):
            changed = right.astype(float)
            changed[at] = 1 - changed[at]
            assert 1 / 1.5 < width(interval, right.astype(float), known) / width(interval, changed, known) < 1.5


def test_many_questions_about_two_images_are_not_as_many_independent_ones():
    half_right = np.tile([1.0, 0.0], 50)
    few, many = (width(share_interval, half_right, of_media(number, 100 // number)) for number in (2, 50))
    assert few > 3 * many
    assert many == pytest.approx(width(share_interval, half_right, None), rel=0.05)


@pytest.mark.parametrize("interval", [difference_interval, share_interval, normal_interval])
def test_media_of_their_own_or_none_change_no_interval(interval):
    for values in (np.array([1.0, 0.0, 1.0, 1.0, 0.0]), np.array([0.5, 0.0, 1.0, 1.0, 0.0]), np.ones(5)):
        assert interval(values, of_media(5, 1)) == interval(values) == interval(values, [()] * 5)


@pytest.mark.parametrize("interval", [difference_interval, share_interval])
def test_equal_values_count_once_for_each_medium(interval):
    assert interval(np.ones(30), of_media(10, 3)) == interval(np.ones(10))
    assert interval(np.array([1.0, 0.0, 1.0]), [("a",)] * 3)[0] < interval(np.array([1.0, 0.0, 1.0]))[0]


def test_intervals_of_dependent_questions_hold_the_truth_95_times_of_100():
    """Simulation: 60 images with 4 questions each, 80 % right; half of the variance is of the image."""
    draw, truth, of_image = np.random.default_rng(1), 0.8, of_media(60, 4)
    other = [(f"{medium}", f"{(medium + 7) % 60}") for medium in range(60)]
    hits = np.zeros((3, 2))
    for _ in range(300):
        first, second = ((draw.normal(size=(60, 1)) + draw.normal(size=(60, 4)) < 0.8416 * 2**0.5) for _ in range(2))
        difference, share = (first.astype(float) - second).ravel(), first.astype(float).ravel()
        pairs = first[:, 0] & np.roll(first, -7, axis=0)[:, 0]
        found = [
            (0.0, difference_interval, difference, of_image), (truth, share_interval, share, of_image),
            (truth**2, share_interval, pairs.astype(float), other),
        ]  # fmt: skip
        for at, (mean, interval, values, media) in enumerate(found):
            for way, known in enumerate((None, media)):
                low, high = interval(values, known)
                hits[at, way] += low <= mean <= high
    as_independent, as_dependent = (hits / 300).T
    assert (as_dependent > 0.92).all()
    assert (as_independent < 0.90).all()
