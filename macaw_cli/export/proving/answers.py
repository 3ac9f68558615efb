"""What a model of transformers makes of one prompt: in the source's process and, for the comparison, in a fresh one."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

GREEDY_TOKENS = 24
"""Longest answer that is compared."""
KEPT_LOGITS = 2**24
"""Logits of one example that are compared at most: those of its last positions, 64 MiB."""


class Answer(NamedTuple):
    """What a model makes of one example."""

    logits: NDArray[Any]
    """(T, V) fp32, of the prompt's last T positions."""
    greedy: NDArray[Any]
    """(L,) int64: the answer by greedy decoding, its end token included."""


@torch.inference_mode()
def answered(model: Any, inputs: Any) -> Answer:
    """Logits and greedy tokens.

    Args:
        model: in evaluation mode, with `generate`.
        inputs: a batch of one, with `input_ids` (1, T).
    """
    logits = model(**inputs).logits[0].float().numpy()
    prompt = inputs["input_ids"].shape[1]
    written = model.generate(**inputs, max_new_tokens=GREEDY_TOKENS, do_sample=False)[0, prompt:]
    return Answer(last_logits(logits), written.numpy())


def last_logits(logits: NDArray[Any]) -> NDArray[Any]:
    """The last positions of (T, V) logits, as many as are compared."""
    kept = max(1, KEPT_LOGITS // max(1, logits.shape[-1]))
    return np.ascontiguousarray(logits[-kept:])


@torch.inference_mode()
def answered_from_embeds(llm: Any, embeds: torch.Tensor, ends: list[int]) -> Answer:
    """The same of an LLM that is given the embeddings of a prompt.

    Args:
        llm: in evaluation mode, with `generate`.
        embeds: (T, D).
        ends: tokens that end an answer, see `ends_of`.
    """
    inputs = {"inputs_embeds": embeds[None], "attention_mask": torch.ones(1, len(embeds), dtype=torch.long)}
    logits = llm(**inputs).logits[0].float().numpy()
    written = llm.generate(**inputs, max_new_tokens=GREEDY_TOKENS, do_sample=False, eos_token_id=ends or None)[0]
    return Answer(last_logits(logits), written.numpy())


def ends_of(model: Any) -> list[int]:
    """The tokens at which the `generate` of a model ends an answer."""
    found = model.generation_config.eos_token_id
    return [] if found is None else [found] if isinstance(found, int) else list(found)
