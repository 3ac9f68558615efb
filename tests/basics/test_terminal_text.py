"""Foreign text: nothing that a terminal would obey is left of it, and everything else is."""

import json

import pytest

from macaw_cli.basics.terminal_text import in_json, lines, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cat.png", "cat.png"),
        ("ein Vögelchen 🦜 猫.png", "ein Vögelchen 🦜 猫.png"),
        ("[bold]x[/] :cat: \\[a]", "[bold]x[/] :cat: \\[a]"),
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("a\x1b]0;title\x07b\x1b]8;;http://x\x1b\\c", "abc"),
        ("a\x9b31mb\x9d0;t\x9cc", "abc"),
        ("never ends \x1b]52;c;", "never ends 52;c;"),
        ("a\x1bcb", "ab"),
        ("over\rwritten\b\b", "over written"),
        ("a.png\nDone. Next: rm", "a.png Done. Next: rm"),
        ("tab\tand\v\f more", "tab and more"),
        ("gpj.\u202ecod\u202c \u2066x\u2069\u200f", "gpj.cod x"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("caf\udce9.png", "caf\\xe9.png"),
        ("\ud83d alone", "\\x3d alone"),
        ("\n\n", ""),
    ],
)
def test_a_name_is_one_line_without_anything_that_a_terminal_obeys(text, shown):
    assert one_line(text) == shown


def test_an_answer_keeps_its_lines_and_tabs():
    assert lines("one\n\ttwo\r\n\x1b[2Jthree") == "one\n\ttwo\nthree"


@pytest.mark.parametrize("number", range(17))
def test_no_character_in_either_form_is_left_that_moves_something(number):
    """All of Unicode, plane by plane."""
    text = "".join(map(chr, range(number << 16, (number + 1) << 16)))
    assert not [letter for letter in one_line(text) + lines(text) if moves(letter) and letter not in "\n\t"]
    assert not [letter for letter in one_line(text) if letter in "\n\t"]


def moves(letter):
    code = ord(letter)
    return code < 32 or 0x7F <= code < 0xA0 or 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069 or (
        0xD800 <= code < 0xE000)  # fmt: skip


def test_json_means_the_same_with_such_characters_as_escapes():
    content = {"a\x1b\x9b\u202e\x7f\ud83d \U0001f99c": ["\U000e0041", "\n"]}
    text = in_json(json.dumps(content, ensure_ascii=False))
    assert not [letter for letter in text if moves(letter)]
    assert json.loads(text) == content and "\U0001f99c" in text
