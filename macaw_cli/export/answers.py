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
