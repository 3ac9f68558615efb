"""Voxtral: Whisper's encoder on whole windows, frames stacked, two matrices, Mistral's LLM (arXiv 2507.13264)."""

from typing import Any

from transformers import WhisperConfig

from macaw_cli.config.bridges.frame_stack import FrameStackBridgeSettings
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.export.families.family import Description, refused
from macaw_cli.export.families.stacked_audio import StackedAudioFamily

BEGIN, END = "[BEGIN_AUDIO]", "[END_AUDIO]"
"""Voxtral itself has nothing behind audio."""
TOWER = (
    "d_model", "encoder_layers", "encoder_attention_heads", "encoder_ffn_dim", "num_mel_bins", "max_source_positions",
    "activation_function", "scale_embedding",
)  # fmt: skip
"""What the configuration of Whisper's encoder and that of Voxtral's have in common; the two compute the same."""


class Voxtral(StackedAudioFamily):
    """Checkpoints of `VoxtralForConditionalGeneration`.

    The class cuts the encoder's output into rows as wide as the encoder's feed-forward layers: four frames each.
    """

    name = "voxtral"
    model_types = ("voxtral",)
    class_name = "VoxtralForConditionalGeneration"

    @classmethod
    def describe(cls, config: Any, tokenizer: Any) -> Description:
        """The last layer, padding included; one token in front of audio, where the tokenizer has it."""
        tower = config.audio_config
        inner, width = tower.intermediate_size, tower.hidden_size
        if inner % width:
            raise refused("audio_config.intermediate_size", inner, f"multiples of {width}")
        cls.require_gelu(config)
        encoder = WhisperConfig(**{name: getattr(tower, name) for name in TOWER})
        bridge = FrameStackBridgeSettings(
            stride=inner // width, hidden=config.text_config.hidden_size, bias=False, norm=False
        )
        begin = tokenizer.get_vocab().get(BEGIN)
        before = [] if begin is None else [begin]
        return Description(config.text_config, encoder, EncoderSettings(projection=False), bridge, before)
