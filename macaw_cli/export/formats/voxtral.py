"""`voxtral`: Voxtral's class, for audio models with stacked frames and two matrices on Whisper's encoder."""

from typing import Any

from torch import Tensor

from macaw_cli.config.exports.voxtral import VoxtralExportSettings
from macaw_cli.export.families.voxtral import BEGIN, END, TOWER, Voxtral
from macaw_cli.export.formats.stock.media_tokens import MediaTokens, TokenNames
from macaw_cli.export.formats.stock.stock_format import StockExport, copied, unequal
from macaw_cli.model.configuration import MacawConfig

STRIDE = 4
"""Whisper's feed-forward layers are four times as wide as its layers, in every size."""
HEAD = "lm_head.weight"


class VoxtralExport(StockExport[VoxtralExportSettings]):
    """Voxtral's own processor takes Mistral's tokenizers alone, so that the folder has another one.

    `ClapProcessor` is a feature extractor and a tokenizer, and leaves the text as it is. Audio always has as many
    tokens as a window, and the chat template, which is the tokenizer's, writes all of their placeholders.
    """

    loader = "VoxtralForConditionalGeneration of transformers"
    stock_class = Voxtral.class_name
    family = Voxtral
    tokens = TokenNames("[AUDIO]", BEGIN, END)
    template_of_tokenizer = True
    takes = (
        "audio models with the bridge `frame-stack` (`stride: 4`, `bias: false`, `norm: false`, `hidden` the LLM's"
        " hidden size) on Whisper with `features.audio_padding: keep`"
    )

    def obstacles(self, config: MacawConfig) -> list[str]:
        """The class has one size between the matrices, and hears one padded window."""
        told = super().obstacles(config)
        if "audio" not in config.modalities or self._loader(config, "audio") is None:
            return told
        bridge: Any = config.bridge_settings("audio")
        if bridge.stride != STRIDE:
            told.append(f"bridge.stride must be {STRIDE}")
        elif config.feature_shapes["audio"][0] % STRIDE:
            told.append(f"the tokens of a window ({config.feature_shapes['audio'][0]}) must be a multiple of {STRIDE}")
        if bridge.hidden != config.embedding_size:
            told.append(f"bridge.hidden must be {config.embedding_size}, the LLM's hidden size")
        if config.fingerprints.get("audio", {}).get("audio_padding") == "drop":
            told.append("features.audio_padding must be keep, because the class reads the silence that fills a window")
        if config.audio_windows != 1:
            told.append("features.audio_windows must be 1")
        return told

    def placeholders(self, config: MacawConfig) -> int:
        """All that a window has."""
        return config.feature_shapes["audio"][0] // STRIDE

    def config(self, model: Any, tokens: MediaTokens, tokenizer: Any) -> Any:
        """Whisper's sizes under the class's names."""
        from transformers import VoxtralConfig, VoxtralEncoderConfig

        config, tower = model.config, model.config.audio_encoder_config
        if tower.encoder_ffn_dim != STRIDE * tower.d_model:
            raise unequal(
                f"{self.stock_class} stacks as many frames as fit into the width of the encoder's feed-forward layers, "
                f"{tower.encoder_ffn_dim} here; the bridge's rows have {STRIDE * tower.d_model}."
            )
        return VoxtralConfig(
            audio_config=VoxtralEncoderConfig(**{name: getattr(tower, name) for name in TOWER}),
            text_config=copied(config.text_config), audio_token_id=tokenizer.convert_tokens_to_ids(tokens.placeholder),
        )  # fmt: skip

    def bridge_weights(self, model: Any, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The head, which the class never ties to the embedding matrix, on its own."""
        del model
        return weights | {HEAD: weights[HEAD].clone()}

    def processor(self, prepares: Any, tokenizer: Any, config: MacawConfig) -> Any:
        """The feature extractor, beside the tokenizer."""
        from transformers import ClapProcessor

        del config
        prepares.feature_extractor.return_attention_mask = False  # it would stand in place of the text's
        return ClapProcessor(prepares.feature_extractor, tokenizer)

    def notes(self, source: Any) -> list[str]:
        """Who prepares audio."""
        return [
            *super().notes(source),
            "VoxtralProcessor takes Mistral's tokenizers alone: AutoProcessor loads a ClapProcessor from the folder,"
            " and the chat template is the tokenizer's.",
        ]
