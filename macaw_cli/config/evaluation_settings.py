"""The settings of `macaw evaluate`."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

MetricName = Literal["auto", "exact_match", "token_f1", "rouge_l", "wer", "cer", "bleu", "cider"]


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationSettings:
    """`macaw evaluate`: accuracy with real, without and with swapped media."""

    data: str = ""
    """Dataset whose held-out conversations are asked; empty means `dataset.out`."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Questions per kind; `null` asks all."""
    batch_size: Annotated[int, Field(ge=1)] = 64
    """Sequences per forward pass."""
    generate: Annotated[int, Field(ge=0)] = 32
    """Questions without choices, per kind, unseen combinations counted separately, whose answers are generated for the
    text metrics; 0 generates none. Likelihoods are computed for all questions."""
    max_new_tokens: Annotated[int, Field(ge=1)] = 128
    """Longest generated answer in tokens."""
    metrics: dict[str, MetricName] = field(default_factory=dict)
    """Pattern of kinds, such as `audio/*`, to text metric: `exact_match`, `token_f1`, `rouge_l`, `wer`, `cer`, `bleu`,
    `cider`, or `auto`, which is also used for other kinds: `wer` and `cer` where the kind's name says that it is a
    transcript, else `token_f1`, `rouge_l` and `exact_match`."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs."""
