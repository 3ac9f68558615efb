"""Answers in a terminal: finished blocks stay, the last one is drawn again, and nothing of a model is obeyed."""

import io
import re
from types import SimpleNamespace

import pytest

from macaw_cli.basics import answer_view as views
from macaw_cli.basics.answer_view import MarkdownView, PlainView, answer_view, show_side_by_side


class Screen(io.StringIO):
    """A terminal of 40 columns and 10 lines."""

    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def screen(monkeypatch):
    stdout = Screen()
    monkeypatch.setattr(views, "sys", SimpleNamespace(stdout=stdout))  # pytest puts sys.stdout back before the test
    for name, value in {"TERM": "xterm", "COLUMNS": "40", "LINES": "10"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(views, "_REFRESH_S", 0)
    return stdout


def left(text, height=10):
    """What stands on the screen and above it in the end: a small terminal that knows what rich writes."""
    rows, row, column = [""], 0, 0
    for sequence, move, char in re.findall(r"(\x1b\[[?0-9;]*([A-Za-z]))|([^\x1b])", text):
        if sequence:
            number = int(re.sub(r"\D", "", sequence) or 1)
            if move == "A":
                row -= number
                assert len(rows) - row <= height, "it went above the screen"
            elif move == "K":
                rows[row] = "" if "2" in sequence else rows[row][:column]
        elif char == "\n":
            row, column = row + 1, 0
            rows += [""] * (row + 1 - len(rows))
        elif char == "\r":
            column = 0
        else:
            rows[row] = rows[row][:column].ljust(column) + char + rows[row][column + 1 :]
            column += 1
    return [line.rstrip() for line in rows]


def shown(screen, pieces, **options):
    with MarkdownView(**options) as view:
        for piece in pieces:
            view.add(piece)
    return left(screen.getvalue())


def test_an_answer_is_shown_once_whatever_its_pieces_were(screen):
    text = "One **two**\nthree.\n\nFour `five`.\n"
    assert [line for line in shown(screen, list(text)) if line] == ["One two", "three.", "Four five."]


def test_an_answer_longer_than_the_screen_is_whole_above_it(screen):
    text = "\n\n".join(f"Paragraph {number}." for number in range(30))
    assert [line for line in shown(screen, re.findall(r".{1,5}|\n+", text)) if line] == text.split("\n\n")


def test_a_block_longer_than_the_screen_is_whole_when_it_is_finished(screen):
    items = [f"- item {number}" for number in range(40)]
    lines = [line for line in shown(screen, [f"{item}\n" for item in items]) if line]
    assert lines == [f" \N{BULLET} item {number}" for number in range(40)]


def test_an_answer_that_is_not_kept_leaves_nothing(screen):
    assert "".join(shown(screen, ["One.\n\n", "Two."], keep=False)) == ""


def test_an_interrupted_answer_is_shown_as_far_as_it_came(screen):
    with pytest.raises(KeyboardInterrupt), MarkdownView() as view:
        view.add("One")
        raise KeyboardInterrupt
    assert "One" in left(screen.getvalue())
    assert screen.getvalue().rstrip("\n").count("\x1b[?25h") == 1  # the cursor is there again


@pytest.mark.parametrize("text", ["\x1b[2Jgone", "\x1b]0;title\x07gone", "\x9b2Jgone", "g\x08one\x1b"])
def test_what_a_terminal_would_obey_is_left_out(screen, text):
    shown(screen, list(text))
    for forbidden in ("\x1b[2J", "\x1b]", "\x9b", "\x07", "\x08"):
        assert forbidden not in screen.getvalue()


def test_no_color_is_respected(screen, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    shown(screen, ["`code` [a](http://b)"])
    assert re.findall(r"\x1b\[[0-9;]*(?:3[0-7]|4[0-7]|9[0-7])m", screen.getvalue()) == []


def test_a_pipe_a_dumb_terminal_and_a_setting_give_plain_text(screen, monkeypatch, capsys):
    assert isinstance(answer_view(markdown=True), MarkdownView)
    assert isinstance(answer_view(markdown=False), PlainView)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(answer_view(markdown=True), PlainView)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(views, "sys", SimpleNamespace(stdout=io.StringIO()))
    assert isinstance(answer_view(markdown=True), PlainView)


def test_plain_text_keeps_its_marks(capsys):
    with answer_view(markdown=True) as view:
        view.add("**two**\n")
        view.add("three\x1b[2J")
    assert capsys.readouterr().out == "**two**\nthree\n"


@pytest.mark.parametrize(("said", "out"), [((), ""), (("one",), "one\n")])
def test_an_error_before_the_answer_leaves_no_empty_line(capsys, said, out):
    with pytest.raises(ValueError), PlainView() as view:
        for piece in said:
            view.add(piece)
        raise ValueError
    assert capsys.readouterr().out == out


def test_an_empty_answer_is_an_empty_line(capsys):
    with PlainView():
        pass
    assert capsys.readouterr().out == "\n"


def test_answers_stand_side_by_side_where_there_is_room(screen, monkeypatch):
    answers = [("Answer", "It is **red**."), ("Blind \x1b[2J", "It is blue.")]
    show_side_by_side(answers, markdown=True)
    assert [line for line in left(screen.getvalue()) if line] == ["Answer", "It is red.", "Blind", "It is blue."]
    screen.truncate(0)
    screen.seek(0)
    monkeypatch.setenv("COLUMNS", "80")
    show_side_by_side(answers, markdown=True)
    assert [line.split("  ")[0] for line in left(screen.getvalue()) if line] == ["Answer", "It is red."]
    assert [line.split("  ")[-1].strip() for line in left(screen.getvalue()) if line] == ["Blind", "It is blue."]
