"""What families share whose audio bridge stacks frames and has two matrices: Voxtral and GLM-ASR."""

from typing import Any

from macaw_cli.export.families.family import Family, refused

BRIDGE = "fusion.bridges.audio.projection."


class StackedAudioFamily(Family):
    """An audio tower, `linear_1` and `linear_2` behind stacked frames, and an LLM."""

    modality = "audio"
    names = (
        ("model.audio_tower.", "audio_encoder."),
        ("model.multi_modal_projector.linear_1.", f"{BRIDGE}0."),
        ("model.multi_modal_projector.linear_2.", f"{BRIDGE}2."),
        ("model.language_model.", "language_model.{llm}."),
        ("lm_head.", "language_model.lm_head."),
    )
    note = "Audio of up to 30 s is heard as in the original, which cuts longer audio into windows."

    @staticmethod
    def require_gelu(config: Any) -> None:
        """Refuse another nonlinearity between the matrices.

        Raises:
            InputError: naming it.
        """
        if config.projector_hidden_act != "gelu":
            raise refused("projector_hidden_act", config.projector_hidden_act, "projectors with gelu")
