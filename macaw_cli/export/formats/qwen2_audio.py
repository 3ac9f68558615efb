"""`qwen2-audio`: Qwen2-Audio's class, for audio models with one linear layer on its tower."""

from typing import Any

from macaw_cli.config.exports.qwen2_audio import Qwen2AudioExportSettings
from macaw_cli.export.families.qwen2_audio import BEGIN, END, Qwen2Audio
from macaw_cli.export.formats.stock.media_tokens import MediaTokens, TokenNames
from macaw_cli.export.formats.stock.stock_format import StockExport, copied
from macaw_cli.model.configuration import MacawConfig


class Qwen2AudioExport(StockExport[Qwen2AudioExportSettings]):
    """The chat template writes the begin and the end token, as the class's own does."""

    loader = "Qwen2AudioForConditionalGeneration of transformers"
    stock_class = Qwen2Audio.class_name
    family = Qwen2Audio
    tokens = TokenNames("<|AUDIO|>", BEGIN, END)
    takes = "audio models with the bridge `linear` on Qwen2-Audio's tower"

    def config(self, model: Any, tokens: MediaTokens, tokenizer: Any) -> Any:
        """Its parts alone."""
        from transformers import Qwen2AudioConfig

        config = model.config
        return Qwen2AudioConfig(
            audio_config=copied(config.audio_encoder_config), text_config=copied(config.text_config),
            audio_token_index=tokenizer.convert_tokens_to_ids(tokens.placeholder),
            tie_word_embeddings=config.tie_word_embeddings,
        )  # fmt: skip

    def processor(self, prepares: Any, tokenizer: Any, config: MacawConfig) -> Any:
        """It counts tokens by the length of the audio."""
        from transformers import Qwen2AudioProcessor

        del config
        return Qwen2AudioProcessor(prepares.feature_extractor, tokenizer, chat_template=tokenizer.chat_template)
