"""Features that deserve a second look are named, usual ones are not."""

import numpy as np
import pytest

from macaw_cli.inspection.feature_suspicions import Twins, suspicions

USUAL = np.random.default_rng(0).normal(size=(3, 4, 8)).astype(np.float16)


def test_usual_features_are_not_suspicious():
    assert suspicions(USUAL, np.zeros_like(USUAL)) == [] and suspicions(USUAL[0, :1]) == []


@pytest.mark.parametrize(
    ("features", "told"),
    [
        (np.zeros((4, 8), np.float16), "all values are zero"),
        (np.ones((4, 8), np.float16), "all tokens are equal"),
        (np.repeat(USUAL[:1], 3, axis=0), "all frames gave the same features"),
        (np.full_like(USUAL, np.inf), "NaN"),
        (USUAL * np.float16(20000), "fp16 ends at 65504"),
    ],
)
def test_each_oddity_is_named(features, told):
    (found,) = suspicions(features)
    assert told in found


def test_the_answer_to_nothing_and_equal_features_of_different_media_are_noticed():
    assert suspicions(USUAL, USUAL) == ["equal to the features of an empty input"]
    twins = Twins()
    assert twins.twin_of("k1", "a.png", USUAL) == "" == twins.twin_of("k1", "a copy.png", USUAL)
    assert twins.twin_of("k2", "b.png", USUAL) == "a.png"
    assert twins.twin_of("k3", "c.png", USUAL[0]) == ""
