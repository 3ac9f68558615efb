"""A conversation and the shapes of its media to token ids and labels. Training, evaluation and chat all use this."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

from macaw_cli.basics.errors import UsageError
from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.injections.registry import placeholder_count
from macaw_cli.model.losses import IGNORED
from macaw_cli.model.text.chat_pieces import chat_pieces
from macaw_cli.model.text.chat_template import ChatTemplate
from macaw_cli.model.text.control_tokens import TextEncoder
from macaw_cli.model.text.media_places import without_first_places
from macaw_cli.model.text.own_instructions import OwnInstructions, own_instructions
from macaw_cli.model.text.plain_template import PLAIN_END, plain_pieces
from macaw_cli.model.text.published_text import published_response, published_text
from macaw_cli.model.text.surroundings import around_media
from macaw_cli.model.text.template_behaviour import Habits
from macaw_cli.model.text.templates import Piece, TemplateName, alpaca_pieces, joined, media_before, unplaced_media

PUBLISHED_MAX_LENGTH = 256
"""The published script's cap on text tokens."""
Medium = tuple[Modality, Sequence[int]]


@dataclass(frozen=True)
class EncodedConversation:
    """What a model reads and what it should answer."""

    input_ids: list[int]
    """One id per position; every soft token has its placeholder."""
    labels: list[int]
    """The id where a token is supervised, else -100; not shifted."""
    media_order: tuple[int, ...]
    """Which of the given media stands at each block; within a modality always in the given order."""
    answers: tuple[int, ...] = ()
    """Which of the messages are answers that a chat template has as they were given."""
    instructions: OwnInstructions = field(default_factory=dict)
    """What is asked about each medium, for bridges that have a tokenizer of their own."""

    @property
    def answered(self) -> list[bool]:
        """Where answers stand; in a prompt, those of earlier turns."""
        return [label != IGNORED for label in self.labels]

    @property
    def supervised(self) -> int:
        """Tokens the loss is taken of; 0 where the cut leaves no answer or takes a medium: it is skipped."""
        return sum(label != IGNORED for label in self.labels)


