"""`blip2`: BLIP-2's class, for image models with a Q-Former on its tower."""

from typing import Any

from macaw_cli.config.exports.blip2 import Blip2ExportSettings
from macaw_cli.export.families.blip2 import Blip2
from macaw_cli.export.formats.stock.media_tokens import TokenNames
from macaw_cli.export.formats.stock.q_former import QFormerExport
from macaw_cli.model.configuration import MacawConfig


class Blip2Export(QFormerExport[Blip2ExportSettings]):
    """BLIP-2's own processor puts an image before everything, and the class takes it anywhere.

    So the folder has LLaVA's processor, which makes the same pixels and finds the image where the template puts it. It
    counts patches: one patch as large as the image, and the other queries as additional tokens.
    """

    loader = "Blip2ForConditionalGeneration of transformers"
    stock_class = Blip2.class_name
    family = Blip2
    configs = "Blip2"
    tokens = TokenNames("<image>", "<|image_begin|>", "<|image_end|>")
    takes = "image models with the bridge `q-former` (`feature_norm: false`, `norm: false`) on BLIP-2's tower"

    def processor(self, prepares: Any, tokenizer: Any, config: MacawConfig) -> Any:
        """One patch, and the other queries."""
        from transformers import LlavaProcessor

        tower, settings = config.image_encoder_config, config.bridge_settings("image")
        queries: Any = settings
        size: Any = tower
        return LlavaProcessor(
            prepares.image_processor, tokenizer, patch_size=size.image_size, vision_feature_select_strategy="full",
            num_additional_image_tokens=queries.tokens - 1,
        )  # fmt: skip
