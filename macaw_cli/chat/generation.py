"""One answer, token by token: greedy or sampled, with text as soon as it is certain and how long it took."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from macaw_cli.config.settings import ChatSettings

UNFINISHED = "\N{REPLACEMENT CHARACTER}"
"""What tokenizers decode to where the bytes of a character are not all there yet."""

Ending = Literal["end", "length", "stopped"]


@dataclass
class Answer:
    """An answer while it grows and after it ended."""

    text: str = ""
    prompt_tokens: int = 0
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
    settings: ChatSettings,
    *,
    answer: Answer,
    stop_ids: frozenset[int],
    seed: int = 0,
) -> Iterator[str]:
    """Generate the answer to `prompt`, yielding pieces of text; `answer` grows along.

    Args:
        model: a causal model that takes `input_ids` and `past_key_values`.
        tokenizer: decodes the tokens.
        prompt: token ids, placeholders of soft tokens included.
        features: `image_features`, ...: one tensor per medium, in order of appearance.
        settings: length, temperature and top-p.
        answer: filled in as the tokens come.
        stop_ids: tokens that end an answer.
        seed: of the sampling; the same seed gives the same answer.
    """
    answer.prompt_tokens = len(prompt)
    tokens: list[int] = []
    for token in tokens_after(model, prompt, features, settings, seed):
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
    model: Any, prompt: Sequence[int], features: Mapping[str, list[torch.Tensor]], settings: ChatSettings, seed: int = 0
) -> Iterator[int]:
    """At most `max_new_tokens` tokens that follow `prompt`; media are looked at once, then the cache serves."""
    dice = torch.Generator().manual_seed(seed)
    inputs: dict[str, Any] = {"input_ids": torch.tensor([list(prompt)], device=model.device), **features}
    for position in range(len(prompt), len(prompt) + settings.max_new_tokens):
        output = model(**inputs, use_cache=True, logits_to_keep=1)
        token = choose(output.logits[0, -1].float().cpu(), settings, dice)
        yield token
        inputs = {
            "input_ids": torch.tensor([[token]], device=model.device),
            "position_ids": torch.tensor([[position]], device=model.device),
            "past_key_values": output.past_key_values,
        }


def choose(logits: torch.Tensor, settings: ChatSettings, dice: torch.Generator) -> int:
    """The next token of one distribution.

    Args:
        logits: (V,) float32 on the CPU.
        settings: temperature 0 takes the likeliest token; else one is drawn among the likeliest that together have
            the probability `top_p`.
        dice: CPU generator that draws.
    """
    if settings.temperature == 0:
        return int(logits.argmax())
    probabilities, tokens = torch.softmax(logits / settings.temperature, dim=-1).sort(descending=True)
    before = probabilities.cumsum(-1) - probabilities
    probabilities[before >= settings.top_p] = 0.0  # the first token always has 0 before it, so one always stays
    return int(tokens[torch.multinomial(probabilities, 1, generator=dice)])
