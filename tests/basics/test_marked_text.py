"""Marked stretches of text, in a terminal and in a pipe."""

from macaw_cli.basics.marked_text import marked, result_marked

PIECES = [("Question\n", False), ("answer", True)]


def test_brackets_in_a_pipe_and_colour_in_a_terminal(capsys):
    result_marked(PIECES)
    assert capsys.readouterr().out == "Question\n[[answer]]\n"
    assert marked(PIECES, in_colour=True) == "Question\n\x1b[1;32manswer\x1b[0m"


def test_what_a_text_holds_cannot_change_the_terminal():
    assert marked([("a\x1b[31mb\x07", True)], in_colour=False) == "[[ab]]"
