"""Gemma 3 as macaw exports it: SigLIP, means of its tokens with one matrix, Gemma 3's LLM (arXiv 2503.19786).

In Gemma's own checkpoints the tokens of an image see each other in both directions. Its processor asks for that, and a
model of macaw reads every token from left to right. So only folders with another processor are read.
"""

from pathlib import Path
from typing import Any

from torch import Tensor

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import OBJECT
from macaw_cli.config.bridges.avg_pool import AvgPoolBridgeSettings
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.export.companions import Companions
from macaw_cli.export.families.family import Description, Family, refused

LLM = "gemma3_text"
PROJECTOR = "model.multi_modal_projector."
MATRIX, NORM = f"{PROJECTOR}mm_input_projection_weight", f"{PROJECTOR}mm_soft_emb_norm.weight"
OUR_MATRIX, OUR_NORM = "fusion.bridges.image.linear_2.weight", "fusion.bridges.image.norm.weight"
PROCESSOR_FILE, OWN_PROCESSOR = "processor_config.json", "Gemma3Processor"


class Gemma3(Family):
    """Checkpoints of `Gemma3ForConditionalGeneration` that are read from left to right."""

    name = "gemma3"
    model_types = ("gemma3",)
    modality = "image"
    class_name = "Gemma3ForConditionalGeneration"
    names = (
        ("model.vision_tower.", "image_encoder."),
        (MATRIX, OUR_MATRIX),
        (NORM, OUR_NORM),
        ("model.language_model.", "language_model.{llm}."),
        ("lm_head.", "language_model.lm_head."),
    )

    @classmethod
    def config(cls, folder: Path, companions: Companions) -> Any:
        """As saved, where the folder's processor is not Gemma's own."""
        file = folder / PROCESSOR_FILE
        found = read_object(file, OBJECT).get("processor_class", OWN_PROCESSOR) if file.is_file() else OWN_PROCESSOR
        if found == OWN_PROCESSOR:
            raise InputError(
                f"In {folder} the tokens of an image see each other in both directions, as {OWN_PROCESSOR} asks for; "
                "a model of macaw reads every token from left to right.",
                "Start from its LLM and its SigLIP, and train the bridge avg-pool.",
            )
        return super().config(folder, companions)

    @classmethod
    def describe(cls, config: Any, tokenizer: Any) -> Description:
        """The last layer behind its norm, and as many means as the class makes."""
        tower = config.vision_config
        if tower.model_type != "siglip_vision_model":
            raise refused("vision_config.model_type", tower.model_type, "towers of the type siglip_vision_model")
        count, side = config.mm_tokens_per_image, tower.image_size // tower.patch_size
        kept = int(count**0.5)
        if kept**2 != count or side % kept:
            raise refused("mm_tokens_per_image", count, f"squares whose sides divide {side} patches")
        tower.architectures = ["SiglipVisionModel"]
        settings = EncoderSettings(post_layernorm=True, projection=False)
        bridge = AvgPoolBridgeSettings(variant="gemma3", scale=side // kept, norm=False)
        return Description(config.text_config, tower, settings, bridge)

    @classmethod
    def completed(cls, weights: dict[str, Tensor], config: Any) -> dict[str, Tensor]:
        """The matrix from channels to the LLM's size is turned, and the norm's weight has its 1."""
        del config
        return weights | {OUR_MATRIX: weights[OUR_MATRIX].T.contiguous(), OUR_NORM: weights[OUR_NORM] + 1}
