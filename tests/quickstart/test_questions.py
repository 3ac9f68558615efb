"""Questions and captions."""

import numpy as np
import pytest

from macaw_cli.quickstart.attributes import COLOURS, AudioContent, ImageContent, VideoContent
from macaw_cli.quickstart.questions import (
    PHRASINGS,
    ask_about_audio,
    ask_about_image,
    ask_about_video,
    ask_for_description,
)


def test_answers_follow_from_the_medium_whatever_the_phrasing():
    rng = np.random.default_rng(0)
    for _ in range(10):
        answers = {q.kind: q.answer for q in ask_about_image(ImageContent("blue", "star", "top"), rng)}
        assert answers == {"image/colour": "blue", "image/shape": "star", "image/place": "top"}
        answers = {q.kind: q.answer for q in ask_about_audio(AudioContent("click", "low", "two"), rng)}
        assert answers == {"audio/sound": "click", "audio/pitch": "low", "audio/count": "two"}


def test_every_kind_is_asked_in_several_ways_with_the_same_choices():
    assert all(len(phrasings) >= 4 for phrasings in PHRASINGS.values())
    rng = np.random.default_rng(0)
    asked = [question for _ in range(40) for question in ask_about_image(ImageContent("red", "cross", "left"), rng)]
    assert {q.text for q in asked if q.kind == "image/place"} == set(PHRASINGS["image/place"])
    assert len({q.choices for q in asked if q.kind == "image/place"}) == 1


@pytest.mark.parametrize(("sound", "answer"), [("beep", "green"), ("buzz", "none")])
def test_what_beeps_is_the_shape_of_a_video_with_a_beep(sound, answer):
    film = VideoContent("green", "circle", "up", AudioContent(sound, "low", "one"))
    asked = {question.kind: question for question in ask_about_video(film, np.random.default_rng(0))}
    assert asked["video/beeps"].answer == answer
    assert asked["video/beeps"].choices == (*COLOURS, "none")


def test_captions_are_sentences():
    rng = np.random.default_rng(0)
    film = VideoContent("red", "square", "down", AudioContent("buzz", "high", "two"))
    media = [ImageContent("red", "square", "middle"), AudioContent("noise", "low", "one"), film]
    assert [ask_for_description(medium, rng).answer for medium in media] == [
        "a red square in the middle", "one low noise", "a red square moves down with two high buzzes"]
