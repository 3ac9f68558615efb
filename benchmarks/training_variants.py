"""The ways of training that `training_step.py` compares: macaw's, the published one, and macaw's with one thing undone.

All share one LLM, so that they differ in nothing else, and all get a third text, image and video questions each.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import torch
from paper_mix import SOFT_TOKENS, load_mix
from published_training import PublishedBatch, PublishedModel
from torch import Tensor, nn
from training_examples import SHAPES, balanced, padded_rows, published_batch, sequences
from transformers import AutoModelForCausalLM, LlamaConfig

from macaw_cli.config.bridges.designs import design
from macaw_cli.model.alignment import AttentionWeights, shared
from macaw_cli.model.bridges import attention
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.packing.packed_attention import use_attention
from macaw_cli.training.data.batches import Batch

VOCABULARY = 32007
LLMS = {
    "100m": {"hidden_size": 640, "intermediate_size": 1728, "num_hidden_layers": 12, "num_attention_heads": 10},
    "1b": {"hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 22, "num_attention_heads": 32,
           "num_key_value_heads": 4},
    "7b": {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32},
    "tiny": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4},
}  # fmt: skip
FEW = 6
"""Examples of a packed sequence where each of them needs keys and values of its own."""


@dataclass(frozen=True)
class Variant:
    """One way of training."""

    model: nn.Module
    losses: Sequence[Callable[[], Tensor]]
    """One forward pass each; each is followed by its backward pass."""
    examples: int
    """In all of them together."""
    tokens: int
    """Positions that the LLM computes in all of them, padding included."""
    batches: Sequence[Batch] = ()
    """What packed variants read."""


class Variants:
    """Makes variants by name.

    Args:
        options: `llm`, `sequence_length`, `examples`, `rows`, `lora`, `dropout`, `device`.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.device = torch.device(options.device)
        self.dtype = torch.float32 if options.device == "cpu" else torch.bfloat16
        self.llm_config = LlamaConfig(vocab_size=VOCABULARY, max_position_embeddings=8192, **LLMS[options.llm])
        self.mix = load_mix()
        with self.device:
            self.llm = AutoModelForCausalLM.from_config(self.llm_config, dtype=self.dtype)
        if options.lora:
            from peft import LoraConfig, get_peft_model

            self.llm = get_peft_model(self.llm, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear"))
        self.makers: dict[str, Callable[[], Variant]] = {
            "macaw": self.macaw,
            "published": self.published,
            "linear": self.linear,
            "linear with as many soft tokens": self.linear_alike,
            "without packing": self.without_packing,
            "with null media": self.with_null_media,
            "without folding": self.without_folding,
            "with all logits": self.with_all_logits,
        }

    def macaw(self) -> Variant:
        """As `macaw train` does it."""
        return self._packed(self._model("macaw"))

    def published(self) -> Variant:
        """The published way, `rows` examples at a time."""
        model = PublishedModel(self.llm, SHAPES, tags=VOCABULARY - 7).to(self.device, self.dtype).train()
        examples = [*balanced(self.mix, 3), *balanced(self.mix, 3, seed=1)][: self.options.rows]
        batch = published_batch(examples, VOCABULARY, self.dtype)
        batch = PublishedBatch(
            *(part.to(self.device) for part in (batch.input_ids, batch.mask, batch.labels)),
            {name: part.to(self.device) for name, part in batch.features.items()},
        )
        positions = sum(SOFT_TOKENS.values()) + 6 + batch.input_ids.shape[1]
        return Variant(model, [lambda: model(batch)], len(examples), len(examples) * positions)

    def linear(self) -> Variant:
        """The linear bridge of macaw as it is: one soft token for each feature token."""
        return self._packed(self._model("linear"), examples=max(3, self.options.examples // 6))

    def linear_alike(self) -> Variant:
        """The linear bridge on features that were pooled to macaw's numbers of soft tokens."""
        return self._packed(self._model("linear", {name: (count, 512) for name, count in SOFT_TOKENS.items()}))

    def without_packing(self) -> Variant:
        """One example per row, text padded to 256 tokens, `rows` rows at a time."""
        model = self._model("macaw")
        chosen = balanced(self.mix, 12)
        size = self.options.rows
        inputs = [padded_rows(chosen[at : at + size], model.config, self.dtype) for at in range(0, len(chosen), size)]
        moved = [{name: _moved(value, self.device) for name, value in one.items()} for one in inputs]
        losses = [lambda one=one: model(**one, use_cache=False, return_logits=False).loss for one in moved]
        return Variant(model, losses, len(chosen), sum(one["input_ids"].numel() for one in inputs))

    def with_null_media(self) -> Variant:
        """The blocks of all three media in every example."""
        return self._packed(self._model("macaw", null_features=True))

    def without_folding(self) -> Variant:
        """The embedding matrix projected to keys and values for each medium."""
        model = self._model("macaw")
        variant = self._packed(model, examples=FEW)

        def projected(loss: Callable[[], Tensor]) -> Tensor:
            with projected_per_medium(model):
                return loss()

        losses = [lambda loss=loss: projected(loss) for loss in variant.losses]
        return Variant(model, losses, variant.examples, variant.tokens)

    def with_all_logits(self) -> Variant:
        """Logits of all positions."""
        return self._packed(self._model("macaw"), return_logits=True)

    def _model(
        self, bridge: str, shapes: dict[str, tuple[int, ...]] | None = None, *, null_features: bool = False
    ) -> MacawForConditionalGeneration:
        settings = design(bridge, **({"dropout": self.options.dropout} if bridge == "macaw" else {}))
        config = MacawConfig.for_llm(self.llm_config, settings, shapes or SHAPES, null_features=null_features)
        with self.device:
            model = MacawForConditionalGeneration(config, self.llm).to(self.dtype)
        model.calibrate()
        for name in config.modalities if null_features else ():
            model.fusion.set_null_features(name, torch.zeros(config.feature_shapes[name]))
        use_attention(model, "auto")
        return model.train()

    def _packed(
        self, model: MacawForConditionalGeneration, examples: int | None = None, *, return_logits: bool = False
    ) -> Variant:
        chosen = balanced(self.mix, examples or self.options.examples)
        batches = sequences(chosen, model.config, self.options.sequence_length, self.dtype, self.device)

        def loss(batch: Batch) -> Tensor:
            return model(**batch.inputs(self.device), use_cache=False, return_logits=return_logits).loss

        losses = [lambda batch=batch: loss(batch) for batch in batches]
        return Variant(model, losses, len(chosen), sum(batch.input_ids.numel() for batch in batches), batches)


@contextmanager
def projected_per_medium(model: MacawForConditionalGeneration) -> Iterator[None]:
    """For the duration of the block every medium projects the embedding matrix to keys and values of its own."""
    tokens = {id(bridge.alignment.in_proj_weight): SOFT_TOKENS[name] for name, bridge in model.fusion.bridges.items()}

    def one_by_one(queries: Tensor, matrix: Tensor, weights: AttentionWeights, heads: int, **options: object) -> Tensor:
        media = queries.split(tokens[id(weights.in_proj_weight)])
        return torch.cat([shared(medium, matrix, weights, heads, **options) for medium in media])

    with patch.object(attention, "align", one_by_one):
        yield


def _moved(value: Tensor | list[Tensor], device: torch.device) -> Tensor | list[Tensor]:
    return [one.to(device) for one in value] if isinstance(value, list) else value.to(device)
