"""A conversation with a model: turns, their media, and the next answer. Prints nothing, decodes no file."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import torch

from macaw_cli.basics.errors import InputError, ResourceError
from macaw_cli.chat.answer import Answer
from macaw_cli.config.settings import ChatSettings
from macaw_cli.inference.attachments import Attachment
from macaw_cli.inference.conversation_cache import ConversationCache
from macaw_cli.inference.conversations import conversation_request, soft_tokens_by_kind
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.sampling import Sampling
from macaw_cli.modalities.table import MODALITIES


@dataclass(frozen=True)
class Turn:
    """One question with its media, and the answer that was given."""

    question: str
    attachments: tuple[Attachment, ...] = ()
    answer: str | None = None
    """None until there is one; an empty answer keeps its turn."""


class ChatSession:
    """Holds the turns; `ask` adds one.

    Args:
        model: a Macaw model in evaluation mode.
        encoder: the `ConversationEncoder` that belongs to it.
        settings: length, sampling, system prompt; what they leave open the model's `generation_config` says.
        seed: of the sampling.
    """

    def __init__(self, model: Any, encoder: Any, settings: ChatSettings, seed: int = 0) -> None:
        self._model, self._encoder, self._settings, self._seed = model, encoder, settings, seed
        self._cache = ConversationCache()
        self.turns: list[Turn] = []
        self.pending: list[Attachment] = []
        """Attached since the last question; they go with the next one."""
        self.answer = Answer()
        """The newest answer, complete or as far as it came."""

    def attach(self, attachments: list[Attachment]) -> None:
        """Add media to the next question."""
        self.pending += attachments

    def clear(self) -> None:
        """Forget all turns and attachments."""
        self.turns, self.pending = [], []
        self._cache.forget()

    def ask(self, question: str) -> Generator[str]:
        """Answer `question` with the pending media, yielding text as it comes.

        The turn is kept when the answer has ended or its reader stopped; after an error nothing has changed.

        Raises:
            InputError: the conversation is longer than the model can read, or the question is not text.
        """
        _require_text(question)
        turn = Turn(question, tuple(sorted(self.pending, key=_order)))
        pieces = self._answer([*self.turns, turn], self._cache)
        try:
            yield from pieces
        except Exception:
            raise
        except BaseException:  # Ctrl-C, or the reader closed this generator: keep what was said
            self._keep(turn)
            raise
        self._keep(turn)

    def ask_blind(self) -> Generator[str]:
        """Answer the last question once more with no media in the whole conversation; nothing is kept.

        Raises:
            InputError: nothing was asked yet.
        """
        if not self.turns:
            raise InputError("No question has been asked yet.", "Ask a question first, then type /blind.")
        last = replace(self.turns[-1], answer=None)
        yield from self._answer([replace(turn, attachments=()) for turn in [*self.turns[:-1], last]])

    def _keep(self, turn: Turn) -> None:
        self.turns.append(replace(turn, answer=self.answer.text))
        self.pending = []

    def _answer(self, turns: list[Turn], cache: ConversationCache | None = None) -> Iterator[str]:
        attachments = [attachment for turn in turns for attachment in turn.attachments]
        request = conversation_request(
            self._model, self._encoder, messages_of(turns, self._settings.system), attachments,
            max_new_tokens=self._settings.max_new_tokens, sampling=sampling_of(self._settings), seed=self._seed,
            cache=cache,
        )  # fmt: skip
        counts = soft_tokens_by_kind(sorted(attachments, key=_order), self._model.config)
        self.answer = Answer(soft_tokens=counts, prompt_tokens=len(request.prompt))
        try:
            yield from self.answer.follow(Engine.of(self._model, self._encoder).generate([request]))
        except torch.OutOfMemoryError:
            raise ResourceError(
                f"{self._model.device} ran out of memory with {len(request.prompt)} tokens.",
                "Type /clear to start over, lower chat.max_new_tokens, or use --set chat.device=cpu.",
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


def messages_of(turns: list[Turn], system: str = "") -> list[dict[str, Any]]:
    """The canonical messages of `turns`; the last one may lack its answer.

    Media of the first turn get no position: they stand where the training data has them, before everything. Later
    ones stand before the text of their turn.
    """
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    for number, turn in enumerate(turns):
        parts = [{"type": item.modality} for item in turn.attachments] if number > 0 else []
        text = {"type": "text", "text": turn.question}
        messages.append({"role": "user", "content": [*parts, text] if parts else turn.question})
        if turn.answer is not None:
            messages.append({"role": "assistant", "content": turn.answer})
    return messages


def _order(attachment: Attachment) -> tuple[int, bool]:
    """Image, audio, video; soundtracks behind other audio, as in the training data."""
    return MODALITIES.index(attachment.modality), attachment.soundtrack
