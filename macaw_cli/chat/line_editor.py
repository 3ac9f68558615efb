"""The prompt of the chat: a line editor with completion, history and questions of several lines."""

import sys
from collections.abc import Iterable
from functools import partial

from prompt_toolkit import PromptSession
from prompt_toolkit.application.current import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, get_common_complete_suffix
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.history import History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import Output
from prompt_toolkit.output.defaults import create_output

from macaw_cli.chat.completion import ChatCompleter
from macaw_cli.chat.lines import is_open

PROMPT = "> "
CONTINUATION = ". "
MENU_LINES = 6
"""Lines below the prompt that are kept free for the menu of completions."""


class LineEditor:
    '''Reads what a person types.

    Enter sends it, Alt-Enter begins another line, and so does Enter behind `"""`; a pasted block stays as it is.
    Ctrl-C drops what was typed, Ctrl-D at an empty prompt leaves.

    Args:
        settings: names that `/set` completes.
        history: where entries are kept; None forgets them at the end.
        given: where keys come from; None is standard input.
        modalities: of the model.
        output: where the prompt is shown; None is standard output, or standard error where that is no terminal.
    '''

    def __init__(
        self, settings: Iterable[str], history: History | None = None, given: Input | None = None,
        output: Output | None = None, modalities: Iterable[str] = (),
    ) -> None:  # fmt: skip
        if output is None and not sys.stdout.isatty():
            output = create_output(stdout=sys.stderr)
        completer = ChatCompleter(settings, modalities)
        self._session: PromptSession[str] = PromptSession(
            PROMPT,
            completer=completer,
            complete_while_typing=Condition(lambda: get_app().current_buffer.text.startswith("/")),
            complete_in_thread=True,  # a folder of another machine may answer slowly
            enable_suspend=True,
            history=history or InMemoryHistory(),
            input=given,
            key_bindings=_key_bindings(completer),
            multiline=True,
            output=output,
            prompt_continuation=CONTINUATION,
            reserve_space_for_menu=MENU_LINES,
        )

    @property
    def buffer(self) -> Buffer:
        """The text that is being typed."""
        return self._session.default_buffer

    def read(self) -> str:
        """What was typed.

        Raises:
            EOFError: Ctrl-D at an empty prompt.
            KeyboardInterrupt: Ctrl-C at an empty prompt.
        """
        return self._session.prompt()


def _key_bindings(completer: Completer) -> KeyBindings:
    keys = KeyBindings()
    typing = has_focus(DEFAULT_BUFFER)  # and not searching
    keys.add("enter", filter=typing)(_send)
    keys.add("escape", "enter", filter=typing)(lambda event: event.current_buffer.newline(copy_margin=False))
    keys.add("tab", filter=typing)(partial(_complete, completer))
    keys.add("c-c", filter=typing)(_drop)
    keys.add(Keys.SIGINT, filter=typing)(_drop)
    return keys


def _send(event: KeyPressEvent) -> None:
    buffer = event.current_buffer
    if buffer.complete_state is not None and buffer.complete_state.current_completion is not None:
        buffer.complete_state = None  # what was chosen in the menu is taken; the next Enter sends it
    elif is_open(buffer.text):
        buffer.newline(copy_margin=False)
    else:
        buffer.validate_and_handle()


def _complete(completer: Completer, event: KeyPressEvent) -> None:
    buffer = event.current_buffer
    if buffer.complete_state is not None:
        buffer.complete_next()
        return
    # found at once: prompt_toolkit's own binding does nothing while the menu is being prepared
    found = list(completer.get_completions(buffer.document, CompleteEvent(completion_requested=True)))
    if len(found) == 1:
        buffer.apply_completion(found[0])
    elif found:
        buffer.insert_text(get_common_complete_suffix(buffer.document, found))
        buffer.start_completion()


def _drop(event: KeyPressEvent) -> None:
    if event.current_buffer.text:
        event.current_buffer.reset()
    else:
        event.app.exit(exception=KeyboardInterrupt(), style="class:aborting")
