"""One answer, token by token: text as soon as it is certain, and how long it took."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from macaw_cli.chat.decoding import Choose

UNFINISHED = "\N{REPLACEMENT CHARACTER}"
"""What tokenizers decode to where the bytes of a character are not all there yet."""

Ending = Literal["end", "length", "stopped"]


@dataclass
class Answer:
    """An answer while it grows and after it ended."""

    text: str = ""
    prompt_tokens: int = 0
    soft_tokens: dict[str, int] = field(default_factory=dict)
    """Those of `prompt_tokens` that stand for media: image, audio, video and soundtrack counted apart."""
    completion_tokens: int = 0
    """Tokens generated, the end token not counted."""
    ending: Ending = "stopped"
    """`end`: the model ended it; `length`: `chat.max_new_tokens` did; `stopped`: the reader did."""
    first_token_s: float = 0.0
    tokens_per_s: float = 0.0
    """Speed after the first token; 0 for a single token."""
    _started: float = field(default_factory=time.perf_counter, repr=False)

    def count_token(self) -> None:
        """Note that one more token is there."""
        now = time.perf_counter() - self._started
        self.completion_tokens += 1
        if self.completion_tokens == 1:
            self.first_token_s = now
        else:
            self.tokens_per_s = (self.completion_tokens - 1) / max(now - self.first_token_s, 1e-9)


def generate(
    model: Any,
    tokenizer: Any,
    prompt: Sequence[int],
    features: Mapping[str, list[torch.Tensor]],
    choose: Choose,
    *,
    answer: Answer,
    stop_ids: frozenset[int],
    max_new_tokens: int,
) -> Iterator[str]:
    """Generate the answer to `prompt`, yielding pieces of text; `answer` grows along.

    Args:
        model: a causal model that takes `input_ids` and `past_key_values`.
        tokenizer: decodes the tokens.
        prompt: token ids, placeholders of soft tokens included.
        features: `image_features`, ...: one tensor per medium, in order of appearance.
        choose: takes the next token, see `decoding`.
        answer: filled in as the tokens come.
        stop_ids: tokens that end an answer.
        max_new_tokens: longest answer.
    """
    answer.prompt_tokens = len(prompt)
    tokens: list[int] = []
    for token in tokens_after(model, prompt, features, choose, max_new_tokens):
        if token in stop_ids:
            answer.ending = "end"
            break
        tokens.append(token)
        answer.count_token()
        whole = tokenizer.decode(tokens, skip_special_tokens=True)
        if not whole.endswith(UNFINISHED) and len(whole) > len(answer.text):
            piece, answer.text = whole[len(answer.text) :], whole
            yield piece
    else:
        answer.ending = "length"
    rest = tokenizer.decode(tokens, skip_special_tokens=True)[len(answer.text) :]
    answer.text += rest
    if rest:
        yield rest


@torch.inference_mode()
def tokens_after(
    model: Any, prompt: Sequence[int], features: Mapping[str, list[torch.Tensor]], choose: Choose, max_new_tokens: int
) -> Iterator[int]:
    """At most `max_new_tokens` tokens that follow `prompt`; media are looked at once, then the cache serves."""
    inputs: dict[str, Any] = {"input_ids": torch.tensor([list(prompt)], device=model.device), **features}
    answer: list[int] = []
    for position in range(len(prompt), len(prompt) + max_new_tokens):
        output = model(**inputs, use_cache=True, logits_to_keep=1)
        token = choose(output.logits[0, -1].float().cpu(), answer)
        answer.append(token)
        yield token
        inputs = {
            "input_ids": torch.tensor([[token]], device=model.device),
            "position_ids": torch.tensor([[position]], device=model.device),
            "past_key_values": output.past_key_values,
        }
