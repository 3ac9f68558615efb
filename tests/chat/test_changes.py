"""`/set` changes settings while a conversation goes on."""

import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.chat.changes import CHANGEABLE, changed, shown_settings, with_system
from macaw_cli.config.chat_settings import ChatSettings

PLAIN = ChatSettings()


@pytest.mark.parametrize(
    ("typed", "name", "value"),
    [
        ("temperature 0.2", "temperature", 0.2),
        ("temperature=0.2", "temperature", 0.2),
        ("chat.top_k 40", "top_k", 40),
        ("max_new_tokens 7", "max_new_tokens", 7),
        ("markdown off", "markdown", False),
        ("images on", "images", True),
    ],
)
def test_a_setting_gets_a_value_of_its_type(typed, name, value):
    settings, seed, named = changed(PLAIN, 3, typed)
    assert (getattr(settings, name), seed, named) == (value, 3, name)
    assert type(getattr(settings, name)) is type(value)


def test_the_seed_is_a_setting():
    assert changed(PLAIN, 3, "seed 11") == (PLAIN, 11, "seed")


@pytest.mark.parametrize("word", ["default", "null", "None"])
def test_a_setting_goes_back_to_the_models(word):
    warm, _, _ = changed(PLAIN, 0, "temperature 0.7")
    assert changed(warm, 0, f"temperature {word}")[0] == PLAIN


def test_greedy_decoding_drops_what_only_sampling_reads():
    sampled, _, _ = changed(PLAIN, 0, "top_p 0.9")
    greedy, _, _ = changed(sampled, 0, "temperature 0")
    assert (greedy.temperature, greedy.top_p) == (0, None)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("temperatur 1", "temperatur .*temperature"),
        ("temp 1", "temp .*temperature"),
        ("temperature", "needs a value"),
        ("temperature warm", "temperature cannot be warm"),
        ("temperature -1", "temperature cannot be -1"),
        ("temperature nan", "temperature cannot be nan"),
        ("top_p 2", "top_p cannot be 2"),
        ("max_new_tokens 0", "max_new_tokens cannot be 0"),
        ("seed -1", "seed cannot be -1"),
        ("seed 99999999999999999999", "seed"),
        ("markdown maybe", "markdown cannot be maybe"),
        ("markdown default", "markdown cannot be default"),
        ("device cpu", "no setting device"),
    ],
)
def test_what_cannot_be_set_is_told(typed, told):
    with pytest.raises(InputError, match=told):
        changed(PLAIN, 0, typed)


def test_all_settings_are_shown_with_their_values():
    lines = shown_settings(changed(PLAIN, 0, "temperature 0.5")[0], 9)
    assert [line.split()[0] for line in lines] == list(CHANGEABLE)
    assert "seed                  9" in lines and any(line.split() == ["temperature", "0.5"] for line in lines)


def test_a_system_prompt_is_set_and_removed():
    assert with_system(with_system(PLAIN, "Be kind."), "none") == PLAIN
