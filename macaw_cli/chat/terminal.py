"""The read/print loop of the chat, in a terminal or on piped lines."""

import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

from macaw_cli.basics import console
from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import MacawError
from macaw_cli.chat import completion
from macaw_cli.chat.answer import Answer
from macaw_cli.chat.lines import Ask, Attach, Meaning, help_lines, not_utf8, read_line, require_text
from macaw_cli.chat.session import ChatSession
from macaw_cli.inference.attachments import Attacher, Attachment
from macaw_cli.modalities.table import Modality

PROMPT = "> "
_NOTABLE_S = 0.05
"""Less of an audio file is no loss: lengths are rounded to frames and samples."""


class Terminal:
    """Reads lines until `/exit` or the end of the input.

    In a terminal an error or Ctrl-C ends only what was going on; on piped lines it ends the command, as the lines
    after it would be answered without what failed.

    Args:
        session: answers.
        attacher: turns files into attachments.
        interactive: whether a person types.
    """

    def __init__(self, session: ChatSession, attacher: Attacher, *, interactive: bool) -> None:
        self._session, self._attacher, self._interactive = session, attacher, interactive

    def run(self) -> None:
        """Answer line after line.

        Raises:
            MacawError: on piped lines, whatever a line caused.
        """
        for line in self._lines():
            try:
                require_text(line, "A line of the input")
                meaning = read_line(line)
                if meaning is not None and not self._follow(meaning):
                    return
            except MacawError as error:
                if not self._interactive:
                    raise
                console.tell_error(error)
            except KeyboardInterrupt:
                if not self._interactive:
                    raise
                console.say("Stopped.")

    def attach(self, path: Path, modality: Modality) -> None:
        """Attach a file to the next question and say what it became.

        Raises:
            MacawError: the file cannot be read, or the model has no encoder for it.
        """
        attachments = self._attacher.attach(path, modality)
        self._session.attach(attachments)
        for attachment in attachments:
            console.say(attachment_line(attachment))

    def answer(self, pieces: Generator[str]) -> None:
        """Print an answer as it comes; Ctrl-C in a terminal ends it there."""
        try:
            with closing(pieces):  # an answer that is not read on is kept as far as it came
                for piece in pieces:
                    console.result_piece(piece)
        except KeyboardInterrupt:
            if not self._interactive:
                raise
        console.result("")
        if self._interactive:
            console.say(timing_line(self._session.answer))

    def _follow(self, meaning: Meaning) -> bool:
        """Do what was typed; False to leave."""
        if isinstance(meaning, Ask):
            self.answer(self._session.ask(meaning.text))
        elif isinstance(meaning, Attach):
            self.attach(meaning.path, meaning.modality)
            if meaning.question:
                self.answer(self._session.ask(meaning.question))
        elif meaning is not None:
            return self._do(meaning.name)
        return True

    def _do(self, name: str) -> bool:
        if name == "blind":
            self.answer(self._session.ask_blind())
        elif name == "clear":
            self._session.clear()
            console.say("A new conversation.")
        elif name == "help":
            for line in help_lines():
                console.say(line)
        return name != "exit"

    def _lines(self) -> Iterator[str]:
        if not self._interactive:
            yield from _piped_lines()
            return
        completion.enable()
        while True:
            try:
                yield input(PROMPT)
            except UnicodeDecodeError:
                console.say("The input is not UTF-8 text. Set the terminal to UTF-8.")
            except EOFError:
                console.result("")
                return
            except KeyboardInterrupt:
                console.result("")
                console.say("Ctrl-D or /exit leaves.")


def _piped_lines() -> Iterator[str]:
    """The lines of stdin.

    Raises:
        UsageError: they are not UTF-8.
    """
    try:
        yield from sys.stdin
    except UnicodeDecodeError:
        raise not_utf8("A line of the input") from None


def attachment_line(attachment: Attachment) -> str:
    """`cat.png: image, 16 soft tokens`, with length and frames, and how much of an audio file was not heard."""
    what = "its soundtrack" if attachment.soundtrack else attachment.modality
    facts = [f"{attachment.soft_tokens} soft tokens"]
    if attachment.frames:
        first, last = attachment.span or (0.0, 0.0)
        facts.append(f"{counted(attachment.frames, 'frame')} between {first:.1f} and {last:.1f} s")
    if attachment.seconds:
        whole = attachment.duration or attachment.seconds
        cut = whole - attachment.seconds >= _NOTABLE_S
        facts.append(f"heard {attachment.seconds:.1f} of {whole:.1f} s" if cut else f"{attachment.seconds:.1f} s")
    return f"{attachment.path}: {what}, {', '.join(facts)}"


def timing_line(answer: Answer) -> str:
    """One dim line below an answer: how many tokens, how many of them are which media's, how fast, why it ended."""
    ending = {"length": ", cut at chat.max_new_tokens", "cancelled": ", stopped"}.get(answer.ending, "")
    kinds = ", ".join(f"{kind} {count}" for kind, count in answer.soft_tokens.items())
    media = f" ({kinds})" if kinds else ""
    return (
        f"[{answer.prompt_tokens}{media} + {answer.completion_tokens} tokens, first after {answer.first_token_s:.2f} s,"
        f" {answer.tokens_per_s:.1f} tokens/s{ending}]"
    )
