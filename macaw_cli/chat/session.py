"""A conversation with a model: turns, their media, and the next answer. Prints nothing, decodes no file."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

import torch

from macaw_cli.basics.errors import InputError, ResourceError
from macaw_cli.chat.answer import Answer
from macaw_cli.chat.turns import Turn, media_of, messages_of, with_swapped, without, without_media
from macaw_cli.config.chat_settings import ChatSettings
from macaw_cli.inference.attachments import Attachment
from macaw_cli.inference.conversation_cache import ConversationCache
from macaw_cli.inference.conversations import conversation_request, in_training_order, soft_tokens_by_kind
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.sampling import Sampling


class ChatSession:
    """Holds the turns; `ask` adds one.

    Args:
        model: a Macaw model in evaluation mode.
        encoder: the `ConversationEncoder` that belongs to it.
        settings: length, sampling, system prompt; what they leave open the model's `generation_config` says.
        seed: of the sampling.
    """

    def __init__(self, model: Any, encoder: Any, settings: ChatSettings, seed: int = 0) -> None:
        self.model, self.settings, self.seed = model, settings, seed
        self._encoder, self._cache = encoder, ConversationCache()
        self.turns: list[Turn] = []
        self.pending: list[Attachment] = []
        """Attached since the last question; they go with the next one."""
        self.answer = Answer()
        """The newest answer, complete or as far as it came."""

    @property
    def length(self) -> int | None:
        """Tokens of the conversation up to the last answer; None where they were not counted yet."""
        return self.turns[-1].tokens if self.turns else 0

    @property
    def cached_tokens(self) -> int:
        """Tokens of the conversation that need not be read again."""
        return len(self._cache.ids)

    def attach(self, attachments: Sequence[Attachment]) -> None:
        """Add media to the next question."""
        self.pending += attachments

    def clear(self) -> None:
        """Forget all turns and attachments."""
        self.turns, self.pending = [], []
        self._cache.forget()

    def go_on_from(self, turns: Sequence[Turn], pending: Sequence[Attachment]) -> None:
        """Take the place of the conversation so far."""
        self.clear()
        self.turns, self.pending = list(turns), list(pending)

    def undo(self) -> Turn | Attachment:
        """Take back the last step, and tell what it was: an attachment, else a question, whose media wait again.

        Raises:
            InputError: nothing was attached or asked.
        """
        if self.pending:
            last = next(one for one in reversed(self.pending) if not one.soundtrack)
            self.pending = without(self.pending, last)
            return last
        if not self.turns:
            raise InputError("There is nothing to take back.")
        turn = self.turns.pop()
        self.pending = list(turn.attachments)
        return turn

    def ask(self, question: str) -> Generator[str]:
        """Answer `question` with the pending media, yielding text as it comes.

        The turn is kept when the answer has ended, or when its reader stopped and something had been said; otherwise
        nothing has changed.

        Raises:
            InputError: the conversation is longer than the model can read, or the question is not text.
        """
        _require_text(question)
        turn = Turn(question, tuple(in_training_order(self.pending)))
        yield from self._answered([*self.turns, turn])

    def show(self, example: Turn) -> None:
        """Add an example as the newest turn; it has taken the pending media."""
        self.turns, self.pending = [*self.turns, example], []

    def regenerate(self) -> Generator[str]:
        """Answer the last question again, with the next seed; this answer takes the place of the last one.

        Raises:
            InputError: nothing was asked yet.
        """
        last = self._last_turn()
        pending = self.pending
        self.pending = []
        try:
            yield from self._answered([*self.turns[:-1], replace(last, answer=None, attempt=last.attempt + 1)])
        finally:
            self.pending = pending

    def ask_blind(self) -> Generator[str]:
        """Answer the last question once more with no media in the whole conversation; nothing is kept.

        Raises:
            InputError: nothing was asked yet.
        """
        last = self._last_turn()
        yield from self._answer(without_media([*self.turns[:-1], replace(last, answer=None)]))

    def ask_swapped(self, new: Sequence[Attachment]) -> Generator[str]:
        """Answer the last question once more with another medium in the place of the newest one of its modality.

        Nothing is kept.

        Raises:
            InputError: nothing was asked yet, or the conversation has no medium of that modality.
        """
        last = self._last_turn()
        yield from self._answer(with_swapped([*self.turns[:-1], replace(last, answer=None)], new))

    def _last_turn(self) -> Turn:
        if not self.turns or self.turns[-1].is_example:
            raise InputError("No question has been asked yet.", "Ask a question first.")
        return self.turns[-1]

    def _answered(self, turns: list[Turn]) -> Generator[str]:
        """Answer the last of `turns`, and keep them."""
        try:
            yield from self._answer(turns, self._cache)
        except Exception:
            raise
        except BaseException:  # Ctrl-C, or the reader closed this generator: keep what was said
            if self.answer.text:
                self._keep(turns)
            raise
        self._keep(turns)

    def _keep(self, turns: list[Turn]) -> None:
        tokens = self.answer.prompt_tokens + self.answer.completion_tokens
        self.turns = [*turns[:-1], replace(turns[-1], answer=self.answer.text, tokens=tokens)]
        self.pending = []

    def _answer(self, turns: list[Turn], cache: ConversationCache | None = None) -> Iterator[str]:
        attachments = media_of(turns)
        self.answer = Answer()
        request = conversation_request(
            self.model, self._encoder, messages_of(turns, self.settings.system), attachments,
            max_new_tokens=self.settings.max_new_tokens, sampling=sampling_of(self.settings),
            seed=self.seed + turns[-1].attempt, cache=cache,
        )  # fmt: skip
        counts = soft_tokens_by_kind(in_training_order(attachments), self.model.config)
        self.answer = Answer(soft_tokens=counts, prompt_tokens=len(request.prompt))
        try:
            yield from self.answer.follow(Engine.of(self.model, self._encoder).generate([request]))
        except torch.OutOfMemoryError:
            raise ResourceError(
                f"{self.model.device} ran out of memory with {len(request.prompt)} tokens.",
                "Type /reset to start over, lower chat.max_new_tokens, or use --set chat.device=cpu.",
            ) from None


def sampling_of(settings: ChatSettings) -> Sampling:
    """What the settings say about sampling."""
    return Sampling(**{one.name: getattr(settings, one.name) for one in fields(Sampling)})


def _require_text(question: str) -> None:
    """Bytes on stdin or in `--prompt` that the terminal's encoding does not know arrive as lone surrogates."""
    try:
        question.encode()
    except UnicodeEncodeError as error:
        byte = ord(question[error.start]) & 0xFF
        raise InputError(
            f"The question is not UTF-8 text: byte {byte:#04x} at position {error.start + 1}.",
            "Convert it first, for example with `iconv -f latin1 -t utf8`.",
        ) from None
