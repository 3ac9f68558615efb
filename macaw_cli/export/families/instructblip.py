"""InstructBLIP: BLIP-2 whose Q-Former reads the question as well, in tokens of BERT (arXiv 2305.06500)."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from macaw_cli.basics.errors import InputError
from macaw_cli.encoders.pretrained import load_tokenizer
from macaw_cli.export.families.blip2 import BRIDGE, Q_FORMER, Blip2
from macaw_cli.export.families.family import Description, refused
from macaw_cli.model.blocks.q_former import POSITIONS
from macaw_cli.model.instruction_tokenizer import saved_tokenizer

TOKENIZER = "qformer_tokenizer"
"""Subfolder with the Q-Former's tokenizer."""
TEXT_PART = (
    ("qformer.embeddings.layernorm.", f"{BRIDGE}q_former.norm."),
    ("qformer.embeddings.word_embeddings.", f"{BRIDGE}text.words."),
    ("qformer.embeddings.position_embeddings.", f"{BRIDGE}text.positions."),
    ("qformer.encoder.layer.*.intermediate.dense.", f"{BRIDGE}q_former.layers.*.text_part.rise."),
    ("qformer.encoder.layer.*.output.dense.", f"{BRIDGE}q_former.layers.*.text_part.fall."),
    ("qformer.encoder.layer.*.output.LayerNorm.", f"{BRIDGE}q_former.layers.*.text_norm."),
)
"""Names of what reads the question, and of the first norm, which BLIP-2 calls otherwise."""
COMMON = tuple((theirs, ours) for theirs, ours in Q_FORMER if ours not in dict(TEXT_PART).values())
"""Names that BLIP-2 has as well."""
UNREAD = re.compile(rf"{re.escape(BRIDGE)}q_former\.layers\.(\d+)\.text_")


class InstructBlip(Blip2):
    """Checkpoints of `InstructBlipForConditionalGeneration` whose LLM is no encoder-decoder."""

    name = "instructblip"
    model_types = ("instructblip",)
    class_name = "InstructBlipForConditionalGeneration"
    line_behind_media = False
    names = (("vision_model.", "image_encoder."), *COMMON, *TEXT_PART, ("language_model.", "language_model."))

    @classmethod
    def describe(cls, config: Any, tokenizer: Any) -> Description:
        """As of BLIP-2, with the question as the Q-Former reads it."""
        former = config.qformer_config
        if former.max_position_embeddings != POSITIONS:
            found = former.max_position_embeddings
            raise refused("qformer_config.max_position_embeddings", found, f"Q-Formers with {POSITIONS} positions")
        described = super().describe(config, tokenizer)
        bridge: Any = described.bridge
        reads = {"instruction": True, "instruction_length": POSITIONS, "vocabulary": former.vocab_size}
        return replace(described, bridge=replace(bridge, **reads))

    @classmethod
    def instruction_tokenizer(cls, folder: Path) -> str:
        """That of the Q-Former.

        Raises:
            InputError: the checkpoint lacks it, or it is none of `tokenizers`.
        """
        if not (folder / TOKENIZER).is_dir():
            raise InputError(
                f"{folder} lacks the folder {TOKENIZER}, the tokenizer of its Q-Former.", "Download all of its files."
            )
        return saved_tokenizer(load_tokenizer(folder / TOKENIZER), POSITIONS)

    @classmethod
    def completed(cls, weights: dict[str, Tensor], config: Any) -> dict[str, Tensor]:
        """As of BLIP-2, without the text part of the last layer, whose result the original does not read either."""
        last = config.qformer_config.num_hidden_layers - 1
        unread = [name for name in weights if (found := UNREAD.match(name)) and int(found[1]) == last]
        kept = {name: tensor for name, tensor in weights.items() if name not in unread}
        return super().completed(kept, config)
