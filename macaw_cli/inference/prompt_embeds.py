"""Prompts for an LLM that runs in another program: embeddings, as the API of vLLM takes them.

Two forms. A chat whose contents are texts and embeddings of media: the other program renders the chat template and
embeds the texts. Or the embeddings of the whole prompt, which no template and no tokenizer touches any more. Both are
said in docs/vllm.md.

Letters: T positions, K of one medium with what stands around it, D the LLM's hidden size.
"""

import base64
import copy
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jinja2 import TemplateError
from tokenizers import AddedToken
from torch import Tensor

from macaw_cli.basics.errors import MacawError
from macaw_cli.inference.attachments import Attachment
from macaw_cli.inference.prompts import prompt_batch
from macaw_cli.inference.requests import GenerationRequest
from macaw_cli.modalities.table import Modality
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.injections.registry import placeholder_count
from macaw_cli.model.media_embedder import MediaEmbedder
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.model.text.media_places import without_first_places
from macaw_cli.model.text.rendering import render_chat
from macaw_cli.model.text.stock_template import MEDIA_ROLE, stock_chat_template
from macaw_cli.model.text.surroundings import around_media
from macaw_cli.model.text.templates import TemplateName, parts_of, unplaced_media

PLACEHOLDER = "<prompt_embeds>"
"""The token that vLLM writes where embeddings stand, while it renders and tokenises a chat."""
PART = "prompt_embeds"
"""Type of a content part with embeddings, and the field of a completion with those of a whole prompt."""


@dataclass(frozen=True)
class Block:
    """Where one medium stands in a prompt, with what stands around it."""

    begin: int
    end: int


def whole_prompt(embedder: MediaEmbedder, request: GenerationRequest) -> Tensor:
    """The embeddings (T, D) of a prompt, media included."""
    return embedder.prompt_embeds(prompt_batch(embedder, [request]).inputs)


def encoded(embeds: Tensor) -> str:
    """Embeddings (K, D) as a request holds them: what torch saves, in base64."""
    buffer = io.BytesIO()
    torch.save(embeds.detach().cpu().clone(), buffer)  # a view would be saved with all that it is a part of
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def media_blocks(
    config: MacawConfig, ids: Sequence[int], media: Sequence[tuple[Modality, Sequence[int]]]
) -> list[Block]:
    """Where media stand in a prompt.

    Args:
        config: of the model.
        ids: of the prompt.
        media: modality and feature shape of each, in order of appearance in the prompt.
    """
    blocks: list[Block] = []
    start = 0
    for modality, shape in media:
        before, after = around_media(config, modality)
        place = list(ids).index(config.soft_token_ids[modality], start + len(before))
        start = place + placeholder_count(config, modality, shape) + len(after)
        blocks.append(Block(place - len(before), start))
    return blocks


class ChatForm:
    """Prompts as chats with embeddings between texts, where another program makes of them what macaw does.

    It is tried for each prompt: the chat is rendered and tokenised as the other program does it, and compared. It
    differs where a user's text spells a control token, for example, which would be one there.

    Args:
        encoder: of the model.
    """

    def __init__(self, encoder: ConversationEncoder) -> None:
        self._encoder = encoder
        template = None if encoder.config.null_features else stock_chat_template(encoder)
        self._tokenizer: Any = None
        if template is not None:
            self._tokenizer = copy.deepcopy(encoder.tokenizer)
            self._tokenizer.chat_template = template
            self._tokenizer.add_tokens([AddedToken(PLACEHOLDER, special=True, normalized=False)], special_tokens=True)

    def messages(
        self, messages: Sequence[Mapping[str, Any]], attachments: Sequence[Attachment], embeds: Tensor
    ) -> list[dict[str, Any]] | None:
        """The chat, with one part per medium; None where it would not become the same prompt.

        Args:
            messages: canonical messages, the last one the user's.
            attachments: all media, in order of appearance within each modality.
            embeds: (T, D) of the prompt.
        """
        if self._tokenizer is None:
            return None
        media = [(item.modality, item.shape) for item in attachments]
        prompt = self._encoder.prompt(messages, media)
        blocks = media_blocks(self._encoder.config, prompt.input_ids, [media[at] for at in prompt.media_order])
        placed = _with_places(without_first_places(messages), [name for name, _ in media], self._encoder.template)
        if self._ids(placed) != _shortened(prompt.input_ids, blocks):
            return None
        waiting = iter(blocks)
        return [
            {
                "role": message["role"],
                "content": [
                    part if part["type"] == "text" else _part(embeds, next(waiting)) for part in parts_of(message)
                ],
            }
            for message in placed
        ]

    def _ids(self, messages: Sequence[Mapping[str, Any]]) -> list[int] | None:
        """What the other program makes of a chat, -1 for a place of embeddings; None where it refuses."""
        shown = [
            {
                "role": message["role"],
                "content": [
                    {"type": "text", "text": part["text"] if part["type"] == "text" else PLACEHOLDER}
                    for part in parts_of(message)
                ],
            }
            for message in messages
        ]
        try:
            text = render_chat(self._tokenizer, shown, add_generation_prompt=True)
        except (MacawError, TemplateError):
            return None
        place = self._tokenizer.convert_tokens_to_ids(PLACEHOLDER)
        ids: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        return [-1 if identity == place else identity for identity in ids]


def _with_places(
    messages: Sequence[Mapping[str, Any]], media: Sequence[Modality], template: TemplateName
) -> list[Mapping[str, Any]]:
    """Messages in which all media have a position: where the template puts those that have none of their own."""
    waiting: list[dict[str, Any]] = [{"type": name} for name in unplaced_media(messages, media)]
    placed: list[Mapping[str, Any]] = []
    if waiting and template == "alpaca":
        placed.append({"role": MEDIA_ROLE, "content": waiting})
        waiting = []
    for message in messages:
        parts = parts_of(message)
        if waiting and message["role"] == "user":
            parts = [*waiting, {"type": "text", "text": "\n"}, *parts]
            waiting = []
        placed.append({"role": message["role"], "content": parts})
    return placed


def _shortened(ids: Sequence[int], blocks: Sequence[Block]) -> list[int]:
    """Ids with -1 for each medium."""
    short: list[int] = []
    start = 0
    for block in blocks:
        short += [*ids[start : block.begin], -1]
        start = block.end
    return [*short, *ids[start:]]


def _part(embeds: Tensor, block: Block) -> dict[str, str]:
    return {"type": PART, "data": encoded(embeds[block.begin : block.end])}
