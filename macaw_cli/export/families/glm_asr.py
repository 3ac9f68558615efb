"""GLM-ASR: a tower like Whisper's with rotary positions, frames stacked, two matrices, Llama (zai-org/GLM-ASR)."""

from typing import Any

from macaw_cli.config.bridges.frame_stack import FrameStackBridgeSettings
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.export.families.family import Description, refused
from macaw_cli.export.families.stacked_audio import StackedAudioFamily

BEGIN, END = "<|begin_of_audio|>", "<|end_of_audio|>"
STRIDE = 4
"""Frames that the class stacks: it counts tokens so, whatever the sizes in its configuration are."""


class GlmAsr(StackedAudioFamily):
    """Checkpoints of `GlmAsrForConditionalGeneration`."""

    name = "glm-asr"
    model_types = ("glmasr",)
    class_name = "GlmAsrForConditionalGeneration"

    @classmethod
    def describe(cls, config: Any, tokenizer: Any) -> Description:
        """The last layer without padding; frames that do not fill a row are left out."""
        tower = config.audio_config
        if tower.intermediate_size != STRIDE * tower.hidden_size:
            expected = f"{STRIDE} times its hidden_size, {STRIDE * tower.hidden_size}"
            raise refused("audio_config.intermediate_size", tower.intermediate_size, expected)
        cls.require_gelu(config)
        bridge = FrameStackBridgeSettings(stride=STRIDE, remainder="drop", norm=False)
        known = tokenizer.get_vocab()
        before, after = ([known[name]] if name in known else [] for name in (BEGIN, END))
        settings = EncoderSettings(projection=False)
        return Description(config.text_config, tower, settings, bridge, before, after)
