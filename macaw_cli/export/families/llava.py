"""LLaVA 1.5 and its relatives: a CLIP or SigLIP tower, an MLP, an LLM (arXiv 2310.03744).

LLaVA-NeXT and LLaVA-OneVision, which split an image into tiles, have other classes in transformers and are not read.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import OBJECT
from macaw_cli.config.bridges.mlp import MlpBridgeSettings
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.export.companions import Companions
from macaw_cli.export.families.family import Description, Family, refused

BRIDGE = "fusion.bridges.image.projection."
LINEAR = "linear"
"""What transformers calls an activation that does nothing."""
TOWERS = ("clip_vision_model", "siglip_vision_model")


class Llava(Family):
    """Checkpoints of `LlavaForConditionalGeneration`."""

    name = "llava"
    model_types = ("llava",)
    modality = "image"
    class_name = "LlavaForConditionalGeneration"
    left_out = ("image_encoder.visual_projection.",)
    names = (
        ("model.vision_tower.", "image_encoder."),
        ("model.multi_modal_projector.linear_1.", f"{BRIDGE}0."),
        ("model.multi_modal_projector.linear_2.", f"{BRIDGE}2."),
        ("model.language_model.", "language_model.{llm}."),
        ("lm_head.", "language_model.lm_head."),
    )
    chat_template = (
        "{% for message in messages %}{% if message.role == 'system' %}{{ message.content + ' ' }}"
        "{% elif message.role == 'user' %}{{ 'USER: ' + message.content + ' ' }}"
        "{% else %}{{ 'ASSISTANT: ' + message.content + eos_token }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
    )

    @classmethod
    def config(cls, folder: Path, companions: Companions) -> Any:
        """As saved, but not that of the original code, which has the same `model_type`."""
        if "mm_vision_tower" in read_object(folder / "config.json", OBJECT):
            raise InputError(
                f"{folder} is in the form of LLaVA's own code, not of transformers.",
                "Name its conversion to transformers, such as llava-hf/llava-1.5-7b-hf.",
            )
        return super().config(folder, companions)

    @classmethod
    def describe(cls, config: Any, tokenizer: Any) -> Description:
        """Layer, class token and projector as configured; nothing stands around an image."""
        layer, tower = config.vision_feature_layer, config.vision_config
        if tower.model_type not in TOWERS:
            raise refused("vision_config.model_type", tower.model_type, f"towers of the types {' and '.join(TOWERS)}")
        if not isinstance(layer, int):
            raise refused("vision_feature_layer", layer, "features of one layer")
        if config.projector_hidden_act not in ("gelu", LINEAR):
            raise refused("projector_hidden_act", config.projector_hidden_act, "projectors with gelu, or with nothing")
        is_clip = tower.model_type == "clip_vision_model"
        drops = config.vision_feature_select_strategy == "default"
        if drops and not is_clip:
            strategy = config.vision_feature_select_strategy
            raise refused("vision_feature_select_strategy", strategy, "`full` for a tower without class token")
        tower.architectures = ["CLIPVisionModel" if is_clip else "SiglipVisionModel"]
        settings = EncoderSettings(layer=layer, cls="drop" if drops or not is_clip else "keep", projection=False)
        bridge = MlpBridgeSettings(layers=1 if config.projector_hidden_act == LINEAR else 2)
        return Description(config.text_config, tower, settings, bridge)

    @classmethod
    def original_name(cls, name: str, llm: str) -> str | None:
        """A single layer is the original's first; a tower with a projection has its own layers below another name."""
        name = name.replace("image_encoder.vision_model.", "image_encoder.")
        if name in (f"{BRIDGE}weight", f"{BRIDGE}bias"):
            name = name.replace(BRIDGE, f"{BRIDGE}0.")
        return super().original_name(name, llm)

    @classmethod
    def completed(cls, weights: dict[str, Tensor], config: Any) -> dict[str, Tensor]:
        """A projector without bias has one of zeros; two layers with nothing between them are one."""
        zeros = {}
        for place in ("0", "2"):
            weight = weights.get(f"{BRIDGE}{place}.weight")
            if weight is not None and f"{BRIDGE}{place}.bias" not in weights:
                zeros[f"{BRIDGE}{place}.bias"] = torch.zeros(len(weight), dtype=weight.dtype)
        weights = weights | zeros
        if config.projector_hidden_act != LINEAR:
            return weights
        parts = ("weight", "bias")
        first, second = ([weights.pop(f"{BRIDGE}{place}.{part}") for part in parts] for place in ("0", "2"))
        own = {f"{BRIDGE}0.weight": second[0] @ first[0], f"{BRIDGE}0.bias": second[0] @ first[1] + second[1]}
        return weights | own
