"""`idefics3`: Idefics 3's class, for image models with a pixel shuffle and one linear layer on its tower."""

from math import isqrt
from typing import Any

from macaw_cli.config.exports.idefics3 import Idefics3ExportSettings
from macaw_cli.export.families.idefics3 import BEGIN, END, Idefics3
from macaw_cli.export.formats.stock.media_tokens import MediaTokens, TokenNames
from macaw_cli.export.formats.stock.stock_format import StockExport, copied
from macaw_cli.model.configuration import MacawConfig


class Idefics3Export(StockExport[Idefics3ExportSettings]):
    """The processor writes two tokens before an image and one behind it; the two become one token here.

    A tokenizer takes the longest of its added tokens: the begin token is what the processor writes before an image, as
    a whole, and the end token is what it writes behind one.
    """

    loader = "Idefics3ForConditionalGeneration of transformers"
    stock_class = Idefics3.class_name
    family = Idefics3
    tokens = TokenNames("<image>", BEGIN, END, further=("<end_of_utterance>",), around=(BEGIN, END))
    takes = "image models with the bridge `pixel-shuffle` (`variant: linear`, `norm: false`) on Idefics 3's tower"

    def obstacles(self, config: MacawConfig) -> list[str]:
        """The class cannot fill up a grid that the windows do not divide."""
        told = super().obstacles(config)
        if not told and isqrt(config.feature_shapes["image"][0]) % _scale(config):
            told.append("bridge.scale must divide the rows and columns of the tower's patches")
        return told

    def config(self, model: Any, tokens: MediaTokens, tokenizer: Any) -> Any:
        """The shuffle's scale."""
        from transformers import Idefics3Config

        config, text = model.config, copied(model.config.text_config)
        return Idefics3Config(
            vision_config=copied(config.image_encoder_config), text_config=text, scale_factor=_scale(config),
            image_token_id=tokenizer.convert_tokens_to_ids(tokens.placeholder), pad_token_id=text.pad_token_id,
            tie_word_embeddings=config.tie_word_embeddings,
        )  # fmt: skip

    def processor(self, prepares: Any, tokenizer: Any, config: MacawConfig) -> Any:
        """It writes as many placeholders as the shuffle leaves of the tower's tokens; images are not split."""
        from transformers import Idefics3Processor

        prepares.image_processor.do_image_splitting = False
        soft = config.feature_shapes["image"][0] // _scale(config) ** 2
        return Idefics3Processor(prepares.image_processor, tokenizer, image_seq_len=soft)


def _scale(config: MacawConfig) -> int:
    settings: Any = config.bridge_settings("image")
    return int(settings.scale)
