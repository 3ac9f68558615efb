"""The chat as a person has it: reads lines, does what they ask, shows answers."""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path, PurePath

from macaw_cli.basics import console
from macaw_cli.basics.answer_view import answer_view, show_side_by_side
from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import MacawError
from macaw_cli.basics.terminal_keys import keys_unseen
from macaw_cli.chat import saved
from macaw_cli.chat.changes import changed, shown_settings, shown_value, with_system
from macaw_cli.chat.command_table import help_lines
from macaw_cli.chat.examples import example_turn
from macaw_cli.chat.lines import Ask, Attach, Do, Meaning, not_utf8, read_line, require_text, whole_questions
from macaw_cli.chat.previews import show_preview
from macaw_cli.chat.session import ChatSession
from macaw_cli.chat.stopping import stoppable
from macaw_cli.chat.telling import attachment_line, info_lines, timing_line
from macaw_cli.chat.turns import Turn
from macaw_cli.inference.attachments import Attachment
from macaw_cli.inference.media_sources import MediaSources
from macaw_cli.modalities.table import Modality

LEAVING = "Ctrl-D or /exit leaves."


class Terminal:
    """Does what lines ask for, until `/exit` or their end.

    In a terminal an error or Ctrl-C ends only what was going on; on piped lines it ends the command, as the lines
    after it would be answered without what failed.

    Args:
        session: answers.
        sources: turns files into attachments.
        name: of the model, as it is shown.
        interactive: whether a person types.
    """

    def __init__(self, session: ChatSession, sources: MediaSources, name: str, *, interactive: bool) -> None:
        self._session, self._sources, self._name, self._interactive = session, sources, name, interactive
        self._own_files: set[Path] = set()
        self._actions: dict[str, Callable[[str], None]] = {
            "blind": self._blind, "swap": self._swap, "regenerate": self._regenerate, "undo": self._undo,
            "example": self.show_example,
            "reset": self._reset, "system": self._system, "set": self._set, "info": self._info, "save": self._save,
            "load": self._load, "help": self._help,
        }  # fmt: skip

    def run(self, lines: Iterable[str]) -> None:
        """Answer line after line.

        Raises:
            MacawError: on piped lines, whatever a line caused.
        """
        for number, line in enumerate(lines, start=1):
            try:
                require_text(line, "A line of the input")
                meaning = read_line(line)
                if meaning == Do("exit"):
                    return
                self._follow(meaning)
            except MacawError as error:
                if not self._interactive:
                    where = f"It is entry {number} of the input; what stands after it was not read."
                    raise type(error)(error.problem, f"{error.hint} {where}".lstrip()) from error
                console.tell_error(error)
            except KeyboardInterrupt:
                if not self._interactive:
                    raise
                console.say("Stopped.")

    def attach(self, place: str, modality: Modality | None = None) -> None:
        """Attach a file to the next question and say what it became.

        Raises:
            MacawError: the file cannot be read, or the model has no encoder for it.
        """
        self._session.attach(self._told(self._sources.attach(place, modality)))

    def show_example(self, typed: str) -> None:
        """Show the model an example: `[PATH] QUESTION => ANSWER`, with the media that are attached.

        Raises:
            MacawError: it is no example, or a file cannot be read.
        """
        session = self._session
        session.show(example_turn(typed, lambda place: self._told(self._sources.attach(place)), session.pending))
        console.say(f"{counted(sum(turn.is_example for turn in session.turns), 'example')} shown.")

    def answer(self, pieces: Generator[str]) -> None:
        """Show an answer as it comes; Ctrl-C in a terminal ends it there."""
        self._show(pieces)
        if self._interactive:
            console.say(timing_line(self._session.answer))

    def _follow(self, meaning: Meaning) -> None:
        """Do what was typed."""
        if isinstance(meaning, Attach):
            self.attach(meaning.place, meaning.modality)
            meaning = Ask(meaning.question)
        elif isinstance(meaning, Do):
            self._actions[meaning.name](meaning.argument)
        if isinstance(meaning, Ask):
            for path, modality in meaning.dropped:
                self.attach(path, modality)
            if meaning.text:
                self.answer(self._session.ask(meaning.text))

    def _told(self, attachments: list[Attachment]) -> list[Attachment]:
        for attachment in attachments:
            console.say(attachment_line(attachment))
            if self._interactive and self._session.settings.images:
                show_preview(attachment, self._sources.file_of(attachment.path))
        return attachments

    def _show(self, pieces: Generator[str], *, keep: bool = True) -> None:
        with (
            keys_unseen() if self._interactive else nullcontext(),
            stoppable(lambda: bool(self._session.answer.text), wanted=self._interactive) as is_stopped,
            closing(pieces),  # an answer that is not read on is kept as far as it came
            answer_view(markdown=self._session.settings.markdown, keep=keep) as view,
        ):
            for piece in pieces:
                view.add(piece)
                if is_stopped():
                    break

    def _compare(self, title: str, pieces: Generator[str]) -> None:
        """Show another answer to the last question beside the one that was given."""
        given = self._session.turns[-1].answer or "" if self._session.turns else ""
        self._show(pieces, keep=not self._interactive)
        if not self._interactive:
            return
        other = self._session.answer
        show_side_by_side([("Answer", given), (title, other.text)], markdown=self._session.settings.markdown)
        same = "Both answers are the same. " if other.text == given else ""
        console.say(same + timing_line(other))

    def _blind(self, _: str) -> None:
        self._compare("Without media", self._session.ask_blind())

    def _swap(self, place: str) -> None:
        new = self._told(self._sources.attach(place))
        self._compare(f"With {PurePath(new[0].path).name}", self._session.ask_swapped(new))

    def _regenerate(self, _: str) -> None:
        before = self._session.turns[-1].answer if self._session.turns else None
        self.answer(self._session.regenerate())
        if self._interactive and self._session.turns[-1].answer == before:
            console.say("The answer is the same as before. /set temperature 0.7 lets answers differ.")

    def _undo(self, _: str) -> None:
        undone = self._session.undo()
        if isinstance(undone, Turn):
            still = " Its media are attached to the next one." if undone.attachments else ""
            console.say(f"The last {'example' if undone.is_example else 'question'} is taken back.{still}")
        else:
            console.say(f"{undone.path} is no longer attached.")

    def _reset(self, _: str) -> None:
        self._session.clear()
        console.say("A new conversation.")

    def _system(self, text: str) -> None:
        if text:
            self._session.settings = with_system(self._session.settings, text)
        console.say(f"System prompt: {self._session.settings.system or 'none'}")

    def _set(self, typed: str) -> None:
        session = self._session
        if not typed:
            for line in shown_settings(session.settings, session.seed):
                console.say(line)
            return
        session.settings, session.seed, name = changed(session.settings, session.seed, typed)
        console.say(f"{name}: {shown_value(session.settings, session.seed, name)}")

    def _info(self, _: str) -> None:
        for line in info_lines(self._session, self._name):
            console.say(line)

    def _save(self, typed: str) -> None:
        file = Path(typed).expanduser()
        session = self._session
        conversation = saved.Conversation(self._name, session.settings.system, session.turns, session.pending)
        saved.save(file, conversation, replaces=file.absolute() in self._own_files)
        self._own_files.add(file.absolute())
        console.say(f"Saved {counted(len(session.turns), 'turn')} to {file}.")

    def _load(self, typed: str) -> None:
        file = Path(typed).expanduser()
        found = saved.load(file, self._sources.attach)
        self._session.go_on_from(found.turns, found.pending)
        self._session.settings = with_system(self._session.settings, found.system or "none")
        self._own_files.add(file.absolute())
        console.say(f"Loaded {counted(len(found.turns), 'turn')} from {file}.")

    def _help(self, _: str) -> None:
        for line in help_lines(self._session.model.config.modalities):
            console.say(line)


def typed_lines(read: Callable[[], str]) -> Iterator[str]:
    """What a person types, until Ctrl-D.

    Args:
        read: one line or block of the editor; raises EOFError and KeyboardInterrupt.
    """
    while True:
        try:
            yield read()
        except EOFError:
            return
        except KeyboardInterrupt:
            console.say(LEAVING)


def piped_lines() -> Iterator[str]:
    """The lines of stdin.

    Raises:
        UsageError: they are not UTF-8.
    """
    try:
        yield from whole_questions(sys.stdin)
    except UnicodeDecodeError:
        raise not_utf8("A line of the input") from None
