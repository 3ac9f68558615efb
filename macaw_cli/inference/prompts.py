"""The first call of the model for some requests: prompts padded, behind what the cache of a conversation holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

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


def prompt_batch(model: Any, requests: Sequence[GenerationRequest]) -> PromptBatch:
    """Lay out prompts, padded on the left; one alone goes on with the cache of its conversation, which it empties.

    Args:
        model: a MacawForConditionalGeneration, or an LLM alone.
        requests: with a cache only where there is one request.
    """
    prompts = [list(request.prompt) for request in requests]
    features = joined_features(request.features for request in requests)
    longest = max(map(len, prompts))
    asks = reads_instructions(model)
    answers = [[*request.answered] or [False] * len(request.prompt) for request in requests] if asks else []
    cache = requests[0].cache
    if cache is not None:
        # a bridge that reads the instruction reads the whole turn: what the cache has of a begun one is left
        asked = prompts[0][: _turn_begin(answers[0]) + 1] if asks else prompts[0]
        shared = cache.shared_with(asked, features, model.config)
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


def _turn_begin(answered: Sequence[bool]) -> int:
    """Where the last turn of a prompt begins: behind the last answer."""
    return max((place + 1 for place, is_answer in enumerate(answered) if is_answer), default=0)


def _tensors(inputs: dict[str, Any], model: Any) -> dict[str, Any]:
    """Lists as tensors on the model's device, None for empty ones."""
    lists = {name: rows for name, rows in inputs.items() if isinstance(rows, list)}
    return inputs | {name: torch.tensor(rows, device=model.device) if rows else None for name, rows in lists.items()}
