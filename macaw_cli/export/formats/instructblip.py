"""`instructblip`: InstructBLIP's class, for models whose Q-Former has the tokenizer of an imported InstructBLIP."""

from typing import Any

from torch import Tensor

from macaw_cli.config.exports.instructblip import InstructBlipExportSettings
from macaw_cli.export.families.instructblip import InstructBlip
from macaw_cli.export.formats.stock.media_tokens import TokenNames
from macaw_cli.export.formats.stock.q_former import QFormerExport
from macaw_cli.export.formats.stock.stock_format import QUESTION
from macaw_cli.export.source import ExportSource
from macaw_cli.model.blocks.q_former import POSITIONS
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.instruction_tokenizer import stock_tokenizer


class InstructBlipExport(QFormerExport[InstructBlipExportSettings]):
    """InstructBLIP's own processor: it puts the image before everything, and gives both tokenizers the same text.

    So the folder's chat template writes no placeholder, and may write nothing but the question.
    """

    loader = "InstructBlipForConditionalGeneration of transformers"
    stock_class = InstructBlip.class_name
    family = InstructBlip
    configs = "InstructBlip"
    tokens = TokenNames("<image>", "<|image_begin|>", "<|image_end|>", in_front=True)
    template_of_tokenizer = True
    takes = "models that were imported from InstructBLIP (`--from instructblip`), or trained further from one"

    def prompt_obstacles(self, text: str) -> list[str]:
        """The Q-Former reads the same text in the model and in the class where the template adds nothing."""
        if text == QUESTION:
            return []
        return [
            "the model's Q-Former reads the question alone, and the class's all that the template writes: the template "
            "has to be that of the imported checkpoint"
        ]

    def text_sizes(self, bridge: Any) -> dict[str, int]:
        """Rows of the words."""
        return {"vocab_size": bridge.text.words.num_embeddings, "max_position_embeddings": POSITIONS}

    def processor(self, prepares: Any, tokenizer: Any, config: MacawConfig) -> Any:
        """With the Q-Former's tokenizer."""
        from transformers import InstructBlipProcessor

        queries: Any = config.bridge_settings("image")
        asked = stock_tokenizer(config.instruction_tokenizers["image"])
        return InstructBlipProcessor(prepares.image_processor, tokenizer, asked, num_query_tokens=queries.tokens)

    def bridge_weights(self, model: Any, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The last layer has a text part too, whose result nobody reads: it gets the weights of the query part."""
        weights = super().bridge_weights(model, weights)
        last = f"qformer.encoder.layer.{model.config.bridge_settings('image').layers - 1}."
        unread = {
            name.replace("_query.", "."): tensor.clone()
            for name, tensor in weights.items() if name.startswith((f"{last}intermediate_query", f"{last}output_query"))
        }  # fmt: skip
        return weights | unread

    def notes(self, source: ExportSource) -> list[str]:
        """What the class reads otherwise in longer conversations."""
        told = (
            "The class's processor puts the image before everything, and its Q-Former reads the whole prompt: answers "
            "are the model's for one question about one image."
        )
        return [*super().notes(source), told]
