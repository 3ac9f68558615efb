"""GLM-ASR: a tower like Whisper's with rotary positions, frames stacked, two matrices, Llama (zai-org/GLM-ASR)."""

from typing import Any

from macaw_cli.config.bridges.frame_stack import FrameStackBridgeSettings
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.export.families.family import Description, Family, refused

BEGIN, END = "<|begin_of_audio|>", "<|end_of_audio|>"
BRIDGE = "fusion.bridges.audio.projection."
STRIDE = 4
"""Frames that the class stacks: it counts tokens so, whatever the sizes in its configuration are."""


class GlmAsr(Family):
    """Checkpoints of `GlmAsrForConditionalGeneration`."""

    name = "glm-asr"
    model_types = ("glmasr",)
    modality = "audio"
    class_name = "GlmAsrForConditionalGeneration"
    names = (
        ("model.audio_tower.", "audio_encoder."),
        ("model.multi_modal_projector.linear_1.", f"{BRIDGE}0."),
        ("model.multi_modal_projector.linear_2.", f"{BRIDGE}2."),
        ("model.language_model.", "language_model.{llm}."),
        ("lm_head.", "language_model.lm_head."),
    )
    note = "Audio of up to 30 s is heard as in the original, which cuts longer audio into windows."

    @classmethod
    def describe(cls, config: Any, tokenizer: Any) -> Description:
        """The last layer without padding; frames that do not fill a row are left out."""
        tower = config.audio_config
        if tower.intermediate_size != STRIDE * tower.hidden_size:
            expected = f"{STRIDE} times its hidden_size, {STRIDE * tower.hidden_size}"
            raise refused("audio_config.intermediate_size", tower.intermediate_size, expected)
        if config.projector_hidden_act != "gelu":
            raise refused("projector_hidden_act", config.projector_hidden_act, "projectors with gelu")
        bridge = FrameStackBridgeSettings(stride=STRIDE, remainder="drop", norm=False)
        known = tokenizer.get_vocab()
        before, after = ([known[name]] if name in known else [] for name in (BEGIN, END))
        settings = EncoderSettings(projection=False)
        return Description(config.text_config, tower, settings, bridge, before, after)
