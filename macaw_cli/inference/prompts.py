"""The first call of the model for some requests: prompts padded, behind what the cache of a conversation holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from macaw_cli.inference.conversation_cache import ConversationCache
from macaw_cli.inference.features import joined_features
from macaw_cli.inference.requests import GenerationRequest
from macaw_cli.model.fusion.instructions import reads_instructions


@dataclass(frozen=True)
class PromptBatch:
    """What the model reads first."""

    inputs: dict[str, Any]
    padding: list[int]
    """Positions of padding before each prompt."""
    reused: int = 0
    """Tokens of the only prompt that the cache of its conversation held."""


def prompt_batch(
    model: Any, requests: Sequence[GenerationRequest], cache: ConversationCache | None = None
) -> PromptBatch:
    """Lay out prompts, padded on the left; one alone may go on with a cache, which it empties.

    Args:
        model: a MacawForConditionalGeneration, or an LLM alone.
        requests: one or several.
        cache: of what the only one continues.
    """
    prompts = [list(request.prompt) for request in requests]
    features = joined_features(request.features for request in requests)
    longest = max(map(len, prompts))
    asks = reads_instructions(model)
    answers = [[*request.answered] or [False] * len(request.prompt) for request in requests] if asks else []
    if cache is not None:
        shared = cache.shared_with(prompts[0], features, model.config, answers[0] if asks else ())
        later = cache.later(features)
        inputs: dict[str, Any] = {"input_ids": [prompts[0][shared:]], "answers": [row[shared:] for row in answers]}
        if shared:
            positions = torch.arange(shared, longest, device=model.device)[None]
            inputs |= {"past_key_values": cache.keys_and_values, "position_ids": positions}
        cache.forget()
        return PromptBatch(_tensors(inputs, model) | later, [0], shared)
    padded = [longest - len(prompt) for prompt in prompts]
    inputs = {
        "input_ids": [[0] * before + prompt for before, prompt in zip(padded, prompts, strict=True)],
        "answers": [[True] * before + row for before, row in zip(padded, answers, strict=False)],
    }
    if not any(padded):
        return PromptBatch(_tensors(inputs, model) | features, padded)
    rows = [[0] * before + [1] * (longest - before) for before in padded]
    mask = torch.tensor(rows, device=model.device)
    inputs |= {"attention_mask": mask, "position_ids": (mask.cumsum(dim=1) - 1).clamp(min=0)}
    return PromptBatch(_tensors(inputs, model) | features, padded)


def _tensors(inputs: dict[str, Any], model: Any) -> dict[str, Any]:
    """Lists as tensors on the model's device, None for empty ones."""
    lists = {name: rows for name, rows in inputs.items() if isinstance(rows, list)}
    return inputs | {name: torch.tensor(rows, device=model.device) if rows else None for name, rows in lists.items()}
