"""Questions and captions."""

import numpy as np

from macaw_cli.quickstart.attributes import Film, Picture, Sound
from macaw_cli.quickstart.questions import (
    PHRASINGS,
    ask_about_film,
    ask_about_picture,
    ask_about_sound,
    ask_for_description,
)


def test_answers_follow_from_the_medium_whatever_the_phrasing():
    rng = np.random.default_rng(0)
    for _ in range(10):
        answers = {q.kind: q.answer for q in ask_about_picture(Picture("blue", "star", "top"), rng)}
        assert answers == {"image/colour": "blue", "image/shape": "star", "image/place": "top"}
        answers = {q.kind: q.answer for q in ask_about_sound(Sound("click", "low", "two"), rng)}
        assert answers == {"audio/sound": "click", "audio/pitch": "low", "audio/count": "two"}


def test_every_kind_is_asked_in_several_ways_with_the_same_choices():
    assert all(len(phrasings) >= 4 for phrasings in PHRASINGS.values())
    rng = np.random.default_rng(0)
    asked = [question for _ in range(40) for question in ask_about_picture(Picture("red", "cross", "left"), rng)]
    assert {q.text for q in asked if q.kind == "image/place"} == set(PHRASINGS["image/place"])
    assert len({q.choices for q in asked if q.kind == "image/place"}) == 1


def test_a_beeping_film_is_asked_about_its_own_colour_and_another_one_a_silent_shape_only_about_its_own():
    rng = np.random.default_rng(0)
    beeping = Film("green", "circle", "up", Sound("beep", "low", "one"))
    buzzing = Film("green", "circle", "up", Sound("buzz", "low", "one"))
    answers = [(" green " in q.text, q.answer) for q in ask_about_film(beeping, rng) if q.kind == "video/beeps"]
    assert answers == [(True, "yes"), (False, "no")]
    answers = [(" green " in q.text, q.answer) for q in ask_about_film(buzzing, rng) if q.kind == "video/beeps"]
    assert answers == [(True, "no")]


def test_captions_are_sentences():
    rng = np.random.default_rng(0)
    film = Film("red", "square", "down", Sound("buzz", "high", "two"))
    media = [Picture("red", "square", "middle"), Sound("noise", "low", "one"), film]
    assert [ask_for_description(medium, rng).answer for medium in media] == [
        "a red square in the middle", "one low noise", "a red square moves down with two high buzzes"]
