"""What a line typed into the chat means."""

import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.chat.lines import Ask, Attach, Do, help_lines, read_line


def test_a_plain_line_is_a_question_and_an_empty_one_is_nothing():
    assert read_line("  What is this? ") == Ask("What is this?")
    assert read_line("   ") is None


def test_two_slashes_ask_a_question_that_begins_with_one():
    assert read_line("//etc is what?") == Ask("/etc is what?")


@pytest.mark.parametrize("name", ["blind", "clear", "help", "exit"])
def test_a_command_without_arguments(name):
    assert read_line(f"/{name}") == Do(name)


def test_a_path_may_hold_spaces_bare_quoted_or_escaped(tmp_path):
    file = tmp_path / "my cat.png"
    file.touch()
    escaped = str(file).replace(" ", "\\ ")
    for typed in (str(file), f"'{file}'", f'"{file}"', escaped):
        assert read_line(f"/image {typed}") == Attach("image", file)


def test_a_question_may_follow_the_path(tmp_path):
    file = tmp_path / "rain.wav"
    file.touch()
    assert read_line(f"/audio {file} What's that?") == Attach("audio", file, "What's that?")


def test_a_path_that_does_not_exist_is_kept_whole_for_the_error():
    assert str(read_line("/video my holiday.mp4").path) == "my holiday.mp4"


def test_a_misspelt_command_is_told_with_the_nearest():
    with pytest.raises(InputError, match=r"/imge.*/image\?"):
        read_line("/imge cat.png")


def test_a_missing_path_is_told():
    with pytest.raises(InputError, match=r"/audio.*/audio.*example.wav"):
        read_line("/audio ")


def test_help_names_every_command():
    assert [line.split()[0] for line in help_lines()][:-1] == [
        "/image", "/audio", "/video", "/blind", "/clear", "/help", "/exit"]  # fmt: skip
