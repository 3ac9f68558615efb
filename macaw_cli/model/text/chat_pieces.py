"""A conversation in a chat template, as pieces: what is sent for each answer, and the answers.

What is trained equals what is sent: a prompt is rendered with the history that it has when it is sent, and ends where
an answer in the history begins. An earlier answer is supervised where it stands in the last prompt as it was given.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from macaw_cli.basics.errors import UsageError
from macaw_cli.modalities.table import Modality
from macaw_cli.model.text.chat_template import ChatTemplate
from macaw_cli.model.text.template_behaviour import ALPACA, NEXT, QUESTION
from macaw_cli.model.text.template_marks import Rendered, marks_for
from macaw_cli.model.text.templates import Piece, parts_of

REASONING_ENDS = re.compile(r"</\w+>")
"""What ends a block of reasoning, which templates leave out of the history."""
BETWEEN = "\n\n"
"""Stands between messages that have to be one."""
WHITE = re.compile(r"\s+")
SHOWN = 60


def chat_pieces(
    template: ChatTemplate, messages: Sequence[Mapping[str, Any]], unplaced: Sequence[Modality], *, line: bool = True
) -> list[Piece]:
    """A conversation as pieces.

    A system prompt for which the template has no place, and neighbours of one role that it refuses, are joined with
    the message beside them.

    Args:
        template: of the LLM's tokenizer.
        messages: canonical messages; the last one may be the assistant's.
        unplaced: media without a position of their own; they come before the first user text.
        line: whether they stand on a line of their own.

    Returns:
        Text and media in order. An answer's piece has its number among the messages.

    Raises:
        UsageError: the template refuses the conversation, or loses some of it.
    """
    return _Conversation(template, messages, unplaced, line).pieces()


class _Conversation:
    def __init__(
        self, template: ChatTemplate, messages: Sequence[Mapping[str, Any]], unplaced: Sequence[Modality], line: bool
    ) -> None:
        self.template, self.habits, self.line = template, template.habits, line
        texts = [part["text"] for message in messages for part in parts_of(message) if part["type"] == "text"]
        self.marks = marks_for(texts)
        self.numbers: list[int] = []
        self.messages = self._shaped(messages, unplaced)

    def pieces(self) -> list[Piece]:
        answered = self.messages[-1]["role"] == "assistant"
        last = len(self.messages) - answered
        whole = self._prompt(last)
        self._require_all(whole, self.messages[:last])
        pieces: list[Piece] = []
        done = 0
        for number in range(last):
            if self.messages[number]["role"] != "assistant":
                continue
            before, (answer, ends) = self._prompt(number).text, self._answer(number)
            start, end = len(before), len(before) + len(answer.text)
            if start >= done and whole.text.startswith(before + answer.text):
                pieces += self._split(whole.part(done, start))
                pieces.append(self._supervised(number, whole.part(start, end), ends))
                done = end
        pieces += self._split(whole.part(done))
        if answered:
            pieces.append(self._supervised(last, *self._answer(last)))
        return pieces

    def _shaped(self, messages: Sequence[Mapping[str, Any]], unplaced: Sequence[Modality]) -> list[dict[str, str]]:
        """Messages of text with marks for media, as many as the template takes."""
        waiting = "".join(self.marks.of[name] for name in unplaced)
        shaped: list[dict[str, str]] = []
        systems: list[str] = []
        for number, message in enumerate(messages):
            role = message["role"]
            content = "".join(
                part["text"] if part["type"] == "text" else self.marks.of[part["type"]] for part in parts_of(message)
            )
            if role == "system":
                self.template.tell_of_system()
                if self.habits.system != "kept":
                    systems.append(content)
                    continue
            if role == "user":
                # the line break is what an LLM has seen between a document and the question about it
                content, waiting = waiting + "\n" * bool(self.line and waiting and content) + content, ""
                content, systems = BETWEEN.join([*systems, content]), []
            if self.habits.joins and shaped and shaped[-1]["role"] == role:
                shaped[-1]["content"] += BETWEEN + content
                self.numbers[-1] = number
                continue
            shaped.append({"role": role, "content": content})
            self.numbers.append(number)
        if systems:  # nothing is asked behind it
            shaped.append({"role": "user", "content": BETWEEN.join(systems)})
            self.numbers.append(len(messages) - 1)
        return shaped

    def _prompt(self, before: int) -> Rendered:
        """What is sent to be answered by message `before`."""
        found = self.template.rendered(self.messages[:before], self.marks, with_prompt=True)
        kept = len(found.text) - len(self.habits.cut) * found.text.endswith(self.habits.cut)
        return found.part(0, kept) + self.template.own(self.habits.opening)

    def _answer(self, number: int) -> tuple[Rendered, bool]:
        """An answer as it follows its prompt, up to the end of the turn; and whether the end token is still to come."""
        content = self.messages[number]["content"]
        inner = self._newest(content) or self._in_history(content)
        if inner is None:
            raise self._lost("assistant", content)
        self._require_answer(inner, content)
        tail = self.template.own(self.habits.tail)
        if tail.controls:
            return inner + tail.part(0, tail.controls[0][1]), False
        return inner + tail.part(0, len(tail.text.rstrip())), True

    def _newest(self, content: str) -> Rendered | None:
        """The answer's own text where it is the last message; an empty block of reasoning is no part of it."""
        talk = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": content}]
        found = self.template.rendered(talk, self.marks, with_prompt=False)
        prompt, tail = self.habits.prompt, self.habits.tail
        end = len(found.text) - len(tail)
        if end < len(prompt) or not (found.text.startswith(prompt) and found.text.endswith(tail)):
            return None
        body = found.part(len(prompt), end)
        if self.habits.preamble and body.text.startswith(self.habits.preamble):
            return self.template.own(self.habits.lead) + body.part(len(self.habits.preamble))
        return body

    def _in_history(self, content: str) -> Rendered | None:
        """The answer's own text where another question follows."""
        talk = [
            {"role": "user", "content": QUESTION}, {"role": "assistant", "content": content},
            {"role": "user", "content": NEXT},
        ]  # fmt: skip
        found = self.template.rendered(talk, self.marks, with_prompt=True)
        head, tail = self.habits.head_in_history, self.habits.tail_in_history
        end = len(found.text) - len(tail)
        if end < len(head) or not (found.text.startswith(head) and found.text.endswith(tail)):
            return None
        return self.template.own(self.habits.lead) + found.part(len(head), end)

    def _supervised(self, number: int, text: Rendered, ends: bool) -> Piece:
        return Piece(text.text, supervised=True, ends=ends, controls=text.controls, answer=self.numbers[number])

    def _split(self, rendered: Rendered) -> list[Piece]:
        """Pieces of text, and of the media that are marked in it."""
        pieces, start = [], 0
        for place, modality in self.marks.places_in(rendered.text):
            part = rendered.part(start, place)
            pieces += [Piece(part.text, controls=part.controls), Piece(modality=modality)]
            start = place + 1
        part = rendered.part(start)
        return [*pieces, Piece(part.text, controls=part.controls)]

    def _require_all(self, whole: Rendered, messages: Sequence[Mapping[str, str]]) -> None:
        """Refuse a rendering in which a text or a medium is missing.

        Raises:
            UsageError: with what is lost.
        """
        given = [name for message in messages for name in self.marks.media_in(message["content"])]
        found = self.marks.media_in(whole.text)
        if sorted(given) != sorted(found):
            lost = next((name for name in given if given.count(name) > found.count(name)), None)
            problem = f"loses the position of the {lost}" if lost else "repeats the position of a medium"
            raise UsageError(f"{self.template.title} {problem}.", ALPACA)
        for role, content in ((message["role"], message["content"]) for message in messages):
            if role != "assistant" and not _holds(whole.text, content):
                raise self._lost(role, content)

    def _require_answer(self, inner: Rendered, content: str) -> None:
        """An answer may lose its reasoning, and nothing else."""
        if not _holds(inner.text, content):
            words = WHITE.sub("", content)
            if not (REASONING_ENDS.search(words) and words.endswith(WHITE.sub("", inner.text))):
                raise self._lost("assistant", content)

    def _lost(self, role: str, content: str) -> UsageError:
        words = " ".join("".join(one for one in content if one not in self.marks.modality_of).split())
        shown = words if len(words) <= SHOWN else f"{words[:SHOWN]}..."
        return UsageError(f"{self.template.title} loses text of the {role}: {shown!r}.", ALPACA)


def _holds(text: str, content: str) -> bool:
    """Whether all of `content` stands in `text`, whatever white space a template trims."""
    return content in text or WHITE.sub("", content) in WHITE.sub("", text)