class ConversationEncoder:
    r"""Turns conversations into ids for one model.

    Prompt and response are tokenised separately: a prompt has the same ids in training and in use, whatever follows.
    Only the template adds control tokens: one that a message spells stays text.

    Args:
        tokenizer: the LLM's.
        config: of the model.
        template: `alpaca`, `chat` (the tokenizer's own), `plain` (media and answer) or `as_published` (Alpaca with the
            published script's deviations: text tokenised as one, a response between "\n " and " \n\n", the prompt's
            last token supervised, no end token, text cut at 256 tokens).
        max_length: longest conversation, soft tokens included; what is longer loses its end, and one that would lose
            a medium is not supervised at all, so that it is skipped. `as_published` counts text tokens only.

    Raises:
        UsageError: the tokenizer has no end token, which every response needs.
    """

    def __init__(
        self, tokenizer: Any, config: MacawConfig, template: TemplateName = "alpaca", max_length: int = 512
    ) -> None:
        self.tokenizer = tokenizer
        self.config = config
        self.template = template
        self._text_encoder = TextEncoder(tokenizer)
        self._chat: ChatTemplate | None = None
        self._media_ids = {*config.soft_token_ids.values(), *config.null_token_ids.values()}
        self._short = False
        self.max_length = max_length if template != "as_published" else min(max_length, PUBLISHED_MAX_LENGTH)
        if template != "as_published" and tokenizer.eos_token_id is None:
            raise UsageError(
                "The LLM's tokenizer has no end token (eos_token).", "Set one in its tokenizer_config.json."
            )

    def with_one_placeholder(self) -> "ConversationEncoder":
        """The same with a single placeholder for each medium, whatever the bridge: its ids can be expanded."""
        short = copy(self)
        short._short = True
        return short

    def encode(
        self, messages: Sequence[Mapping[str, Any]], media: Sequence[Medium], *, with_response: bool = True
    ) -> EncodedConversation:
        """Ids and labels of a conversation.

        Args:
            messages: canonical messages, content as text or parts.
            media: modality and feature shape of each medium, in order of appearance within its modality.
            with_response: False leaves the last assistant message out and ends where it would begin.

        Raises:
            MismatchError: more positions than media, or features the model has no bridge for.
            UsageError: the template cannot be used with this tokenizer.
        """
        if not with_response:
            return self.prompt(messages[:-1] if messages[-1]["role"] == "assistant" else messages, media)
        return self._cut(self._encoded(messages, media))

    def examples(
        self, messages: Sequence[Mapping[str, Any]], media: Sequence[Medium]
    ) -> list[EncodedConversation]:
        """The training examples of a conversation: each answer is supervised once, behind the prompt of the chat.

        One example, unless the chat template rewrites the history: an answer that the last prompt does not hold as it
        was given is supervised in an example of its own, which ends with it.

        Raises:
            MismatchError: more positions than media, or features the model has no bridge for.
            UsageError: the template cannot be used with this tokenizer.
        """
        whole = self._encoded(messages, media)
        examples = [self._cut(whole)]
        if self.template != "chat":
            return examples
        covered = set(whole.answers)
        for number in reversed(range(len(messages) - 1)):
            if messages[number]["role"] == "assistant" and number not in covered:
                kept = media_before(messages[number + 1 :], [name for name, _ in media])
                part = self._encoded(messages[: number + 1], [media[at] for at in kept], frozenset(covered))
                covered |= {number, *part.answers}
                order = tuple(kept[at] for at in part.media_order)
                examples.append(self._cut(replace(part, media_order=order)))
        return examples

    def _cut(self, encoded: EncodedConversation) -> EncodedConversation:
        if self.template == "as_published":  # cut before the media came in
            return encoded
        kept, labels = encoded.input_ids[: self.max_length], encoded.labels[: self.max_length]
        if not self._media_ids.isdisjoint(encoded.input_ids[self.max_length :]):
            labels = [IGNORED] * len(kept)  # fewer places than media: the model could not read it
        return replace(encoded, input_ids=kept, labels=labels)

    def prompt(self, messages: Sequence[Mapping[str, Any]], media: Sequence[Medium]) -> EncodedConversation:
        """A conversation that ends with a question, up to where the answer begins; never cut.

        Raises:
            MismatchError: more positions than media, or features the model has no bridge for.
            UsageError: the template cannot be used with this tokenizer.
        """
        return self._encoded(messages, media)

    def response_ids(self, text: str) -> list[int]:
        """The supervised ids of a response, its end included, as they follow after a prompt."""
        question = [{"role": "user", "content": "?"}, {"role": "assistant", "content": text}]
        if self.template == "as_published":
            return self._tokens(published_response(text))
        return [label for label in self._encoded(question, []).labels if label != IGNORED]

    def stop_ids(self) -> frozenset[int]:
        """Ids that end an answer: the tokenizer's end token and what its template closes a turn with."""
        ends = {self.tokenizer.eos_token_id} - {None}
        if self.template == "chat":
            ends.add(self.response_ids("!")[-1])
        if self.template == "plain":
            ends.add(self._tokens(PLAIN_END)[-1])
        return frozenset(ends)

    @property
    def habits(self) -> Habits:
        """Of the tokenizer's chat template; errors as of `ChatTemplate`."""
        return self._chat_template().habits

    def _encoded(
        self, messages: Sequence[Mapping[str, Any]], media: Sequence[Medium], covered: frozenset[int] = frozenset()
    ) -> EncodedConversation:
        """Ids and labels; the answers in `covered`, which other examples supervise, have no labels."""
        names = [name for name, _ in media]
        unplaced_media(messages, names)  # or an error: more positions than media
        messages = without_first_places(messages)
        absent = [name for name in self.config.modalities if name not in names] if self.config.null_features else []
        waiting = {name: iter([at for at, found in enumerate(names) if found == name]) for name in MODALITIES}
        start = self._start()
        ids, labels, order = [*start], [IGNORED] * len(start), []
        pieces = self._pieces(messages, names, absent)
        for piece in pieces:
            if piece.modality is None:
                new, new_labels = self._text(piece, supervised=piece.supervised and piece.answer not in covered)
            else:
                at = next(waiting[piece.modality], None)
                order += [] if at is None else [at]
                new = self._block(piece.modality, None if at is None else media[at][1])
                new_labels = [IGNORED] * len(new)
            ids += new
            labels += new_labels
        if self.template == "as_published":
            text_ids, text_labels = published_text(self._tokens, messages, self.max_length - len(start))
            ids, labels = ids + text_ids, labels + text_labels
        answers = tuple(piece.answer for piece in pieces if piece.answer is not None)
        asked = own_instructions(self.config, messages, names)
        return EncodedConversation(ids, labels, tuple(order), answers, asked)

    def _pieces(
        self, messages: Sequence[Mapping[str, Any]], names: Sequence[Modality], absent: Sequence[Modality]
    ) -> list[Piece]:
        if self.template == "as_published":
            return [Piece(modality=name) for name in sorted([*names, *absent], key=MODALITIES.index)]
        unplaced = sorted([*unplaced_media(messages, names), *absent], key=MODALITIES.index)
        if self.template == "chat":
            line = self.config.line_behind_media
            return joined(chat_pieces(self._chat_template(), messages, unplaced, line=line))
        if self.template == "plain":
            return joined(plain_pieces(messages, unplaced))
        return joined(alpaca_pieces(messages, unplaced))

    def _text(self, piece: Piece, *, supervised: bool) -> tuple[list[int], list[int]]:
        ids = self._text_encoder.ids(piece.text, piece.controls)
        if piece.ends:
            ids = [*ids, self.tokenizer.eos_token_id]
        return ids, ids if supervised else [IGNORED] * len(ids)

    def _block(self, modality: Modality, shape: Sequence[int] | None) -> list[int]:
        """One placeholder per soft token and what stands around them; without a shape, of an absent medium."""
        before, after = around_media(self.config, modality)
        token = (self.config.null_token_ids if shape is None else self.config.soft_token_ids)[modality]
        if self._short:
            return [*before, token, *after]
        count = placeholder_count(self.config, modality, shape or self.config.feature_shapes[modality])
        return [*before, *[token] * count, *after]

    def _start(self) -> list[int]:
        """The token every sequence begins with, where the tokenizer has one; a chat template writes its own."""
        first = self.tokenizer.bos_token_id
        return [] if self.template == "chat" or first is None else [first]

    def _chat_template(self) -> ChatTemplate:
        """The tokenizer's chat template; tried once."""
        if self._chat is None or self._chat.source != self.tokenizer.chat_template:
            self._chat = ChatTemplate(self.tokenizer, self._text_encoder)
        return self._chat

    def _tokens(self, text: str) -> list[int]:
        return self._text_encoder.ids(text)
