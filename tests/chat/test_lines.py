"""What a line typed into the chat means."""

import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.chat.lines import Ask, Attach, Do, read_line, whole_questions


def test_a_plain_line_is_a_question_and_an_empty_one_is_nothing():
    assert read_line("  What is this? ") == Ask("What is this?")
    assert read_line("   ") is None


def test_two_slashes_ask_a_question_that_begins_with_one():
    assert read_line("//etc is what?") == Ask("/etc is what?")


@pytest.mark.parametrize("name", ["blind", "regenerate", "undo", "reset", "info", "help", "exit"])
def test_a_command_without_arguments(name):
    assert read_line(f"/{name}") == Do(name)
    with pytest.raises(InputError, match=f"/{name} takes nothing.*more"):
        read_line(f"/{name} more")


@pytest.mark.parametrize(
    "typed", ["swap a b.png", "set temperature 0.2", "save my talk.json", "load x", "system Be  kind."]
)
def test_a_command_with_an_argument_takes_the_rest_of_the_line(typed):
    name, _, argument = typed.partition(" ")
    assert read_line(f"/{typed}") == Do(name, argument)


def test_clear_is_another_name_of_reset():
    assert read_line("/clear") == Do("reset")


def test_a_path_may_hold_spaces_bare_quoted_or_escaped(tmp_path):
    file = tmp_path / "my cat.png"
    file.touch()
    escaped = str(file).replace(" ", "\\ ")
    for typed in (str(file), f"'{file}'", f'"{file}"', escaped):
        assert read_line(f"/image {typed}") == Attach("image", str(file))
        assert read_line(f"/image {typed}  What's that?") == Attach("image", str(file), "What's that?")


def test_a_url_may_be_followed_by_a_question():
    assert read_line("/image https://a.b/c.png What?") == Attach("image", "https://a.b/c.png", "What?")


def test_a_path_that_does_not_exist_is_kept_whole_for_the_error():
    assert read_line("/video my holiday.mp4") == Attach("video", "my holiday.mp4")


def test_a_misspelt_command_is_told_with_the_nearest():
    with pytest.raises(InputError, match=r"/imge.*/image\?"):
        read_line("/imge cat.png")


@pytest.mark.parametrize("command", ["/audio", "/swap", "/save", "/load"])
def test_what_a_command_needs_is_told(command):
    with pytest.raises(InputError, match=rf"{command} needs a .*{command} [a-z]+\."):
        read_line(f"{command} ")


def test_lines_between_three_quotes_are_one_question_without_commands():
    lines = ["One?\n", '"""\n', "/help\n", "two\n", '"""\n', "/help\n"]
    found = [read_line(line) for line in whole_questions(lines)]
    assert found == [Ask("One?"), Ask("/help\ntwo"), Do("help")]


def test_three_quotes_that_never_close_end_with_the_input():
    assert [read_line(line) for line in whole_questions(['"""a\n', "b\n"])] == [Ask("a\nb")]


def test_a_pasted_block_is_one_question():
    assert read_line("one\n/two\n\nthree\n") == Ask("one\n/two\n\nthree")
