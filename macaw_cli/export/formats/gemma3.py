"""`gemma3`: Gemma 3's class, for image models with means of SigLIP's tokens and Gemma 3's LLM."""

from math import isqrt
from typing import Any

from torch import Tensor

from macaw_cli.config.exports.gemma3 import Gemma3ExportSettings
from macaw_cli.export.families.gemma3 import LLM, MATRIX, NORM, Gemma3
from macaw_cli.export.formats.stock.media_tokens import MediaTokens, TokenNames
from macaw_cli.export.formats.stock.stock_format import StockExport, copied, unequal
from macaw_cli.model.configuration import MacawConfig

PLACEHOLDER = "<image_soft_token>"


class Gemma3Export(StockExport[Gemma3ExportSettings]):
    """With Gemma's own processor the tokens of an image see each other in both directions; the model reads causally.

    So the folder has LLaVA's, which tells the class nothing of the kind, and counts patches: here means.
    """

    loader = "Gemma3ForConditionalGeneration of transformers"
    stock_class = Gemma3.class_name
    family = Gemma3
    tokens = TokenNames(PLACEHOLDER, "<start_of_image>", "<end_of_image>")
    takes = (
        "image models with the bridge `avg-pool` (`variant: gemma3`, `norm: false`) on SigLIP with"
        " `post_layernorm: true`, and an LLM of the type gemma3_text"
    )

    def obstacles(self, config: MacawConfig) -> list[str]:
        """The LLM is Gemma 3's, and a grid that the windows do not divide would lose its borders."""
        told = super().obstacles(config)
        if "image" not in config.modalities or self._loader(config, "image") is None:
            return told
        llm: Any = config.text_config
        if llm.model_type != LLM:
            told.append(f"the model's LLM is of the type {llm.model_type}, and the class has {LLM}")
        elif llm.use_bidirectional_attention:
            told.append("the model's LLM has use_bidirectional_attention")
        if isqrt(config.feature_shapes["image"][0]) % _scale(config):
            told.append("bridge.scale must divide the rows and columns of the tower's patches")
        return told

    def config(self, model: Any, tokens: MediaTokens, tokenizer: Any) -> Any:
        """How many means an image has."""
        from transformers import Gemma3Config

        config, tower = model.config, copied(model.config.image_encoder_config)
        tower.architectures = ["SiglipVisionModel"]
        eps = model.fusion.bridges["image"].norm.eps
        if tower.layer_norm_eps != eps:
            raise unequal(
                f"The bridge's norm has the epsilon {eps}, and in {self.stock_class} it would be the tower's, "
                f"{tower.layer_norm_eps}."
            )
        around = {
            name: tokenizer.convert_tokens_to_ids(side[0])
            for name, side in (("boi_token_index", tokens.before), ("eoi_token_index", tokens.after))
            if side
        }
        return Gemma3Config(
            vision_config=tower, text_config=copied(config.text_config), **around,
            mm_tokens_per_image=config.feature_shapes["image"][0] // _scale(config) ** 2,
            image_token_index=tokenizer.convert_tokens_to_ids(tokens.placeholder),
            tie_word_embeddings=config.tie_word_embeddings,
        )  # fmt: skip

    def bridge_weights(self, model: Any, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The matrix from channels to the LLM's size, and the norm's weight without its 1."""
        del model
        return weights | {MATRIX: weights[MATRIX].T.contiguous(), NORM: weights[NORM] - 1}

    def processor(self, prepares: Any, tokenizer: Any, config: MacawConfig) -> Any:
        """It writes one placeholder for each mean."""
        from transformers import LlavaProcessor

        tower: Any = config.image_encoder_config
        return LlavaProcessor(
            prepares.image_processor, tokenizer, patch_size=tower.patch_size * _scale(config),
            vision_feature_select_strategy="full", image_token=PLACEHOLDER,
        )  # fmt: skip

    def notes(self, source: Any) -> list[str]:
        """What other programs do with images."""
        return [
            *super().notes(source),
            "Programs that bring Gemma 3's own image handling let tokens of an image see each other in both directions;"
            " this model was trained from left to right.",
        ]


def _scale(config: MacawConfig) -> int:
    settings: Any = config.bridge_settings("image")
    return int(settings.scale)
