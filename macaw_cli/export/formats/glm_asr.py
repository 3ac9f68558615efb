"""`glm-asr`: GLM-ASR's class, for audio models with stacked frames and two matrices on its tower."""

from typing import Any

from macaw_cli.config.exports.glm_asr import GlmAsrExportSettings
from macaw_cli.encoders.audio_encoder import window_seconds
from macaw_cli.export.families.glm_asr import BEGIN, END, STRIDE, GlmAsr
from macaw_cli.export.formats.stock.media_tokens import MediaTokens, TokenNames
from macaw_cli.export.formats.stock.stock_format import StockExport, copied, unequal
from macaw_cli.model.configuration import MacawConfig

PLACEHOLDER = "<|audio|>"


class GlmAsrExport(StockExport[GlmAsrExportSettings]):
    """The chat template writes the begin and the end token, as the class's own does."""

    loader = "GlmAsrForConditionalGeneration of transformers"
    stock_class = GlmAsr.class_name
    family = GlmAsr
    tokens = TokenNames(PLACEHOLDER, BEGIN, END)
    takes = (
        "audio models with the bridge `frame-stack` (`stride: 4`, `remainder: drop`, `norm: false`) on GLM-ASR's tower"
    )

    def obstacles(self, config: MacawConfig) -> list[str]:
        """The class stacks four frames, and has twice the LLM's size between the matrices."""
        told = super().obstacles(config)
        if "audio" not in config.modalities or self._loader(config, "audio") is None:
            return told
        bridge: Any = config.bridge_settings("audio")
        if bridge.stride != STRIDE:
            told.append(f"bridge.stride must be {STRIDE}")
        if bridge.hidden not in (None, 2 * config.embedding_size):
            told.append(f"bridge.hidden must be null or {2 * config.embedding_size}, twice the LLM's hidden size")
        return told

    def config(self, model: Any, tokens: MediaTokens, tokenizer: Any) -> Any:
        """Its parts alone."""
        from transformers import GlmAsrConfig

        config, tower = model.config, copied(model.config.audio_encoder_config)
        if tower.intermediate_size != STRIDE * tower.hidden_size:
            raise unequal(
                f"{self.stock_class} reads rows as wide as the encoder's feed-forward layers, {tower.intermediate_size}"
                f" here; the bridge's rows have {STRIDE * tower.hidden_size}."
            )
        return GlmAsrConfig(
            audio_config=tower, text_config=copied(config.text_config),
            audio_token_id=tokenizer.convert_tokens_to_ids(tokens.placeholder),
            tie_word_embeddings=config.tie_word_embeddings,
        )  # fmt: skip

    def processor(self, prepares: Any, tokenizer: Any, config: MacawConfig) -> Any:
        """It counts tokens by the length of the audio, up to the windows that the model was trained on."""
        from transformers import GlmAsrProcessor

        extractor = prepares.feature_extractor
        longest = int(window_seconds(extractor) * config.audio_windows)
        return GlmAsrProcessor(
            extractor, tokenizer, chat_template=tokenizer.chat_template, audio_token=PLACEHOLDER, max_audio_len=longest
        )

    def notes(self, source: Any) -> list[str]:
        """What its processor takes."""
        return [*super().notes(source), "GLM-ASR's processor takes one audio file per conversation."]
