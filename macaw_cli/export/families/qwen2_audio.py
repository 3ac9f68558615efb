"""Qwen2-Audio: a Whisper-like tower, one linear layer, Qwen2 (arXiv 2407.10759)."""

from typing import Any

from macaw_cli.config.bridges.linear import LinearBridgeSettings
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.export.families.family import Description, Family, token_id

BEGIN, END = "<|audio_bos|>", "<|audio_eos|>"


class Qwen2Audio(Family):
    """Checkpoints of `Qwen2AudioForConditionalGeneration`."""

    name = "qwen2-audio"
    model_types = ("qwen2_audio",)
    modality = "audio"
    class_name = "Qwen2AudioForConditionalGeneration"
    names = (
        ("model.audio_tower.", "audio_encoder."),
        ("model.multi_modal_projector.linear.", "fusion.bridges.audio.projection."),
        ("model.language_model.", "language_model.{llm}."),
        ("lm_head.", "language_model.lm_head."),
    )
    chat_template = (
        "{% for message in messages %}{% if loop.first and message.role != 'system' %}"
        "{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}"
        "{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    )

    @classmethod
    def describe(cls, config: Any, tokenizer: Any) -> Description:
        """The last layer; the LLM's own begin and end tokens of audio stand around each audio file."""
        settings = EncoderSettings(projection=False)
        before, after = token_id(tokenizer, BEGIN), token_id(tokenizer, END)
        bridge = LinearBridgeSettings()
        return Description(config.text_config, config.audio_config, settings, bridge, [before], [after])
