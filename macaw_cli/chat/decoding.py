"""How the next token is chosen: by the model's own `generation_config`, with what the settings say over it."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch

from macaw_cli.config.settings import SAMPLING, ChatSettings

Choose = Callable[[torch.Tensor, Sequence[int]], int]
"""From logits (V,), float32 on the CPU, and the tokens of the answer so far to the next token."""
_OPTIONS = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "no_repeat_ngram_size")


def token_chooser(model: Any, settings: ChatSettings, seed: int = 0) -> Choose:
    """What chooses the tokens of one answer, with transformers' own logits processors.

    Penalties look at the tokens of the answer alone, as in `model.generate` with media.

    Args:
        model: its `generation_config` says what the settings leave open.
        settings: `chat` of the workspace; temperature 0 takes the likeliest token.
        seed: of the sampling; the same seed gives the same answer.
    """
    config, _ = model._prepare_generation_config(None, **_overrides(settings))
    model._prepare_special_tokens(config, kwargs_has_attention_mask=True, device="cpu")
    with warnings.catch_warnings():
        # transformers warns that penalties look at new tokens alone, as they are meant to
        warnings.filterwarnings("ignore", "Passing .* will apply", UserWarning)
        processors = model._get_logits_processor(config, input_ids_seq_length=0, device="cpu")
    dice = torch.Generator().manual_seed(seed)

    def choose(logits: torch.Tensor, answer: Sequence[int]) -> int:
        scores = processors(torch.tensor([list(answer)], dtype=torch.long), logits[None])[0]
        if not config.do_sample:
            return int(scores.argmax())
        return int(torch.multinomial(torch.softmax(scores, dim=-1), 1, generator=dice))

    return choose


def _overrides(settings: ChatSettings) -> dict[str, Any]:
    """What the settings say, in the names of transformers."""
    given = {name: getattr(settings, name) for name in _OPTIONS}
    said = {name: value for name, value in given.items() if value is not None}
    if settings.temperature == 0:
        said = {name: value for name, value in said.items() if name != "temperature"} | {"do_sample": False}
    elif settings.temperature is not None or any(name in said for name in SAMPLING):
        said["do_sample"] = True
    # beams and assisted decoding need whole sequences: an answer that is shown as it comes has one
    return {**said, "num_beams": 1, "max_length": None, "cache_implementation": None}
