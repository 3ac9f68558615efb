"""From a conversation in canonical messages, and its media, to the request that the engine answers."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import torch

from macaw_cli.basics.errors import InputError
from macaw_cli.inference.attachments import Attachment
from macaw_cli.inference.conversation_cache import ConversationCache
from macaw_cli.inference.requests import GenerationRequest
from macaw_cli.inference.sampling import Sampling
from macaw_cli.modalities.table import MODALITIES, TABLE
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.expert_texts import use_of_config
from macaw_cli.model.injections.registry import placeholder_count
from macaw_cli.model.text.own_instructions import instruction_inputs
from macaw_cli.model.text.soundtrack_places import with_soundtrack_places
from macaw_cli.model.text.told_media import with_told
from macaw_cli.shards.told_media import ToldMedium

LONGEST_ANSWER = 512
"""Tokens of an answer, where neither the request nor the model sets a limit."""


def conversation_request(  # noqa: PLR0913 - what a request says
    model: Any,
    encoder: Any,
    messages: Sequence[dict[str, Any]],
    attachments: Sequence[Attachment],
    *,
    max_new_tokens: int | None = None,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
    seed: int = 0,
    stop: tuple[str, ...] = (),
    cache: ConversationCache | None = None,
) -> GenerationRequest:
    """The request for the next answer.

    Args:
        model: a Macaw model in evaluation mode.
        encoder: the `ConversationEncoder` that belongs to it.
        messages: in canonical form; the last one is the user's.
        attachments: all media of the conversation, in order of appearance.
        max_new_tokens: longest answer; None is what the model's `generation_config` says, else 512, or what there is
            room for.
        sampling: how tokens are chosen.
        seed: of the sampling.
        stop: texts that end the answer.
        cache: of this conversation's earlier turns.

    Raises:
        InputError: the prompt with its answer is longer than the LLM can read.
    """
    messages, attachments = told_and_fed(model.config, messages, attachments)
    encoded = encoder.prompt(list(messages), [(item.modality, item.shape) for item in attachments])
    longest = _longest_answer(model, len(encoded.input_ids), max_new_tokens)
    features: dict[str, list[torch.Tensor]] = defaultdict(list)
    for item in attachments:
        tensor = torch.from_numpy(item.features).to(model.device, model.dtype)
        features[TABLE[item.modality].features_keyword].append(tensor)
    features |= instruction_inputs([encoded.instructions], model.device)
    return GenerationRequest(
        prompt=encoded.input_ids, features=features, max_new_tokens=longest, sampling=sampling, seed=seed,
        stop=stop, answered=encoded.answered, cache=cache,
    )  # fmt: skip


def told_and_fed(
    config: MacawConfig, messages: Sequence[dict[str, Any]], attachments: Sequence[Attachment]
) -> tuple[Sequence[dict[str, Any]], list[Attachment]]:
    """Messages with the texts of experts, and the media that are fed.

    Args:
        config: of the model.
        messages: in canonical form.
        attachments: all media of the conversation, in order of appearance.
    """
    told = [ToldMedium(item.modality, item.sha256, item.text, item.soundtrack) for item in attachments if item.text]
    messages = with_told(messages, told, use_of_config(config)) if told else messages
    return messages, [item for item in attachments if item.fed]


def in_training_order(attachments: Sequence[Attachment]) -> list[Attachment]:
    """Media of one turn as the training data has them: image, audio, video; soundtracks before other audio."""
    return sorted(attachments, key=lambda one: (MODALITIES.index(one.modality), not one.soundtrack))


def with_placed_soundtracks(
    messages: Sequence[dict[str, Any]], attachments: Sequence[Attachment]
) -> tuple[list[dict[str, Any]], list[Attachment]]:
    """Messages with places for media, and the media in the order in which they then stand; as of training data.

    Args:
        messages: in canonical form.
        attachments: all media, in training order.
    """
    brought = Counter(one.path for one in attachments if one.soundtrack)
    tracks = []
    for video in (one for one in attachments if one.modality == "video"):
        tracks.append(brought[video.path] > 0)
        brought[video.path] -= 1
    audio = [one for one in attachments if one.modality == "audio"]
    placed, order = with_soundtrack_places(messages, tracks, len(audio) - sum(tracks))
    waiting = iter([audio[at] for at in order])
    return placed, [next(waiting) if one.modality == "audio" else one for one in attachments]


def soft_tokens_by_kind(attachments: Sequence[Attachment], config: MacawConfig) -> dict[str, int]:
    """Positions of the prompt that each kind of medium takes; a video's soundtrack is a kind of its own."""
    counts: dict[str, int] = {}
    for item in (one for one in attachments if one.fed):
        kind = "soundtrack" if item.soundtrack else item.modality
        counts[kind] = counts.get(kind, 0) + placeholder_count(config, item.modality, item.shape)
    return counts


def context_length(model: Any) -> int | None:
    """How many tokens the model can read and write in one conversation, where it says so."""
    longest: int | None = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return longest or None


def _longest_answer(model: Any, prompt_tokens: int, wanted: int | None) -> int:
    """How many tokens the answer may have.

    Raises:
        InputError: there is no room for so many, or for none at all.
    """
    longest = context_length(model)
    usual = getattr(model.generation_config, "max_new_tokens", None) or LONGEST_ANSWER
    usual = usual if wanted is None else wanted
    if not longest or prompt_tokens + usual <= longest:
        return usual
    if wanted is None and prompt_tokens < longest:
        return longest - prompt_tokens
    answer = f" with an answer of up to {usual}" if wanted else ""
    raise InputError(
        f"The conversation has {prompt_tokens} tokens;{answer} it is longer than the {longest} that the model can"
        " read.",
        "Begin a new conversation (in `macaw chat`: /reset), or lower chat.max_new_tokens.",
    )
