"""The chat template of the LLM's tokenizer: conversations as text, in which the template's control tokens are known."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from macaw_cli.basics.console import say
from macaw_cli.basics.errors import UsageError
from macaw_cli.model.text.control_tokens import TextEncoder
from macaw_cli.model.text.rendering import render_chat
from macaw_cli.model.text.template_behaviour import ALPACA, Habits, habits_of, refusing
from macaw_cli.model.text.template_marks import Marks, Rendered, Spelled, alternatives, spelled_in


class ChatTemplate:
    """One tokenizer's chat template, tried once.

    Args:
        tokenizer: one with a chat template.
        encoder: of the same tokenizer.

    Attributes:
        source: the template itself.
        title: how messages name it.
        habits: what it does with conversations.

    Raises:
        UsageError: there is none, or it loses what a user or the assistant says.
    """

    def __init__(self, tokenizer: Any, encoder: TextEncoder) -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise UsageError("The LLM's tokenizer has no chat template.", ALPACA)
        self._tokenizer, self._encoder = tokenizer, encoder
        self.source = tokenizer.chat_template
        name = PurePath(str(tokenizer.name_or_path or "")).name
        self.title = f"The chat template of {name}" if name else "The tokenizer's chat template"
        self.habits: Habits = habits_of(self._apply, self.title)
        self._told = False

    def rendered(self, messages: Sequence[Mapping[str, str]], marks: Marks, *, with_prompt: bool) -> Rendered:
        """What the template makes of messages.

        Args:
            messages: contents are text, with marks for media.
            marks: of this conversation.
            with_prompt: whether the beginning of an answer follows.

        Raises:
            UsageError: it refuses them.
        """
        contents = [message["content"] for message in messages]

        def render(texts: Sequence[str]) -> str:
            given = [self.habits.message(one["role"], text) for one, text in zip(messages, texts, strict=True)]
            return refusing(self.title, lambda: self._apply(given, with_prompt=with_prompt))

        def marked(chosen: Sequence[Spelled]) -> Rendered:
            texts = [
                marks.marked(text, [one for one in chosen if one.message == number], self._encoder)
                for number, text in enumerate(contents)
            ]
            return marks.read(render(texts), self._encoder)

        plain = render(contents)
        spelled = spelled_in(contents, self._encoder)
        if not spelled and not any(any(self._encoder.could_complete(text.strip())) for text in contents):
            return self.own(plain)
        found = marked(spelled)
        if found.text != plain:  # the template looks for one of them, such as the end of a block of reasoning
            chosen: list[Spelled] = []
            for one in spelled:
                fitting = (way for way in alternatives(one) if marked([*chosen, way]).text == plain)
                chosen += [way for way in [next(fitting, None)] if way]
            found = marked(chosen)
        return found if found.text == plain else self.own(plain)

    def own(self, text: str) -> Rendered:
        """A text of the template's, in which every control token is meant."""
        return Rendered(text, self._encoder.spelled(text))

    def tell_of_system(self) -> None:
        """Say once that the template leaves system prompts out."""
        if self.habits.system == "dropped" and not self._told:
            self._told = True
            say(f"Warning: {self.title} drops system prompts. They are put before the first question instead.")

    def _apply(self, messages: Sequence[Mapping[str, Any]], *, with_prompt: bool) -> str:
        return render_chat(self._tokenizer, list(messages), add_generation_prompt=with_prompt)
