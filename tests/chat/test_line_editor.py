"""The prompt of the chat with real keys, through prompt_toolkit's own pipe."""

import threading
import time

import pytest
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from macaw_cli.chat.changes import CHANGEABLE
from macaw_cli.chat.history import ChatHistory
from macaw_cli.chat.line_editor import LineEditor

ENTER, ALT_ENTER, CTRL_C, CTRL_D, CTRL_R, UP = "\r", "\x1b\r", "\x03", "\x04", "\x12", "\x1b[A"


def typed(keys, history=None, wait_for=lambda buffer: True, then=""):
    """What is read when these keys are pressed; `then` others, when `wait_for` holds."""

    def wait_and_type():
        while not wait_for(editor.buffer):
            time.sleep(0.005)
        given.send_text(then)

    with create_pipe_input() as given:
        editor = LineEditor(CHANGEABLE, history, given, DummyOutput())
        given.send_text(keys)
        thread = threading.Thread(target=wait_and_type, daemon=True)
        if then:
            thread.start()
        return editor.read()


def test_enter_sends_and_alt_enter_begins_another_line():
    assert typed(f"Hello?{ENTER}") == "Hello?"
    assert typed(f"one{ALT_ENTER}  two{ALT_ENTER}{ENTER}") == "one\n  two\n"


def test_a_pasted_block_stays_one_message():
    assert typed(f"\x1b[200~one\r\n/two\n\nthree\x1b[201~ and{ENTER}") == "one\n/two\n\nthree and"


def test_enter_between_three_quotes_begins_another_line():
    assert typed(f'"""one{ENTER}two"""{ENTER}') == '"""one\ntwo"""'


def test_ctrl_d_leaves_at_an_empty_prompt():
    with pytest.raises(EOFError):
        typed(CTRL_D)


def test_ctrl_c_drops_what_was_typed_and_is_told_at_an_empty_prompt():
    assert typed(f"half a line{CTRL_C}Hello?{ENTER}") == "Hello?"
    with pytest.raises(KeyboardInterrupt):
        typed(f"half a line{CTRL_C}{CTRL_C}")


def test_earlier_entries_come_back_with_up_and_with_a_search(tmp_path):
    file = tmp_path / "history.jsonl"
    for entry in ("What is red?", "What is blue?", "Hello?"):
        ChatHistory(file).store_string(entry)

    def is_loaded(buffer):
        return len(buffer._working_lines) == 4

    assert typed("", ChatHistory(file), is_loaded, f"{UP}{UP}{ENTER}") == "What is blue?"
    file.write_text('"What is red?"\n"What is blue?"\n"Hello?"\n')
    assert typed("", ChatHistory(file), is_loaded, f"{CTRL_R}red{ENTER}{ENTER}") == "What is red?"


def test_what_is_sent_is_remembered():
    history = InMemoryHistory()
    typed(f"Hello?{ENTER}", history)
    assert history.get_strings() == ["Hello?"]


def test_tab_completes_a_command():
    assert typed("/regen\t", None, lambda buffer: buffer.text == "/regenerate", ENTER) == "/regenerate"


def test_enter_takes_what_is_chosen_in_the_menu_and_does_not_send_it():
    def menu_is_open(buffer):
        return buffer.complete_state is not None and len(buffer.complete_state.completions) == 4

    assert typed("/s\t", None, menu_is_open, f"\t\t{ENTER}Be kind.{ENTER}") == "/system Be kind."


def test_bytes_of_another_encoding_do_no_harm():
    with create_pipe_input() as given:
        given.send_bytes(b"caf\xe9\r")
        assert LineEditor(CHANGEABLE, None, given, DummyOutput()).read().startswith("caf")
