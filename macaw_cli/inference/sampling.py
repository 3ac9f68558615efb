"""How the next token is chosen: by the model's own `generation_config`, with what a request says over it."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from macaw_cli.inference.constraints import CONSTRAINTS, ConstraintName

OF_SAMPLING = {"temperature", "top_p", "top_k", "min_p"}
"""What matters only where tokens are sampled, and turns sampling on."""
RANGES: tuple[tuple[str, Callable[[float], bool], str], ...] = (
    ("temperature", lambda value: 0 <= value < math.inf, "at least 0"),
    ("top_p", lambda value: 0 < value <= 1, "above 0 and at most 1"),
    ("top_k", lambda value: value >= 1, "at least 1"),
    ("min_p", lambda value: 0 <= value <= 1, "between 0 and 1"),
    ("repetition_penalty", lambda value: 0 < value < math.inf, "above 0"),
    ("no_repeat_ngram_size", lambda value: value >= 0, "at least 0"),
)


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How tokens are chosen; what is None is as the model's `generation_config` says.

    Attributes:
        temperature: 0 takes the likeliest token, whatever the next three say.
        top_p: sample among the likeliest tokens that together have this probability.
        top_k: sample among so many of the likeliest tokens.
        min_p: sample among tokens with at least this share of the likeliest token's probability.
        repetition_penalty: above 1, tokens that the answer has already become less likely.
        no_repeat_ngram_size: no sequence of so many tokens appears twice; 0 allows all.
        constraint: `number` or `integer`: the answer can only be one.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    no_repeat_ngram_size: int | None = None
    constraint: ConstraintName | None = None

    def __post_init__(self) -> None:
        """Refuse values that no token could be chosen with."""
        for name, is_possible, words in RANGES:
            value = getattr(self, name)
            if value is not None and not is_possible(value):
                raise ValueError(f"{name} must be {words}, got {value}")
        if self.constraint not in (None, *CONSTRAINTS):
            raise ValueError(f"constraint must be one of {', '.join(CONSTRAINTS)}, got {self.constraint}")

    def overrides(self) -> dict[str, Any]:
        """The sampling in the names of transformers."""
        said = {name: value for name, value in vars(self).items() if value is not None and name != "constraint"}
        if self.temperature == 0:
            said = {name: value for name, value in said.items() if name not in OF_SAMPLING} | {"do_sample": False}
        elif not OF_SAMPLING.isdisjoint(said):
            said["do_sample"] = True
        # beams and assisted decoding need whole sequences: an answer that is shown as it comes has one
        return {**said, "num_beams": 1, "max_length": None, "cache_implementation": None}


GREEDY = Sampling(temperature=0, repetition_penalty=1.0, no_repeat_ngram_size=0)
"""The likeliest token, whatever the model's `generation_config` says."""


class TokenChooser:
    """Chooses the tokens of one answer, with transformers' own logits processors.

    Penalties look at the tokens of the answer alone, as in `model.generate` with media.

    Attributes:
        is_argmax: whether it takes the largest logit, whatever came before.

    Args:
        model: its `generation_config` says what `sampling` leaves open.
        sampling: what the request says.
        seed: of the sampling; the same seed gives the same answer, whatever else is generated at the same time.
        constraint: comes behind the other processors.
    """

    def __init__(self, model: Any, sampling: Sampling, seed: int = 0, constraint: Any = None) -> None:
        config, self._processors = _prepared(model, sampling)
        if constraint is not None:
            self._processors.append(constraint)
        self._samples = bool(config.do_sample)
        self._dice = torch.Generator().manual_seed(seed)
        self.is_argmax = not self._samples and not self._processors

    def __call__(self, logits: torch.Tensor, answer: Sequence[int]) -> int:
        """The next token.

        Args:
            logits: (V,) fp32 on the CPU.
            answer: tokens of the answer so far.
        """
        scores = self._processors(torch.tensor([list(answer)], dtype=torch.long), logits[None])[0]
        if not self._samples:
            return int(scores.argmax())
        return int(torch.multinomial(torch.softmax(scores, dim=-1), 1, generator=self._dice))


def effective(model: Any, sampling: Sampling) -> Any:
    """The `generation_config` that holds for a request: the model's, with what is said over it.

    Args:
        model: with `generate`.
        sampling: what the request says.
    """
    config, _ = model._prepare_generation_config(None, **sampling.overrides())
    return config


def _prepared(model: Any, sampling: Sampling) -> tuple[Any, Any]:
    """The configuration and the logits processors that transformers makes of it."""
    config = effective(model, sampling)
    model._prepare_special_tokens(config, kwargs_has_attention_mask=True, device="cpu")
    with warnings.catch_warnings():
        # transformers warns that penalties look at new tokens alone, as they are meant to
        warnings.filterwarnings("ignore", "Passing .* will apply", UserWarning)
        processors = model._get_logits_processor(config, input_ids_seq_length=0, device="cpu")
    return config, processors
